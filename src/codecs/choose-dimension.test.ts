import { expect, test } from "vitest";
import { type Matrix, matrix, rowsOf } from "../linalg/matrix.ts";
import { Random } from "../linalg/random.ts";
import { chooseDimension } from "./index.ts";

/** Rows of `heavy` columns that tell rows apart and others that hardly do, turned by nothing. */
function rowsWith(heavy: number, rows: number, cols: number, seed: number): Matrix {
  const random = new Random(seed);
  return matrix(
    rows,
    cols,
    Float32Array.from({ length: rows * cols }, (_, i) => random.gaussian() * (i % cols < heavy ? 1 : 0.003)),
  );
}

test("finds the columns that tell rows apart", () => {
  const sample = rowsWith(9, 900, 40, 1);
  const { dim, found, curve } = chooseDimension(sample, { candidates: 10, neighbours: 10, keep: 0.95 });
  expect(dim).toBe(9);
  expect(found).toBeGreaterThanOrEqual(0.95);
  expect(curve.map((point) => point.dim)).toEqual([...curve.map((point) => point.dim)].sort((a, b) => a - b));
  expect(curve.find((point) => point.dim === 8)!.found).toBeLessThan(0.95);
  expect(curve.at(-1)!.dim).toBe(40);
  const byDistance = chooseDimension(sample, { metric: "l2", candidates: 10, keep: 1 });
  expect(byDistance.curve.at(-1)).toEqual({ dim: 40, found: 1 });
  const uncentred = chooseDimension(sample, { centre: false, candidates: 10, keep: 1 });
  expect(uncentred.curve.at(-1)).toEqual({ dim: 40, found: 1 });
});

test("the same sample and seed give the same choice; given queries are asked; candidates need fewer components", () => {
  const sample = rowsWith(16, 900, 24, 2);
  const queries = rowsOf(rowsWith(16, 40, 24, 3), 0, 40);
  const choose = (candidates: number): number =>
    chooseDimension(sample, { queries, candidates, metric: "l2", keep: 0.9 }).dim;
  expect(choose(10)).toBe(choose(10));
  expect(choose(100)).toBeLessThan(choose(10));
  expect(chooseDimension(sample, { seed: 4 })).toEqual(chooseDimension(sample, { seed: 4 }));
});

test("what cannot be is refused with a reason", () => {
  const sample = rowsWith(4, 500, 8, 1);
  expect(() => chooseDimension(sample, { keep: 0 })).toThrow(/above 0 to 1/);
  expect(() => chooseDimension(sample, { neighbours: 0 })).toThrow(/neighbours/);
  expect(() => chooseDimension(sample, { candidates: 5 })).toThrow(/candidates/);
  expect(() => chooseDimension(rowsOf(sample, 0, 399))).toThrow(/at least 400/);
  expect(() => chooseDimension(sample, { queries: rowsWith(1, 2, 7, 1) })).toThrow(/rows of 7 values/);
  expect(() => chooseDimension(sample, { queries: matrix(0, sample.cols) })).toThrow(/no queries/);
  expect(() => chooseDimension(sample, { signal: AbortSignal.abort() })).toThrow();
});
