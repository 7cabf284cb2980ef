/** The nearest rows by the vectors themselves, the slow way: what an index's answers are judged by. */
import { type Matrix, rowOf } from "../../src/linalg/matrix.ts";

/** Larger is nearer. */
export function exactScore(metric: string, a: Float32Array, b: Float32Array): number {
  const product = a.reduce((s, x, i) => s + x * b[i]!, 0);
  if (metric === "dot") return product;
  if (metric === "l2") return -a.reduce((s, x, i) => s + (x - b[i]!) ** 2, 0);
  return product / (Math.hypot(...a) * Math.hypot(...b));
}

/** The `k` best allowed rows, the lower id first among equals. */
export function exactRows(
  metric: string,
  all: Matrix,
  query: Float32Array,
  isAllowed: (row: number) => boolean,
  k: number,
): number[] {
  return Array.from({ length: all.rows }, (_, row) => row)
    .filter(isAllowed)
    .map((row) => ({ row, score: exactScore(metric, query, rowOf(all, row)) }))
    .sort((a, b) => b.score - a.score || a.row - b.row)
    .slice(0, k)
    .map(({ row }) => row);
}
