/**
 * The term dictionary: terms in byte order, front-coded in blocks of 16, one byte string that stays in RAM. Each entry: bytes shared
 * with the term before, suffix, document frequency, bytes of its posting list. Part `heads`: u32 pairs (start of block, start of its postings).
 */
import { ByteReader, ByteWriter } from "../../varint.ts";

const BLOCK_TERMS = 16;

export interface TermEntry {
  readonly frequency: number;
  /** Range in the part `postings`. */
  readonly start: number;
  readonly end: number;
}

/** Room for an entry. */
export type TermRoom = { -readonly [key in keyof TermEntry]: TermEntry[key] };

/** Terms must come in byte order. */
export class DictionaryWriter {
  readonly #out = new ByteWriter();
  readonly #heads: number[] = [];
  #terms = 0;
  #postings = 0;
  #last: Uint8Array = new Uint8Array(0);

  /** @param term kept until the next one comes: it must not change */
  add(term: Uint8Array, frequency: number, postingBytes: number): void {
    let shared = 0;
    if (this.#terms % BLOCK_TERMS === 0) this.#heads.push(this.#out.length, this.#postings);
    else
      while (shared < term.length && shared < this.#last.length && term[shared] === this.#last[shared])
        shared++;
    this.#out.varint(shared);
    this.#out.varint(term.length - shared);
    this.#out.range(term, shared, term.length);
    this.#out.varint(frequency);
    this.#out.varint(postingBytes);
    this.#last = term;
    this.#terms++;
    this.#postings += postingBytes;
  }

  finish(): { terms: Uint8Array; heads: Uint8Array } {
    const heads = Uint32Array.from([this.#terms, ...this.#heads]);
    return { terms: this.#out.finish(), heads: new Uint8Array(heads.buffer) };
  }
}

/** Walks entries in order without allocating; `term` is a buffer that the next step overwrites. */
export class DictionaryCursor {
  readonly #reader: ByteReader;
  readonly buffer: Uint8Array = new Uint8Array(1024);
  /** Bytes of the current term in `buffer`. */
  length = 0;
  frequency = 0;
  start = 0;
  end: number;

  /** @param from where a block begins @param postings where its postings begin */
  constructor(terms: Uint8Array, from: number, postings: number) {
    this.#reader = new ByteReader(terms, from);
    this.end = postings;
  }

  next(): boolean {
    const reader = this.#reader;
    if (reader.at >= reader.bytes.length) return false;
    const shared = reader.varint();
    const suffix = reader.varint();
    for (let i = 0; i < suffix; i++) this.buffer[shared + i] = reader.bytes[reader.at + i]!;
    reader.at += suffix;
    this.length = shared + suffix;
    this.frequency = reader.varint();
    this.start = this.end;
    this.end += reader.varint();
    return true;
  }

  get term(): Uint8Array {
    return this.buffer.subarray(0, this.length);
  }

  get entry(): TermEntry {
    return { frequency: this.frequency, start: this.start, end: this.end };
  }
}

export class Dictionary {
  readonly size: number;
  readonly #terms: Uint8Array;
  readonly #heads: Uint32Array;
  /** The first bytes of each block's first term: most of a search for a block is among these, which lie side by side. */
  readonly #keys: Uint32Array;
  /** Where `find` reads: an object each time would be much of what new terms leave to the collector. */
  readonly #reader: ByteReader;

  /** @param terms borrowed for the life of the dictionary */
  constructor(terms: Uint8Array, heads: Uint8Array) {
    this.#terms = terms;
    this.#reader = new ByteReader(terms);
    const all = new Uint32Array(new Uint8Array(heads).buffer);
    this.size = all[0] ?? 0;
    this.#heads = all.subarray(1);
    this.#keys = new Uint32Array(this.#heads.length >>> 1);
    for (let block = 0; block < this.#keys.length; block++) {
      const { at, length } = headAt(terms, this.#heads[2 * block]!);
      this.#keys[block] = keyOf(terms, at, length);
    }
  }

  get bytes(): number {
    return this.#terms.byteLength + this.#heads.byteLength + this.#keys.byteLength;
  }

  /** @param wanted UTF-8 of the term @param size bytes of `wanted` that count @param room what is returned, if anything */
  find(
    wanted: Uint8Array,
    size: number = wanted.length,
    room: TermRoom = { frequency: 0, start: 0, end: 0 },
  ): TermEntry | undefined {
    const block = this.#blockOf(wanted, size);
    if (block < 0) return undefined;
    const terms = this.#terms;
    const reader = this.#reader;
    reader.at = this.#heads[2 * block]!;
    let start = this.#heads[2 * block + 1]!;
    // bytes that the term before has in common with the wanted one, which comes after it
    let common = 0;
    for (let i = 0; i < BLOCK_TERMS && reader.at < terms.length; i++) {
      const shared = reader.varint();
      const suffix = reader.varint();
      const from = reader.at - shared;
      const length = shared + suffix;
      reader.at += suffix;
      const frequency = reader.varint();
      const end = start + reader.varint();
      // fewer shared bytes than common: the order was decided before the suffix, and this term comes after the wanted one
      if (shared < common) return undefined;
      if (shared === common) {
        while (common < length && common < size && terms[from + common] === wanted[common]) common++;
        if (common === size) {
          if (common < length) return undefined;
          room.frequency = frequency;
          room.start = start;
          room.end = end;
          return room;
        }
        if (common < length && terms[from + common]! > wanted[common]!) return undefined;
      }
      start = end;
    }
    return undefined;
  }

  /** Calls `visit` for each term that begins with `prefix`, in order. */
  startingWith(prefix: string, visit: (cursor: DictionaryCursor) => void): void {
    const wanted = new TextEncoder().encode(prefix);
    const cursor = this.#cursorAt(Math.max(0, this.#blockOf(wanted)));
    while (cursor.next()) {
      const order = comparePrefix(cursor, wanted);
      if (order > 0) return;
      if (order === 0) visit(cursor);
    }
  }

  /** Entries among which are all terms that begin with `prefix`, and few others; the first shares nothing. Borrowed. */
  entriesFrom(prefix: Uint8Array): Uint8Array {
    // no term has that byte
    const last = this.#blockOf(Uint8Array.of(...prefix, 0xff));
    if (last < 0) return this.#terms.subarray(0, 0);
    const first = Math.max(0, this.#blockOf(prefix));
    return this.#terms.subarray(this.#heads[2 * first], this.#heads[2 * last + 2] ?? this.#terms.length);
  }

  /** Every term with its posting range, in order. */
  all(): DictionaryCursor {
    return this.#cursorAt(0);
  }

  #cursorAt(block: number): DictionaryCursor {
    const heads = this.#heads;
    return new DictionaryCursor(
      this.#terms,
      heads[2 * block] ?? this.#terms.length,
      heads[2 * block + 1] ?? 0,
    );
  }

  /** Last block whose first term is not after `wanted`; -1 when all are. */
  #blockOf(wanted: Uint8Array, size: number = wanted.length): number {
    const keys = this.#keys;
    const key = keyOf(wanted, 0, size);
    let low = 0;
    let high = keys.length - 1;
    while (low <= high) {
      const middle = (low + high) >>> 1;
      const order = keys[middle]! - key || this.#compareHead(middle, wanted, size);
      if (order <= 0) low = middle + 1;
      else high = middle - 1;
    }
    return high;
  }

  #compareHead(block: number, wanted: Uint8Array, size: number): number {
    const terms = this.#terms;
    const { at, length } = headAt(terms, this.#heads[2 * block]!);
    const both = Math.min(length, size);
    for (let i = 0; i < both; i++) if (terms[at + i] !== wanted[i]) return terms[at + i]! - wanted[i]!;
    return length - size;
  }
}

/** The first term of a block, which shares nothing: one byte of zero, then its length. */
function headAt(terms: Uint8Array, head: number): { readonly at: number; readonly length: number } {
  let at = head + 1;
  let length = 0;
  for (let scale = 1; ; scale *= 128) {
    const byte = terms[at++]!;
    length += (byte & 127) * scale;
    if (!(byte >= 128)) return { at, length };
  }
}

/** The first four bytes of a term, in an order that is that of the terms where they differ. */
function keyOf(bytes: Uint8Array, at: number, length: number): number {
  let key = 0;
  for (let i = 0; i < 4; i++) key = key * 256 + (i < length ? bytes[at + i]! : 0);
  return key;
}

/** 0 when the term begins with `prefix`, else their order. */
function comparePrefix({ buffer, length }: DictionaryCursor, prefix: Uint8Array): number {
  for (let i = 0; i < prefix.length; i++) {
    if (i >= length) return -1;
    if (buffer[i] !== prefix[i]) return buffer[i]! - prefix[i]!;
  }
  return 0;
}

export function compareBytes(a: Uint8Array, b: Uint8Array): number {
  const length = Math.min(a.length, b.length);
  for (let i = 0; i < length; i++) if (a[i] !== b[i]) return a[i]! - b[i]!;
  return a.length - b.length;
}
