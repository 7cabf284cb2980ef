/**
 * Top rows of one segment for a weighted set of terms, with dynamic pruning: windows of rows whose block maxima cannot reach the
 * threshold are skipped, and within a window only the terms that can lift a row over it are walked (MaxScore, Turtle & Flood 1995, on
 * block maxima, Ding & Suel 2011). Finds exactly what scoring every row would.
 */
import { type PostingScorer, WINDOW_ROWS } from "../../kernels/index.ts";

/** Room for the rounding of sums in another order and of scores kept as f32. */
const SLACK = 1.000001;

/** With so many times as many rows as are wanted, finding the last wanted one pays, as long as nothing else bounds the score. */
const WORTH = 4;

/** Receives rows that may enter the top k, ascending. */
export interface Collector {
  /** Scores below it are not wanted any more. */
  readonly threshold: number;
  /** How many rows of a window can be wanted at most; Infinity when rows may be refused for other reasons than their score. */
  readonly most: number;
  collect(ordinal: number, score: number): void;
}

/** Lists of the scorer, ascending by the largest score that each gives in the window. */
class Bounds {
  count = 0;
  lists = new Uint32Array(32);
  bounds = new Float64Array(32);

  reset(count: number): void {
    this.count = count;
    if (count > this.lists.length) {
      this.lists = new Uint32Array(count);
      this.bounds = new Float64Array(count);
    }
    for (let list = 0; list < count; list++) this.lists[list] = list;
  }

  /** Moves to another window. The order changes little from one to the next, so that insertion sorts it in a pass. */
  update(scorer: PostingScorer, start: number, end: number): void {
    const { lists, bounds } = this;
    for (let i = 0; i < this.count; i++) {
      const list = lists[i]!;
      const bound = scorer.bound(list, start, end);
      let at = i;
      for (; at > 0 && bounds[at - 1]! > bound; at--) {
        bounds[at] = bounds[at - 1]!;
        lists[at] = lists[at - 1]!;
      }
      bounds[at] = bound;
      lists[at] = list;
    }
  }

  /** How many of the weakest lists cannot reach the threshold together: they only complete rows that others found. */
  countOptional(threshold: number): number {
    let reach = 0;
    for (let i = 0; i < this.count; i++) {
      reach += this.bounds[i]!;
      if (reach * SLACK >= threshold && reach > 0) return i;
    }
    return this.count;
  }
}

/** Of the walk under way. */
const order = new Bounds();

/** Walks all rows of a segment in windows. @param lists loaded in the scorer @param rows of the segment */
export function maxScore(scorer: PostingScorer, lists: number, rows: number, collector: Collector): void {
  order.reset(lists);
  for (let start = 0; start < rows; start += WINDOW_ROWS) {
    const end = Math.min(rows, start + WINDOW_ROWS);
    order.update(scorer, start, end);
    const optional = order.countOptional(collector.threshold);
    if (optional === lists) continue;
    for (let i = optional; i < lists; i++) scorer.accumulate(order.lists[i]!, start, end);
    finishWindow(scorer, order, optional, start, end, collector);
  }
}

/** Rows that the essential lists found get the others' scores, strongest list first; those that fall behind are dropped. */
function finishWindow(
  scorer: PostingScorer,
  { lists, bounds }: Bounds,
  optional: number,
  start: number,
  end: number,
  collector: Collector,
): void {
  const { most } = collector;
  let { threshold } = collector;
  let rest = 0;
  for (let i = 0; i < optional; i++) rest += bounds[i]!;
  let left = scorer.collect(start, end, threshold / SLACK - rest);
  // later windows hardly ever hold enough rows above the threshold to raise it by themselves
  const isUnbounded = !(threshold > 0);
  if (isUnbounded && left > WORTH * most) {
    threshold = Math.max(threshold, scorer.kth(most));
    left = scorer.keep(threshold / SLACK - rest);
  }
  for (let i = optional - 1; i >= 0 && left > 0; i--) {
    scorer.complete(lists[i]!);
    rest -= bounds[i]!;
    left = scorer.keep(threshold / SLACK - rest);
  }
  // what is wanted scores at least as much as the last of the best sums so far
  if (isUnbounded && left > WORTH * most) left = scorer.keep(Math.max(threshold, scorer.kth(most)) / SLACK);
  const { rows, scores } = scorer.candidates();
  for (let i = 0; i < left; i++) collector.collect(rows[i]!, scores[i]!);
}
