/**
 * The cache of a sequence in pages of slots, for each layer and key-value head a table of its own: heads may keep different tokens.
 * Keys are kept as rotated.
 */
import type { Arena, Region } from "../kernels/index.ts";
import { PAGE_SLOTS } from "../kernels/index.ts";

/** How keys and values are kept: as they are, or a byte each with a scale for each slot. */
export const CACHE_CODECS = ["f32", "int8"] as const;
export type CacheCodec = (typeof CACHE_CODECS)[number];

export interface CacheShape {
  readonly layers: number;
  readonly kvHeads: number;
  readonly headDim: number;
}

const TABLE_WORDS = 3;
const HEAD_WORDS = 4;
const FIRST_PAGES = 16;
/** Of a slot's codes. */
const SCALE_BYTES = 4;

/** Pages of one head of one layer: where their keys, values and biases lie, in a table that the kernels read. */
class HeadPages implements Disposable {
  readonly #arena: Arena;
  readonly #bytes: number;
  readonly #pages: Region[] = [];
  #table: Region;
  slots = 0;

  constructor(arena: Arena, headDim: number, codec: CacheCodec) {
    this.#arena = arena;
    this.#bytes = PAGE_SLOTS * (codec === "int8" ? headDim + SCALE_BYTES : headDim * 4);
    this.#table = arena.alloc(FIRST_PAGES * TABLE_WORDS * 4);
  }

  get table(): number {
    return this.#table.pointer;
  }

  get bytes(): number {
    return this.#table.byteLength + this.#pages.length * this.#bytes * 2;
  }

  /** Makes room for slots up to `count`. */
  reserve(count: number): void {
    const wanted = Math.ceil(count / PAGE_SLOTS);
    while (this.#pages.length < wanted) this.#grow();
  }

  truncate(count: number): void {
    this.slots = Math.min(this.slots, count);
    const kept = Math.ceil(this.slots / PAGE_SLOTS);
    for (const page of this.#pages.splice(kept)) page[Symbol.dispose]();
  }

  #grow(): void {
    const number = this.#pages.length;
    if ((number + 1) * TABLE_WORDS * 4 > this.#table.byteLength) {
      const table = this.#arena.alloc(this.#table.byteLength * 2);
      table.u8().set(this.#table.u8());
      this.#table[Symbol.dispose]();
      this.#table = table;
    }
    const page = this.#arena.alloc(this.#bytes * 2);
    this.#pages.push(page);
    // pages are read whole by the kernels, also behind the last slot
    page.u8().fill(0);
    this.#table.u32().set([page.pointer, page.pointer + this.#bytes, 0], number * TABLE_WORDS);
  }

  [Symbol.dispose](): void {
    for (const page of this.#pages.splice(0)) page[Symbol.dispose]();
    this.#table[Symbol.dispose]();
  }
}

export class PagedCache implements Disposable {
  readonly shape: CacheShape;
  readonly codec: CacheCodec;
  /** Layer by layer. */
  readonly #heads: readonly HeadPages[];
  readonly #room: Region;
  /** Tokens that went in: the position of the next one. */
  #length = 0;

  constructor(arena: Arena, shape: CacheShape, codec: CacheCodec = "int8") {
    this.shape = shape;
    this.codec = codec;
    const { layers, kvHeads, headDim } = shape;
    this.#heads = Array.from({ length: layers * kvHeads }, () => new HeadPages(arena, headDim, codec));
    this.#room = arena.alloc(layers * kvHeads * HEAD_WORDS * 4);
  }

  get length(): number {
    return this.#length;
  }

  get bytes(): number {
    return this.#heads.reduce((sum, { bytes }) => sum + bytes, this.#room.byteLength);
  }

  /** Where the heads of a layer are described for the kernels. */
  layer(number: number): number {
    return this.#room.pointer + number * this.shape.kvHeads * HEAD_WORDS * 4;
  }

  /** Pages of the longest head once `tokens` more are in. */
  pagesWith(tokens: number): number {
    const longest = this.#heads.reduce((most, { slots }) => Math.max(most, slots), 0);
    return Math.ceil((longest + tokens) / PAGE_SLOTS);
  }

  /** Makes room for `tokens` more, and tells the kernels where. */
  begin(tokens: number): void {
    const words = this.#room.u32();
    let at = 0;
    for (const head of this.#heads) {
      head.reserve(head.slots + tokens);
      words[at] = head.table;
      words[at + 1] = head.slots;
      at += HEAD_WORDS;
    }
  }

  /** `tokens` more are in. */
  end(tokens: number): void {
    this.#length += tokens;
    for (const head of this.#heads) head.slots += tokens;
  }

  /** Forgets what came after the first `tokens`. */
  truncate(tokens: number): void {
    this.#length = Math.min(this.#length, tokens);
    for (const head of this.#heads) head.truncate(tokens);
  }

  [Symbol.dispose](): void {
    for (const head of this.#heads) head[Symbol.dispose]();
    this.#room[Symbol.dispose]();
  }
}
