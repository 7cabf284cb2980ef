/**
 * Windows looked for in texts that are read through: a rolling hash of every stretch of a text as long as a window (Karp and Rabin, Efficient
 * randomized pattern-matching algorithms, 1987) against the hashes of all windows. Letters are compared before a window counts.
 */
import { throwIfAborted } from "../../errors.ts";
import type { Pacer } from "../../pacer.ts";
import { type Draft, isWithinLetter } from "./draft.ts";

const BASE = 0x01000193;
/** Bits that tell most stretches apart from all windows at once. */
const FILTER_BITS = 24;
/** Units between two looks at the clock. */
const SLICE = 1 << 18;

interface Window {
  readonly draft: Draft;
  readonly number: number;
}

/** Hash of `width` units from `start` on. */
function hashOf(text: string, start: number, width: number): number {
  let hash = 0;
  for (let i = start; i < start + width; i++) hash = (Math.imul(hash, BASE) + text.charCodeAt(i)) | 0;
  return hash;
}

const slotOf = (hash: number): number => Math.imul(hash, 0x9e3779b1) >>> (32 - FILTER_BITS);

/** Windows of all drafts by their hash. */
export class WindowTable {
  readonly #width: number;
  readonly #windows = new Map<number, Window[]>();
  readonly #filter = new Uint8Array(1 << (FILTER_BITS - 3));
  /** BASE to the power of the width: what the unit that leaves was multiplied by. */
  readonly #leaving: number;

  constructor(drafts: readonly Draft[], width: number) {
    this.#width = width;
    let power = 1;
    for (let i = 0; i < width; i++) power = Math.imul(power, BASE);
    this.#leaving = power;
    for (const draft of drafts)
      for (const [number, start] of draft.starts.entries()) {
        const hash = hashOf(draft.text, start, width);
        const slot = slotOf(hash);
        this.#filter[slot >> 3]! |= 1 << (slot & 7);
        const same = this.#windows.get(hash);
        if (same) same.push({ draft, number });
        else this.#windows.set(hash, [{ draft, number }]);
      }
  }

  /** Marks what stands in a text. @throws MnemeError CANCELLED */
  async read(text: string, row: number, signal: AbortSignal | undefined, pacer: Pacer): Promise<void> {
    if (text.length < this.#width) return;
    let hash = hashOf(text, 0, this.#width - 1);
    for (let from = this.#width - 1; from < text.length; from += SLICE) {
      hash = this.#slice(text, row, hash, from, Math.min(text.length, from + SLICE));
      throwIfAborted(signal, "overlaps");
      if (pacer.isDue) await pacer.pause();
    }
  }

  /** Stretches that end with units `from` to before `to`. @returns the hash of the last */
  #slice(text: string, row: number, before: number, from: number, to: number): number {
    const [width, leaving, filter] = [this.#width, this.#leaving, this.#filter];
    let hash = before;
    for (let i = from; i < to; i++) {
      hash = (Math.imul(hash, BASE) + text.charCodeAt(i)) | 0;
      if (i >= width) hash = (hash - Math.imul(leaving, text.charCodeAt(i - width))) | 0;
      const slot = slotOf(hash);
      if ((filter[slot >> 3]! >> (slot & 7)) & 1) this.#meet(text, row, hash, i - width + 1);
    }
    return hash;
  }

  #meet(text: string, row: number, hash: number, at: number): void {
    for (const { draft, number } of this.#windows.get(hash) ?? []) {
      const start = draft.starts[number]!;
      const length = sameLength(draft.text, start, text, at);
      if (length < this.#width) continue;
      draft.found[number] = 1;
      draft.offer({ start, length, row, at, inBytes: false });
    }
  }
}

/** Units from two places on that are the same, whole letters. */
function sameLength(a: string, start: number, b: string, at: number): number {
  const most = Math.min(a.length - start, b.length - at);
  let length = 0;
  while (length < most && a.charCodeAt(start + length) === b.charCodeAt(at + length)) length++;
  return length > 0 && isWithinLetter(a, start + length) ? length - 1 : length;
}
