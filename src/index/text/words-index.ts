/** WordsIndex: BM25 over segments and tail under one set of statistics. */
import { MnemeError } from "../../errors.ts";
import type { MaybePromise } from "../../storage/store.ts";
import { type Hits, isAfter } from "../hits.ts";
import { RowSet } from "../row-set.ts";
import { ordinalOf, rowAt, type SearchOptions, type SegmentedIndex, type SegmentSource } from "../segment.ts";
import { TopK } from "../top-k.ts";
import { type Bm25Options, bm25Defaults, inverseDocumentFrequency, lengthNorm, saturation } from "./bm25.ts";
import type { TermEntry } from "./dictionary.ts";
import type { Vocabulary } from "./expand.ts";
import { highlightTerms } from "./highlight.ts";
import { type Collector, maxScore, type Statistics, TermCursor } from "./max-score.ts";
import { hasPhrase } from "./phrase.ts";
import { planQuery, type QueryPlan, termsToRead } from "./query-plan.ts";
import { listOf, WordsSegment } from "./words-segment.ts";
import { WordsTail } from "./words-tail.ts";

export interface WordsOptions extends Bm25Options {
  /** Correct words that do not occur in the index; default true. */
  readonly typos?: boolean;
  /** Text of a row, for verifying phrases; without it a phrase means all its words. */
  readonly textOf?: (row: number) => MaybePromise<string>;
}

/** Posting bytes of the plan's terms in one segment. */
type SegmentPostings = ReadonlyMap<string, { readonly entry: TermEntry; readonly bytes: Uint8Array }>;

interface Prepared {
  readonly text: string;
  readonly version: number;
  readonly plan: QueryPlan;
  /** Term -> weight x idf. */
  readonly weights: ReadonlyMap<string, number>;
  readonly postings: ReadonlyMap<WordsSegment, SegmentPostings>;
  readonly statistics: Statistics;
}

export class WordsIndex implements SegmentedIndex<string, string> {
  readonly #options: Required<Omit<WordsOptions, "textOf">> & Pick<WordsOptions, "textOf">;
  readonly #segments = new Map<number, WordsSegment>();
  readonly #tail = new WordsTail();
  /** Grows with every change: a prepared query of another version is stale. */
  #version = 0;
  #prepared: Prepared | undefined;

  constructor(options: WordsOptions = {}) {
    this.#options = { ...bm25Defaults, typos: true, ...options };
  }

  async attach(source: SegmentSource): Promise<void> {
    const segment = await WordsSegment.open(source);
    if (segment.lengths.length !== source.rows.count) {
      throw new MnemeError(
        "CORRUPT",
        `words: segment ${source.id} has lengths of ${segment.lengths.length} rows, expected ${source.rows.count}`,
      );
    }
    this.#segments.set(source.id, segment);
    this.#version++;
  }

