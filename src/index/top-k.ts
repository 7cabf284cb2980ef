/** TopK: a bounded binary heap of (score, row), worst on top; ties go to the lower row. The one top-k of the index rooms. */

import { slab } from "../slab.ts";
import { type Cursor, type Hits, isAfter } from "./hits.ts";

export class TopK {
  readonly capacity: number;
  readonly #scores: Float32Array;
  readonly #rows: Uint32Array;
  #size = 0;

  constructor(capacity: number) {
    this.capacity = capacity;
    this.#scores = slab.f32(capacity);
    this.#rows = slab.u32(capacity);
  }

  get size(): number {
    return this.#size;
  }

  get isFull(): boolean {
    return this.#size === this.capacity;
  }

  /** A score below this cannot enter; -Infinity until full. An equal score may, with a lower row. */
  get threshold(): number {
    return this.#size < this.capacity || this.capacity === 0 ? Number.NEGATIVE_INFINITY : this.#scores[0]!;
  }

  /** Scores are compared as the f32 that they are kept as, so that equal ones tie. */
  push(score: number, row: number): void {
    const rounded = Math.fround(score);
    if (this.#size < this.capacity) this.#siftUp(this.#size++, rounded, row);
    else if (this.capacity > 0 && this.#beats(rounded, row, 0)) this.#siftDown(rounded, row);
  }

  /** Empties the heap into Hits, best first. */
  drain(): Hits {
    const rows = slab.u32(this.#size);
    const scores = slab.f32(this.#size);
    for (let i = this.#size - 1; i >= 0; i--) {
      rows[i] = this.#rows[0]!;
      scores[i] = this.#scores[0]!;
      this.#size--;
      if (this.#size > 0) this.#siftDown(this.#scores[this.#size]!, this.#rows[this.#size]!);
    }
    return { rows, scores };
  }

  #beats(score: number, row: number, at: number): boolean {
    const other = this.#scores[at]!;
    return score > other || (score === other && row < this.#rows[at]!);
  }

  #siftUp(start: number, score: number, row: number): void {
    let at = start;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (this.#beats(score, row, parent)) break;
      this.#move(parent, at);
      at = parent;
    }
    this.#scores[at] = score;
    this.#rows[at] = row;
  }

  /** Puts (score, row) in the root's place and lets it sink. */
  #siftDown(score: number, row: number): void {
    let at = 0;
    for (let child = 1; child < this.#size; child = 2 * at + 1) {
      if (child + 1 < this.#size && !this.#beats(this.#scores[child + 1]!, this.#rows[child + 1]!, child))
        child++;
      if (!this.#beats(score, row, child)) break;
      this.#move(child, at);
      at = child;
    }
    this.#scores[at] = score;
    this.#rows[at] = row;
  }

  #move(from: number, to: number): void {
    this.#scores[to] = this.#scores[from]!;
    this.#rows[to] = this.#rows[from]!;
  }
}

/** What of scored rows a search wants. */
export interface WantedHits {
  readonly k: number;
  /** Of a hit at least. */
  readonly minScore?: number | undefined;
  /** Hits come strictly after it. */
  readonly after?: Cursor | undefined;
}

/** The wanted hits among rows with scores. @param rows how many @param rowAt called for those that may enter */
export function bestRows(
  scores: Float32Array,
  rows: number,
  rowAt: (i: number) => number,
  { k, minScore, after }: WantedHits,
): Hits {
  const heap = new TopK(Math.min(k, rows));
  for (let i = 0; i < rows; i++) {
    const score = scores[i]!;
    if (score < heap.threshold || (minScore !== undefined && score < minScore)) continue;
    const row = rowAt(i);
    if (!after || isAfter(after, score, row)) heap.push(score, row);
  }
  return heap.drain();
}
