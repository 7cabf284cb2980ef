/**
 * The stored form of one item: the header of its cube as JSON, its heading paths as JSON each, then the places of its passages as small
 * numbers. Everything has its length in front, so that a hit parses no more than it shows, however long the document.
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
  const put = (value: unknown): void => {
    const json = encoder.encode(JSON.stringify(value));
    out.varint(json.length);
    out.bytes(json);
  };
  put(head);
  out.varint(headings.length);
  for (const path of headings) put(path);
  const ownBytes = places.some(
    ({ start, end, startByte, endByte }) => start !== startByte || end !== endByte,
  );
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

/** The parts of an encoded record, found without parsing them. */
class RecordReader {
  readonly #bytes: Uint8Array;
  /** Starts and ends of the heading paths. */
  readonly #headings: Uint32Array;
  readonly #placesAt: number;
  readonly head: ItemHead;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
    const reader = new ByteReader(bytes);
    const skip = (): [number, number] => {
      const length = reader.varint();
      const start = reader.at;
      reader.at += length;
      if (!(reader.at <= bytes.length)) throw unreadable();
      return [start, reader.at];
    };
    this.head = this.#parse<ItemHead>(...skip());
    const count = reader.varint();
    if (!(count <= bytes.length)) throw unreadable();
    this.#headings = new Uint32Array(2 * count);
    for (let i = 0; i < count; i++) this.#headings.set(skip(), 2 * i);
    this.#placesAt = reader.at;
  }

  get headings(): string[][] {
    return Array.from({ length: this.#headings.length / 2 }, (_, i) => this.heading(i)!);
  }

  heading(number: number): string[] | undefined {
    const [start, end] = [this.#headings[2 * number], this.#headings[2 * number + 1]];
    return end === undefined ? undefined : this.#parse<string[]>(start!, end);
  }

  get places(): PassagePlace[] {
    const places: PassagePlace[] = [];
    this.#walk((place) => places.push(place) > 0);
    return places;
  }

  place(passage: number): PassagePlace | undefined {
    let at = 0;
    let found: PassagePlace | undefined;
    this.#walk((place) => {
      found = place;
      return at++ < passage;
    });
    return at === passage + 1 ? found : undefined;
  }

  /** @param visit false ends the walk */
  #walk(visit: (place: PassagePlace) => boolean): void {
    const reader = new ByteReader(this.#bytes, this.#placesAt);
    const count = reader.varint();
    const flags = reader.varint();
    let place = NOWHERE;
    for (let i = 0; i < count && reader.at < this.#bytes.length; i++) {
      place = readPlace(reader, place, flags);
      if (!visit(place)) return;
    }
  }

  #parse<T>(start: number, end: number): T {
    try {
      return JSON.parse(decoder.decode(this.#bytes.subarray(start, end))) as T;
    } catch (cause) {
      throw unreadable(cause);
    }
  }
}

/** Records that came from bytes answer for one passage without unfolding the rest. */
const readers = new WeakMap<ItemRecord, RecordReader>();

/** The header is parsed at once, headings and places when they are asked for. @throws MnemeError CORRUPT when the bytes are no record. */
export function decodeItemRecord(bytes: Uint8Array): ItemRecord {
  const reader = new RecordReader(bytes);
  let headings: string[][] | undefined;
  let places: PassagePlace[] | undefined;
  const record: ItemRecord = {
    head: reader.head,
    get headings() {
      headings ??= reader.headings;
      return headings;
    },
    get places() {
      places ??= reader.places;
      return places;
    },
  };
  readers.set(record, reader);
  return record;
}

/** Where passage number `passage` lies. */
export function passagePlace(record: ItemRecord, passage: number): PassagePlace {
  const reader = readers.get(record);
  return reader?.place(passage) ?? record.places[passage]!;
}

/** The headings above a place, outermost first. */
export function headingsAbove(record: ItemRecord, { heading }: PassagePlace): readonly string[] {
  const reader = readers.get(record);
  return (reader ? reader.heading(heading) : record.headings[heading]) ?? [];
}

function unreadable(cause?: unknown): MnemeError {
  return new MnemeError("CORRUPT", "item record: not readable; run `mneme doctor`", { cause });
}

/** The public form of a passage's place. */
export function placeOf(record: ItemRecord, passage: number): Place {
  const place = passagePlace(record, passage);
  return {
    start: place.start,
    end: place.end,
    line: place.line,
    headings: headingsAbove(record, place),
    ...(place.page > 0 ? { page: place.page } : {}),
  };
}
