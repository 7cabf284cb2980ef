/**
 * Top rows of one segment for a weighted set of terms, with dynamic pruning: windows of rows whose block maxima cannot reach the
 * threshold are skipped, and within a window only the terms that can lift a row over it are walked (MaxScore, Turtle & Flood 1995, on
 * block maxima, Ding & Suel 2011). Returns exactly what scoring every row would.
 */
import { saturation } from "./bm25.ts";
import type { PostingList } from "./postings.ts";

/** Rows scored together; the accumulator stays in the first-level cache. */
const WINDOW = 2048;
/** Room for the rounding of sums in another order and of scores kept as f32. */
const SLACK = 1.000001;

/** What every row's score depends on. */
export interface Statistics {
  /** Average row length over the whole index. */
  readonly average: number;
  readonly k1: number;
  readonly b: number;
}

/** One term of the query within one segment. */
export class TermCursor {
  readonly list: PostingList;
  /** Weight in the query x idf. */
  readonly weight: number;
  readonly #bounds: Float64Array;
  /** Block that is decoded; -1 before the first. */
  #block = -1;
  #size = 0;
  #at = 0;
  /** First block whose last ordinal is not before the window. */
  #windowBlock = 0;
  /** Largest score of any row in the window. */
  bound = 0;

  constructor(list: PostingList, weight: number, { average, k1, b }: Statistics) {
    this.list = list;
    this.weight = weight;
    this.#bounds = new Float64Array(list.blocks);
    for (let block = 0; block < list.blocks; block++) {
      const norm = k1 * (1 - b + (b * list.minLengths[block]!) / average);
      this.#bounds[block] = weight * saturation(list.maxFrequencies[block]!, norm, k1);
    }
  }

  /** Sets `bound` for rows [start, end). */
  enter(start: number, end: number): void {
    const { lastOrdinals, blocks } = this.list;
    while (this.#windowBlock < blocks && lastOrdinals[this.#windowBlock]! < start) this.#windowBlock++;
    this.bound = 0;
    for (let block = this.#windowBlock; block < blocks; block++) {
      if (this.#bounds[block]! > this.bound) this.bound = this.#bounds[block]!;
      if (lastOrdinals[block]! >= end - 1) break;
    }
  }

  /** Frequency at exactly `ordinal`, 0 when absent. Ordinals must ascend from call to call. */
  frequencyAt(ordinal: number): number {
    if (!this.#seek(ordinal)) return 0;
    return this.list.ordinals[this.#at] === ordinal ? this.list.frequencies[this.#at]! : 0;
  }

  /** Adds this term's scores of rows [start, end) to `sums[row - start]`. */
  accumulate(
    start: number,
    end: number,
    lengths: Uint16Array,
    sums: Float64Array,
    { average, k1, b }: Statistics,
  ): void {
    const { ordinals, frequencies } = this.list;
    const fixed = k1 * (1 - b);
    const slope = (k1 * b) / average;
    const scale = this.weight * (k1 + 1);
    let more = this.#seek(start);
    while (more) {
      const size = this.#size;
      let at = this.#at;
      for (; at < size; at++) {
        const ordinal = ordinals[at]!;
        if (ordinal >= end) {
          this.#at = at;
          return;
        }
        const frequency = frequencies[at]!;
        sums[ordinal - start]! += (scale * frequency) / (frequency + fixed + slope * lengths[ordinal]!);
      }
      this.#at = at;
      more = this.#load(this.#block + 1);
    }
  }

  /** Moves to the first posting at or after `ordinal`. @returns false at the end of the list. */
  #seek(ordinal: number): boolean {
    const { lastOrdinals, blocks } = this.list;
    let block = Math.max(this.#block, 0);
    while (block < blocks && lastOrdinals[block]! < ordinal) block++;
    if (block !== this.#block && !this.#load(block)) return false;
    const { ordinals } = this.list;
    while (this.#at < this.#size && ordinals[this.#at]! < ordinal) this.#at++;
    return (
      this.#at < this.#size ||
      (this.#block + 1 < blocks && this.#load(this.#block + 1) && this.#seek(ordinal))
    );
  }

  #load(block: number): boolean {
    if (block >= this.list.blocks) {
      this.#block = this.list.blocks;
      this.#size = 0;
      this.#at = 0;
      return false;
    }
    this.#size = this.list.decode(block);
    this.#block = block;
    this.#at = 0;
    return true;
  }
}

/** Receives rows that may enter the top k, ascending. */
export interface Collector {
  /** Scores below it are not wanted any more. */
  readonly threshold: number;
  /** Rows that must not be scored (filtered, deleted). */
  allows(ordinal: number): boolean;
  collect(ordinal: number, score: number): void;
}

const sums = new Float64Array(WINDOW);

/** Walks all rows of a segment in windows. @param lengths terms per row */
export function maxScore(
  cursors: TermCursor[],
  lengths: Uint16Array,
  statistics: Statistics,
  collector: Collector,
): void {
  const order = [...cursors];
  for (let start = 0; start < lengths.length; start += WINDOW) {
    const end = Math.min(lengths.length, start + WINDOW);
    for (const cursor of order) cursor.enter(start, end);
    order.sort((a, b) => a.bound - b.bound);
    const optional = countOptional(order, collector.threshold);
    if (optional === order.length) continue;
    sums.fill(0);
    for (let i = optional; i < order.length; i++) order[i]!.accumulate(start, end, lengths, sums, statistics);
    collectWindow(order, optional, start, end, lengths, statistics, collector);
  }
}

/** How many of the weakest terms cannot reach the threshold together: they only complete rows that others found. */
function countOptional(order: readonly TermCursor[], threshold: number): number {
  let reach = 0;
  for (let i = 0; i < order.length; i++) {
    reach += order[i]!.bound;
    if (reach * SLACK >= threshold && reach > 0) return i;
  }
  return order.length;
}

function collectWindow(
  order: readonly TermCursor[],
  optional: number,
  start: number,
  end: number,
  lengths: Uint16Array,
  { average, k1, b }: Statistics,
  collector: Collector,
): void {
  let rest = 0;
  for (let i = 0; i < optional; i++) rest += order[i]!.bound;
  let threshold = collector.threshold;
  for (let row = start; row < end; row++) {
    let score = sums[row - start]!;
    if (score === 0 || (score + rest) * SLACK < threshold || !collector.allows(row)) continue;
    let left = rest;
    const norm = k1 * (1 - b + (b * lengths[row]!) / average);
    for (let i = optional - 1; i >= 0; i--) {
      if ((score + left) * SLACK < threshold) break;
      const cursor = order[i]!;
      left -= cursor.bound;
      const frequency = cursor.frequencyAt(row);
      if (frequency > 0) score += cursor.weight * saturation(frequency, norm, k1);
    }
    collector.collect(row, score);
    threshold = collector.threshold;
  }
}
