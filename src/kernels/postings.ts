/**
 * The hot loops of BM25 over compressed posting lists (their format: index/text/postings.ts). One scorer has the cursors of one query on
 * the lists of one segment; the caller decides which list is walked where. Its plain twin: reference/postings.ts.
 */
import type { Region } from "./arena.ts";
import type { HeldLists } from "./held-lists.ts";
import type { WasmFace } from "./wasm.ts";

/** Lists that are held (held-lists.ts), with what they count in a query. */
export interface WeightedLists {
  readonly count: number;
  readonly lists: ArrayLike<number>;
  /** Postings of each. */
  readonly postings: ArrayLike<number>;
  /** Weight in the query x idf of each. */
  readonly weights: ArrayLike<number>;
}

/** What every row's score depends on. */
export interface RowStatistics {
  /** Average row length over the whole index. */
  readonly average: number;
  readonly k1: number;
  readonly b: number;
}

export interface PostingScorer extends Disposable {
  /** What all lists together give the rows of the segment, ascending. Borrowed until the next call. */
  score(rows: Uint32Array): Float64Array;
  /** Bytes held in kernel memory. */
  readonly bytes: number;
}

/** A cursor's fields are those of wasm/assembly/postings.ts. */
export const CURSOR_BYTES = 56;
export const POSTING_BLOCK = 128;
/** Room for one decoded block: ordinals and frequencies. */
export const DECODED_BYTES: number = POSTING_BLOCK * 8;
const NONE = 0xffff_ffff;

/** Frequencies from 1 and lengths from 0 whose saturation is looked up: nearly all. */
const TABLE_FREQUENCIES = 8;
const TABLE_LENGTHS = 1024;

/** frequency / (frequency + norm) of usual postings, in kernel memory: scorers of one index share it. */
export class Saturations implements Disposable {
  readonly #table: Region;
  #of: RowStatistics | undefined;

  constructor(face: WasmFace) {
    this.#table = face.arena.alloc(TABLE_FREQUENCIES * TABLE_LENGTHS * 8);
  }

  get bytes(): number {
    return this.#table.byteLength;
  }

  /** Where the table lies, filled in for these statistics. */
  pointer({ average, k1, b }: RowStatistics): number {
    const of = this.#of;
    if (!(of && of.average === average && of.k1 === k1 && of.b === b)) {
      this.#of = { average, k1, b };
      const values = this.#table.f64();
      for (let frequency = 1, at = 0; frequency <= TABLE_FREQUENCIES; frequency++)
        for (let length = 0; length < TABLE_LENGTHS; length++)
          values[at++] = frequency / (frequency + k1 * (1 - b) + ((k1 * b) / average) * length);
    }
    return this.#table.pointer;
  }

  [Symbol.dispose](): void {
    this.#table[Symbol.dispose]();
  }
}

export class WasmPostings implements PostingScorer {
  readonly #face: WasmFace;
  readonly #saturations: Saturations;
  #lists: Region;
  #rows: Region;
  #scores: Region;
  #lengths = 0;
  #loaded = 0;

  /** @param saturations borrowed */
  constructor(face: WasmFace, saturations: Saturations) {
    this.#face = face;
    this.#saturations = saturations;
    this.#lists = face.arena.alloc(1 << 12);
    this.#rows = face.arena.alloc(16);
    this.#scores = face.arena.alloc(16);
  }

  get bytes(): number {
    return this.#lists.byteLength + this.#rows.byteLength + this.#scores.byteLength;
  }

  /** Where the cursors of the lists, how many, and the lengths of the rows lie: what ranking asks. */
  get loaded(): { readonly cursors: number; readonly lists: number; readonly lengths: number } {
    return { cursors: this.#lists.pointer, lists: this.#loaded, lengths: this.#lengths };
  }

  /**
   * Replaces the lists.
   * @param lists borrowed for the call
   * @param held where they are: they may not be let go before the next load
   * @param lengths u16 terms of each row, in kernel memory, borrowed until the next load
   */
  load(
    { count, lists, postings, weights }: WeightedLists,
    held: HeldLists,
    lengths: Region,
    { average, k1, b }: RowStatistics,
  ): void {
    const saturations = this.#saturations.pointer({ average, k1, b });
    const rooms = (count * CURSOR_BYTES + 15) & ~15;
    this.#lists = this.#atLeast(this.#lists, rooms + count * DECODED_BYTES);
    this.#lengths = lengths.pointer;
    this.#loaded = count;
    const room = this.#lists.pointer + rooms;
    const u32 = this.#lists.u32();
    const f64 = this.#lists.f64();
    for (let i = 0; i < count; i++) {
      const cursor = i * CURSOR_BYTES;
      u32[cursor / 4] = held.bytesAt(lists[i]!);
      u32[cursor / 4 + 1] = postings[i]!;
      u32[cursor / 4 + 2] = held.tableAt(lists[i]!);
      f64[cursor / 8 + 2] = weights[i]! * (k1 + 1);
      u32[cursor / 4 + 6] = room + i * DECODED_BYTES;
      u32[cursor / 4 + 7] = NONE;
      f64[cursor / 8 + 4] = k1 * (1 - b);
      f64[cursor / 8 + 5] = (k1 * b) / average;
      u32[cursor / 4 + 12] = saturations;
    }
  }

  score(rows: Uint32Array): Float64Array {
    this.#rows = this.#atLeast(this.#rows, rows.length * 4);
    this.#scores = this.#atLeast(this.#scores, rows.length * 8);
    this.#rows.u32().set(rows);
    const scores = this.#scores.f64().subarray(0, rows.length).fill(0);
    const [from, to] = [this.#rows.pointer, this.#scores.pointer];
    const { completePostings } = this.#face.instance.exports;
    for (let list = 0; list < this.#loaded; list++)
      completePostings(this.#lists.pointer + list * CURSOR_BYTES, from, rows.length, this.#lengths, to, 0);
    return scores;
  }

  [Symbol.dispose](): void {
    for (const region of [this.#lists, this.#rows, this.#scores]) region[Symbol.dispose]();
  }

  #atLeast(region: Region, bytes: number): Region {
    if (region.byteLength >= bytes) return region;
    region[Symbol.dispose]();
    return this.#face.arena.alloc(Math.ceil(bytes * 1.5));
  }
}
