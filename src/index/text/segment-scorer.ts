/** SegmentScorer: ranks and scores rows by weighted posting lists, segment by segment, in kernel memory that it keeps between queries. */
import {
  HeldLists,
  kernels,
  type Pool,
  PostingRanker,
  type RankedSegment,
  RankLimit,
  type RowStatistics,
  Saturations,
  type Scan,
  WasmPostings,
} from "../../kernels/index.ts";
import { lowerBound } from "../../search-sorted.ts";
import { slab } from "../../slab.ts";
import { rowAt, type SearchOptions } from "../segment.ts";
import type { TopK } from "../top-k.ts";
import type { QueryPlan } from "./query-plan.ts";
import type { QueryPostings } from "./query-postings.ts";
import {
  type LoadedSegment,
  loadSegment,
  onlyOrdinals,
  rankedSegment,
  scoreInSegment,
  wanted,
} from "./rank-segment.ts";
import type { WordsSegment } from "./words-segment.ts";

/** A query whose postings are at hand. */
export interface WeightedQuery {
  readonly plan: QueryPlan;
  /** Term -> weight in the score. */
  readonly weights: ReadonlyMap<string, number>;
  readonly postings: QueryPostings;
}

/** A plan that scores and restricts nothing. */
export function openPlan(terms: ReadonlyMap<string, number>): QueryPlan {
  return { terms, required: [], excluded: [], phrases: [], leftOut: 0 };
}

/** Threads that share the ranking; asked for when there is enough to share. */
export type Threads = () => Pool | undefined;

/** From so many postings on waking threads is worth it. */
const SHARED_POSTINGS = 32_768;
/** Shares of the segments, for each thread: a slow thread holds the others up for one of them. */
const SHARES_A_THREAD = 8;

/** Posting lists kept between queries. */
const LIST_BYTES = 8 << 20;

export interface SegmentScorerOptions {
  readonly threads?: Threads | undefined;
  /** Bytes that posting lists kept between queries may take; default 8 MB. */
  readonly listBytes?: number | undefined;
  readonly resized?: ((bytes: number) => void) | undefined;
}

export class SegmentScorer implements Disposable {
  /** Where the lists of queries are. */
  readonly lists: HeldLists;
  readonly #threads: Threads | undefined;
  #saturations: Saturations | undefined;
  /** One a segment, and what each holds. */
  readonly #scorers: WasmPostings[] = [];
  readonly #loaded: LoadedSegment[] = [];
  /** One a share of the ranking, and what they tell each other. */
  readonly #rankers: PostingRanker[] = [];
  #limit: RankLimit | undefined;
  /** Ends the ranking that other threads work at. */
  #underWay: (() => void) | undefined;

  /** @param resized told what the lists take, whenever that changes */
  constructor({ threads, listBytes = LIST_BYTES, resized }: SegmentScorerOptions = {}) {
    this.#threads = threads;
    this.lists = new HeldLists(kernels(), listBytes, resized);
  }

