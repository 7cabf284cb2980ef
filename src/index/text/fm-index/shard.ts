/**
 * A shard open for queries (Ferragina and Manzini, 2000): rows that begin with a pattern are a range, narrowed byte by byte. Documents are
 * held backwards, so that a pattern is read from left to right and a range can be told what follows it. Steps run in the kernels; a block
 * that one misses is read and the step taken again. Not safe for two queries at once where the source is not synchronous: FmIndex sees to it.
 */
import type { FmMemory } from "../../../kernels/fm.ts";
import type { BlockRing } from "./block-ring.ts";
import { PREFIX_BYTES, PrefixMemo } from "./prefix-memo.ts";
import { columnsOf, startsOf } from "./run.ts";
import type { ShardSource } from "./shard-source.ts";

/** Rows from `low` to before `high`. */
export interface RowRange {
  readonly low: number;
  readonly high: number;
}

/** Ranges by byte that may follow, and how often the document ends instead. */
export interface Branches {
  /** Low and high for each of 256 bytes. */
  readonly ranges: Uint32Array;
  readonly ends: number;
}

/** Memory that queries of all shards share. */
export interface Scratch {
  readonly memory: FmMemory;
  readonly ring: BlockRing;
  readonly pattern: number;
  readonly state: number;
  readonly branches: number;
  /** Six arrays of LOCATED u32, then counts. */
  readonly rows: number;
  readonly bytes: number;
}

/** Bytes of a pattern, at most. */
export const MOST_PATTERN = 1 << 16;
/** Rows that are located together. */
export const LOCATED = 1 << 15;
/** What a document at its start leaves instead of a sample. */
const START = 0x8000_0000;
const EXTRACTED = 1 << 16;

export function allocScratch(memory: FmMemory, ring: BlockRing): Scratch {
  return {
    memory,
    ring,
    pattern: memory.alloc(MOST_PATTERN),
    state: memory.alloc(64),
    branches: memory.alloc(2056),
    rows: memory.alloc(LOCATED * 24 + 1024),
    bytes: memory.alloc(Math.max(LOCATED, EXTRACTED)),
  };
}

// fields of a shard in the kernels (kernels/wasm/assembly/fm/search.ts)
const MISSING = 5;

export class Shard {
  readonly source: ShardSource;
  readonly #scratch: Scratch;
  readonly #fields: number;
  readonly #slots: number;
  readonly #prefixes = new PrefixMemo();

