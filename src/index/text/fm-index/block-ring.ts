/** Blocks of rows in kernel memory: a ring of bytes in which a new block takes the place of the oldest ones. */

import { MnemeError } from "../../../errors.ts";
import type { FmMemory } from "../../../kernels/fm.ts";

interface Held {
  readonly at: number;
  readonly bytes: number;
  /** Tells the owner that the block is gone. */
  readonly leave: () => void;
}

const ALIGN = 64;
/** Bytes that kernels may read past a block. */
const SLACK = 64;
/** Largest blocks that must have room at once: a step needs two. */
const LEAST_BLOCKS = 3;

export class BlockRing {
  readonly #memory: FmMemory;
  #start: number;
  #end: number;
  #next: number;
  /** Oldest first: they follow each other in the ring. */
  readonly #held: Held[] = [];
  #first = 0;

  constructor(memory: FmMemory, bytes: number) {
    this.#memory = memory;
    this.#start = memory.alloc(bytes);
    this.#end = this.#start + bytes;
    this.#next = this.#start;
  }

  get bytes(): number {
    return this.#end - this.#start;
  }

  /** @throws MnemeError BUDGET where blocks of this size are too large for the ring */
  expect(largestBlock: number): void {
    const needed = LEAST_BLOCKS * (largestBlock + ALIGN + SLACK);
    if (needed > this.bytes)
      throw new MnemeError(
        "BUDGET",
        `fm-index: a cache of ${this.bytes} bytes, blocks of this index need ${needed}; pass a larger cacheBytes`,
      );
  }

  /** Room for a block, taken from the oldest. */
  take(bytes: number, leave: () => void): number {
    const size = Math.ceil((bytes + SLACK) / ALIGN) * ALIGN;
    if (this.#next + size > this.#end) {
      // what lies from here to the end is older than what lies at the start
      this.#leaveWhile(({ at }) => at >= this.#next);
      this.#next = this.#start;
    }
    const [from, to] = [this.#next, this.#next + size];
    this.#leaveWhile((held) => held.at < to && held.at + held.bytes > from);
    this.#held.push({ at: from, bytes: size, leave });
    this.#next = to;
    return from;
  }

  view(at: number, bytes: number): Uint8Array {
    return this.#memory.u8(at, bytes);
  }

  #leaveWhile(test: (held: Held) => boolean): void {
    while (this.#first < this.#held.length && test(this.#held[this.#first]!))
      this.#held[this.#first++]!.leave();
    if (this.#first > 1024 && this.#first * 2 > this.#held.length) {
      this.#held.splice(0, this.#first);
      this.#first = 0;
    }
  }
}
