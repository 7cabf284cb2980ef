/**
 * Segments: immutable runs of rows. Every index of a library keeps its data as one set of named parts per segment plus a small
 * mutable tail in memory, so that building and merging are pure functions (any worker can run them) and a commit is one batch.
 * Row ids are global, ascending u32; inside a segment rows have ordinals 0..count-1 in row order.
 * Deletes are not the indexes' business: the library keeps one RowSet of live rows and passes it as the filter.
 */
import { type ListSource, listsOf } from "../kernels/index.ts";
import { lowerBound } from "../search-sorted.ts";
import type { MaybePromise } from "../storage/store.ts";
import type { Cursor, Hits } from "./hits.ts";
import type { RowSet } from "./row-set.ts";

/** Named byte strings of one segment; names are stable per kind. Large parts are paged by the library, not by the kind. */
export type Parts = Map<string, Uint8Array>;

/** Ordinal <-> row id. Contiguous until a merge drops rows. */
export interface RowIds {
  readonly count: number;
  /** Row id of ordinal 0 when rows are contiguous, else null. */
  readonly base: number | null;
  /** Ascending row ids when not contiguous, else null. */
  readonly ids: Uint32Array | null;
}

export interface ByteRange {
  readonly part: string;
  readonly start: number;
  readonly end: number;
}

/**
 * Ranges [starts[i], ends[i]) of one part, the first `count` of parallel lists: as objects they would be much of what searches leave to the
 * collector.
 */
export interface Ranges {
  readonly count: number;
  readonly starts: readonly number[];
  readonly ends: readonly number[];
}

/** Each range of some as `cut` gives it. */
export function cutRanges<T>(
  { count, starts, ends }: Ranges,
  cut: (start: number, end: number) => T,
): readonly T[] {
  return Array.from({ length: count }, (_, i) => cut(starts[i]!, ends[i]!));
}

/** Where an opened segment reads its parts. Reads are batched: one await per step of a query, never per term or row. */
export interface SegmentSource {
  readonly id: number;
  readonly rows: RowIds;
  /** Bytes of a part; 0 when absent. */
  size(part: string): number;
  /** Owned copies or views of immutable memory, safe to keep. @param room makes the arrays of copies, for those who keep what they read in another form: mapped pages are not cached for them */
  read(ranges: readonly ByteRange[], room?: (bytes: number) => Uint8Array): MaybePromise<Uint8Array[]>;
  /** Ranges of one part, to be copied from later: the ranges may not change until then. */
  hold(part: string, ranges: Ranges): MaybePromise<ListSource>;
  /** Copies rows of `stride` bytes each, given by ordinal, back to back to `out`. */
  gather(part: string, stride: number, ordinals: Uint32Array, out: Uint8Array): MaybePromise<void>;
}

/** One input of a merge: all parts in memory. */
export interface SegmentInput {
  readonly rows: RowIds;
  readonly parts: Parts;
}

/**
 * What the library asks of an index room. `Row` is what the tail takes for one row (text, a vector ...).
 * `build` and `merge` are pure and deterministic; inputs of `merge` are in row order and do not overlap.
 */
export interface SegmentKind<Row> {
  readonly name: string;
  /** Grows when the bytes change; stored in the manifest, another version is refused by name. */
  readonly version: number;
  /** Parts of a new segment; row i of `rows` has ordinal i. */
  build(rows: readonly Row[]): Parts;
  /** Rows absent from `live` are dropped; ordinals close ranks in row order. */
  merge(inputs: readonly SegmentInput[], live: RowSet): Parts;
}

export interface SearchOptions {
  readonly k: number;
  /** Only these rows (live rows and metadata filters, already intersected); absent: every row. */
  readonly filter?: RowSet | undefined;
  /** Drop hits below this score. */
  readonly minScore?: number;
  /** Go on after this place. */
  readonly after?: Cursor;
  readonly signal?: AbortSignal;
  /**
   * Makes what is told rows as they are found, best first, and says whether those will do: an index that has to look at each row more
   * closely may stop there, with fewer than `k`.
   */
  readonly enough?: (() => (row: number) => boolean) | undefined;
}

