/**
 * The hot loops of BM25 over compressed posting lists (their format: index/text/postings.ts). One scorer holds the lists of one query in
 * one segment; the caller decides which list is walked where. Its plain twin: reference/postings.ts.
 */
import type { Region } from "./arena.ts";
import type { ListSource } from "./list-source.ts";
import type { WasmFace } from "./wasm.ts";

export interface WeightedList {
  /** List number `index` of them, exactly; borrowed for the call. */
  readonly lists: ListSource;
  readonly index: number;
  /** Postings in it. */
  readonly count: number;
  /** Weight in the query x idf. */
  readonly weight: number;
}

/** What every row's score depends on. */
export interface RowStatistics {
  /** Average row length over the whole index. */
  readonly average: number;
  readonly k1: number;
  readonly b: number;
}

/** Rows that may be found: row r of the segment has bit `first` + r. */
export interface AllowedRows {
  readonly words: Uint32Array;
  readonly first: number;
}

/** Rows scored together: the sums stay in the second-level cache. */
export const WINDOW_ROWS = 8192;

export interface PostingScorer extends Disposable {
  /**
   * Replaces the lists. @param lengths u16 terms of each row, in kernel memory, borrowed until the next load
   * @param allowed rows that may become candidates by `collect`; absent: all
   */
  load(
    lists: readonly WeightedList[],
    lengths: Region,
    statistics: RowStatistics,
    allowed?: AllowedRows,
  ): void;
  /** The largest score that list `list` gives a row of [start, end). Windows must ascend between loads. */
  bound(list: number, start: number, end: number): number;
  /** Adds the list's scores of the bound window to the window's sums. */
  accumulate(list: number, start: number, end: number): void;
  /** Makes rows of [start, end) with a sum of at least `threshold` the candidates, and clears the sums. @returns how many */
  collect(start: number, end: number, threshold: number): number;
  /** Makes given rows of the segment, ascending, the candidates, their scores zero. */
  setCandidates(rows: Uint32Array): void;
  /** Adds the list's scores to the candidates'. */
  complete(list: number): void;
  /** Drops candidates below `threshold`. @returns how many stay */
  keep(threshold: number): number;
  /** The k-th largest score of the candidates, a little less so that equal ones pass; -Infinity when they are fewer. */
  kth(k: number): number;
  /** Candidate rows, ascending, and their scores, in front of what else the arrays hold. Borrowed until the next call. */
  candidates(): { readonly count: number; readonly rows: Uint32Array; readonly scores: Float64Array };
  /** Bytes held in kernel memory. */
  readonly bytes: number;
}

/** Fields of a cursor, as wasm/assembly/postings.ts has them. */
const CURSOR_BYTES = 48;
const TABLE_ENTRY_BYTES = 16;
const BLOCK = 128;
/** Room for one decoded block: ordinals and frequencies. */
const DECODED_BYTES = BLOCK * 8;
/** Unpacking reads whole words beyond the end of a list, and up to 3 bytes more stand before and behind it. */
const PADDING = 24;

/** Scores this near are the same once they are kept as f32. */
const TIE = 1 - 1e-6;

const align = (bytes: number): number => (bytes + 15) & ~15;
const tableBytes = (count: number): number => Math.max(1, Math.ceil(count / BLOCK)) * TABLE_ENTRY_BYTES;

/** What a list takes beside its cursor. */
function roomOf({ lists, index, count }: WeightedList): number {
  return align(lists.length(index) + PADDING) + tableBytes(count) + DECODED_BYTES;
}

export class WasmPostings implements PostingScorer {
  readonly #face: WasmFace;
  #lists: Region;
  #sums: Region;
  #rows: Region;
  #scores: Region;
  #allowed: Region | undefined;
  #firstAllowed = -1;
  #lengths = 0;
  #loaded = 0;
  #candidates = 0;

  constructor(face: WasmFace) {
    this.#face = face;
    this.#lists = face.arena.alloc(1 << 14);
    this.#sums = face.arena.alloc(WINDOW_ROWS * 8);
    this.#sums.u8().fill(0);
    this.#rows = face.arena.alloc(WINDOW_ROWS * 4);
    this.#scores = face.arena.alloc(WINDOW_ROWS * 8);
  }

  get bytes(): number {
    return this.#regions().reduce((sum, { byteLength }) => sum + byteLength, 0);
  }

