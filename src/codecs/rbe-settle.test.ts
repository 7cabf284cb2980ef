import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { gaussian } from "../../test/support/gaussian.ts";
import { type Matrix, matrix, rowOf } from "../linalg/matrix.ts";
import { directions } from "./rbe-net.ts";
import { fitSettling, settle } from "./rbe-settle.ts";

const dot = (a: Float32Array, b: Float32Array): number => a.reduce((sum, value, i) => sum + value * b[i]!, 0);

/** Squared distance of a row to the sum of vectors with the signs of levels. */
function distance(row: Float32Array, vectors: Matrix, levels: ArrayLike<number>): number {
  const left = row.slice();
  for (let j = 0; j < vectors.rows; j++)
    rowOf(vectors, j).forEach((value, i) => {
      left[i]! -= (2 * levels[j]! - 1) * value;
    });
  return dot(left, left);
}

function settled(rows: Matrix, vectors: Matrix): Uint8Array {
  const width = vectors.rows;
  const pulls = matrix(rows.rows, width);
  const gram = new Float32Array(width * width);
  for (let j = 0; j < width; j++) {
    for (let r = 0; r < rows.rows; r++) pulls.data[r * width + j] = dot(rowOf(rows, r), rowOf(vectors, j));
    for (let k = 0; k < width; k++) gram[j * width + k] = dot(rowOf(vectors, j), rowOf(vectors, k));
  }
  const levels = new Uint8Array(rows.rows * width);
  settle(pulls, gram, levels);
  return levels;
}

describe("settle", () => {
  it("ends where no single bit brings the sum nearer, and no farther off than signs do", () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 1e6 }), fc.integer({ min: 1, max: 12 }), (seed, width) => {
        const rows = gaussian(3, 6, seed);
        const vectors = gaussian(width, 6, seed + 1);
        const levels = settled(rows, vectors);
        for (let r = 0; r < rows.rows; r++) {
          const row = rowOf(rows, r);
          const own = levels.subarray(r * width, (r + 1) * width);
          const reached = distance(row, vectors, own);
          const signs = own.map((_, j) => (dot(row, rowOf(vectors, j)) >= 0 ? 1 : 0));
          expect(reached).toBeLessThan(distance(row, vectors, signs) + 1e-3);
          for (let j = 0; j < width; j++) {
            const other = own.map((level, i) => (i === j ? 1 - level : level));
            expect(distance(row, vectors, other)).toBeGreaterThan(reached - 1e-3);
          }
        }
      }),
      { seed: 1, numRuns: 40 },
    );
  });

  it("is the signs of the pulls where vectors are orthogonal", () => {
    const rows = gaussian(20, 8, 3);
    const identity = matrix(8, 8);
    for (let i = 0; i < 8; i++) identity.data[i * 9] = 0.5;
    expect(settled(rows, identity)).toEqual(Uint8Array.from(rows.data, (value) => (value >= 0 ? 1 : 0)));
  });
});

describe("fitSettling", () => {
  const spreadOut = (): Matrix => {
    const rows = gaussian(600, 12, 5);
    rows.data.forEach((value, i) => {
      rows.data[i] = value / (1 + (i % 12)) + 0.5;
    });
    return rows;
  };

  it("asks for scores that correlate with the rows' own better than signs of as many directions", () => {
    const rows = spreadOut();
    const queries = gaussian(20, 12, 6);
    const width = 12;
    const begin = (units: Matrix): Matrix => directions(units, width, { seed: 1 });
    const { pull, pullBias, gram, ask } = fitSettling(rows, width, begin);
    const pulls = matrix(rows.rows, width);
    for (let r = 0; r < rows.rows; r++)
      for (let j = 0; j < width; j++)
        pulls.data[r * width + j] = dot(rowOf(rows, r), pull.subarray(j * 12, (j + 1) * 12)) + pullBias[j]!;
    const signs = Uint8Array.from(pulls.data, (value) => (value >= 0 ? 1 : 0));
    const levels = new Uint8Array(signs.length);
    settle(pulls, gram, levels);
    const right = (codes: Uint8Array): number => correlation(rows, queries, { codes, ask, width });
    expect(right(levels)).toBeGreaterThan(right(signs));
    expect(right(levels)).toBeGreaterThan(0.95);
  });

  it("stops at a signal", () => {
    const begin = (units: Matrix): Matrix => directions(units, 8, { seed: 1 });
    expect(() => fitSettling(spreadOut(), 8, begin, { signal: AbortSignal.abort() })).toThrowError(
      expect.objectContaining({ code: "CANCELLED" }),
    );
  });
});

/** Pearson's, of exact products with those of codes, all queries and rows together. */
function correlation(
  rows: Matrix,
  queries: Matrix,
  { codes, ask, width }: { codes: Uint8Array; ask: Float32Array; width: number },
): number {
  const [exact, coded]: [number[], number[]] = [[], []];
  for (let q = 0; q < queries.rows; q++) {
    const query = rowOf(queries, q);
    const asked = Float32Array.from({ length: width }, (_, j) =>
      dot(query, ask.subarray(j * query.length, (j + 1) * query.length)),
    );
    for (let r = 0; r < rows.rows; r++) {
      exact.push(dot(query, rowOf(rows, r)));
      coded.push(
        asked.reduce((sum, value, j) => sum + value * (2 * codes[r * width + j]! - 1), dot(query, MEAN)),
      );
    }
  }
  const mean = (all: number[]): number => all.reduce((sum, value) => sum + value, 0) / all.length;
  const [m, n] = [mean(exact), mean(coded)];
  let [product, left, right] = [0, 0, 0];
  exact.forEach((value, i) => {
    product += (value - m) * (coded[i]! - n);
    left += (value - m) ** 2;
    right += (coded[i]! - n) ** 2;
  });
  return product / Math.sqrt(left * right);
}

/** What all rows share, which codes leave out. */
const MEAN = new Float32Array(12).fill(0.5);
