/**
 * Rows of prefixes that were searched for: queries begin with few of them, and their first bytes lead through blocks that lie far apart. A
 * table of fixed size, in which a prefix takes the place of another.
 */

/** Bytes of a prefix. */
export const PREFIX_BYTES = 4;
const ENTRIES = 4096;

export class PrefixMemo {
  /** Key, low and high of each entry; high is never 0 where there is one. */
  readonly #words = new Uint32Array(ENTRIES * 3);

  get bytes(): number {
    return this.#words.byteLength;
  }

  /** Rows of the first bytes of a pattern, where they are known. */
  find(pattern: Uint8Array): { readonly low: number; readonly high: number } | undefined {
    const key = keyOf(pattern);
    const at = placeOf(key);
    const high = this.#words[at + 2]!;
    return high > 0 && this.#words[at] === key ? { low: this.#words[at + 1]!, high } : undefined;
  }

  /** Keeps rows, unless there are none. */
  keep(pattern: Uint8Array, low: number, high: number): void {
    const key = keyOf(pattern);
    if (high > low) this.#words.set([key, low, high], placeOf(key));
  }
}

const keyOf = (bytes: Uint8Array): number =>
  (bytes[0]! | (bytes[1]! << 8) | (bytes[2]! << 16) | (bytes[3]! << 24)) >>> 0;

/** By multiplication (Knuth, 1973). */
const placeOf = (key: number): number => (Math.imul(key, 0x9e37_79b1) >>> 20) * 3;
