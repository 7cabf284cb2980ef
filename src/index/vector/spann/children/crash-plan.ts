/** Test support: changes that a child makes before it is killed, and what rows there are after each of them. */
import { type Matrix, matrix, Random } from "../../../../linalg/index.ts";

export const DIM = 24;
/** Rows that come with a change: within one transaction of the index. */
const ADDED = 30;
const DELETED = 15;
export const FIRST_ROWS = 200;
/** Short lists: nearly every change splits some. */
export const LIMIT = 16;

/** Rows [from, to), each by its number. */
export function rowsOfIds(from: number, to: number): Matrix {
  const rows = matrix(to - from, DIM);
  for (let id = from; id < to; id++) {
    const random = new Random(id + 1);
    const centre = new Random(1_000_000 + (id % 23));
    for (let i = 0; i < DIM; i++)
      rows.data[(id - from) * DIM + i] = centre.gaussian() + 0.4 * random.gaussian();
  }
  return rows;
}

/** Change number n from 1 on: rows come with odd ones, others go with even ones. */
export function changeOf(
  n: number,
): { readonly from: number; readonly to: number } | { readonly gone: number[] } {
  const round = Math.floor((n - 1) / 2);
  const from = FIRST_ROWS + round * ADDED;
  if (n % 2 === 1) return { from, to: from + ADDED };
  return { gone: Array.from({ length: DELETED }, (_, i) => (round * 97 + i * 31) % from) };
}

/** Rows that are there after `n` changes. */
export function rowsAfter(n: number): Set<number> {
  const rows = new Set(Array(FIRST_ROWS).keys());
  for (let change = 1; change <= n; change++) {
    const what = changeOf(change);
    if ("gone" in what) for (const id of what.gone) rows.delete(id);
    else for (let id = what.from; id < what.to; id++) rows.add(id);
  }
  return rows;
}
