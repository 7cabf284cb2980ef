/** What a graph index is made with, and its defaults. */
import type { Metric } from "../../../codecs/codec.ts";
import { MnemeError } from "../../../errors.ts";
import type { GraphShape, LazyPool } from "../../../kernels/index.ts";
import type { SearchOptions } from "../../segment.ts";
import { checkWhole } from "./check.ts";

export interface GraphOptions {
  /** Default cosine. */
  readonly metric?: Metric;
  /**
   * Signed bytes of the codes that are walked over, a multiple of 8. Default: 56 or 120 of the principal span where they keep 97% of a
   * sample's variance; else the vector's own width up to 192, else as much of the span as keeps 90%, at least 184, or all of it.
   */
  readonly coarseDims?: number;
  /** Bits a value of what those codes lose, for the final scores. Default 8 behind a projection, else 4. */
  readonly fineBits?: 0 | 4 | 8;
  /** Links of a row at most, default 32; and how many of them it chooses itself, default 16. Twice as many where a wide span is walked over. */
  readonly degree?: number;
  readonly forward?: number;
  /** Pruning factor, default 1.05: above 1 more links stay. */
  readonly alpha?: number;
  /** List that an insertion walks with, default 128, or 256 where a wide span is walked over. */
  readonly buildEffort?: number;
  /** List that a search walks with, default 48; see `calibrate`. */
  readonly effort?: number;
  /** Default 1. */
  readonly seed?: number;
  /** Threads that build and search many beside the caller's; borrowed for the index's life. */
  readonly pool?: LazyPool;
}

export const graphDefaults = {
  metric: "cosine",
  degree: 32,
  forward: 16,
  alpha: 1.05,
  buildEffort: 128,
  effort: 48,
  seed: 1,
} as const;

export interface GraphSearchOptions extends SearchOptions {
  /** Entries of the list that is walked; default as the index has it. */
  readonly effort?: number;
  /** Rows of the graph that the filter lets through, where the caller knows; default: all rows of the filter. */
  readonly matching?: number;
}

/** Up to so many values a code is of the values themselves. */
export const MOST_DIRECT = 192;
/** With its tail three cache lines: two are a little less to hold, and need half again the effort for a recall of 0.99. */
export const PROJECTED_DIMS = 184;
/** Where rows vary in so many directions that walks take a wider span, near rows have fewer neighbours in common. */
export const WIDE = { degree: 64, forward: 32, buildEffort: 256 } as const;
export const isWide = ({ dims, projection }: GraphShape): boolean =>
  projection !== undefined && dims > PROJECTED_DIMS;
/** The longest list. */
export const ROOM = 2048;
/** Threads that may search one graph at once. */
export const THREADS = 4;

/** What fits no other option, or no list: the rest is seen when the shape is known. @throws MnemeError RANGE */
export function checkOptions({ degree, forward, alpha, buildEffort, effort }: GraphOptions): void {
  checkWhole("graph", { degree, forward, buildEffort, effort });
  if (buildEffort !== undefined && buildEffort > ROOM)
    throw new MnemeError("RANGE", `graph: buildEffort may be ${ROOM} at most, got ${buildEffort}`);
  if (alpha !== undefined && !(alpha >= 1 && alpha < Number.POSITIVE_INFINITY))
    throw new MnemeError("RANGE", `graph: alpha must be a number from 1, got ${alpha}`);
}
