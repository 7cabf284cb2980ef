/**
 * Stretches of equal length looked for in a text all at once: a rolling hash of every stretch of the text (Karp and Rabin, Efficient
 * randomized pattern-matching algorithms, 1987) against the hashes of those that are looked for. Equal hashes say nothing yet.
 */
import { throwIfAborted } from "../../errors.ts";
import type { Pacer } from "../../pacer.ts";

const BASE = 0x01000193;
/** Bits that tell most stretches apart from all that are looked for at once. */
const FILTER_BITS = 24;
/** Units between two looks at the clock. */
const SLICE = 1 << 18;

/** Hash of `length` units from `start` on. */
function hashOf(text: string, start: number, length: number): number {
  let hash = 0;
  for (let i = start; i < start + length; i++) hash = (Math.imul(hash, BASE) + text.charCodeAt(i)) | 0;
  return hash;
}

const slotOf = (hash: number): number => Math.imul(hash, 0x9e3779b1) >>> (32 - FILTER_BITS);

export class RollingTable<T> {
  readonly #length: number;
  readonly #entries = new Map<number, T[]>();
  readonly #filter = new Uint8Array(1 << (FILTER_BITS - 3));
  /** BASE to the power of the length: what the unit that leaves was multiplied by. */
  readonly #leaving: number;

  /** @param length UTF-16 units of every stretch */
  constructor(length: number) {
    this.#length = length;
    let power = 1;
    for (let i = 0; i < length; i++) power = Math.imul(power, BASE);
    this.#leaving = power;
  }

  /** Looks for the stretch of `text` that begins at `start`, too. */
  put(text: string, start: number, entry: T): void {
    const hash = hashOf(text, start, this.#length);
    const slot = slotOf(hash);
    this.#filter[slot >> 3]! |= 1 << (slot & 7);
    const same = this.#entries.get(hash);
    if (same) same.push(entry);
    else this.#entries.set(hash, [entry]);
  }

  /** Meets what may stand in a text, in its order. @throws MnemeError CANCELLED */
  async read(
    text: string,
    signal: AbortSignal | undefined,
    pacer: Pacer,
    meet: (entries: readonly T[], at: number) => void,
  ): Promise<void> {
    if (text.length < this.#length) return;
    let hash = hashOf(text, 0, this.#length - 1);
    for (let from = this.#length - 1; from < text.length; from += SLICE) {
      hash = this.#slice(text, hash, from, Math.min(text.length, from + SLICE), meet);
      throwIfAborted(signal, "overlaps");
      if (pacer.isDue) await pacer.pause();
    }
  }

  /** Stretches that end with units `from` to before `to`. @returns the hash of the last */
  #slice(
    text: string,
    before: number,
    from: number,
    to: number,
    meet: (entries: readonly T[], at: number) => void,
  ): number {
    const [length, leaving, filter, entries] = [this.#length, this.#leaving, this.#filter, this.#entries];
    let hash = before;
    for (let i = from; i < to; i++) {
      hash = (Math.imul(hash, BASE) + text.charCodeAt(i)) | 0;
      if (i >= length) hash = (hash - Math.imul(leaving, text.charCodeAt(i - length))) | 0;
      const slot = slotOf(hash);
      if (((filter[slot >> 3]! >> (slot & 7)) & 1) === 0) continue;
      const found = entries.get(hash);
      if (found) meet(found, i - length + 1);
    }
    return hash;
  }
}
