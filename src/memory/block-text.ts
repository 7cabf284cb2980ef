/**
 * A long byte string compressed in blocks, so that any range is read by inflating the few blocks it touches.
 * Parts: NAME (deflated blocks, back to back) and NAME.table (u32 little-endian, two a block: where it ends in the raw string, and where
 * in NAME). Blocks may be shorter than the writer's size.
 */

import { asU32 } from "../bytes.ts";
import type { SegmentSource } from "../index/segment.ts";
import type { MaybePromise } from "../storage/store.ts";
import { inflate } from "./compress.ts";
import type { CachedPart, PageCache } from "./page-cache.ts";

/** Reads of more blocks than this leave the cache to others. */
const CACHED_BLOCKS = 16;

/** Random access to a blocked string of an attached segment. The table is resident: 8 bytes a block. */
export class BlockText {
  readonly #source: SegmentSource;
  readonly #name: string;
  readonly #table: Uint32Array;
  /** Inflated blocks. */
  readonly #cached: CachedPart;

  private constructor(source: SegmentSource, name: string, table: Uint32Array, cached: CachedPart) {
    this.#source = source;
    this.#name = name;
    this.#table = table;
    this.#cached = cached;
  }

  static async open(source: SegmentSource, name: string, cache: PageCache): Promise<BlockText> {
    const part = `${name}.table`;
    const [table] = await source.read([{ part, start: 0, end: source.size(part) }]);
    return new BlockText(source, name, asU32(table!), cache.part());
  }

  get bytes(): number {
    return this.#table.byteLength;
  }

  /** Raw bytes of the whole string. */
  get length(): number {
    return this.#table.at(-2) ?? 0;
  }

  /** Owned bytes [start, end) of the original. */
  read(start: number, end: number): MaybePromise<Uint8Array> {
    if (end <= start) return new Uint8Array(0);
    const first = this.#blockAt(start);
    const last = end <= this.#rawEnd(first) ? first : this.#blockAt(end - 1);
    const blocks: (Uint8Array | undefined)[] = [];
    const ranges = [];
    for (let block = first; block <= last; block++) {
      const known = this.#cached.get(block);
      blocks.push(known);
      if (!known)
        ranges.push({ part: this.#name, start: this.#packedEnd(block - 1), end: this.#packedEnd(block) });
    }
    if (ranges.length === 0) return this.#cut(blocks as Uint8Array[], first, start, end);
    const packed = this.#source.read(ranges);
    return packed instanceof Promise
      ? packed.then((some) => this.#inflate(some, blocks, first, start, end))
      : this.#inflate(packed, blocks, first, start, end);
  }

  #rawEnd(block: number): number {
    return block < 0 ? 0 : this.#table[2 * block]!;
  }

  #packedEnd(block: number): number {
    return block < 0 ? 0 : this.#table[2 * block + 1]!;
  }

  /** The block that holds raw byte `at`. */
  #blockAt(at: number): number {
    let low = 0;
    let high = this.#table.length / 2 - 1;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.#table[2 * middle]! > at) high = middle;
      else low = middle + 1;
    }
    return low;
  }

  /** Fills in the blocks that were not in the cache. */
  #inflate(
    packed: readonly Uint8Array[],
    known: readonly (Uint8Array | undefined)[],
    first: number,
    start: number,
    end: number,
  ): MaybePromise<Uint8Array> {
    let next = 0;
    const raw = known.map((block, i) => {
      const length = this.#rawEnd(first + i) - this.#rawEnd(first + i - 1);
      return block ?? inflate(packed[next++]!, length);
    });
    const keep = (blocks: readonly Uint8Array[]): Uint8Array => {
      // every block of a short read: what lies near is asked for next
      if (blocks.length <= CACHED_BLOCKS) blocks.forEach((block, i) => this.#cached.put(first + i, block));
      return this.#cut(blocks, first, start, end);
    };
    if (raw.some((block) => block instanceof Promise)) return Promise.all(raw).then(keep);
    return keep(raw as Uint8Array[]);
  }

  #cut(blocks: readonly Uint8Array[], first: number, start: number, end: number): Uint8Array {
    const cut = new Uint8Array(end - start);
    let at = this.#rawEnd(first - 1);
    for (const block of blocks) {
      const from = Math.max(start - at, 0);
      const to = Math.min(end - at, block.byteLength);
      cut.set(block.subarray(from, to), at + from - start);
      at += block.byteLength;
    }
    return cut;
  }
}
