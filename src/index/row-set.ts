/** RowSet: a dense bitmap of row ids (u32). Filters, tombstones and candidate sets are RowSets. Not compressed: one bit a row. */

import { popcount } from "../popcount.ts";

export class RowSet {
  #words: Uint32Array;

  constructor(capacity = 0) {
    this.#words = new Uint32Array((capacity + 31) >>> 5);
  }

  static from(rows: Iterable<number>): RowSet {
    const set = new RowSet();
    for (const row of rows) set.add(row);
    return set;
  }

  /** All rows in [start, end). */
  static range(start: number, end: number): RowSet {
    const set = new RowSet(end);
    set.addRange(start, end);
    return set;
  }

  static fromBytes(bytes: Uint8Array): RowSet {
    const set = new RowSet();
    const copy = new Uint8Array((bytes.byteLength + 3) & ~3);
    copy.set(bytes);
    set.#words = new Uint32Array(copy.buffer);
    return set;
  }

  /** One bit a row; bit r of word r >> 5. Borrowed: valid until the set grows. Rows past the end are absent. */
  get words(): Uint32Array {
    return this.#words;
  }

  has(row: number): boolean {
    return ((this.#words[row >>> 5] ?? 0) & (1 << (row & 31))) !== 0;
  }

  add(row: number): void {
    const word = row >>> 5;
    if (word >= this.#words.length) this.#grow(word + 1);
    this.#words[word]! |= 1 << (row & 31);
  }

  addRange(start: number, end: number): void {
    for (let row = start; row < end; row++) {
      if ((row & 31) === 0 && row + 32 <= end) {
        if (row >>> 5 >= this.#words.length) this.#grow((end + 31) >>> 5);
        this.#words[row >>> 5] = 0xffffffff;
        row += 31;
      } else this.add(row);
    }
  }

  delete(row: number): void {
    const word = row >>> 5;
    if (word < this.#words.length) this.#words[word]! &= ~(1 << (row & 31));
  }

  get count(): number {
    let total = 0;
    for (const word of this.#words) total += popcount(word);
    return total;
  }

  /** Rows of [start, end), ascending; undefined when there are more than `limit`. */
  within(start: number, end: number, limit: number): Uint32Array | undefined {
    const found: number[] = [];
    const last = Math.min((end + 31) >>> 5, this.#words.length);
    for (let i = start >>> 5; i < last; i++) {
      for (let word = this.#words[i]!; word !== 0; word &= word - 1) {
        const row = i * 32 + (31 - Math.clz32(word & -word));
        if (row < start || row >= end) continue;
        if (found.length === limit) return undefined;
        found.push(row);
      }
    }
    return Uint32Array.from(found);
  }

  /** Rows of the set in [start, end). */
  countIn(start: number, end: number): number {
    let total = 0;
    for (let word = start >>> 5; word < Math.min(this.#words.length, (end + 31) >>> 5); word++) {
      let bits = this.#words[word]!;
      if (word === start >>> 5) bits &= -1 << (start & 31);
      if (word === end >>> 5) bits &= ~(-1 << (end & 31));
      total += popcount(bits);
    }
    return total;
  }

  get isEmpty(): boolean {
    for (let i = 0; i < this.#words.length; i++) if (this.#words[i] !== 0) return false;
    return true;
  }

  get bytes(): number {
    return this.#words.byteLength;
  }

  and(other: RowSet): RowSet {
    const result = new RowSet();
    const length = Math.min(this.#words.length, other.#words.length);
    result.#words = this.#words.slice(0, length);
    for (let i = 0; i < length; i++) result.#words[i]! &= other.#words[i]!;
    return result;
  }

  or(other: RowSet): RowSet {
    const [long, short] = this.#words.length >= other.#words.length ? [this, other] : [other, this];
    const result = long.clone();
    for (let i = 0; i < short.#words.length; i++) result.#words[i]! |= short.#words[i]!;
    return result;
  }

  andNot(other: RowSet): RowSet {
    const result = this.clone();
    const length = Math.min(result.#words.length, other.#words.length);
    for (let i = 0; i < length; i++) result.#words[i]! &= ~other.#words[i]!;
    return result;
  }

  clone(): RowSet {
    const copy = new RowSet();
    copy.#words = this.#words.slice();
    return copy;
  }

  toBytes(): Uint8Array {
    return new Uint8Array(this.#words.slice().buffer);
  }

  *[Symbol.iterator](): IterableIterator<number> {
    for (let i = 0; i < this.#words.length; i++) {
      let word = this.#words[i]!;
      while (word !== 0) {
        const bit = 31 - Math.clz32(word & -word);
        yield i * 32 + bit;
        word &= word - 1;
      }
    }
  }

  #grow(words: number): void {
    const grown = new Uint32Array(Math.max(words, this.#words.length * 2));
    grown.set(this.#words);
    this.#words = grown;
  }
}
