/** The merges of a byte-pair encoding, in the kernels' memory: from two neighbouring tokens to the rank of their merge and the token it makes. */
import { kernels, type Region } from "../kernels/index.ts";

const NONE = 0xffff_ffff;
/** Tokens of a piece at first; longer pieces make room. */
const FIRST_TOKENS = 256;

export class PairMerger implements Disposable {
  /** Pairs as the kernel reads them. */
  readonly #slots: Region;
  readonly #shift: number;
  #tokens: Region;
  #views!: { readonly buffer: ArrayBuffer; readonly slots: Uint32Array; readonly tokens: Uint16Array };

  /** @param merges how many there are at most */
  constructor(merges: number) {
    const bits = Math.ceil(Math.log2(Math.max(2, merges))) + 1;
    this.#shift = 32 - bits;
    this.#slots = kernels().arena.alloc(2 ** (bits + 3));
    this.#slots.u32().fill(NONE);
    this.#tokens = kernels().arena.alloc(FIRST_TOKENS * 2);
    this.#view();
  }

  get bytes(): number {
    return this.#slots.byteLength + this.#tokens.byteLength;
  }

  /** The first merge of a pair counts. Tokens and ranks are below 2^16. */
  add(left: number, right: number, rank: number, merged: number): void {
    const { slots } = this.#views;
    const pair = ((left << 16) | right) >>> 0;
    let slot = (Math.imul(pair, 0x9e3779b1) >>> this.#shift) * 2;
    for (; slots[slot + 1] !== NONE; slot = (slot + 2) & (slots.length - 1)) if (slots[slot] === pair) return;
    slots[slot] = pair;
    slots[slot + 1] = (rank << 16) | merged;
  }

  /** Where `count` tokens of a piece are to be written. Borrowed until the next call. */
  room(count: number): Uint16Array {
    if (count * 2 > this.#tokens.byteLength) {
      this.#tokens[Symbol.dispose]();
      this.#tokens = kernels().arena.alloc(count * 4);
      this.#view();
    } else if (this.#views.buffer !== kernels().arena.buffer) this.#view();
    return this.#views.tokens;
  }

  /** Merges the first `count` tokens that were written. @returns how many remain */
  merge(count: number): number {
    return kernels().mergePairs(this.#views.tokens, count, this.#views.slots);
  }

  [Symbol.dispose](): void {
    this.#slots[Symbol.dispose]();
    this.#tokens[Symbol.dispose]();
  }

  #view(): void {
    const { buffer } = kernels().arena;
    const tokens = new Uint16Array(buffer, this.#tokens.pointer, this.#tokens.byteLength >>> 1);
    this.#views = { buffer, slots: this.#slots.u32(), tokens };
  }
}
