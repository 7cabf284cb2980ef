/** SegmentScorer: ranks and scores rows by weighted posting lists, segment by segment, in kernel memory that it keeps between queries. */
import { kernels, type PostingScorer, type RowStatistics, WasmPostings } from "../../kernels/index.ts";
import { lowerBound } from "../../search-sorted.ts";
import { rowAt, type SearchOptions } from "../segment.ts";
import type { TopK } from "../top-k.ts";
import type { QueryPlan } from "./query-plan.ts";
import {
  type LoadedSegment,
  loadSegment,
  rankSegment,
  type SegmentPostings,
  scoreInSegment,
} from "./rank-segment.ts";
import type { WordsSegment } from "./words-segment.ts";

/** A query whose postings are at hand. */
export interface WeightedQuery {
  readonly plan: QueryPlan;
  /** Term -> weight in the score. */
  readonly weights: ReadonlyMap<string, number>;
  /** Of each segment, in row order. */
  readonly postings: readonly SegmentPostings[];
}

/** A plan that scores and restricts nothing. */
export function openPlan(terms: ReadonlyMap<string, number>): QueryPlan {
  return { terms, required: [], excluded: [], phrases: [] };
}

export class SegmentScorer implements Disposable {
  #scorer: PostingScorer | undefined;
  /** Whose lists the scorer holds. */
  #loaded: LoadedSegment | undefined;

  get bytes(): number {
    return this.#scorer?.bytes ?? 0;
  }

  /** Brings the best rows of all segments to the heap. */
  rank(query: WeightedQuery, statistics: RowStatistics, heap: TopK, options: SearchOptions): void {
    for (const one of query.postings)
      rankSegment(this.#load(one, query.weights, statistics, options.filter), query.plan, heap, options);
  }

  /** Scores of rows, ascending; 0 for rows that no segment holds. */
  score(
    { weights, postings }: Pick<WeightedQuery, "weights" | "postings">,
    statistics: RowStatistics,
    rows: Uint32Array,
  ): Float64Array {
    const scores = new Float64Array(rows.length);
    let from = 0;
    for (const one of postings) {
      const to = endOf(rows, from, one.segment);
      if (to > from) {
        // the segment that was ranked last is still there, if it was for the same query
        const isLoaded = this.#loaded?.postings === one && this.#loaded.weights === weights;
        const loaded = isLoaded ? this.#loaded! : this.#load(one, weights, statistics);
        scoreInSegment(loaded, rows.subarray(from, to), scores.subarray(from, to));
      }
      from = to;
    }
    return scores;
  }

  [Symbol.dispose](): void {
    this.#scorer?.[Symbol.dispose]();
    this.#scorer = undefined;
    this.#loaded = undefined;
  }

  #load(
    postings: SegmentPostings,
    weights: ReadonlyMap<string, number>,
    statistics: RowStatistics,
    filter?: SearchOptions["filter"],
  ): LoadedSegment {
    this.#scorer ??= new WasmPostings(kernels());
    this.#loaded = loadSegment(this.#scorer, postings, weights, statistics, filter);
    return this.#loaded;
  }
}

/** Where the rows, ascending, up to the last one of a segment end. */
function endOf(rows: Uint32Array, from: number, { rows: own }: WordsSegment): number {
  if (own.count === 0) return from;
  return Math.max(from, lowerBound(rows, rowAt(own, own.count - 1) + 1));
}
