/** How a search is done: a walk with a list of some length, or a scan where few rows match. */
import { ROOM } from "./options.ts";

export interface Plan {
  /** Entries of the list that is walked. */
  readonly effort: number;
  /** How many of the best are scored by fine codes. */
  readonly kept: number;
}

export interface Asked {
  /** Hits wanted. */
  readonly depth: number;
  readonly effort: number;
  /** Rows of the graph, deleted ones too. */
  readonly rows: number;
  /** Of those the rows that may be found, at most. */
  readonly matching: number;
  /** Of the walked list's length: how many are scored by fine codes. */
  readonly rescore: number;
}

/** Products that a step of a walk costs, against those of a scanned row. */
const STEP_COST = 3;

/**
 * A walk must meet as many rows that may be found as it would otherwise keep, so its list grows as their share falls, and its cost with it.
 * @returns undefined where a scan of the matching rows is cheaper, or the list would be too long
 */
export function planWalk({ depth, effort, rows, matching, rescore }: Asked): Plan | undefined {
  const wanted = Math.max(depth, effort);
  const walked = Math.ceil((wanted * rows) / Math.max(1, matching));
  const kept = Math.min(ROOM, Math.max(depth, Math.ceil(wanted * rescore)));
  if (walked > ROOM || depth > ROOM || matching <= STEP_COST * walked) return undefined;
  return { effort: walked, kept };
}
