/** What a cell index is made with, and its defaults. */
import type { Metric } from "../../../codecs/codec.ts";
import type { LazyPool } from "../../../kernels/index.ts";

export interface CellOptions {
  /** Default cosine. */
  readonly metric?: Metric;
  /** Bits a value of the codes in RAM, 1 to 4; default 2. */
  readonly bits?: 1 | 2 | 3 | 4;
  /**
   * Values of those codes, a multiple of 8: of the principal span as many as keep 97% of a sample's variance, at most the vector's own
   * up to 256, else 192.
   */
  readonly dims?: number;
  /** Rows of a cell, about; default 96. */
  readonly cellRows?: number;
  /** Bits a value of the rows that final scores are made of, in RAM or on disk: 8, 16 (default), or 0 for none. */
  readonly fineBits?: 0 | 8 | 16;
  /** Default 1. */
  readonly seed?: number;
  /** Threads that build and search many beside the caller's; borrowed for the index's life. */
  readonly pool?: LazyPool;
}

export const cellDefaults = {
  metric: "cosine",
  bits: 2,
  cellRows: 96,
  fineBits: 16,
  seed: 1,
  /** Cells that a search looks into, and rows that it scores again; see `calibrateCells`. */
  probes: 16,
  kept: 40,
} as const;

/** Up to so many values a code is of the values themselves. */
export const MOST_DIRECT = 256;
export const PROJECTED_DIMS = 192;
/** Most probes, and most rows scored again. */
export const ROOM = 2048;
/** Threads that may search one index at once. */
export const THREADS = 4;
