/** exact: every row that the filter lets through is scored by its fine codes, which are read from disk in stripes: no shortlist, no estimate. */
import type { Scorer } from "../../codecs/codec.ts";
import { throwIfAborted } from "../../errors.ts";
import { Pacer } from "../../pacer.ts";
import type { SearchOptions } from "../segment.ts";
import type { Run } from "./run.ts";

/** Rows read at once: a megabyte or two, more than what pages are kept for. */
const STRIPE = 4096;

/** @param push takes every allowed row's score */
export async function scoreAll(
  run: Run,
  scorer: Scorer,
  { filter, signal }: SearchOptions,
  push: (score: number, row: number) => void,
): Promise<void> {
  const pacer = new Pacer();
  const scores = new Float32Array(Math.min(STRIPE, run.count));
  for (let first = 0; first < run.count; first += STRIPE) {
    throwIfAborted(signal, "search");
    const count = Math.min(STRIPE, run.count - first);
    scorer.score(await run.fine(first, first + count), 0, count, scores);
    for (let i = 0; i < count; i++) {
      const row = run.rowAt(first + i);
      if (!filter || filter.has(row)) push(scores[i]!, row);
    }
    if (pacer.isDue) await pacer.pause();
  }
}
