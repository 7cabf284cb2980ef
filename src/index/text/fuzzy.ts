/** Typo tolerance: dictionary terms within a Damerau-Levenshtein distance (Damerau 1964, restricted to adjacent transpositions). */
import { popcount } from "../../popcount.ts";

/** Distance allowed for a word: none below 4 letters, 1 below 8, then 2. */
export function allowedEdits(word: string): number {
  return word.length < 4 ? 0 : word.length < 8 ? 1 : 2;
}

/** Longest word, in bytes, whose distance is computed; terms are cut at 64 characters when they are indexed. */
const MAX_BYTES = 256;

const rows = [new Uint8Array(MAX_BYTES + 1), new Uint8Array(MAX_BYTES + 1), new Uint8Array(MAX_BYTES + 1)];

/**
 * Distance between two UTF-8 words (of bytes, which for one-byte letters is the distance of letters), or limit + 1 when it is larger.
 * @param length bytes of `b` that count
 */
export function editDistance(a: Uint8Array, b: Uint8Array, length: number, limit: number): number {
  const beyond = limit + 1;
  if (Math.abs(a.length - length) > limit || a.length > MAX_BYTES || length > MAX_BYTES) return beyond;
  let [older, old, row] = rows as [Uint8Array, Uint8Array, Uint8Array];
  for (let j = 0; j <= length; j++) old[j] = j;
  for (let i = 1; i <= a.length; i++) {
    row[0] = i;
    let best = i;
    // outside this band every cell is larger than the limit
    const first = Math.max(1, i - limit);
    const last = Math.min(length, i + limit);
    if (first > 1) row[first - 1] = beyond;
    for (let j = first; j <= last; j++) {
      const same = a[i - 1] === b[j - 1];
      let cost = old[j - 1]! + (same ? 0 : 1);
      if (j < i + limit && old[j]! + 1 < cost) cost = old[j]! + 1;
      if (row[j - 1]! + 1 < cost) cost = row[j - 1]! + 1;
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1] && older[j - 2]! + 1 < cost)
        cost = older[j - 2]! + 1;
      row[j] = cost;
      if (cost < best) best = cost;
    }
    if (best > limit) return beyond;
    [older, old, row] = [old, row, older];
  }
  return Math.min(old[length]!, beyond);
}

/** Longest word, in bytes, that the bit-parallel matcher holds in one machine word. */
const MATCHER_BYTES = 31;

/**
 * Distances of one word to many terms that come in byte order: a column of the table in a few operations (Hyyro, A Bit-Vector Algorithm
 * for Computing Levenshtein and Damerau Edit Distances, 2003), and the columns of what a term shares with the one before are kept.
 */
export class FuzzyMatcher {
  readonly #word: Uint8Array;
  readonly #limit: number;
  /** Bit i of entry c: byte i of the word is c. */
  readonly #places = new Int32Array(256);
  /** Vertical differences, diagonal zeros and the distance after each byte of the last term. */
  readonly #plus = new Int32Array(MAX_BYTES + 1);
  readonly #minus = new Int32Array(MAX_BYTES + 1);
  readonly #diagonal = new Int32Array(MAX_BYTES + 1);
  readonly #distances = new Int32Array(MAX_BYTES + 1);
  /** Bytes of the last term that the columns are of. */
  #known = 0;
  #hopeless = Number.POSITIVE_INFINITY;

  constructor(word: Uint8Array, limit: number) {
    this.#word = word;
    this.#limit = limit;
    word.subarray(0, MATCHER_BYTES).forEach((byte, i) => {
      this.#places[byte]! |= 1 << i;
    });
    this.#plus[0] = -1;
    this.#distances[0] = word.length;
  }

  /** A term that begins with so many bytes of the last one is beyond the limit, whatever follows; Infinity where none is known to be. */
  get hopeless(): number {
    return this.#hopeless;
  }

  /** Edits to the term in the first `length` bytes, or limit + 1 when there are more. @param shared bytes it has in common with the last one */
  distance(term: Uint8Array, length: number, shared: number): number {
    const { length: letters } = this.#word;
    if (letters > MATCHER_BYTES) return editDistance(this.#word, term, length, this.#limit);
    if (shared >= this.#hopeless) return this.#limit + 1;
    this.#hopeless = Number.POSITIVE_INFINITY;
    this.#known = Math.min(this.#known, shared);
    const last = 1 << (letters - 1);
    // ends before MAX_BYTES: a longer beginning than the word is hopeless
    for (let i = this.#known; i < length; i++) {
      const place = this.#places[term[i]!]!;
      const before = i === 0 ? 0 : this.#places[term[i - 1]!]!;
      const plus = this.#plus[i]!;
      const minus = this.#minus[i]!;
      const swapped = ((~this.#diagonal[i]! & place) << 1) & before;
      const diagonal = ((((place & plus) + plus) | 0) ^ plus) | place | minus | swapped;
      const up = minus | ~(diagonal | plus);
      const down = diagonal & plus;
      this.#distances[i + 1] = this.#distances[i]! + (up & last ? 1 : 0) - (down & last ? 1 : 0);
      const shifted = (up << 1) | 1;
      this.#plus[i + 1] = (down << 1) | ~(diagonal | shifted);
      this.#minus[i + 1] = shifted & diagonal;
      this.#diagonal[i + 1] = diagonal;
      if (i < this.#limit || this.#leastOf(i + 1) <= this.#limit) continue;
      this.#known = i + 1;
      this.#hopeless = i + 1;
      return this.#limit + 1;
    }
    this.#known = length;
    return Math.min(this.#distances[length]!, this.#limit + 1);
  }

  /** The least of a column. Once it is beyond the limit all columns that follow are: no step, not even a swap, passes one by for less. */
  #leastOf(column: number): number {
    const { length: letters } = this.#word;
    // cells further from the diagonal are beyond the limit
    const first = column - this.#limit;
    if (first > letters) return this.#limit + 1;
    const above = first > 0 ? -1 >>> (32 - first) : 0;
    const plus = this.#plus[column]!;
    const minus = this.#minus[column]!;
    let cell = column + popcount(plus & above) - popcount(minus & above);
    let least = cell;
    const last = Math.min(letters, column + this.#limit);
    for (let i = Math.max(0, first); i < last && least > this.#limit; i++) {
      cell += ((plus >>> i) & 1) - ((minus >>> i) & 1);
      if (cell < least) least = cell;
    }
    return least;
  }
}
