/** What a search has found: the best rows that its filter, cursor and least score let through, and how far the k-th is. */
import type { Hits } from "../../hits.ts";
import { isAfter } from "../../hits.ts";
import type { SearchOptions } from "../../segment.ts";
import { TopK } from "../../top-k.ts";
import type { LiveRows } from "./live-rows.ts";
import { distanceOf, type QueryPoint, scoreOf } from "./metric-space.ts";

export class Found {
  readonly k: number;
  readonly #query: QueryPoint;
  readonly #options: SearchOptions;
  readonly #heap: TopK;

  readonly #live: LiveRows;

  /** @param live rows that count */
  constructor(query: QueryPoint, options: SearchOptions, live: LiveRows) {
    this.#live = live;
    // no more can be found than there are rows
    this.k = Math.min(options.k, live.lastRow + 1);
    this.#query = query;
    this.#options = options;
    this.#heap = new TopK(this.k);
  }

  get point(): QueryPoint {
    return this.#query;
  }

  /** Whether the filter lets a row through: the rest is known with its distance. */
  allows(row: number): boolean {
    return (this.#options.filter?.has(row) ?? true) && this.#live.has(row);
  }

  /** Squared distance that a row must not exceed to count: that of the k-th, or of the least score; infinite where any counts. */
  get limit(): number {
    const { minScore } = this.#options;
    return Math.min(
      this.kth,
      minScore === undefined ? Number.POSITIVE_INFINITY : distanceOf(minScore, this.#query),
    );
  }

  /** Squared distance of the k-th row; infinite until there are k. */
  get kth(): number {
    return this.#heap.isFull ? distanceOf(this.#heap.threshold, this.#query) : Number.POSITIVE_INFINITY;
  }

  get isFull(): boolean {
    return this.#heap.isFull;
  }

  push(row: number, distance: number): void {
    const score = scoreOf(distance, this.#query);
    const { minScore, after } = this.#options;
    if (minScore !== undefined && score < minScore) return;
    // another copy of the cursor's row may score a hair less: it has come all the same
    if (after && (row === after.row || !isAfter(after, score, row))) return;
    this.#heap.push(score, row);
  }

  /** Best first; empties it. */
  hits(): Hits {
    return this.#heap.drain();
  }
}