  constructor(source: ShardSource, scratch: Scratch) {
    const { memory, ring } = scratch;
    const { rows, counts, largestBlock } = source.header;
    ring.expect(largestBlock);
    this.source = source;
    this.#scratch = scratch;
    this.#fields = memory.alloc(64);
    this.#slots = memory.alloc(source.blocks * 4);
    const columns = memory.alloc(256);
    const starts = memory.alloc(1024);
    const totals = memory.alloc(1024);
    const all = Uint32Array.from(counts);
    memory.u32(this.#slots, source.blocks).fill(0);
    memory.u8(columns, 256).set(columnsOf(all).columns);
    memory.u32(starts, 256).set(startsOf(all, source.documents.filled.length));
    memory.u32(totals, 256).set(all);
    memory.u32(this.#fields, 6).set([rows, this.#slots, columns, starts, totals, 0]);
  }

  /** Bytes of RAM held by tables, pages and prefixes; blocks are the ring's. */
  get memoryBytes(): number {
    return this.source.memoryBytes + this.#prefixes.bytes;
  }

  get everything(): RowRange {
    return { low: 0, high: this.source.header.rows };
  }

  /** Rows that begin with a pattern. */
  async find(pattern: Uint8Array): Promise<RowRange> {
    const some = PREFIX_BYTES;
    if (pattern.length <= some) return this.narrow(this.everything, pattern);
    let range: RowRange | undefined = this.#prefixes.find(pattern);
    if (!range) {
      range = await this.narrow(this.everything, pattern.subarray(0, some));
      this.#prefixes.keep(pattern, range.low, range.high);
    }
    return this.narrow(range, pattern.subarray(some));
  }

  /** Rows of the range whose text goes on with the pattern. */
  async narrow(range: RowRange, pattern: Uint8Array): Promise<RowRange> {
    const { memory, pattern: at, state } = this.#scratch;
    const { words } = memory;
    const word = state >> 2;
    memory.u8(at, pattern.length).set(pattern);
    words[word] = range.low;
    words[word + 1] = range.high;
    words[word + 2] = 0;
    while (memory.kernels.narrow(this.#fields, at, pattern.length, state) === 0) {
      const loading = this.#load();
      if (loading) await loading;
    }
    const low = words[word]!;
    return { low, high: Math.max(low, words[word + 1]!) };
  }

  async branch({ low, high }: RowRange): Promise<Branches> {
    const { memory, branches } = this.#scratch;
    let byte = 0;
    for (;;) {
      byte = memory.kernels.branch(this.#fields, low, high, byte, branches);
      if (byte === 256) break;
      const loading = this.#load();
      if (loading) await loading;
    }
    return { ranges: memory.u32(branches, 512).slice(), ends: memory.u32(branches + 2048, 1)[0]! };
  }

  /**
   * Where the rows' suffixes begin, to `documents` and `depths` (bytes from there to the document's end), in no order. At most LOCATED.
   */
  async locate({ low, high }: RowRange, documents: Uint32Array, depths: Uint32Array): Promise<void> {
    const { memory, rows, bytes, state } = this.#scratch;
    const size = LOCATED * 4;
    let [from, to] = [rows, rows + 2 * size];
    const found = rows + 4 * size;
    let count = high - low;
    const [all, numbers] = [memory.u32(from, count), memory.u32(from + size, count)];
    for (let i = 0; i < count; i++) {
      all[i] = low + i;
      numbers[i] = i;
    }
    const counts = found + 2 * size;
    for (let steps = 0; count > 0; steps++) {
      memory.u32(state, 2).fill(0);
      while (
        memory.kernels.locateStep(this.#fields, from, from + size, count, found, steps, bytes, state) === 0
      ) {
        const loading = this.#load();
        if (loading) await loading;
      }
      count = memory.u32(state, 2)[1]!;
      memory.kernels.sortMoved(from, from + size, bytes, count, to, to + size, counts);
      [from, to] = [to, from];
    }
    this.#settle(memory.u32(found, 2 * (high - low)), documents, depths);
  }

  /** Documents and depths of samples and how many steps before them each row began. */
  #settle(found: Uint32Array, documents: Uint32Array, depths: Uint32Array): void {
    const table = this.source.documents;
    for (let i = 0; i < documents.length; i++) {
      const sample = found[2 * i]!;
      const steps = found[2 * i + 1]!;
      const owner = sample >= START ? sample - START : table.ownerOf(sample);
      documents[i] = table.filled[owner]!;
      depths[i] = (sample >= START ? 0 : table.depthOf(sample, owner)) + steps;
    }
  }

  /** `length` bytes of a document from `start` on: they exist. */
  async extract(document: number, start: number, length: number, out: Uint8Array): Promise<void> {
    const { documents, header } = this.source;
    const place = documents.placeOf(document);
    const size = documents.lengths[document]!;
    const kept = documents.keptFrom(place, size - start, header.inverseRate);
    // without a sample, from the document's end: its row is its number
    let row = kept ? await this.source.rowOf(kept.sample) : place;
    let at = kept ? size - kept.depth : 0;
    while (at < start + length) {
      const step = Math.min(EXTRACTED, start + length - at);
      row = await this.#follow(row, step);
      const from = Math.max(0, start - at);
      const bytes = this.#scratch.memory.u8(this.#scratch.bytes, step);
      if (from < step) out.set(bytes.subarray(from), Math.max(0, at - start));
      at += step;
    }
  }

  /** Puts the bytes that follow a row to scratch. @returns the row behind them */
  async #follow(row: number, count: number): Promise<number> {
    const { memory, state, bytes } = this.#scratch;
    memory.u32(state, 2).set([row, 0]);
    while (memory.kernels.follow(this.#fields, count, bytes, state) === 0) {
      const loading = this.#load();
      if (loading) await loading;
    }
    return memory.u32(state, 1)[0]!;
  }

  /** Reads the block that a step stopped for. */
  #load(): Promise<void> | undefined {
    const { memory, ring } = this.#scratch;
    const number = memory.words[(this.#fields >> 2) + MISSING]!;
    const bytes = this.source.blockBytes(number);
    const slot = (this.#slots >> 2) + number;
    const at = ring.take(bytes, slot);
    const reading = this.source.readBlock(number, memory.u8(at, bytes));
    if (reading)
      return reading.then(() => {
        memory.words[slot] = at;
      });
    memory.words[slot] = at;
    return undefined;
  }
}
