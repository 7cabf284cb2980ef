/** Finder: what stands in for the scan of a segment's codes. It names rows that are likely among the best; fine codes on disk decide. */
import type { MaybePromise } from "../../storage/store.ts";
import type { RowSet } from "../row-set.ts";

export interface FindOptions {
  /** Hits wanted of the segment. */
  readonly k: number;
  /** Wanted share of the best k; absent: `usualRecall`. */
  readonly recall?: number | undefined;
  readonly filter?: RowSet | undefined;
  /** Rows of the segment that the filter lets through. */
  readonly matching: number;
  readonly signal?: AbortSignal | undefined;
}

/** Recall at 10 that a search without a wish has by calibration: what a scan of one-bit codes has that re-scores 150 rows. */
export const usualRecall = 0.95;

export interface Finder extends Disposable {
  /** Ordinals of the segment, each once, in any order; undefined where the wanted recall is out of reach: all rows must be scored. */
  find(query: Float32Array, options: FindOptions): MaybePromise<Uint32Array | undefined>;
  /** Share of the `best` best rows that a search finds by what was measured on the sample; 1 where all rows are scored. */
  expected(options: Pick<FindOptions, "k" | "recall">, best: number): number;
  /** RAM held, by structure. */
  memory(): readonly { readonly name: string; readonly bytes: number }[];
}
