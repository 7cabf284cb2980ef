/** Every text of a library that may be found, in the order of rows, but those of some segments. */
import { throwIfAborted } from "../../errors.ts";
import type { RowSet } from "../../index/row-set.ts";
import { rowAt } from "../../index/segment.ts";
import type { Library, OpenSegment, RowPlace } from "../library.ts";
import { matchingRows } from "../select.ts";

/** Bytes of text read before others have their turn at the library. */
const BATCH_BYTES = 1 << 20;

interface ReadItem {
  readonly text: string;
  readonly row: number;
  readonly bytes: number;
}

/** @throws MnemeError CANCELLED */
export async function eachText(
  library: Library,
  isLeftOut: (segment: number) => boolean,
  textOf: (place: RowPlace) => Promise<string>,
  signal: AbortSignal | undefined,
  visit: (text: string, row: number, bytes: number) => Promise<void>,
): Promise<void> {
  const now = Date.now();
  for (let row: number | undefined = 0; row !== undefined; ) {
    throwIfAborted(signal, "overlaps");
    const at: number = row;
    const some = await library.gate.read(() =>
      batchFrom(library, at, matchingRows(library, undefined, now), isLeftOut, textOf),
    );
    for (const { text, row: own, bytes } of some.read) await visit(text, own, bytes);
    row = some.next;
  }
}

/** Some texts, of one segment or one of the tail. @returns the row to go on with, too */
async function batchFrom(
  library: Library,
  row: number,
  rows: RowSet | undefined,
  isLeftOut: (segment: number) => boolean,
  textOf: (place: RowPlace) => Promise<string>,
): Promise<{ read: ReadItem[]; next: number | undefined }> {
  const segment = library.segments.find(({ stored }) => stored.entry.last >= row);
  const item = library.tail.items.find(({ firstRow }) => firstRow >= row);
  if (segment && !(item && item.firstRow < segment.stored.entry.first)) {
    if (isLeftOut(segment.stored.entry.id)) return { read: [], next: segment.stored.entry.last + 1 };
    return ofSegment(segment, row, rows, textOf);
  }
  if (!item) return { read: [], next: undefined };
  const isThere = rows ? rows.has(item.firstRow) : library.live.has(item.firstRow);
  const text = isThere ? await textOf({ segment: null, item, passage: 0 }) : "";
  return { read: [{ text, row: item.firstRow, bytes: item.text.length }], next: item.firstRow + item.rows };
}

async function ofSegment(
  segment: OpenSegment,
  row: number,
  rows: RowSet | undefined,
  textOf: (place: RowPlace) => Promise<string>,
): Promise<{ read: ReadItem[]; next: number }> {
  const { stored, items } = segment;
  const read: ReadItem[] = [];
  let bytes = 0;
  for (let item = 0; item < items.count; item++) {
    const firstRow = rowAt(stored.rows, items.firstOrdinal(item));
    if (firstRow < row) continue;
    if (bytes >= BATCH_BYTES) return { read, next: firstRow };
    const isThere = rows === undefined || rows.has(firstRow);
    const text = isThere ? await textOf({ segment, item, passage: 0 }) : "";
    const size = items.textLength(item);
    read.push({ text, row: firstRow, bytes: size });
    bytes += size;
  }
  return { read, next: stored.entry.last + 1 };
}
