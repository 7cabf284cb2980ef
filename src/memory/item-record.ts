/**
 * The stored form of one item: the header of its cube and its heading paths as JSON, which compresses well in blocks and stays readable,
 * then the places of its passages as small numbers. Each part has its length in front, so that a hit parses no more than it shows.
 */
import { MnemeError } from "../errors.ts";
import { ByteReader, ByteWriter } from "../varint.ts";
import type { ItemHead, Place } from "./types.ts";

/** Where a passage lies: UTF-16 and UTF-8 offsets in the item's text, 1-based line and page, index into `headings`. */
export interface PassagePlace {
  readonly start: number;
  readonly end: number;
  readonly startByte: number;
  readonly endByte: number;
  readonly line: number;
  readonly heading: number;
  /** 0 when the format has no pages. */
  readonly page: number;
}

export interface ItemRecord {
  readonly head: ItemHead;
  /** Distinct heading paths, outermost first; passages refer to them by index. */
  readonly headings: readonly (readonly string[])[];
  readonly places: readonly PassagePlace[];
}

/** Set when UTF-8 offsets differ from UTF-16 ones, and when the format has pages. */
const OWN_BYTES = 1;
const PAGES = 2;

const encoder = new TextEncoder();
const decoder = new TextDecoder();

export function encodeItemRecord({ head, headings, places }: ItemRecord): Uint8Array {
  const out = new ByteWriter();
  for (const part of [head, headings]) {
    const json = encoder.encode(JSON.stringify(part));
    out.varint(json.length);
    out.bytes(json);
  }
  const ownBytes = places.some(({ start, end, startByte, endByte }) => start !== startByte || end !== endByte);
  const flags = (ownBytes ? OWN_BYTES : 0) | (places.some(({ page }) => page !== 0) ? PAGES : 0);
  out.varint(places.length);
  out.varint(flags);
  let before: PassagePlace = NOWHERE;
  for (const place of places) {
    writePlace(out, place, before, flags);
    before = place;
  }
  return out.finish();
}

const NOWHERE: PassagePlace = { start: 0, end: 0, startByte: 0, endByte: 0, line: 0, heading: 0, page: 0 };

/** Starts, lines and headings as differences from the passage before, ends as lengths. */
function writePlace(out: ByteWriter, place: PassagePlace, before: PassagePlace, flags: number): void {
  out.signed(place.start - before.end);
  out.varint(place.end - place.start);
  out.signed(place.line - before.line);
  out.signed(place.heading - before.heading);
  if (flags & OWN_BYTES) {
    out.signed(place.startByte - before.endByte);
    out.varint(place.endByte - place.startByte);
  }
  if (flags & PAGES) out.varint(place.page);
}

function readPlace(reader: ByteReader, before: PassagePlace, flags: number): PassagePlace {
  const start = before.end + reader.signed();
  const end = start + reader.varint();
  const line = before.line + reader.signed();
  const heading = before.heading + reader.signed();
  const ownBytes = (flags & OWN_BYTES) !== 0;
  const startByte = ownBytes ? before.endByte + reader.signed() : start;
  const endByte = ownBytes ? startByte + reader.varint() : end;
  return { start, end, startByte, endByte, line, heading, page: flags & PAGES ? reader.varint() : 0 };
}

function readPlaces(reader: ByteReader): PassagePlace[] {
  const places: PassagePlace[] = new Array(reader.varint());
  const flags = reader.varint();
  let before = NOWHERE;
  for (let i = 0; i < places.length; i++) {
    before = readPlace(reader, before, flags);
    places[i] = before;
  }
  return places;
}

/** The header is parsed at once, headings and places when they are asked for. @throws MnemeError CORRUPT when the bytes are no record. */
export function decodeItemRecord(bytes: Uint8Array): ItemRecord {
  const reader = new ByteReader(bytes);
  const part = (): Uint8Array => {
    const length = reader.varint();
    reader.at += length;
    if (!(reader.at <= bytes.length)) throw unreadable();
    return bytes.subarray(reader.at - length, reader.at);
  };
  const head = parse<ItemHead>(part());
  const headingBytes = part();
  const placesAt = reader.at;
  let headings: string[][] | undefined;
  let places: PassagePlace[] | undefined;
  return {
    head,
    get headings() {
      headings ??= parse<string[][]>(headingBytes);
      return headings;
    },
    get places() {
      places ??= readPlaces(new ByteReader(bytes, placesAt));
      return places;
    },
  };
}

function parse<T>(bytes: Uint8Array): T {
  try {
    return JSON.parse(decoder.decode(bytes)) as T;
  } catch (cause) {
    throw unreadable(cause);
  }
}

function unreadable(cause?: unknown): MnemeError {
  return new MnemeError("CORRUPT", "item record: not readable; run `mneme doctor`", { cause });
}

/** The public form of a passage's place. */
export function placeOf(record: ItemRecord, passage: number): Place {
  const place = record.places[passage]!;
  return {
    start: place.start,
    end: place.end,
    line: place.line,
    headings: record.headings[place.heading] ?? [],
    ...(place.page > 0 ? { page: place.page } : {}),
  };
}
