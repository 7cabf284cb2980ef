/** Ranges of a part, copied from its pages a word at a time without a view of each. */
import type { Ranges } from "../index/segment.ts";
import type { ListSource } from "../kernels/index.ts";
import { PAGE_BYTES } from "../storage/pages.ts";

const PAGE_WORDS = PAGE_BYTES / 4;
/** From so many words on a block copy pays for the view that it takes. */
const MANY_WORDS = 512;

/** Pages as words, those after their end unspecified; each borrowed until the next is asked for. */
export interface WordPages {
  words(page: number): Uint32Array;
}

export class HeldRanges implements ListSource {
  readonly #pages: WordPages;
  readonly #ranges: Ranges;

  constructor(ranges: Ranges, pages: WordPages) {
    this.#pages = pages;
    this.#ranges = ranges;
  }

  length(index: number): number {
    return this.#ranges.ends[index]! - this.#ranges.starts[index]!;
  }

  copy(index: number, out: Uint32Array, at: number): number {
    const start = this.#ranges.starts[index]!;
    const length = this.#ranges.ends[index]! - start;
    let page = Math.floor(start / PAGE_BYTES);
    // a page is whole words
    const offset = start & 3;
    let left = length === 0 ? 0 : (offset + length + 3) >>> 2;
    let from = (start - page * PAGE_BYTES) >>> 2;
    let to = at;
    for (; left > 0; page++) {
      const words = this.#pages.words(page);
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
