/** BM25 within one attached segment: its best rows for a query, or the scores of given rows. */
import {
  type ListSource,
  listBytes,
  listsOf,
  type PostingScorer,
  type RowStatistics,
  type WeightedList,
} from "../../kernels/index.ts";
import type { MaybePromise } from "../../storage/store.ts";
import { isAfter } from "../hits.ts";
import { RowSet } from "../row-set.ts";
import { fewOrdinals, ordinalOf, type RowIds, rowAt, type SearchOptions } from "../segment.ts";
import type { TopK } from "../top-k.ts";
import type { TermEntry } from "./dictionary.ts";
import type { Lexicon } from "./lexicon.ts";
import { type Collector, maxScore } from "./max-score.ts";
import type { QueryPlan } from "./query-plan.ts";
import { listOf, type WordsSegment } from "./words-segment.ts";

/** Posting lists of those of some terms that one segment has: parallel lists, which a search makes many of. */
export interface SegmentPostings {
  readonly segment: WordsSegment;
  readonly terms: readonly string[];
  readonly entries: readonly TermEntry[];
  readonly lists: ListSource;
}

const NO_LISTS = listsOf([]);

export function readPostings(
  lexicon: Lexicon,
  number: number,
  terms: readonly string[],
): MaybePromise<SegmentPostings> {
  const segment = lexicon.segments[number]!;
  const found: string[] = [];
  const entries: TermEntry[] = [];
  for (const term of terms) {
    const entry = lexicon.entry(term, number);
    if (!entry) continue;
    found.push(term);
    entries.push(entry);
  }
  if (found.length === 0) return { segment, terms: found, entries, lists: NO_LISTS };
  const read = segment.readPostings(entries);
  if (!(read instanceof Promise)) return { segment, terms: found, entries, lists: read };
  return read.then((lists) => ({ segment, terms: found, entries, lists }));
}

/** A segment whose lists the scorer holds, until it is given others. */
export interface LoadedSegment {
  readonly scorer: PostingScorer;
  readonly postings: SegmentPostings;
  readonly weights: ReadonlyMap<string, number>;
  /** How many of the weighted terms the segment has. */
  readonly lists: number;
}

/** Gives the scorer the lists of weighted terms. @param filter rows that ranking may find */
export function loadSegment(
  scorer: PostingScorer,
  postings: SegmentPostings,
  weights: ReadonlyMap<string, number>,
  statistics: RowStatistics,
  filter?: RowSet,
): LoadedSegment {
  const { segment, terms, entries } = postings;
  const lists: WeightedList[] = [];
  for (let i = 0; i < terms.length; i++) {
    const weight = weights.get(terms[i]!);
    if (weight !== undefined)
      lists.push({ lists: postings.lists, index: i, count: entries[i]!.frequency, weight });
  }
  const { base } = segment.rows;
  const allowed = filter && base !== null ? { words: filter.words, first: base } : undefined;
  if (lists.length > 0) scorer.load(lists, segment.lengths, statistics, allowed);
  return { scorer, postings, weights, lists: lists.length };
}

/** Where rows under work stand among those asked for, and in the segment. */
let places = new Uint32Array(256);
let ordinals = new Uint32Array(256);

/** Writes the BM25 of `rows`, ascending, to `scores`; those that the segment does not hold stay as they are. */
export function scoreInSegment(
  { scorer, postings, lists }: LoadedSegment,
  rows: Uint32Array,
  scores: Float64Array,
): void {
  if (lists === 0 || rows.length === 0) return;
  if (places.length < rows.length) {
    places = new Uint32Array(rows.length);
    ordinals = new Uint32Array(rows.length);
  }
  let held = 0;
  for (let place = 0; place < rows.length; place++) {
    const ordinal = ordinalOf(postings.segment.rows, rows[place]!);
    if (ordinal < 0) continue;
    places[held] = place;
    ordinals[held++] = ordinal;
  }
  scorer.setCandidates(ordinals.subarray(0, held));
  for (let list = 0; list < lists; list++) scorer.complete(list);
  const found = scorer.candidates().scores;
  for (let i = 0; i < held; i++) scores[places[i]!] = found[i]!;
}

