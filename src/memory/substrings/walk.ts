/**
 * The places of a pattern in all texts of a library, in the order of rows: by shards where a segment has them, by reading through where it
 * has none. The library may change between two steps; rows stay what they are, so that none is missed and none comes twice.
 */
import { throwIfAborted } from "../../errors.ts";
import type { Where } from "../../index/filter/where.ts";
import type { RowSet } from "../../index/row-set.ts";
import { rowAt } from "../../index/segment.ts";
import { PIECE_OVERLAP, type PieceTable } from "../../index/text/text-pieces.ts";
import { Pacer } from "../../pacer.ts";
import { lowerBound } from "../../search-sorted.ts";
import type { MaybePromise } from "../../storage/store.ts";
import type { SegmentItems } from "../items-kind.ts";
import type { Library, OpenSegment, RowPlace } from "../library.ts";
import { matchingRows } from "../select.ts";
import type { TailItem } from "../tail.ts";
import { eachPlace } from "./match.ts";
import type { Pattern } from "./pattern.ts";
import type { Found, ItemPlaces } from "./substrings.ts";

/** Bytes of text read through before others have their turn at the library. */
const BATCH_BYTES = 1 << 20;
/** Rough microseconds to locate one place, and to read a byte through. */
const [LOCATE, READ] = [5, 0.01];

/** Starts and ends, bytes of an item's text. */
export type Places = (readonly [start: number, end: number])[];

/** Takes what is found. */
export interface Sink {
  /** How many more places are wanted. */
  readonly wanted: number;
  /** Whether places need not be told, only how many there are. */
  readonly countsOnly: boolean;
  count(places: number): void;
  /** The place is good until it resolves. */
  take(item: RowPlace, row: number, places: Places): MaybePromise<void>;
}

export interface WalkOptions {
  readonly filter?: Where | undefined;
  /** Where to begin: an item's first row, and a byte of its text. */
  readonly from?: { readonly row: number; readonly byte: number } | undefined;
  readonly signal?: AbortSignal | undefined;
}

interface Walk {
  readonly library: Library;
  readonly pattern: Pattern;
  readonly sink: Sink;
  readonly from: { readonly row: number; readonly byte: number };
  readonly signal: AbortSignal | undefined;
}

/** @throws MnemeError CANCELLED, CORRUPT */
export async function walk(
  library: Library,
  pattern: Pattern,
  { filter, from = { row: 0, byte: 0 }, signal }: WalkOptions,
  sink: Sink,
): Promise<void> {
  await library.refresh();
  const now = Date.now();
  const one: Walk = { library, pattern, sink, from, signal };
  for (let row: number | undefined = from.row; row !== undefined && sink.wanted > 0; ) {
    throwIfAborted(signal, "substrings");
    const at: number = row;
    row = await library.gate.read(() => step(one, at, matchingRows(library, filter, now)));
  }
}

/** Looks at the next segment, a piece of it, or an item of the tail. @returns the row to go on with */
async function step(one: Walk, row: number, rows: RowSet | undefined): Promise<number | undefined> {
  const { segments, tail } = one.library;
  const segment = segments.find(({ stored }) => stored.entry.last >= row);
  const item = tail.items.find(({ firstRow }) => firstRow >= row);
  if (!segment && !item) return undefined;
  if (segment && !(item && item.firstRow < segment.stored.entry.first))
    return inSegment(one, segment, row, rows);
  await inTail(one, item!, rows);
  return item!.firstRow + item!.rows;
}

async function inTail(one: Walk, item: TailItem, rows: RowSet | undefined): Promise<void> {
  const { firstRow, text } = item;
  if (rows ? !rows.has(firstRow) : !one.library.live.has(firstRow)) return;
  const read = (start: number, end: number): Uint8Array => text.subarray(start, end);
  await through(one, { segment: null, item, passage: 0 }, firstRow, read, text.length, new Pacer());
}

async function inSegment(
  one: Walk,
  segment: OpenSegment,
  row: number,
  rows: RowSet | undefined,
): Promise<number> {
  const { entry } = segment.stored;
  const places = await byShards(one, segment, row, rows);
  if (places === undefined) return byReading(one, segment, row, rows);
  if (places !== "counted") await giveAll(one, segment, row, rows, places);
  return entry.last + 1;
}

