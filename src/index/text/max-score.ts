/**
 * Top rows of one segment for a weighted set of terms, with dynamic pruning: windows of rows whose block maxima cannot reach the
 * threshold are skipped, and within a window only the terms that can lift a row over it are walked (MaxScore, Turtle & Flood 1995, on
 * block maxima, Ding & Suel 2011). Finds exactly what scoring every row would.
 */
import { type PostingScorer, WINDOW_ROWS } from "../../kernels/index.ts";

/** Room for the rounding of sums in another order and of scores kept as f32. */
const SLACK = 1.000001;

/** With so many times as many rows as are wanted, finding the last wanted one pays. */
const WORTH = 4;

/** Receives rows that may enter the top k, ascending. */
export interface Collector {
  /** Scores below it are not wanted any more. */
  readonly threshold: number;
  /** How many rows of a window can be wanted at most; absent when rows may be refused for other reasons than their score. */
  readonly most?: number;
  collect(ordinal: number, score: number): void;
}

/** A list of the scorer and the largest score it gives in the window. */
interface Bounded {
  readonly list: number;
  bound: number;
}

/** Walks all rows of a segment in windows. @param lists loaded in the scorer @param rows of the segment */
export function maxScore(scorer: PostingScorer, lists: number, rows: number, collector: Collector): void {
  const order = Array.from({ length: lists }, (_, list): Bounded => ({ list, bound: 0 }));
  for (let start = 0; start < rows; start += WINDOW_ROWS) {
    const end = Math.min(rows, start + WINDOW_ROWS);
    for (const one of order) one.bound = scorer.bound(one.list, start, end);
    order.sort((a, b) => a.bound - b.bound);
    const { threshold } = collector;
    const optional = countOptional(order, threshold);
    if (optional === order.length) continue;
    for (let i = optional; i < order.length; i++) scorer.accumulate(order[i]!.list, start, end);
    finishWindow(scorer, order.slice(0, optional), start, end, collector);
  }
}

/** How many of the weakest terms cannot reach the threshold together: they only complete rows that others found. */
function countOptional(order: readonly Bounded[], threshold: number): number {
  let reach = 0;
  for (let i = 0; i < order.length; i++) {
    reach += order[i]!.bound;
    if (reach * SLACK >= threshold && reach > 0) return i;
  }
  return order.length;
}

/** Rows that the essential terms found get the others' scores, strongest term first; those that fall behind are dropped. */
function finishWindow(
  scorer: PostingScorer,
  optional: readonly Bounded[],
  start: number,
  end: number,
  collector: Collector,
): void {
  const { most = Number.POSITIVE_INFINITY } = collector;
  let { threshold } = collector;
  let rest = optional.reduce((sum, { bound }) => sum + bound, 0);
  let left = scorer.collect(start, end, threshold / SLACK - rest);
  // what is wanted scores at least as much as the last of the best sums so far
  const raise = (): void => {
    threshold = Math.max(threshold, scorer.kth(most));
    left = scorer.keep(threshold / SLACK - rest);
  };
  if (left > WORTH * most) raise();
  for (let i = optional.length - 1; i >= 0 && left > 0; i--) {
    scorer.complete(optional[i]!.list);
    rest -= optional[i]!.bound;
    left = scorer.keep(threshold / SLACK - rest);
  }
  if (left > WORTH * most) raise();
  const { rows, scores } = scorer.candidates();
  for (let i = 0; i < left; i++) collector.collect(rows[i]!, scores[i]!);
}
