/** Places of an item's text as a reader is told them: in characters and bytes, by line, with the words around. */
import type { MaybePromise } from "../../storage/store.ts";
import type { ItemRecord, PassagePlace } from "../item-record.ts";
import type { RowPlace } from "../library.ts";
import type { Occurrence } from "../quote-and-tag.ts";
import { recordOf } from "../read-item.ts";
import { placeInBytes } from "./in-bytes.ts";
import type { Places } from "./walk.ts";

/** Characters of a line shown before and behind a place; UTF-8 takes at most four bytes for one. */
const AROUND = 80;
const AROUND_BYTES = 4 * AROUND;
const SHORT_BYTES = 1 << 18;
/** Bytes decoded at once on the way to a place. */
const STEP_BYTES = 1 << 20;
const NEWLINE = 0x0a;

const decoder = new TextDecoder("utf-8", { ignoreBOM: true });

/** A place up to which characters and lines have been counted. */
interface Mark {
  readonly byte: number;
  readonly unit: number;
  readonly line: number;
}

type Read = (start: number, end: number) => MaybePromise<Uint8Array>;

/** @param places ascending, of the item's text */
export async function occurrencesOf(item: RowPlace, places: Places): Promise<Occurrence[]> {
  const record = await recordOf(item);
  const length = item.segment ? item.segment.items.textLength(item.item) : item.item.text.length;
  const read = await reader(item, length);
  if (record.head.binary) return inBytes(record, read, length, places);
  const passages = record.places.toSorted((a, b) => a.startByte - b.startByte);
  const found: Occurrence[] = [];
  const start: Mark = { byte: 0, unit: 0, line: 1 };
  // lines of passages are those of the source, in which the text may begin further down
  const lead = await advanced(read, start, Math.min(passages[0]?.startByte ?? 0, length));
  const shift = lead.line - (passages[0]?.line ?? 1);
  let mark = start;
  for (const [startByte, endByte] of places) {
    mark = await advanced(read, nearest(mark, passages, startByte, shift), startByte);
    found.push(await occurrenceAt(record, read, length, mark, startByte, endByte));
  }
  return found;
}

/** Of an item that is no text: lines are counted by newlines all the same. */
async function inBytes(
  { head }: ItemRecord,
  read: Read,
  length: number,
  places: Places,
): Promise<Occurrence[]> {
  const found: Occurrence[] = [];
  let mark: Mark = { byte: 0, unit: 0, line: 1 };
  for (const [startByte, endByte] of places) {
    mark = await advanced(read, mark, startByte);
    const from = Math.max(0, startByte - AROUND);
    const bytes = await read(from, Math.min(length, endByte + AROUND));
    found.push(placeInBytes(head, bytes, from, startByte, endByte, mark.line));
  }
  return found;
}

/** A short text is read once. */
async function reader({ segment, item }: RowPlace, length: number): Promise<Read> {
  if (segment && length > SHORT_BYTES) return (start, end) => segment.items.text(item, start, end);
  const text = segment ? await segment.items.text(item) : item.text;
  return (start, end) => text.subarray(start, end);
}

/** The last mark at or before a byte: what has been counted, or where a passage begins. */
function nearest(mark: Mark, passages: readonly PassagePlace[], byte: number, shift: number): Mark {
  let low = 0;
  for (let high = passages.length; low < high; ) {
    const middle = (low + high) >>> 1;
    if (passages[middle]!.startByte <= byte) low = middle + 1;
    else high = middle;
  }
  const passage = passages[low - 1];
  if (!passage || passage.startByte <= mark.byte) return mark;
  return { byte: passage.startByte, unit: passage.start, line: passage.line + shift };
}

/** A place within a letter counts as its beginning. */
async function advanced(read: Read, mark: Mark, byte: number): Promise<Mark> {
  let { unit, line } = mark;
  for (let at = mark.byte; at < byte; at += STEP_BYTES) {
    const bytes = await read(at, Math.min(byte, at + STEP_BYTES));
    for (const one of bytes) {
      // a letter of four bytes is two units
      if ((one & 0xc0) !== 0x80) unit += one >= 0xf0 ? 2 : 1;
      if (one === NEWLINE) line++;
    }
  }
  return { byte, unit, line };
}

async function occurrenceAt(
  { head: { id, title } }: ItemRecord,
  read: Read,
  length: number,
  { unit, line }: Mark,
  startByte: number,
  endByte: number,
): Promise<Occurrence> {
  const from = Math.max(0, startByte - AROUND_BYTES - 4);
  const to = Math.min(length, endByte + AROUND_BYTES + 4);
  const bytes = await read(from, to);
  const first = letterStart(bytes, startByte - from);
  const last = letterEnd(bytes, endByte - from);
  const before = decoder.decode(bytes.subarray(letterEnd(bytes, 0), first));
  const text = decoder.decode(bytes.subarray(first, last));
  const after = decoder.decode(
    bytes.subarray(last, to === length ? undefined : letterStart(bytes, to - from - 4)),
  );
  const lead = before.slice(Math.max(before.lastIndexOf("\n") + 1, before.length - AROUND));
  const lineEnd = after.indexOf("\n");
  const trail = after.slice(0, Math.min(lineEnd < 0 ? after.length : lineEnd, AROUND));
  const start = first < startByte - from ? unit - unitsOf(bytes[first]!) : unit;
  return {
    id,
    title,
    start,
    end: start + text.length,
    startByte,
    endByte,
    line,
    text,
    snippet: lead + text + trail,
    highlight: [lead.length, lead.length + text.length],
  };
}

const unitsOf = (lead: number): number => (lead >= 0xf0 ? 2 : 1);
const isWithin = (byte: number | undefined): boolean => byte !== undefined && (byte & 0xc0) === 0x80;

/** First byte of the letter that a byte belongs to. */
function letterStart(bytes: Uint8Array, at: number): number {
  let start = at;
  while (start > 0 && isWithin(bytes[start])) start--;
  return start;
}

/** Where the letter ends that reaches over a place. */
function letterEnd(bytes: Uint8Array, at: number): number {
  let end = at;
  while (isWithin(bytes[end])) end++;
  return end;
}
