import { expect, test } from "vitest";
import { type Matrix, matrix, rowOf } from "../linalg/matrix.ts";
import { Random } from "../linalg/random.ts";
import { itq, rotate, sign } from "./index.ts";
import { signRotation } from "./itq.ts";

const DIM = 8;

/** Corners of a cube, turned at random, with noise: some rotation makes their signs exact. */
function turnedCorners(rows: number): Matrix {
  const random = new Random(4);
  const turn = signRotation(
    matrix(
      64,
      DIM,
      Float32Array.from({ length: 64 * DIM }, () => random.gaussian()),
    ),
    { seed: 9 },
  );
  const out = matrix(rows, DIM);
  for (let r = 0; r < rows; r++) {
    const corner = Array.from({ length: DIM }, () => (random.u32() & 1 ? 1 : -1) + 0.05 * random.gaussian());
    for (let i = 0; i < DIM; i++)
      out.data[r * DIM + i] = corner.reduce((sum, value, j) => sum + value * turn[j * DIM + i]!, 0);
  }
  return out;
}

/** Mean squared distance of values from their signs. */
const missOf = ({ data }: Matrix): number =>
  data.reduce((sum, value) => sum + (Math.abs(value) - 1) ** 2, 0) / data.length;

test("turns rows nearer to their signs than a random rotation does", () => {
  const rows = turnedCorners(500);
  const found = missOf(itq({ dim: DIM, centre: false }).fit(rows, { seed: 1 }).forward(rows));
  const random = missOf(rotate().fit(rows, { seed: 1 }).forward(rows));
  expect(found).toBeLessThan(random / 2);
});

test("a rotation keeps products, and the way back undoes it", () => {
  const rows = turnedCorners(60);
  const transform = itq({ dim: DIM, centre: false }).fit(rows, { seed: 1 });
  const back = transform.backward(transform.forward(rows));
  back.data.forEach((value, i) => expect(value).toBeCloseTo(rows.data[i]!, 4));
  const rotation = signRotation(rows, { seed: 2 });
  for (let i = 0; i < DIM; i++)
    for (let j = 0; j <= i; j++) {
      let product = 0;
      for (let k = 0; k < DIM; k++) product += rotation[k * DIM + i]! * rotation[k * DIM + j]!;
      expect(product).toBeCloseTo(i === j ? 1 : 0, 4);
    }
});

test("stops at a signal", () => {
  const rows = turnedCorners(60);
  expect(() => itq({ dim: 4 }).fit(rows, { signal: AbortSignal.abort() })).toThrow(
    expect.objectContaining({ code: "CANCELLED" }),
  );
});

test("signs scored by Hamming distance are those of the bits that differ", () => {
  const rows = turnedCorners(40);
  const coder = sign({ hamming: true }).fit(rows);
  const out = new Float32Array(40);
  const query = rowOf(rows, 3);
  coder.scorer(query, "cosine").score(coder.encode(rows), 0, 40, out);
  out.forEach((score, r) => {
    const differ = rowOf(rows, r).filter((value, i) => value >= 0 !== query[i]! >= 0).length;
    expect(score).toBeCloseTo(1 - (2 * differ) / DIM, 6);
  });
});
