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

/** Reads places one after the other; most are passed on the way to the one that is wanted. */
class PlaceReader {
  readonly #reader: ByteReader;
  readonly #flags: number;
  readonly count: number;
  #start = 0;
  #end = 0;
  #line = 0;
  #heading = 0;
  #startByte = 0;
  #endByte = 0;
  #page = 0;

  constructor(bytes: Uint8Array, at: number) {
    this.#reader = new ByteReader(bytes, at);
    this.count = this.#reader.varint();
    this.#flags = this.#reader.varint();
  }

  /** @returns false beyond the end of the bytes */
  next(): boolean {
    const reader = this.#reader;
    if (reader.at >= reader.bytes.length) return false;
    this.#start = this.#end + reader.signed();
    this.#end = this.#start + reader.varint();
    this.#line += reader.signed();
    this.#heading += reader.signed();
    const ownBytes = (this.#flags & OWN_BYTES) !== 0;
    this.#startByte = ownBytes ? this.#endByte + reader.signed() : this.#start;
    this.#endByte = ownBytes ? this.#startByte + reader.varint() : this.#end;
    this.#page = this.#flags & PAGES ? reader.varint() : 0;
    return true;
  }

  get place(): PassagePlace {
    return {
      start: this.#start,
      end: this.#end,
      startByte: this.#startByte,
      endByte: this.#endByte,
      line: this.#line,
      heading: this.#heading,
      page: this.#page,
    };
  }
}

/** A record that came from bytes: its parts are parsed when they are asked for, one passage without unfolding the rest. */
class EncodedRecord implements ItemRecord {
  readonly #bytes: Uint8Array;
  readonly #pathsAt: number;
  readonly #paths: number;
  readonly #placesAt: number;
  #head: ItemHead | undefined;
  #headings: string[][] | undefined;
  #places: PassagePlace[] | undefined;
  /** Places that were read on the way to those that were asked for. */
  #passed = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
    const reader = new ByteReader(bytes);
    this.#skip(reader);
    this.#paths = reader.varint();
    this.#pathsAt = reader.at;
    for (let i = 0; i < this.#paths; i++) this.#skip(reader);
    this.#placesAt = reader.at;
  }

  get head(): ItemHead {
    this.#head ??= this.#parse(new ByteReader(this.#bytes)) as ItemHead;
    return this.#head;
  }

  get headings(): string[][] {
    if (!this.#headings) {
      const reader = new ByteReader(this.#bytes, this.#pathsAt);
      this.#headings = Array.from({ length: this.#paths }, () => this.#parse(reader) as string[]);
    }
    return this.#headings;
  }

  get places(): PassagePlace[] {
    if (!this.#places) {
      this.#places = [];
      const reader = new PlaceReader(this.#bytes, this.#placesAt);
      for (let i = 0; i < reader.count && reader.next(); i++) this.#places.push(reader.place);
    }
    return this.#places;
  }

  heading(number: number): string[] | undefined {
    if (number >= this.#paths) return undefined;
    const reader = new ByteReader(this.#bytes, this.#pathsAt);
    for (let i = 0; i < number; i++) this.#skip(reader);
    return this.#parse(reader) as string[];
  }

  /** One is read on its way from the first; once that was done for as many as there are, all are unfolded. */
  place(passage: number): PassagePlace | undefined {
    if (this.#places) return this.#places[passage];
    const reader = new PlaceReader(this.#bytes, this.#placesAt);
    if (passage >= reader.count) return undefined;
    this.#passed += passage;
    if (this.#passed > reader.count) return this.places[passage];
    for (let i = 0; i <= passage; i++) if (!reader.next()) return undefined;
    return reader.place;
  }

  /** Passes a value with its length in front. @returns where it starts */
  #skip(reader: ByteReader): number {
    const length = reader.varint();
    const start = reader.at;
    reader.at += length;
    if (!(reader.at <= this.#bytes.length)) throw unreadable();
    return start;
  }

  #parse(reader: ByteReader): unknown {
    const start = this.#skip(reader);
    try {
      return JSON.parse(decoder.decode(this.#bytes.subarray(start, reader.at)));
    } catch (cause) {
      throw unreadable(cause);
    }
  }
}

/** Header, headings and places are parsed when they are asked for. @throws MnemeError CORRUPT, also then, when the bytes are no record */
export function decodeItemRecord(bytes: Uint8Array): ItemRecord {
  return new EncodedRecord(bytes);
}

/** Where passage number `passage` lies. */
export function passagePlace(record: ItemRecord, passage: number): PassagePlace {
  return (record instanceof EncodedRecord ? record.place(passage) : undefined) ?? record.places[passage]!;
}

/** The headings above a place, outermost first. */
export function headingsAbove(record: ItemRecord, { heading }: PassagePlace): readonly string[] {
  return (record instanceof EncodedRecord ? record.heading(heading) : record.headings[heading]) ?? [];
}

function unreadable(cause?: unknown): MnemeError {
  return new MnemeError("CORRUPT", "item record: not readable; run `mneme doctor`", { cause });
}

/** The public form of a passage's place. */
export function placeOf(record: ItemRecord, passage: number): Place {
  const place = passagePlace(record, passage);
  const { start, end, line, page } = place;
  const headings = headingsAbove(record, place);
  return page > 0 ? { start, end, line, headings, page } : { start, end, line, headings };
}