  detach(segmentId: number): void {
    this.#segments.delete(segmentId);
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

  /** @param query words, "phrases", prefix*, fuzzy~, +must, -not */
  async search(query: string, options: SearchOptions): Promise<Hits> {
    const prepared = await this.#prepare(query);
    if (prepared.plan.phrases.length > 0 && this.#options.textOf)
      return this.#searchPhrases(prepared, options);
    return this.#rank(prepared, options);
  }

  /** BM25 of given rows, 0 for rows without any term: completes a fused list. */
  async scoreRows(query: string, rows: Uint32Array): Promise<Float32Array> {
    const { weights, postings, statistics } = await this.#prepare(query);
    const scores = new Float64Array(rows.length);
    for (const [segment, lists] of postings)
      scoreInSegment(segment, lists, weights, statistics, rows, scores);
    this.#scoreInTail(weights, statistics, rows, scores);
    return Float32Array.from(scores);
  }

  /** UTF-16 ranges of `text` that match the query's terms, ascending. */
  highlight(text: string, query: string): [number, number][] {
    const prepared =
      this.#prepared?.text === query
        ? this.#prepared.plan
        : planQuery(query, this.#vocabulary(), this.#options);
    return highlightTerms(text, new Set(prepared.terms.keys()));
  }

  memory(): readonly { name: string; bytes: number }[] {
    let bytes = 0;
    for (const segment of this.#segments.values()) bytes += segment.bytes;
    return [
      { name: "words: dictionary and lengths", bytes },
      { name: "words: tail", bytes: this.#tail.bytes },
    ];
  }

  [Symbol.dispose](): void {
    this.#segments.clear();
    this.#tail.trim(Number.MAX_SAFE_INTEGER);
    this.#prepared = undefined;
  }

  /** Plan, idf and postings of a query; kept for the `scoreRows` and `highlight` that follow a search. */
  async #prepare(text: string): Promise<Prepared> {
    if (this.#prepared?.text === text && this.#prepared.version === this.#version) return this.#prepared;
    const version = this.#version;
    const vocabulary = this.#vocabulary();
    const plan = planQuery(text, vocabulary, this.#options);
    const rows = this.#rowCount();
    const weights = new Map(
      [...plan.terms].map(([term, weight]) => [
        term,
        weight * inverseDocumentFrequency(rows, vocabulary.frequency(term)),
      ]),
    );
    const postings = new Map<WordsSegment, SegmentPostings>();
    const names = termsToRead(plan);
    for (const segment of this.#segments.values()) postings.set(segment, await readTerms(segment, names));
    const prepared = { text, version, plan, weights, postings, statistics: this.#statistics() };
    this.#prepared = prepared;
    return prepared;
  }

  #rank(prepared: Prepared, options: SearchOptions): Hits {
    const heap = new TopK(Math.min(options.k, this.#rowCount()));
    for (const [segment, lists] of [...prepared.postings].sort(([a], [b]) => firstRow(a) - firstRow(b))) {
      rankSegment(segment, lists, prepared, heap, options);
    }
    this.#rankTail(prepared, heap, options);
    return heap.drain();
  }

  /** Ranks ever deeper until `k` candidates really hold the phrases. */
  async #searchPhrases(prepared: Prepared, options: SearchOptions): Promise<Hits> {
    const { phrases } = prepared.plan;
    for (let depth = Math.max(64, options.k * 4); ; depth *= 4) {
      const hits = this.#rank(prepared, { ...options, k: depth });
      const kept: number[] = [];
      for (let i = 0; i < hits.rows.length && kept.length < options.k; i++) {
        const text = await this.#options.textOf!(hits.rows[i]!);
        if (phrases.every((phrase) => hasPhrase(text, phrase))) kept.push(i);
      }
      if (kept.length === options.k || hits.rows.length < depth) {
        return {
          rows: Uint32Array.from(kept, (i) => hits.rows[i]!),
          scores: Float32Array.from(kept, (i) => hits.scores[i]!),
        };
      }
    }
  }

  #rankTail({ plan, weights, statistics }: Prepared, heap: TopK, options: SearchOptions): void {
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
    { average, k1, b }: Statistics,
    rows: Uint32Array,
    scores: Float64Array,
  ): void {
    const tail = this.#tail;
    if (tail.rows.length === 0) return;
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

  #vocabulary(): Vocabulary {
    const frequencies = new Map<string, number>();
    return {
      frequency: (term) => {
        let total = frequencies.get(term);
        if (total === undefined) {
          total = this.#tail.terms.get(term)?.places.length ?? 0;
          for (const { dictionary } of this.#segments.values())
            total += dictionary.find(term)?.frequency ?? 0;
          frequencies.set(term, total);
        }
        return total;
      },
      startingWith: (prefix, visit) => this.#startingWith(prefix, visit),
    };
  }

  #startingWith(prefix: string, visit: (term: Uint8Array, length: number, frequency: number) => void): void {
    for (const { dictionary } of this.#segments.values()) {
      dictionary.startingWith(prefix, ({ buffer, length, frequency }) => visit(buffer, length, frequency));
    }
    const encoder = new TextEncoder();
    for (const [term, { places }] of this.#tail.terms) {
      if (!term.startsWith(prefix)) continue;
      const bytes = encoder.encode(term);
      visit(bytes, bytes.length, places.length);
    }
  }

  #rowCount(): number {
    let rows = this.#tail.rows.length;
    for (const segment of this.#segments.values()) rows += segment.lengths.length;
    return rows;
  }

  #statistics(): Statistics {
    let tokens = this.#tail.tokens;
    for (const segment of this.#segments.values()) tokens += segment.tokens;
    return {
      average: Math.max(1, tokens / Math.max(1, this.#rowCount())),
      k1: this.#options.k1,
      b: this.#options.b,
    };
  }
}

const firstRow = ({ source }: WordsSegment): number => (source.rows.count === 0 ? 0 : rowAt(source.rows, 0));

async function readTerms(segment: WordsSegment, terms: readonly string[]): Promise<SegmentPostings> {
  const found = terms.flatMap((term) => {
    const entry = segment.dictionary.find(term);
    return entry ? [{ term, entry }] : [];
  });
  const bytes = await segment.readPostings(found.map(({ entry }) => entry));
  return new Map(found.map(({ term, entry }, i) => [term, { entry, bytes: bytes[i]! }]));
}

function rankSegment(
  segment: WordsSegment,
  lists: SegmentPostings,
  { plan, weights, statistics }: Prepared,
  heap: TopK,
  options: SearchOptions,
): void {
  const cursors: TermCursor[] = [];
  for (const [term, weight] of weights) {
    const postings = lists.get(term);
    if (postings) cursors.push(new TermCursor(listOf(postings.bytes, postings.entry), weight, statistics));
  }
  if (cursors.length === 0) return;
  const allowed = allowedOrdinals(plan, (term) => ordinalsOf(lists, term));
  const { rows } = segment.source;
  const { filter } = options;
  const collector: Collector = {
    get threshold() {
      return Math.max(heap.threshold, options.minScore ?? Number.NEGATIVE_INFINITY);
    },
    allows: (ordinal) => (!filter || filter.has(rowAt(rows, ordinal))) && allowed(ordinal),
    collect: (ordinal, score) => {
      const row = rowAt(rows, ordinal);
      if (wanted(options, score, row)) heap.push(score, row);
    },
  };
  maxScore(cursors, segment.lengths, statistics, collector);
}

function wanted({ filter, minScore, after }: SearchOptions, score: number, row: number): boolean {
  if (filter && !filter.has(row)) return false;
  const rounded = Math.fround(score);
  return !(minScore !== undefined && rounded < minScore) && !(after && !isAfter(after, rounded, row));
}

function ordinalsOf(lists: SegmentPostings, term: string): RowSet {
  const set = new RowSet();
  const postings = lists.get(term);
  if (!postings) return set;
  const list = listOf(postings.bytes, postings.entry);
  for (let block = 0; block < list.blocks; block++) {
    const size = list.decode(block);
    for (let i = 0; i < size; i++) set.add(list.ordinals[i]!);
  }
  return set;
}

/** Whether a row meets the required and excluded groups. */
function allowedOrdinals(
  { required, excluded }: QueryPlan,
  rowsOf: (term: string) => RowSet,
): (ordinal: number) => boolean {
  if (required.length === 0 && excluded.length === 0) return () => true;
  const any = (group: readonly string[]): RowSet => group.map(rowsOf).reduce((a, b) => a.or(b), new RowSet());
  const needs = required.map(any);
  const bans = excluded.map((groups) => groups.map(any).reduce((a, b) => a.and(b)));
  return (ordinal) => needs.every((set) => set.has(ordinal)) && !bans.some((set) => set.has(ordinal));
}

function scoreInSegment(
  segment: WordsSegment,
  lists: SegmentPostings,
  weights: ReadonlyMap<string, number>,
  statistics: Statistics,
  rows: Uint32Array,
  scores: Float64Array,
): void {
  const places = Array.from(rows, (row, place) => ({
    place,
    ordinal: ordinalOf(segment.source.rows, row),
  })).filter(({ ordinal }) => ordinal >= 0);
  places.sort((a, b) => a.ordinal - b.ordinal);
  for (const [term, weight] of weights) {
    const postings = lists.get(term);
    if (!postings) continue;
    const cursor = new TermCursor(listOf(postings.bytes, postings.entry), weight, statistics);
    for (const { place, ordinal } of places) {
      const frequency = cursor.frequencyAt(ordinal);
      if (frequency === 0) continue;
      const norm = lengthNorm(segment.lengths[ordinal]!, statistics.average, statistics.k1, statistics.b);
      scores[place]! += weight * saturation(frequency, norm, statistics.k1);
    }
  }
}
