/**
 * Codec and Coder: the one interface for lossy coding of rows, for vectors, keys/values and weights.
 * A Codec is a recipe (`rabitq({ bits: 1 })`); `fit` returns a Coder, which is frozen and serialisable.
 * Rows are coded independently, or in blocks of `blockRows` rows that share parameters (per-channel keys, grouped
 * weights). Fixed-size codes have a `blockBytes`; codes of varying length (outliers) say null and carry their own framing.
 */
import type { Scan } from "../kernels/index.ts";
import type { Matrix } from "../linalg/matrix.ts";

export type Metric = "cosine" | "dot" | "l2";

/** What fit may use; every random choice comes from `seed`. */
export interface FitOptions {
  readonly seed?: number;
  readonly signal?: AbortSignal;
}

/** A recipe. `id` = family + bits [+ x parts] [+ -variant], lower case, written into file headers, never reused. */
export interface Codec {
  readonly id: string;
  /** False when `fit` only reads the dimension of the sample: an empty `0 x dim` sample is then enough. */
  readonly needsTraining: boolean;
  /** @throws MnemeError INSUFFICIENT_DATA, NOT_FINITE, RANGE. */
  fit(sample: Matrix, options?: FitOptions): Coder;
}

/** Row codes rearranged in RAM, so that all of them are scored faster than one by one. Never stored: rows come and go one by one. */
export interface ScanLayout {
  /** Rows side by side in a block. */
  readonly rows: number;
  /** Bytes of a block. */
  readonly bytes: number;
  /** Whole blocks; the last one is filled up with rows of zeros. */
  arrange(codes: Uint8Array, rows: number): Uint8Array;
}

/** A trained codec. Parameters are borrowed, results are owned by the caller. */
export interface Coder {
  readonly id: string;
  /** Width of the rows that go in and come out. */
  readonly dim: number;
  /** Rows that share parameters; 1 when each row stands alone. */
  readonly blockRows: number;
  /** Bytes of one full block, or null when lengths vary. For blockRows = 1 this is the stride of a row of codes. */
  readonly blockBytes: number | null;
  /** Present when `scorer` can score whole blocks. */
  readonly scan?: ScanLayout;
  /** Bytes held by the coder itself: centroids, rotations, tables. */
  readonly bytes: number;
  /** Codes of all rows, back to back. A last, partial block is allowed. @throws MnemeError DIMENSION, NOT_FINITE. */
  encode(rows: Matrix): Uint8Array;
  /** The inverse, lossy. `rows` is needed where a partial block hides it. @throws MnemeError CORRUPT. */
  decode(codes: Uint8Array, rows: number): Matrix;
  /** Scores codes against one query without decoding. Larger is better for every metric (l2 gives minus the squared distance). */
  scorer(query: Float32Array, metric: Metric): Scorer;
  /** Everything needed to rebuild the coder by `restoreCoder`, little-endian, without checksum (the store adds one). */
  serialize(): Uint8Array;
}

export interface Scorer {
  /** Writes `rows` scores to `out`, reading codes from row `first` on. Allocates nothing. @returns rows scored. */
  score(codes: Uint8Array, first: number, rows: number, out: Float32Array): number;
  /** Scores all rows of blocks in the coder's scan layout, a whole block's rows each. */
  scoreBlocks?(blocks: Uint8Array, out: Float32Array): void;
  /** The same as work that a pool's threads can share; blocks and scores in kernel memory. */
  blockScan?(blocks: Uint8Array, out: Float32Array): Scan;
}
