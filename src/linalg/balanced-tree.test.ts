import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { kernels, LazyPool } from "../kernels/index.ts";
import { type BalancedTree, balancedTree, type Matrix, matrix, Random, RowProducts, rowOf } from "./index.ts";

function clumps(rows: number, cols: number, seed: number): Matrix {
  const random = new Random(seed);
  const centres = Array.from({ length: 5 }, () => random.gaussian() * 3);
  return matrix(
    rows,
    cols,
    Float32Array.from({ length: rows * cols }, () => centres[random.integer(5)]! + random.gaussian()),
  );
}

/** Leaves in the order of the tree. */
function leavesOf({ nodes, leaves }: BalancedTree): number[] {
  if (nodes.length === 0) return [0];
  const visit = (number: number): number[] =>
    [...nodes[number]!.children].flatMap((child) => (child < 0 ? [-1 - child] : visit(child)));
  expect(visit(0).length).toBe(leaves.rows);
  return visit(0);
}

describe("balancedTree", () => {
  test("every row is in one leaf, no leaf is too large, each leaf hangs on the tree once", () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 300 }),
        fc.integer({ min: 1, max: 40 }),
        fc.integer({ min: 1, max: 9 }),
        (rows, leafRows, cols) => {
          const tree = balancedTree(clumps(rows, cols, rows), { leafRows });
          expect(tree.counts.reduce((a, b) => a + b, 0)).toBe(rows);
          expect(Math.max(...tree.counts)).toBeLessThanOrEqual(leafRows);
          expect(new Set(leavesOf(tree)).size).toBe(tree.leaves.rows);
        },
      ),
      { numRuns: 40, seed: 1 },
    );
  });

  test("leaves are means: their weighted sum is the sum of the rows", () => {
    const rows = clumps(500, 4, 2);
    const { leaves, counts } = balancedTree(rows, { leafRows: 20 });
    for (let c = 0; c < 4; c++) {
      let [sum, all] = [0, 0];
      for (let l = 0; l < leaves.rows; l++) sum += counts[l]! * leaves.data[l * 4 + c]!;
      for (let r = 0; r < rows.rows; r++) all += rows.data[r * 4 + c]!;
      expect(sum).toBeCloseTo(all, 1);
    }
  });

  test("the penalty evens the leaves out", () => {
    const rows = clumps(4000, 8, 3);
    const spread = (balance: number): number => {
      const counts = [...balancedTree(rows, { leafRows: 50, balance }).counts];
      const mean = rows.rows / counts.length;
      return Math.sqrt(counts.reduce((sum, c) => sum + (c - mean) ** 2, 0) / counts.length) / mean;
    };
    expect(spread(0.5)).toBeLessThan(spread(0));
  });

  test("copies of one row are split all the same", () => {
    const tree = balancedTree(matrix(100, 3, new Float32Array(300).fill(2)), { leafRows: 9 });
    expect(Math.max(...tree.counts)).toBeLessThanOrEqual(9);
    expect([...rowOf(tree.leaves, 0)]).toEqual([2, 2, 2]);
  });

  test("one seed, one tree, with and without threads", async () => {
    await using pool = new LazyPool(kernels(), 1);
    const rows = clumps(2000, 16, 4);
    const [a, b, c] = [
      balancedTree(rows, { leafRows: 30 }),
      balancedTree(rows, { leafRows: 30, pool }),
      balancedTree(rows, { leafRows: 30, seed: 2 }),
    ];
    expect(a.leaves.data).toEqual(b.leaves.data);
    expect(a.leaves.data).not.toEqual(c.leaves.data);
  });

  test("refuses no rows, odd sizes, and stops when told", () => {
    expect(() => balancedTree(matrix(0, 3), { leafRows: 4 })).toThrow("no rows");
    expect(() => balancedTree(matrix(3, 3), { leafRows: 0.5 })).toThrow("leafRows");
    const signal = AbortSignal.abort();
    expect(() => balancedTree(matrix(3, 3), { leafRows: 1, signal })).toThrow("cancelled");
  });
});

test("RowProducts multiplies chosen rows with all centres", () => {
  const rows = clumps(50, 7, 5);
  using products = new RowProducts(7);
  const centres = clumps(3, 7, 6);
  products.setCentres(centres.data);
  const ids = Uint32Array.of(4, 40, 9, 9);
  const found = products.of(rows, ids, 1, 4);
  const dot = (a: Float32Array, b: Float32Array): number => a.reduce((sum, x, i) => sum + x * b[i]!, 0);
  for (let c = 0; c < 3; c++)
    for (let i = 1; i < 4; i++)
      expect(found[c * 3 + i - 1]).toBeCloseTo(dot(rowOf(centres, c), rowOf(rows, ids[i]!)), 4);
  expect(products.ofCentres()[1]).toBeCloseTo(dot(rowOf(centres, 0), rowOf(centres, 1)), 4);
});
