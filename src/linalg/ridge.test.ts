import fc from "fast-check";
import { expect, test } from "vitest";
import { type Matrix, matrix, rowOf } from "./matrix.ts";
import { Random } from "./random.ts";
import { ridgeRegression } from "./ridge.ts";

function gaussian(rows: number, cols: number, random: Random): Matrix {
  const out = matrix(rows, cols);
  for (let i = 0; i < out.data.length; i++) out.data[i] = random.gaussian();
  return out;
}

/** What is made as small as can be, of one target. */
function cost(inputs: Matrix, targets: Matrix, map: Float32Array, target: number, ridge: number): number {
  let sum = 0;
  for (let r = 0; r < inputs.rows; r++) {
    const guess = rowOf(inputs, r).reduce((all, value, i) => all + value * map[i]!, 0);
    sum += (guess - rowOf(targets, r)[target]!) ** 2 / inputs.rows;
  }
  return sum + ridge * map.reduce((all, value) => all + value * value, 0);
}

test("no step aside costs less", () => {
  fc.assert(
    fc.property(
      fc.integer(),
      fc.integer({ min: 1, max: 6 }),
      fc.constantFrom(0.001, 0.3),
      (seed, width, ridge) => {
        const random = new Random(seed);
        const inputs = gaussian(40, width, random);
        const targets = gaussian(40, 3, random);
        const found = ridgeRegression(inputs, targets, ridge);
        expect([found.rows, found.cols]).toEqual([3, width]);
        for (let target = 0; target < 3; target++) {
          const map = rowOf(found, target);
          const least = cost(inputs, targets, map, target, ridge);
          for (let i = 0; i < width; i++)
            for (const step of [-0.02, 0.02]) {
              const other = map.slice();
              other[i]! += step;
              expect(cost(inputs, targets, other, target, ridge)).toBeGreaterThan(least);
            }
        }
      },
    ),
    { seed: 19, numRuns: 60 },
  );
});

test("inputs that say nothing have no map without a ridge, and nothing with one", () => {
  const inputs = matrix(8, 2);
  const targets = matrix(8, 1, new Float32Array(8).fill(1));
  expect(() => ridgeRegression(inputs, targets, 0)).toThrow(expect.objectContaining({ code: "RANGE" }));
  expect([...ridgeRegression(inputs, targets, 0.1).data]).toEqual([0, 0]);
});