/** @returns nothing where the segment has no shards, or reading is faster */
async function byShards(
  { library, pattern, sink, signal }: Walk,
  { stored, items }: OpenSegment,
  row: number,
  rows: RowSet | undefined,
): Promise<ItemPlaces | "counted" | undefined> {
  const { entry } = stored;
  return library.substrings.using(async (index, shards) => {
    if (!shards.some(({ segment }) => segment === entry.id)) return undefined;
    const pieces = library.substrings.piecesOf(entry.id);
    if (!pieces.isEmpty && pattern.most > PIECE_OVERLAP + 1) return undefined;
    const found = await library.substrings.find(index, shards, pattern);
    if (!found) return undefined;
    const count = found.countIn(entry.id);
    const isAll = rows === undefined || rows.countIn(entry.first, entry.last + 1) === stored.rows.count;
    if (count === 0 || (sink.countsOnly && isAll && row <= entry.first)) {
      sink.count(await countOnce(found, entry.id, pattern, pieces, items));
      return "counted";
    }
    const read = Math.min(1, sink.wanted / count) * items.textBytes * READ;
    return read < count * LOCATE ? undefined : found.locateIn(entry.id, signal);
  });
}

/** Places in a segment; those that two pieces of a text hold are told apart by locating all, or counted in what the two share. */
async function countOnce(
  found: Found,
  segment: number,
  pattern: Pattern,
  pieces: PieceTable,
  items: SegmentItems,
): Promise<number> {
  const count = found.countIn(segment);
  if (count === 0 || pieces.isEmpty) return count;
  if (count * LOCATE < pieces.count * PIECE_OVERLAP * READ)
    return (await found.locateIn(segment)).items.length;
  let twice = 0;
  for (const { text, start } of pieces.cuts()) {
    const shared = await items.text(text, start, start + PIECE_OVERLAP);
    eachPlace(shared, pattern, shared.length, () => {
      twice++;
      return true;
    });
  }
  return count - twice;
}

/** Places by item, of those that may be found. */
async function giveAll(
  one: Walk,
  segment: OpenSegment,
  row: number,
  rows: RowSet | undefined,
  { items, starts, ends }: ItemPlaces,
): Promise<void> {
  const { sink, from } = one;
  for (let at = 0; at < items.length && sink.wanted > 0; ) {
    const item = items[at]!;
    const firstRow = rowAt(segment.stored.rows, segment.items.firstOrdinal(item));
    const places: Places = [];
    for (; items[at] === item; at++) {
      const isBefore = firstRow < row || (firstRow === from.row && starts[at]! < from.byte);
      if (!isBefore && places.length < sink.wanted) places.push([starts[at]!, ends[at]!]);
    }
    if (places.length === 0 || (rows && !rows.has(firstRow))) continue;
    sink.count(places.length);
    await sink.take({ segment, item, passage: 0 }, firstRow, places);
  }
}

/** Some items of a segment. @returns the row to go on with */
async function byReading(
  one: Walk,
  segment: OpenSegment,
  row: number,
  rows: RowSet | undefined,
): Promise<number> {
  const { stored, items } = segment;
  const pacer = new Pacer();
  let bytes = 0;
  for (let item = firstItem(segment, row); item < items.count && one.sink.wanted > 0; item++) {
    const firstRow = rowAt(stored.rows, items.firstOrdinal(item));
    if (firstRow < row || (rows && !rows.has(firstRow))) continue;
    if (bytes >= BATCH_BYTES) return firstRow;
    const length = items.textLength(item);
    bytes += length;
    const read = (start: number, end: number): MaybePromise<Uint8Array> => items.text(item, start, end);
    await through(one, { segment, item, passage: 0 }, firstRow, read, length, pacer);
  }
  return stored.entry.last + 1;
}

/** Number of the item that holds the first row of a segment that is not before `row`. */
function firstItem({ stored: { rows }, items }: OpenSegment, row: number): number {
  const ordinal = rows.base === null ? lowerBound(rows.ids!, row) : Math.max(0, row - rows.base);
  return items.itemOf(Math.min(ordinal, rows.count - 1));
}

/** Reads one text through, a window at a time. */
async function through(
  { pattern, sink, from, signal }: Walk,
  item: RowPlace,
  row: number,
  read: (start: number, end: number) => MaybePromise<Uint8Array>,
  length: number,
  pacer: Pacer,
): Promise<void> {
  const first = row === from.row ? from.byte : 0;
  for (let at = first; at < length && sink.wanted > 0; at += BATCH_BYTES) {
    throwIfAborted(signal, "substrings");
    const bytes = await read(at, Math.min(length, at + BATCH_BYTES + pattern.most - 1));
    const places: Places = [];
    let found = 0;
    const { wanted, countsOnly } = sink;
    eachPlace(bytes, pattern, BATCH_BYTES, (start, end) => {
      if (!countsOnly) places.push([at + start, at + end]);
      return ++found < wanted;
    });
    if (found > 0) {
      sink.count(found);
      if (!countsOnly) await sink.take(item, row, places);
    }
    if (pacer.isDue) await pacer.pause();
  }
}
