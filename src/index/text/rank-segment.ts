/** BM25 within one attached segment: its best rows for a query, or the scores of given rows. */
import type {
  HeldLists,
  ListSource,
  RankedSegment,
  RowStatistics,
  WasmPostings,
  WeightedList,
} from "../../kernels/index.ts";
import type { MaybePromise } from "../../storage/store.ts";
import { isAfter } from "../hits.ts";
import { RowSet } from "../row-set.ts";
import { fewOrdinals, ordinalOf, rowAt, type SearchOptions } from "../segment.ts";
import type { Lexicon, TermEntries } from "./lexicon.ts";
import { PostingList } from "./postings.ts";
import type { QueryPlan } from "./query-plan.ts";
import type { WordsSegment } from "./words-segment.ts";

/** Those of some terms that one segment has, their lists held for as long as the lease that they were read under. */
export interface SegmentPostings {
  readonly segment: WordsSegment;
  readonly entries: TermEntries;
}

/** To be called under a lease of `held`. */
export function readPostings(
  lexicon: Lexicon,
  number: number,
  terms: readonly string[],
  held: HeldLists,
): MaybePromise<SegmentPostings> {
  const segment = lexicon.segments[number]!;
  const entries = lexicon.entries(terms, number, held);
  const { places } = entries.missing;
  if (places.length === 0) return { segment, entries };
  const hold = (lists: ListSource): SegmentPostings => {
    for (const [index, place] of places.entries()) {
      const list = held.put(lists, index, entries.frequencies[place]!, segment.lengths);
      entries.lists[place] = list;
      lexicon.hold(entries.terms[place]!, segment, list, held.generation);
    }
    return { segment, entries };
  };
  const read = segment.readPostings(entries.missing);
  return read instanceof Promise ? read.then(hold) : hold(read);
}

/** A segment whose lists a scorer holds, until it is given others. */
export interface LoadedSegment {
  readonly scorer: WasmPostings;
  readonly held: HeldLists;
  readonly postings: SegmentPostings;
  readonly weights: ReadonlyMap<string, number>;
  /** Postings of all its lists. */
  readonly count: number;
}

/** Gives the scorer the lists of weighted terms. */
export function loadSegment(
  scorer: WasmPostings,
  held: HeldLists,
  postings: SegmentPostings,
  weights: ReadonlyMap<string, number>,
  statistics: RowStatistics,
): LoadedSegment {
  const { segment, entries } = postings;
  const { terms, frequencies } = entries;
  const lists: WeightedList[] = [];
  let count = 0;
  for (let i = 0; i < terms.length; i++) {
    const weight = weights.get(terms[i]!);
    if (weight === undefined) continue;
    const frequency = frequencies[i]!;
    lists.push({ list: entries.lists[i]!, count: frequency, weight });
    count += frequency;
  }
  if (count > 0) scorer.load(lists, held, segment.lengths, statistics);
  return { scorer, held, postings, weights, count };
}

/** Where rows under work stand among those asked for, and in the segment. */
let places = new Uint32Array(256);
let ordinals = new Uint32Array(256);

/** Writes the BM25 of `rows` [from, to), ascending, to `scores`; those that the segment does not hold stay as they are. */
export function scoreInSegment(
  { scorer, postings, count }: LoadedSegment,
  rows: Uint32Array,
  from: number,
  to: number,
  scores: Float64Array,
): void {
  if (count === 0 || to <= from) return;
  if (places.length < rows.length) {
    places = new Uint32Array(rows.length);
    ordinals = new Uint32Array(rows.length);
  }
  let held = 0;
  for (let place = from; place < to; place++) {
    const ordinal = ordinalOf(postings.segment.rows, rows[place]!);
    if (ordinal < 0) continue;
    places[held] = place;
    ordinals[held++] = ordinal;
  }
  const found = scorer.score(ordinals.subarray(0, held));
  for (let i = 0; i < held; i++) scores[places[i]!] = found[i]!;
}

