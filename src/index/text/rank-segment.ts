/** BM25 within one attached segment: its best rows for a query, or the scores of given rows. */
import type { HeldLists, RankedSegment, RowStatistics, WasmPostings } from "../../kernels/index.ts";
import { isAfter } from "../hits.ts";
import { RowSet } from "../row-set.ts";
import { fewOrdinals, ordinalOf, rowAt, type SearchOptions } from "../segment.ts";
import { PostingList } from "./postings.ts";
import type { QueryPlan } from "./query-plan.ts";
import type { QueryPostings } from "./query-postings.ts";
import type { WordsSegment } from "./words-segment.ts";

/** A segment whose lists a scorer has, until it is given others. */
export interface LoadedSegment {
  readonly scorer: WasmPostings;
  readonly held: HeldLists;
  readonly postings: QueryPostings;
  /** Of the segment. */
  readonly number: number;
  readonly segment: WordsSegment;
  readonly weights: ReadonlyMap<string, number>;
  /** Postings of all its lists. */
  readonly count: number;
  /** Ordinals that hold what the query requires, once they were looked up. */
  required?: Uint32Array;
}

/** What a scorer is given: room that is used again. */
const weighted = { count: 0, lists: [] as number[], postings: [] as number[], weights: [] as number[] };

/** Gives the scorer the lists of weighted terms. */
export function loadSegment(
  scorer: WasmPostings,
  held: HeldLists,
  postings: QueryPostings,
  number: number,
  weights: ReadonlyMap<string, number>,
  statistics: RowStatistics,
): LoadedSegment {
  const segment = postings.segments[number]!;
  let count = 0;
  weighted.count = 0;
  for (let term = 0; term < postings.terms.length; term++) {
    const frequency = postings.frequency(number, term);
    const weight = frequency === 0 ? undefined : weights.get(postings.terms[term]!);
    if (weight === undefined) continue;
    const place = weighted.count++;
    weighted.lists[place] = postings.list(number, term);
    weighted.postings[place] = frequency;
    weighted.weights[place] = weight;
    count += frequency;
  }
  if (count > 0) scorer.load(weighted, held, segment.lengths, statistics);
  return { scorer, held, postings, number, segment, weights, count };
}

/** Where rows under work stand among those asked for, and in the segment. */
let places = new Uint32Array(256);
let ordinals = new Uint32Array(256);

/** Writes the BM25 of `rows` [from, to), ascending, to `scores`; those that the segment does not hold stay as they are. */
export function scoreInSegment(
  { scorer, segment, count }: LoadedSegment,
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
    const ordinal = ordinalOf(segment.rows, rows[place]!);
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
  { required, excluded }: QueryPlan,
  { filter }: SearchOptions,
): Uint32Array | undefined {
  const few = filter && fewOrdinals(filter, loaded.segment.rows);
  const held = few ? holdingAll(loaded, few, required) : requiredOrdinals(loaded, required);
  if (!held || excluded.length === 0) return held;
  return held.filter(allowedOrdinals({ required: [], excluded }, (term) => ordinalsOf(loaded, term)));
}

/** What the kernel ranks by. */
export function rankedSegment(
  loaded: LoadedSegment,
  plan: QueryPlan,
  { filter }: SearchOptions,
): RankedSegment<WasmPostings> {
  const { scorer, segment } = loaded;
  const { rows, ids } = segment;
  const ranked = { count: rows.count, base: rows.base ?? 0, ids };
  if (!restricts(plan)) return { scorer, rows: ranked, allowed: filter?.words };
  // what a query requires was looked up: it has but to lack what is excluded
  const [first, end] = rows.count === 0 ? [0, 0] : [rowAt(rows, 0), rowAt(rows, rows.count - 1) + 1];
  const allowed = RowSet.range(first, end);
  for (const banned of bannedOrdinals(plan, (term) => ordinalsOf(loaded, term)))
    for (const ordinal of banned) allowed.delete(rowAt(rows, ordinal));
  return { scorer, rows: ranked, allowed: (filter ? allowed.and(filter) : allowed).words };
}

export function wanted({ filter, minScore, after }: SearchOptions, score: number, row: number): boolean {
  if (filter && !filter.has(row)) return false;
  const rounded = Math.fround(score);
  return !(minScore !== undefined && rounded < minScore) && !(after && !isAfter(after, rounded, row));
}

function ordinalsOf(loaded: LoadedSegment, term: string): RowSet {
  const set = new RowSet(loaded.segment.rows.count);
  const list = listOf(loaded, term);
  for (let block = 0; list && block < list.blocks; block++) {
    const size = list.decode(block);
    for (let i = 0; i < size; i++) set.add(list.ordinals[i]!);
  }
  return set;
}

function frequencyOf({ postings, number }: LoadedSegment, term: string): number {
  const at = postings.terms.indexOf(term);
  return at < 0 ? 0 : postings.frequency(number, at);
}

/** Undefined where the segment lacks the term. */
function listOf(loaded: LoadedSegment, term: string): PostingList | undefined {
  const { held, postings, number } = loaded;
  const frequency = frequencyOf(loaded, term);
  if (frequency === 0) return undefined;
  return new PostingList(held.listBytes(postings.list(number, postings.terms.indexOf(term))), frequency);
}

/** Rows that hold what the query requires, when it requires anything: scoring them takes less than looking for the best of all. */
function requiredOrdinals(loaded: LoadedSegment, required: QueryPlan["required"]): Uint32Array | undefined {
  if (required.length === 0) return undefined;
  if (loaded.required) return loaded.required;
  const sizeOf = (group: readonly string[]): number =>
    group.reduce((sum, term) => sum + frequencyOf(loaded, term), 0);
  const [rarest, ...others] = [...required].sort((a, b) => sizeOf(a) - sizeOf(b));
  const { count } = loaded.segment.rows;
  const first = anyOf(rarest!, (term) => ordinalsOf(loaded, term)).within(0, count, count)!;
  loaded.required = holdingAll(loaded, first, others);
  return loaded.required;
}

/** Those of some ordinals, ascending, that hold a term of each group. */
function holdingAll(
  loaded: LoadedSegment,
  ordinals: Uint32Array,
  groups: QueryPlan["required"],
): Uint32Array {
  let left = ordinals;
  for (const group of groups) {
    const held = new Uint8Array(left.length);
    for (const term of group) listOf(loaded, term)?.find(left, held);
    left = left.filter((_, i) => held[i] === 1);
  }
  return left;
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
  { required, excluded }: Pick<QueryPlan, "required" | "excluded">,
  rowsOf: (term: string) => RowSet,
): (ordinal: number) => boolean {
  if (!restricts({ required, excluded })) return () => true;
  const needs = required.map((group) => anyOf(group, rowsOf));
  const bans = bannedOrdinals({ excluded }, rowsOf);
  return (ordinal) => needs.every((set) => set.has(ordinal)) && !bans.some((set) => set.has(ordinal));
}
