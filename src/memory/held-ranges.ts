/** Ranges of a part whose pages are held, whatever the cache drops meanwhile: to be copied from without a view of each. */
import type { ListSource } from "../kernels/index.ts";
import { PAGE_BYTES } from "../storage/pages.ts";

const PAGE_WORDS = PAGE_BYTES / 4;
/** From so many words on a block copy pays for the view that it takes. */
const MANY_WORDS = 512;

/** Pages as words, padded to whole ones. */
export interface WordPages {
  words(page: number): Uint32Array | undefined;
}

export class HeldRanges implements ListSource {
  readonly #pages: Uint32Array[] = [];
  /** Of each range: its first page among those held, where it starts in it, and its length, in bytes. */
  readonly #first: number[] = [];
  readonly #starts: number[] = [];
  readonly #lengths: number[] = [];

  /** @returns undefined when a page is missing */
  static of(
    ranges: readonly { readonly start: number; readonly end: number }[],
    pages: WordPages,
  ): HeldRanges | undefined {
    const held = new HeldRanges();
    for (const { start, end } of ranges) {
      const first = Math.floor(start / PAGE_BYTES);
      held.#first.push(held.#pages.length);
      held.#starts.push(start - first * PAGE_BYTES);
      held.#lengths.push(end - start);
      for (let page = first; page * PAGE_BYTES < end; page++) {
        const words = pages.words(page);
        if (!words) return undefined;
        held.#pages.push(words);
      }
    }
    return held;
  }

  length(index: number): number {
    return this.#lengths[index]!;
  }

  copy(index: number, out: Uint32Array, at: number): number {
    const start = this.#starts[index]!;
    const offset = start & 3;
    let left = this.#lengths[index] === 0 ? 0 : (offset + this.#lengths[index]! + 3) >>> 2;
    let from = start >>> 2;
    let to = at;
    for (let page = this.#first[index]!; left > 0; page++) {
      const words = this.#pages[page]!;
      const some = Math.min(left, PAGE_WORDS - from);
      if (some >= MANY_WORDS) out.set(words.subarray(from, from + some), to);
      else for (let i = 0; i < some; i++) out[to + i] = words[from + i]!;
      to += some;
      left -= some;
      from = 0;
    }
    return offset;
  }
}