  /** Without the lists. */
  get bytes(): number {
    const all = [...this.#scorers, ...this.#rankers];
    return all.reduce((sum, { bytes }) => sum + bytes, this.#saturations?.bytes ?? 0);
  }

  /**
   * Brings the best rows of all segments to the heap; other threads may go on with it until the returned function is called, or anything
   * else is asked for. Until then nothing that it reads may change.
   */
  begin(query: WeightedQuery, statistics: RowStatistics, heap: TopK, options: SearchOptions): () => void {
    this.settle();
    const ranked: RankedSegment<WasmPostings>[] = [];
    let postings = 0;
    for (const loaded of this.#load(query, statistics)) {
      if (loaded.count === 0) continue;
      const only = onlyOrdinals(loaded, query.plan, options);
      if (only) pushOnly(loaded, only, heap, options);
      else {
        ranked.push(rankedSegment(loaded, query.plan, options));
        postings += loaded.count;
      }
    }
    if (ranked.length === 0 || heap.capacity === 0) return () => {};
    const pool = postings < SHARED_POSTINGS ? undefined : this.#threads?.();
    const wish = { k: heap.capacity, minScore: options.minScore, after: options.after };
    this.#limit ??= new RankLimit(kernels());
    const limit = this.#limit;
    const rankers = this.#rankersOf(pool ? Math.min(ranked.length, pool.threads * SHARES_A_THREAD) : 1);
    const scans = (): Scan[] => {
      limit.begin();
      return rankers.map((ranker, share) =>
        ranker.prepare(
          ranked.filter((_, i) => i % rankers.length === share),
          wish,
          limit,
        ),
      );
    };
    const fork = pool?.add(scans());
    const underWay = (): void => {
      if (this.#underWay !== underWay) return;
      this.#underWay = undefined;
      if (!fork?.join()) for (const { kernel, args } of scans()) kernels().instance.exports[kernel](...args);
      for (const ranker of rankers) ranker.found(limit.score, (score, row) => heap.push(score, row));
    };
    this.#underWay = underWay;
    if (!fork) underWay();
    return underWay;
  }

  /** Ends what is under way: what it reads may change. */
  settle(): void {
    this.#underWay?.();
  }

  /** Scores of rows, ascending; 0 for rows that no segment holds. */
  score(
    query: Pick<WeightedQuery, "weights" | "postings">,
    statistics: RowStatistics,
    rows: Uint32Array,
  ): Float64Array {
    this.settle();
    const scores = slab.f64(rows.length);
    let from = 0;
    const { segments } = query.postings;
    for (let number = 0; number < segments.length; number++) {
      const to = endOf(rows, from, segments[number]!);
      if (to > from) scoreInSegment(this.#loadOne(query, number, statistics), rows, from, to, scores);
      from = to;
    }
    return scores;
  }

  [Symbol.dispose](): void {
    this.settle();
    for (const each of [...this.#scorers, ...this.#rankers]) each[Symbol.dispose]();
    this.lists[Symbol.dispose]();
    this.#saturations?.[Symbol.dispose]();
    this.#saturations = undefined;
    this.#limit?.[Symbol.dispose]();
    this.#limit = undefined;
    this.#scorers.length = 0;
    this.#loaded.length = 0;
    this.#rankers.length = 0;
  }

  #load(query: WeightedQuery, statistics: RowStatistics): LoadedSegment[] {
    const { segments } = query.postings;
    for (const scorer of this.#scorers.splice(segments.length)) scorer[Symbol.dispose]();
    this.#loaded.length = Math.min(this.#loaded.length, segments.length);
    return segments.map((_, number) => this.#loadOne(query, number, statistics));
  }

  /** A segment that was ranked or scored last is still there, if it was for the same query. */
  #loadOne(
    { postings, weights }: Pick<WeightedQuery, "weights" | "postings">,
    number: number,
    statistics: RowStatistics,
  ): LoadedSegment {
    const known = this.#loaded[number];
    if (known?.postings === postings && known.weights === weights) return known;
    this.#saturations ??= new Saturations(kernels());
    this.#scorers[number] ??= new WasmPostings(kernels(), this.#saturations);
    const loaded = loadSegment(this.#scorers[number], this.lists, postings, number, weights, statistics);
    this.#loaded[number] = loaded;
    return loaded;
  }

  #rankersOf(count: number): PostingRanker[] {
    while (this.#rankers.length < count) this.#rankers.push(new PostingRanker(kernels()));
    return this.#rankers.slice(0, count);
  }
}

/** Brings given rows of a segment to the heap. */
function pushOnly(
  { scorer, segment }: LoadedSegment,
  ordinals: Uint32Array,
  heap: TopK,
  options: SearchOptions,
): void {
  const scores = scorer.score(ordinals);
  for (let i = 0; i < ordinals.length; i++) {
    const row = rowAt(segment.rows, ordinals[i]!);
    if (scores[i]! > 0 && wanted(options, scores[i]!, row)) heap.push(scores[i]!, row);
  }
}

/** Where the rows, ascending, up to the last one of a segment end. */
function endOf(rows: Uint32Array, from: number, { rows: own }: WordsSegment): number {
  if (own.count === 0) return from;
  return Math.max(from, lowerBound(rows, rowAt(own, own.count - 1) + 1));
}
