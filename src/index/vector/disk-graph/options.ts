/** What a graph whose fine rows stay on disk is made with, and its defaults. */
import type { Metric } from "../../../codecs/codec.ts";
import type { LazyPool } from "../../../kernels/index.ts";

/** Grows when the bytes of parts change. */
export const DISK_GRAPH_VERSION = 2;

export interface DiskGraphOptions {
  /** Default cosine. */
  readonly metric?: Metric;
  /** Values of the codes that are walked over, 4 bits each, a multiple of 32: the vector's own width up to 256, else 256 of its principal span. */
  readonly dims?: number;
  /** Links of a row at most, default 32; and how many of them it chooses itself, default all. */
  readonly degree?: number;
  readonly forward?: number;
  /** Pruning factor, default 1: above it a row's links are nearer, and fewer lead elsewhere. */
  readonly alpha?: number;
  /** List that an insertion walks with, default 256. */
  readonly buildEffort?: number;
  /** Bits a value of the rows that final scores are made of: 8 or 16 (default); 0: there are none, and codes alone order what is found. */
  readonly fineBits?: 0 | 8 | 16;
  /** List that a search walks with, default 64; see `calibrateGraph`. */
  readonly effort?: number;
  /** Default 1. */
  readonly seed?: number;
  /** Threads that build and search many beside the caller's; borrowed for the index's life. */
  readonly pool?: LazyPool;
}

export const diskGraphDefaults = {
  metric: "cosine",
  degree: 32,
  alpha: 1,
  buildEffort: 256,
  fineBits: 16,
  effort: 64,
  seed: 1,
} as const;

/** The longest list: codes of 4 bits order rows less well than those of 8. */
export const ROOM = 8192;
/** Threads that may search one index at once. */
export const THREADS = 4;
/** The widest codes, where nothing else is wished for. */
export const MOST_DIMS = 256;
