/** Range search by searches for the best: twice and more as many each time, until one finds fewer than it may. */
import type { RowSet } from "./row-set.ts";

export interface RangeOptions {
  /** Hits have this score or a better one; under l2, minus the squared radius. */
  readonly minScore: number;
  /** Only these rows; absent: every row. */
  readonly filter?: RowSet;
}

const FIRST = 64;
const GROWTH = 4;

/** How many hits to ask for, time after time, the last time all `rows`. */
export function* growingK(rows: number): Generator<number, undefined> {
  for (let k = FIRST; k < rows; k *= GROWTH) yield k;
  if (rows > 0) yield rows;
  return undefined;
}
