/**
 * Whole pages: those whose slots together score best, so that what is kept lies together (pages as in Tang et al., Quest: Query-Aware
 * Sparsity for Efficient Long-Context LLM Inference, 2024). Pages are counted from slot 0; of the guard's pages only the rest is chosen.
 */
import { checkWhole } from "../checks.ts";
import type { Selector } from "../parts.ts";
import { type Guarded, guarded, withGuard } from "./guarded.ts";

export interface PageTopKOptions {
  /** Slots of a page; default 16. */
  readonly page?: number;
  /** A page scores the sum of its slots, or its best. Default sum. */
  readonly by?: "sum" | "max";
}

/** @throws MnemeError RANGE; pick: BUDGET, RANGE */
export function pageTopK({ page = 16, by = "sum" }: PageTopKOptions = {}): Selector {
  checkWhole("page top-k", "page", page, 1);
  return {
    pick(scores, count, guard) {
      const zone = guarded("page top-k", scores.length, count, guard);
      const pages = pagesOf(scores, zone, page, by);
      return withGuard(scores.length, zone, bestPages(pages, zone.room));
    },
  };
}

interface Page {
  readonly from: number;
  readonly to: number;
  readonly score: number;
}

function pagesOf(scores: Float32Array, { from, to }: Guarded, size: number, by: "sum" | "max"): Page[] {
  const pages: Page[] = [];
  for (let start = from - (from % size); start < to; start += size) {
    const [first, end] = [Math.max(from, start), Math.min(to, start + size)];
    const some = scores.subarray(first, end);
    const score =
      by === "sum" ? some.reduce((a, b) => a + b, 0) : some.reduce((a, b) => Math.max(a, b), some[0]!);
    pages.push({ from: first, to: end, score });
  }
  return pages;
}

/** Slots of the best pages that fit whole, ascending. */
function bestPages(pages: readonly Page[], room: number): Int32Array {
  let left = room;
  const taken: number[] = [];
  for (const { from, to } of [...pages].sort((a, b) => b.score - a.score || a.from - b.from)) {
    if (to - from > left) continue;
    left -= to - from;
    for (let slot = from; slot < to; slot++) taken.push(slot);
  }
  return Int32Array.from(taken).sort();
}
