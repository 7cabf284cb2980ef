/**
 * A long byte string compressed in blocks, so that any range is read by inflating the few blocks it touches.
 * Parts: NAME (deflated blocks, back to back) and NAME.table (u32 little-endian, two a block: where it ends in the raw string, and where
 * in NAME). Blocks may be shorter than the writer's size.
 */

import { asU32 } from "../bytes.ts";
import type { SegmentSource } from "../index/segment.ts";
import { slab } from "../slab.ts";
import type { MaybePromise } from "../storage/store.ts";
import { inflate } from "./compress.ts";
import type { CachedPart, PageCache } from "./page-cache.ts";

/** Reads of more blocks than this leave the cache to others. */
const CACHED_BLOCKS = 16;
/** A block is inflated as far as it is read, in steps: what lies near is asked for next. */
const STEP_BYTES = 4096;

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

  /** Bytes [start, end) of the original, not to be kept for long. */
  read(start: number, end: number): MaybePromise<Uint8Array> {
    const out = slab.u8(Math.max(0, end - start));
    if (end <= start) return out;
    const first = this.#blockAt(start);
    const last = end <= this.#rawEnd(first) ? first : this.#blockAt(end - 1);
    const missing: number[] = [];
    for (let block = first; block <= last; block++) {
      const raw = this.#cached.get(block);
      if (raw && raw.byteLength >= this.#wanted(block, end)) this.#cut(block, raw, start, out);
      else missing.push(block);
    }
    if (missing.length === 0) return out;
    // every block of a short read is kept: what lies near is asked for next
    const keep = last - first < CACHED_BLOCKS;
    const inflateAll = (packed: readonly Uint8Array[]): Uint8Array => {
      missing.forEach((block, i) => {
        const whole = this.#rawEnd(block) - this.#rawEnd(block - 1);
        const steps = Math.ceil(this.#wanted(block, end) / STEP_BYTES);
        const raw = inflate(packed[i]!, Math.min(whole, steps * STEP_BYTES));
        this.#cut(block, raw, start, out);
        if (keep) this.#cached.put(block, raw, whole);
      });
      return out;
    };
    const packed = this.#source.read(
      missing.map((block) => ({
        part: this.#name,
        start: this.#packedEnd(block - 1),
        end: this.#packedEnd(block),
      })),
      slab.u8,
    );
    return packed instanceof Promise ? packed.then(inflateAll) : inflateAll(packed);
  }

  #rawEnd(block: number): number {
    return block < 0 ? 0 : this.#table[2 * block]!;
  }

  #packedEnd(block: number): number {
    return block < 0 ? 0 : this.#table[2 * block + 1]!;
  }

  /** Bytes of the block's beginning that a read up to raw byte `end` takes. */
  #wanted(block: number, end: number): number {
    return Math.min(end, this.#rawEnd(block)) - this.#rawEnd(block - 1);
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

  /** Copies what a read from `start` on wants of a block. */
  #cut(block: number, raw: Uint8Array, start: number, out: Uint8Array): void {
    const at = this.#rawEnd(block - 1) - start;
    const from = Math.max(-at, 0);
    const to = Math.min(out.byteLength - at, raw.byteLength);
    out.set(raw.subarray(from, to), at + from);
  }
}
