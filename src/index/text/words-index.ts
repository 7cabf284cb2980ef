/** WordsIndex: BM25 over segments and tail under one set of statistics. */
import type { RowStatistics } from "../../kernels/index.ts";
import type { MaybePromise } from "../../storage/store.ts";
import type { Hits } from "../hits.ts";
import { RowSet } from "../row-set.ts";
import type { SearchOptions, SegmentedIndex, SegmentSource } from "../segment.ts";
import { TopK } from "../top-k.ts";
import { type Bm25Options, bm25Defaults, inverseDocumentFrequency, lengthNorm, saturation } from "./bm25.ts";
import { FeedbackModel, type FeedbackPassage, type TermStatistics } from "./feedback.ts";
import { highlightTerms } from "./highlight.ts";
import { Lexicon } from "./lexicon.ts";
import { PhraseFinder } from "./phrase.ts";
import { planQuery, termsToRead } from "./query-plan.ts";
import { type QueryPostings, readPostings } from "./query-postings.ts";
import { allowedOrdinals, wanted } from "./rank-segment.ts";
import { openPlan, SegmentScorer, type Threads, type WeightedQuery } from "./segment-scorer.ts";
import { WordsSegment } from "./words-segment.ts";
import { WordsTail } from "./words-tail.ts";

export interface WordsOptions extends Bm25Options {
  /** Correct words that do not occur in the index, unless they have digits; default true. */
  readonly typos?: boolean;
  /** Text of a row, for verifying phrases; without it a phrase means all its words. */
  readonly textOf?: (row: number) => MaybePromise<string>;
  /** Threads that search beside the caller's. */
  readonly threads?: Threads;
  /** Bytes that posting lists kept between queries may take; default 8 MB. */
  readonly listBytes?: number;
  /** Told what those lists take, whenever that changes. */
  readonly listsResized?: (bytes: number) => void;
}

/** A search under way. */
export interface WordsSearch extends Disposable {
  finish(): Promise<Hits>;
}

interface Prepared extends WeightedQuery {
  readonly text: string;
  readonly version: number;
  /** Of the lists. */
  readonly generation: number;
}

export class WordsIndex implements SegmentedIndex<string, string>, TermStatistics {
  readonly #options: Required<Pick<WordsOptions, "k1" | "b" | "typos">> & Pick<WordsOptions, "textOf">;
  readonly #tail = new WordsTail();
  readonly #lexicon = new Lexicon(this.#tail);
  readonly #scorer: SegmentScorer;
  /** Grows with every change: a prepared query of another version is stale. */
  #version = 0;
  readonly #feedback = new FeedbackModel(this);
  readonly #phrases = new PhraseFinder();
  #prepared: Prepared | undefined;

  constructor(options: WordsOptions = {}) {
    this.#options = { ...bm25Defaults, typos: true, ...options };
    const { threads, listBytes, listsResized: resized } = options;
    this.#scorer = new SegmentScorer({ threads, listBytes, resized });
  }

  async attach(source: SegmentSource): Promise<void> {
    const segment = await WordsSegment.open(source);
    this.#lexicon.segments = [...this.#lexicon.segments, segment].sort((a, b) => a.firstRow - b.firstRow);
    this.#version++;
  }

  detach(segmentId: number): void {
    this.#scorer.settle();
    const { segments } = this.#lexicon;
    segments.find(({ source }) => source.id === segmentId)?.[Symbol.dispose]();
    this.#lexicon.segments = segments.filter(({ source }) => source.id !== segmentId);
    this.#version++;
  }

  append(row: number, text: string): void {
    this.#tail.append(row, text);
    this.#version++;
  }

  trimTail(lastRow: number): void {
    this.#tail.trim(lastRow);
    this.#version++;
  }

  /** @param query words, "phrases", prefix*, fuzzy~, +must, -not; of more than 1,024 the most informative. @throws MnemeError RANGE */
  async search(query: string, options: SearchOptions): Promise<Hits> {
    using search = await this.begin(query, options);
    return await search.finish();
  }

  /** The same in two steps: other threads may rank beside what the caller does until it asks for the hits. To be disposed of. */
  async begin(query: string, options: SearchOptions): Promise<WordsSearch> {
    const lease = this.#lease();
    try {
      const prepared = await this.#prepare(query);
      const isPhrase = prepared.plan.phrases.length > 0 && this.#options.textOf !== undefined;
      const ranked = isPhrase ? undefined : this.#beginRank(prepared, options);
      return {
        finish: async () => ranked?.finish() ?? this.#searchPhrases(prepared, options),
        [Symbol.dispose]: () => {
          ranked?.[Symbol.dispose]();
          lease[Symbol.dispose]();
        },
      };
    } catch (error) {
      lease[Symbol.dispose]();
      throw error;
    }
  }