  load(
    lists: readonly WeightedList[],
    lengths: Region,
    { average, k1, b }: RowStatistics,
    allowed?: AllowedRows,
  ): void {
    this.#allow(allowed, lengths.byteLength >>> 1);
    let needed = align(lists.length * CURSOR_BYTES);
    for (const list of lists) needed += roomOf(list);
    this.#lists = this.#atLeast(this.#lists, needed);
    this.#lengths = lengths.pointer;
    this.#loaded = lists.length;
    const { pointer } = this.#lists;
    const u32 = this.#lists.u32();
    const f64 = this.#lists.f64();
    let at = align(lists.length * CURSOR_BYTES);
    for (let i = 0; i < lists.length; i++) {
      const { lists: source, index, count, weight } = lists[i]!;
      const start = at + source.copy(index, u32, at / 4);
      const table = at + align(source.length(index) + PADDING);
      const decoded = table + tableBytes(count);
      const cursor = i * CURSOR_BYTES;
      u32[cursor / 4] = pointer + start;
      u32[cursor / 4 + 1] = count;
      u32[cursor / 4 + 2] = pointer + table;
      f64[cursor / 8 + 2] = weight * (k1 + 1);
      u32[cursor / 4 + 6] = pointer + decoded;
      f64[cursor / 8 + 4] = k1 * (1 - b);
      f64[cursor / 8 + 5] = (k1 * b) / average;
      at = decoded + DECODED_BYTES;
      this.#face.instance.exports.openPostings(pointer + cursor);
    }
  }

  bound(list: number, start: number, end: number): number {
    return this.#face.instance.exports.boundPostings(this.#cursor(list), start, end);
  }

  accumulate(list: number, start: number, end: number): void {
    this.#face.instance.exports.accumulatePostings(
      this.#cursor(list),
      start,
      end,
      this.#lengths,
      this.#sums.pointer,
    );
  }

  collect(start: number, end: number, threshold: number): number {
    this.#candidates = this.#face.instance.exports.collectSums(
      this.#sums.pointer,
      end - start,
      start,
      threshold,
      this.#rows.pointer,
      this.#scores.pointer,
    );
    if (this.#firstAllowed >= 0)
      this.#candidates = this.#face.instance.exports.restrictRows(
        this.#rows.pointer,
        this.#scores.pointer,
        this.#candidates,
        this.#allowed!.pointer,
        this.#firstAllowed,
      );
    return this.#candidates;
  }

  setCandidates(rows: Uint32Array): void {
    this.#rows = this.#atLeast(this.#rows, rows.length * 4);
    this.#scores = this.#atLeast(this.#scores, rows.length * 8);
    this.#rows.u32().set(rows);
    this.#scores.u8().fill(0, 0, rows.length * 8);
    this.#candidates = rows.length;
  }

  complete(list: number): void {
    this.#face.instance.exports.completePostings(
      this.#cursor(list),
      this.#rows.pointer,
      this.#candidates,
      this.#lengths,
      this.#scores.pointer,
    );
  }

  keep(threshold: number): number {
    this.#candidates = this.#face.instance.exports.keepScores(
      this.#rows.pointer,
      this.#scores.pointer,
      this.#candidates,
      threshold,
    );
    return this.#candidates;
  }

  kth(k: number): number {
    if (this.#candidates < k) return Number.NEGATIVE_INFINITY;
    // the sums are zero between windows and serve as room meanwhile
    const room = this.#sums;
    const { kthScore } = this.#face.instance.exports;
    const kth = kthScore(this.#scores.pointer, this.#candidates, k, room.pointer);
    room.u8().fill(0, 0, this.#candidates * 8);
    return kth * TIE;
  }

  candidates(): { count: number; rows: Uint32Array; scores: Float64Array } {
    return { count: this.#candidates, rows: this.#rows.u32(), scores: this.#scores.f64() };
  }

  [Symbol.dispose](): void {
    for (const region of this.#regions()) region[Symbol.dispose]();
  }

  #regions(): Region[] {
    const regions = [this.#lists, this.#sums, this.#rows, this.#scores];
    return this.#allowed ? [...regions, this.#allowed] : regions;
  }

  /** Copies the bits of the segment's rows. */
  #allow(allowed: AllowedRows | undefined, rows: number): void {
    this.#firstAllowed = -1;
    if (!allowed) return;
    const from = allowed.first >>> 5;
    const words = ((allowed.first + rows + 31) >>> 5) - from;
    this.#allowed = this.#atLeast(this.#allowed ?? this.#face.arena.alloc(words * 4), words * 4);
    const bits = this.#allowed.u32();
    bits.fill(0, 0, words);
    bits.set(allowed.words.subarray(from, from + words));
    this.#firstAllowed = allowed.first & 31;
  }

  #cursor(list: number): number {
    if (list >= this.#loaded) throw new RangeError(`postings: list ${list} of ${this.#loaded}`);
    return this.#lists.pointer + list * CURSOR_BYTES;
  }

  #atLeast(region: Region, bytes: number): Region {
    if (region.byteLength >= bytes) return region;
    region[Symbol.dispose]();
    return this.#face.arena.alloc(Math.ceil(bytes * 1.5));
  }
}
