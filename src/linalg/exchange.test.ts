import fc from "fast-check";
import { expect, test } from "vitest";
import { gaussian } from "../../test/support/gaussian.ts";
import { exchangeClusters, kMeans, type Matrix, matrix, rowOf } from "./index.ts";

/** Sum of squared distances to the means, by the definition. */
function inertiaOf(rows: Matrix, assignment: Uint32Array): number {
  let sum = 0;
  for (const cluster of new Set(assignment)) {
    const members = [...assignment.keys()]
      .filter((r) => assignment[r] === cluster)
      .map((r) => rowOf(rows, r));
    for (let c = 0; c < rows.cols; c++) {
      const mean = members.reduce((total, row) => total + row[c]!, 0) / members.length;
      for (const row of members) sum += (row[c]! - mean) ** 2;
    }
  }
  return sum;
}

test("exchanged clusters are as the definition says, and no single move betters them", () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 30 }),
      fc.integer({ min: 1, max: 5 }),
      fc.nat(),
      (points, cols, seed) => {
        const rows = gaussian(points, cols, seed);
        // some are equal
        for (let r = 0; r < points; r += 3) rowOf(rows, r).set(rowOf(rows, 0));
        const k = 1 + (seed % points);
        const { assignment, inertia } = exchangeClusters(rows, k, { seed, starts: 2, rounds: 100 });
        expect(inertiaOf(rows, assignment)).toBeCloseTo(inertia, 4);
        for (let r = 0; r < points; r++)
          for (let cluster = 0; cluster < k; cluster++) {
            const moved = assignment.slice();
            moved[r] = cluster;
            expect(inertiaOf(rows, moved)).toBeGreaterThan(inertia - 1e-4);
          }
      },
    ),
    { seed: 17, numRuns: 100 },
  );
});

test("exchanged clusters lie closer than those of k-means, the closer the more starts", () => {
  const rows = gaussian(100, 16, 5);
  const best = (starts: number): number => exchangeClusters(rows, 20, { seed: 2, starts }).inertia;
  const lloyd = Array.from({ length: 10 }, (_, seed) => kMeans(rows, 20, { seed }).inertia);
  expect(best(1)).toBeLessThan(Math.max(...lloyd));
  expect(best(10)).toBeLessThan(Math.min(...lloyd));
  expect(best(10)).toBeLessThanOrEqual(best(3));
});

test("exchanged clusters: as many as points, equal points, one seed, a wrong k", () => {
  const rows = gaussian(9, 4, 8);
  expect(new Set(exchangeClusters(rows, 9).assignment).size).toBe(9);
  expect([...exchangeClusters(rows, 1).assignment]).toEqual(Array(9).fill(0));
  const equal = matrix(50, 3, new Float32Array(150).fill(0.1));
  expect(exchangeClusters(equal, 7).inertia).toBeCloseTo(0, 4);
  expect(exchangeClusters(rows, 3, { seed: 4 })).toEqual(exchangeClusters(rows, 3, { seed: 4 }));
  for (const k of [0, 10, 1.5, Number.NaN])
    expect(() => exchangeClusters(rows, k)).toThrow(/from 1 to the 9 rows/);
});