  /** The best rows for terms with weights. */
  async searchTerms(terms: ReadonlyMap<string, number>, options: SearchOptions): Promise<Hits> {
    using _ = this.#lease();
    const postings = await this.#read([...terms.keys()]);
    return this.#rank({ plan: openPlan(terms), weights: this.#weighted(terms), postings }, options);
  }

  /** BM25 of given rows, ascending, for a query; 0 for rows without any of its terms. */
  async scoreQuery(query: string, rows: Uint32Array): Promise<Float64Array> {
    using _ = this.#lease();
    const { weights, postings } = await this.#prepare(query);
    return this.#scoreAll(weights, postings, rows);
  }

  /** BM25 of given rows, ascending, for terms with weights. */
  async scoreTerms(terms: ReadonlyMap<string, number>, rows: Uint32Array): Promise<Float64Array> {
    using _ = this.#lease();
    const weights = this.#weighted(terms);
    return this.#scoreAll(weights, await this.#read([...terms.keys()]), rows);
  }

  /** The terms that a query is scored by, and their weights. */
  async queryTerms(query: string): Promise<ReadonlyMap<string, number>> {
    using _ = this.#lease();
    return (await this.#prepare(query)).plan.terms;
  }

  /** Distinct words of the query searched last that were not searched: it had too many. */
  leftOut(query: string): number {
    return this.#prepared?.text === query ? this.#prepared.plan.leftOut : 0;
  }

  /** The strongest terms of passages taken for relevant, with their shares. */
  feedbackTerms(passages: readonly FeedbackPassage[]): Map<string, number> {
    return this.#feedback.terms(passages);
  }

  get version(): number {
    return this.#version;
  }

  /** Terms of an average row. */
  get averageLength(): number {
    return this.#statistics().average;
  }

  /** Inverse document frequency, estimated from a part of the index: to choose terms by, not to score with. */
  sampledIdf(term: string): number {
    return inverseDocumentFrequency(this.#lexicon.sampledRows, this.#lexicon.sampled(term));
  }

  /** Of a term that no row holds. */
  get greatestIdf(): number {
    return inverseDocumentFrequency(this.#lexicon.sampledRows, 0);
  }

  /** Inverse document frequency. */
  idf(term: string): number {
    return inverseDocumentFrequency(this.#lexicon.rowCount, this.#lexicon.frequency(term));
  }

  /** Lets go of posting lists kept for queries to come. @returns bytes freed */
  dropLists(): number {
    this.#scorer.settle();
    return this.#scorer.lists.clear();
  }

  /** UTF-16 ranges of `text` that match the query's terms, ascending. */
  highlight(text: string, query: string): [number, number][] {
    const prepared =
      this.#prepared?.text === query ? this.#prepared.plan : planQuery(query, this.#lexicon, this.#options);
    return highlightTerms(text, new Set(prepared.terms.keys()));
  }

  memory(): readonly { name: string; bytes: number }[] {
    const segments = this.#lexicon.segments.reduce((sum, { bytes }) => sum + bytes, 0);
    return [
      { name: "words: dictionary and lengths", bytes: segments },
      {
        name: "words: scratch",
        bytes: this.#scorer.bytes + this.#lexicon.bytes + this.#feedback.bytes + this.#phrases.bytes,
      },
      { name: "words: lists", bytes: this.#scorer.lists.bytes },
      { name: "words: tail", bytes: this.#tail.bytes },
    ];
  }

  [Symbol.dispose](): void {
    this.#scorer.settle();
    for (const segment of this.#lexicon.segments) segment[Symbol.dispose]();
    this.#lexicon.segments = [];
    this.#lexicon[Symbol.dispose]();
    this.#scorer[Symbol.dispose]();
    this.#phrases[Symbol.dispose]();
    this.#tail.trim(Number.MAX_SAFE_INTEGER);
    this.#prepared = undefined;
  }

  /** Plan, idf and postings of a query; kept for the `scoreRows` and `highlight` that follow a search. */
  async #prepare(text: string): Promise<Prepared> {
    const known = this.#prepared;
    const { lists } = this.#scorer;
    if (known?.text === text && known.version === this.#version && lists.holds(known.generation))
      return known;
    const version = this.#version;
    const { generation } = lists;
    const plan = planQuery(text, this.#lexicon, this.#options);
    const weights = this.#weighted(plan.terms);
    const postings = await this.#read(termsToRead(plan));
    const prepared = { text, version, generation, plan, weights, postings };
    this.#prepared = prepared;
    return prepared;
  }

  /** Before lists are read: they stay where they are until it is given back. */
  #lease(): Disposable {
    return this.#scorer.lists.lease(this.#statistics());
  }

  #weighted(terms: ReadonlyMap<string, number>): Map<string, number> {
    const weighted = new Map<string, number>();
    terms.forEach((weight, term) => {
      weighted.set(term, weight * this.idf(term));
    });
    return weighted;
  }

  #read(terms: readonly string[]): Promise<QueryPostings> {
    return readPostings(this.#lexicon, terms, this.#scorer.lists);
  }

  #rank(prepared: WeightedQuery, options: SearchOptions): Hits {
    return this.#beginRank(prepared, options).finish();
  }

  #beginRank(prepared: WeightedQuery, options: SearchOptions): { finish(): Hits } & Disposable {
    const heap = new TopK(Math.min(options.k, this.#lexicon.rowCount));
    const statistics = this.#statistics();
    const settle = this.#scorer.begin(prepared, statistics, heap, options);
    this.#rankTail(prepared, statistics, heap, options);
    return {
      finish: () => {
        settle();
        return heap.drain();
      },
      [Symbol.dispose]: settle,
    };
  }

  #scoreAll(weights: ReadonlyMap<string, number>, postings: QueryPostings, rows: Uint32Array): Float64Array {
    const statistics = this.#statistics();
    const scores = this.#scorer.score({ weights, postings }, statistics, rows);
    this.#scoreInTail(weights, statistics, rows, scores);
    return scores;
  }

  /** Ranks ever deeper until `k` candidates really hold the phrases. */
  async #searchPhrases(prepared: Prepared, options: SearchOptions): Promise<Hits> {
    const hasPhrases = this.#phrases.matcher(prepared.plan.phrases);
    // by row: texts are awaited, and rows that come meanwhile change the next ranking
    const checked = new Map<number, boolean>();
    // all rows with the terms are scored for every depth: few steps
    for (let depth = Math.max(256, options.k * 16); ; depth *= 16) {
      const { rows, scores } = this.#rank(prepared, { ...options, k: depth });
      const kept: number[] = [];
      const willDo = options.enough?.();
      let isDone = rows.length < depth;
      for (let i = 0; i < rows.length; i++) {
        const row = rows[i]!;
        let held = checked.get(row);
        if (held === undefined) {
          const text = this.#options.textOf!(row);
          held = hasPhrases(text instanceof Promise ? await text : text);
        }
        checked.set(row, held);
        if (!held) continue;
        kept.push(i);
        if (kept.length < options.k && !willDo?.(row)) continue;
        isDone = true;
        break;
      }
      if (isDone) {
        return {
          rows: Uint32Array.from(kept, (i) => rows[i]!),
          scores: Float32Array.from(kept, (i) => scores[i]!),
        };
      }
    }
  }

  #rankTail(
    { plan, weights }: WeightedQuery,
    statistics: RowStatistics,
    heap: TopK,
    options: SearchOptions,
  ): void {
    const tail = this.#tail;
    if (tail.rows.length === 0) return;
    const places = (term: string): readonly number[] => tail.terms.get(term)?.places ?? [];
    const allowed = allowedOrdinals(plan, (term) => RowSet.from(places(term)));
    const sums = new Map<number, number>();
    for (const [term, weight] of weights) {
      tail.terms.get(term)?.places.forEach((place, i) => {
        const frequency = tail.terms.get(term)!.frequencies[i]!;
        const norm = lengthNorm(tail.lengths[place]!, statistics.average, statistics.k1, statistics.b);
        sums.set(place, (sums.get(place) ?? 0) + weight * saturation(frequency, norm, statistics.k1));
      });
    }
    for (const [place, score] of [...sums].sort(([a], [b]) => a - b)) {
      const row = tail.rows[place]!;
      if (allowed(place) && wanted(options, score, row)) heap.push(score, row);
    }
  }

  #scoreInTail(
    weights: ReadonlyMap<string, number>,
    { average, k1, b }: RowStatistics,
    rows: Uint32Array,
    scores: Float64Array,
  ): void {
    const tail = this.#tail;
    if (tail.rows.length === 0 || rows.length === 0) return;
    const placeOf = new Map(tail.rows.map((row, place) => [row, place]));
    rows.forEach((row, i) => {
      const place = placeOf.get(row);
      if (place === undefined) return;
      for (const [term, weight] of weights) {
        const at = tail.terms.get(term)?.places.indexOf(place) ?? -1;
        if (at < 0) continue;
        scores[i]! +=
          weight *
          saturation(
            tail.terms.get(term)!.frequencies[at]!,
            lengthNorm(tail.lengths[place]!, average, k1, b),
            k1,
          );
      }
    });
  }

  #statistics(): RowStatistics {
    let tokens = this.#tail.tokens;
    for (const segment of this.#lexicon.segments) tokens += segment.tokens;
    return {
      average: Math.max(1, tokens / Math.max(1, this.#lexicon.rowCount)),
      k1: this.#options.k1,
      b: this.#options.b,
    };
  }
}
