/** Blocks of rows in kernel memory: a ring of bytes in which a new block takes the place of the oldest ones. */

import { MnemeError } from "../../../errors.ts";
import type { FmMemory } from "../../../kernels/fm.ts";

const ALIGN = 64;
/** Bytes that kernels may read past a block. */
const SLACK = 64;
/** Largest blocks that must have room at once: a step needs two. */
const LEAST_BLOCKS = 3;
/** Numbers kept of a block: where it lies, its bytes, its slot. */
const FIELDS = 3;

export class BlockRing {
  readonly #memory: FmMemory;
  #start: number;
  #end: number;
  #next: number;
  /** Blocks, oldest first: they follow each other in the ring. Numbers in a ring of their own: objects would outlive many collections. */
  #held = new Uint32Array(1024 * FIELDS);
  #first = 0;
  #count = 0;

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

  /** Room for a block, taken from the oldest. @param slot the word of memory that is made 0 when the block is gone */
  take(bytes: number, slot: number): number {
    const size = Math.ceil((bytes + SLACK) / ALIGN) * ALIGN;
    if (this.#next + size > this.#end) {
      // what lies from here to the end is older than what lies at the start
      while (this.#count > 0 && this.#held[this.#first]! >= this.#next) this.#leave();
      this.#next = this.#start;
    }
    const [from, to] = [this.#next, this.#next + size];
    while (this.#count > 0 && this.#oldestMeets(from, to)) this.#leave();
    this.#hold(from, size, slot);
    this.#next = to;
    return from;
  }

  #oldestMeets(from: number, to: number): boolean {
    const at = this.#held[this.#first]!;
    return at < to && at + this.#held[this.#first + 1]! > from;
  }

  #leave(): void {
    this.#memory.words[this.#held[this.#first + 2]!] = 0;
    this.#first = (this.#first + FIELDS) % this.#held.length;
    this.#count--;
  }

  #hold(at: number, size: number, slot: number): void {
    if (this.#count * FIELDS === this.#held.length) {
      const more = new Uint32Array(2 * this.#held.length);
      more.set(this.#held.subarray(this.#first));
      more.set(this.#held.subarray(0, this.#first), this.#held.length - this.#first);
      this.#held = more;
      this.#first = 0;
    }
    const place = (this.#first + this.#count * FIELDS) % this.#held.length;
    this.#held[place] = at;
    this.#held[place + 1] = size;
    this.#held[place + 2] = slot;
    this.#count++;
  }
}