/** Ordinals of the only rows of a segment that can be found, ascending, where they are few: each is scored. */
export function onlyOrdinals(
  loaded: LoadedSegment,
  plan: QueryPlan,
  { filter }: SearchOptions,
): Uint32Array | undefined {
  const few = (filter && fewOrdinals(filter, loaded.postings.segment.rows)) ?? requiredOrdinals(loaded, plan);
  if (!few || !restricts(plan)) return few;
  const isAllowed = allowedOrdinals(plan, (term) => ordinalsOf(loaded, term));
  return few.filter(isAllowed);
}

/** What the kernel ranks by. */
export function rankedSegment(
  loaded: LoadedSegment,
  plan: QueryPlan,
  { filter }: SearchOptions,
): RankedSegment<WasmPostings> {
  const { scorer, postings } = loaded;
  const { rows, ids } = postings.segment;
  const ranked = { scorer, rows: { count: rows.count, base: rows.base ?? 0, ids } };
  if (!restricts(plan)) return { ...ranked, allowed: filter?.words };
  // what a query requires was looked up: it has but to lack what is excluded
  const [first, end] = rows.count === 0 ? [0, 0] : [rowAt(rows, 0), rowAt(rows, rows.count - 1) + 1];
  const allowed = RowSet.range(first, end);
  for (const banned of bannedOrdinals(plan, (term) => ordinalsOf(loaded, term)))
    for (const ordinal of banned) allowed.delete(rowAt(rows, ordinal));
  return { ...ranked, allowed: (filter ? allowed.and(filter) : allowed).words };
}

export function wanted({ filter, minScore, after }: SearchOptions, score: number, row: number): boolean {
  if (filter && !filter.has(row)) return false;
  const rounded = Math.fround(score);
  return !(minScore !== undefined && rounded < minScore) && !(after && !isAfter(after, rounded, row));
}

function ordinalsOf({ held, postings }: LoadedSegment, term: string): RowSet {
  const { terms, lists, frequencies } = postings.entries;
  const set = new RowSet();
  const at = terms.indexOf(term);
  if (at < 0) return set;
  const list = new PostingList(held.listBytes(lists[at]!), frequencies[at]!);
  for (let block = 0; block < list.blocks; block++) {
    const size = list.decode(block);
    for (let i = 0; i < size; i++) set.add(list.ordinals[i]!);
  }
  return set;
}

/** Rows that hold what the query requires, when it requires anything: scoring them takes less than looking for the best of all. */
function requiredOrdinals(loaded: LoadedSegment, { required }: QueryPlan): Uint32Array | undefined {
  if (required.length === 0) return undefined;
  const sets = required.map((group) => anyOf(group, (term) => ordinalsOf(loaded, term)));
  const { count } = loaded.postings.segment.rows;
  return sets.reduce((a, b) => a.and(b)).within(0, count, count);
}

function anyOf(group: readonly string[], rowsOf: (term: string) => RowSet): RowSet {
  return group.map(rowsOf).reduce((a, b) => a.or(b), new RowSet());
}

function restricts({ required, excluded }: Pick<QueryPlan, "required" | "excluded">): boolean {
  return required.length > 0 || excluded.length > 0;
}

/** Rows that have all groups of an excluded clause, clause by clause. */
function bannedOrdinals(
  { excluded }: Pick<QueryPlan, "excluded">,
  rowsOf: (term: string) => RowSet,
): RowSet[] {
  return excluded.map((groups) => groups.map((group) => anyOf(group, rowsOf)).reduce((a, b) => a.and(b)));
}

/** Whether a row meets the required and excluded groups. */
export function allowedOrdinals(
  { required, excluded }: QueryPlan,
  rowsOf: (term: string) => RowSet,
): (ordinal: number) => boolean {
  if (!restricts({ required, excluded })) return () => true;
  const needs = required.map((group) => anyOf(group, rowsOf));
  const bans = bannedOrdinals({ excluded }, rowsOf);
  return (ordinal) => needs.every((set) => set.has(ordinal)) && !bans.some((set) => set.has(ordinal));
}
