/** How a search is done: a walk with a list of some length, or a scan where few rows match. */
import { ROOM } from "./options.ts";

export interface Plan {
  /** Entries of the list that is walked; 0: all matching rows are looked at. */
  readonly effort: number;
  /** How many of the best are scored by fine codes. */
  readonly kept: number;
  /** Whether only rows that may be found are walked over. */
  readonly among: boolean;
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
  /** The longest list; default 2048. */
  readonly room?: number;
}

/** Costs as multiples of looking whether a row matches: of scoring one that does, of an entry of a walked list, of a row that is looked up. */
const SCORED_COST = 9;
const WALKED_COST = 1500;
const LOOKUP_COST = 80;
/** With a larger share of rows that may be found a walk over all rows passes few in vain. */
const NEARLY_ALL = 0.9;
/** With a smaller one, those that two links lead to are too few to go on from, and the list must be longer. */
const WELL_LINKED = 0.08;

/**
 * Where most rows may be found, a walk over all of them with a list that is longer by their share; else one among those that may be found.
 * Where that is cheaper, a look at all rows. @returns undefined where so few match that they are better looked up, or the list would be too long
 */
export function planWalk(asked: Asked): Plan | undefined {
  const { depth, effort, rows, matching, rescore, room = ROOM } = asked;
  const wanted = Math.max(depth, effort);
  const share = matching / rows;
  const among = share < NEARLY_ALL;
  const walked = Math.ceil(among ? wanted * Math.max(1, WELL_LINKED / share) : wanted / share);
  const kept = Math.min(room, Math.max(depth, Math.ceil(wanted * rescore)));
  const walk = walked > room ? Number.POSITIVE_INFINITY : walked * WALKED_COST;
  const scan = among ? rows + matching * SCORED_COST : Number.POSITIVE_INFINITY;
  const lookup = matching * LOOKUP_COST;
  if (depth > room || lookup <= Math.min(walk, scan)) return undefined;
  return scan <= walk ? { effort: 0, kept, among } : { effort: walked, kept, among };
}