/** Brings the best rows of a segment to the heap. */
export function rankSegment(
  { scorer, postings, lists }: LoadedSegment,
  plan: QueryPlan,
  heap: TopK,
  options: SearchOptions,
): void {
  if (lists === 0) return;
  const { rows } = postings.segment;
  const { filter } = options;
  const collector = new RowCollector(postings, plan, heap, options);
  const few = (filter && fewOrdinals(filter, rows)) ?? requiredOrdinals(postings, plan);
  if (few) {
    scorer.setCandidates(few);
    for (let list = 0; list < lists; list++) scorer.complete(list);
    const found = scorer.candidates();
    for (let i = 0; i < found.count; i++) collector.collect(found.rows[i]!, found.scores[i]!);
  } else maxScore(scorer, lists, rows.count, collector);
}

/** Brings rows that may be found to the heap. */
class RowCollector implements Collector {
  readonly most: number;
  readonly #rows: RowIds;
  readonly #heap: TopK;
  readonly #options: SearchOptions;
  readonly #allowed: ((ordinal: number) => boolean) | undefined;

  constructor(postings: SegmentPostings, plan: QueryPlan, heap: TopK, options: SearchOptions) {
    const { rows } = postings.segment;
    const byScoreAlone = !options.after && !restricts(plan) && (!options.filter || rows.base !== null);
    this.most = byScoreAlone ? heap.capacity : Number.POSITIVE_INFINITY;
    this.#rows = rows;
    this.#heap = heap;
    this.#options = options;
    this.#allowed = restricts(plan) ? allowedOrdinals(plan, (term) => ordinalsOf(postings, term)) : undefined;
  }

  get threshold(): number {
    return Math.max(this.#heap.threshold, this.#options.minScore ?? Number.NEGATIVE_INFINITY);
  }

  collect(ordinal: number, score: number): void {
    if (score <= 0) return;
    const row = rowAt(this.#rows, ordinal);
    if (wanted(this.#options, score, row) && (!this.#allowed || this.#allowed(ordinal)))
      this.#heap.push(score, row);
  }
}

export function wanted({ filter, minScore, after }: SearchOptions, score: number, row: number): boolean {
  if (filter && !filter.has(row)) return false;
  const rounded = Math.fround(score);
  return !(minScore !== undefined && rounded < minScore) && !(after && !isAfter(after, rounded, row));
}

function ordinalsOf({ terms, entries, lists }: SegmentPostings, term: string): RowSet {
  const set = new RowSet();
  const at = terms.indexOf(term);
  if (at < 0) return set;
  const list = listOf(listBytes(lists, at), entries[at]!);
  for (let block = 0; block < list.blocks; block++) {
    const size = list.decode(block);
    for (let i = 0; i < size; i++) set.add(list.ordinals[i]!);
  }
  return set;
}

/** Rows that hold what the query requires, when it requires anything: scoring them takes less than looking for the best of all. */
function requiredOrdinals(postings: SegmentPostings, { required }: QueryPlan): Uint32Array | undefined {
  if (required.length === 0) return undefined;
  const sets = required.map((group) => anyOf(group, (term) => ordinalsOf(postings, term)));
  const { count } = postings.segment.rows;
  return sets.reduce((a, b) => a.and(b)).within(0, count, count);
}

function anyOf(group: readonly string[], rowsOf: (term: string) => RowSet): RowSet {
  return group.map(rowsOf).reduce((a, b) => a.or(b), new RowSet());
}

function restricts({ required, excluded }: Pick<QueryPlan, "required" | "excluded">): boolean {
  return required.length > 0 || excluded.length > 0;
}

/** Whether a row meets the required and excluded groups. */
export function allowedOrdinals(
  { required, excluded }: QueryPlan,
  rowsOf: (term: string) => RowSet,
): (ordinal: number) => boolean {
  if (!restricts({ required, excluded })) return () => true;
  const any = (group: readonly string[]): RowSet => anyOf(group, rowsOf);
  const needs = required.map(any);
  const bans = excluded.map((groups) => groups.map(any).reduce((a, b) => a.and(b)));
  return (ordinal) => needs.every((set) => set.has(ordinal)) && !bans.some((set) => set.has(ordinal));
}