/** The searching side: segments come and go, the tail grows. All verbs take effect at once. */
export interface SegmentedIndex<Row, Query> extends Disposable {
  attach(segment: SegmentSource): MaybePromise<void>;
  detach(segmentId: number): void;
  /** Adds one row to the tail; ids ascend. */
  append(row: number, value: Row): void;
  /** Forgets tail rows up to and including `lastRow`: they are in a segment now. */
  trimTail(lastRow: number): void;
  search(query: Query, options: SearchOptions): MaybePromise<Hits>;
  /** Bytes of RAM held now, by structure. */
  memory(): readonly { readonly name: string; readonly bytes: number }[];
}

export function rowAt(rows: RowIds, ordinal: number): number {
  return rows.base === null ? rows.ids![ordinal]! : rows.base + ordinal;
}

/** Ordinal of `row`, or -1. */
export function ordinalOf(rows: RowIds, row: number): number {
  if (rows.base !== null) return row >= rows.base && row < rows.base + rows.count ? row - rows.base : -1;
  const ordinal = lowerBound(rows.ids!, row);
  return rows.ids![ordinal] === row ? ordinal : -1;
}

/** With a smaller share of its rows allowed, a segment's rows are scored one by one. */
const FEW = 1 / 16;

/** Ordinals of the rows that the filter lets through, ascending, when they are few; else undefined. */
export function fewOrdinals(filter: RowSet, rows: RowIds): Uint32Array | undefined {
  if (rows.count === 0) return new Uint32Array(0);
  const last = rowAt(rows, rows.count - 1);
  const found = filter.within(rowAt(rows, 0), last + 1, Math.floor(rows.count * FEW));
  return found?.map((row) => ordinalOf(rows, row)).filter((ordinal) => ordinal !== 0xffff_ffff);
}

export function contiguousRows(base: number, count: number): RowIds {
  return { base, count, ids: null };
}

/** Ordinals of each input that `live` keeps, and the row ids of the merged segment. Shared by every kind's merge. */
export function mergePlan(
  inputs: readonly SegmentInput[],
  live: RowSet,
): { kept: Uint32Array[]; rows: RowIds } {
  const kept: Uint32Array[] = [];
  const ids: number[] = [];
  for (const input of inputs) {
    const ordinals: number[] = [];
    for (let ordinal = 0; ordinal < input.rows.count; ordinal++) {
      const row = rowAt(input.rows, ordinal);
      if (!live.has(row)) continue;
      ordinals.push(ordinal);
      ids.push(row);
    }
    kept.push(Uint32Array.from(ordinals));
  }
  return { kept, rows: rowIdsOf(ids) };
}

/** Compact form of ascending ids. */
export function rowIdsOf(ids: readonly number[] | Uint32Array): RowIds {
  const count = ids.length;
  const base = count === 0 ? 0 : ids[0]!;
  const contiguous = count === 0 || ids[count - 1]! - base === count - 1;
  return contiguous ? { base, count, ids: null } : { base: null, count, ids: Uint32Array.from(ids) };
}

/** A segment over parts in memory: for tests, and for indexes used without a library. */
export function memorySegment(id: number, rows: RowIds, parts: Parts): SegmentSource {
  const cut = ({ part, start, end }: ByteRange): Uint8Array =>
    (parts.get(part) ?? new Uint8Array(0)).subarray(start, end);
  return {
    id,
    rows,
    size: (part) => parts.get(part)?.byteLength ?? 0,
    read: (ranges) => ranges.map(cut),
    hold: (part, ranges) => listsOf(cutRanges(ranges, (start, end) => cut({ part, start, end }))),
    gather: (part, stride, ordinals, out) => {
      const bytes = parts.get(part) ?? new Uint8Array(0);
      ordinals.forEach((o, i) => out.set(bytes.subarray(o * stride, (o + 1) * stride), i * stride));
    },
  };
}
