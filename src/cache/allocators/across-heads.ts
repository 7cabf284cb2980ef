/**
 * The heads of a layer share its budget: each is sure of a part of an even split, the best scores of all heads get the rest (Feng et al.,
 * Ada-KV: Optimizing KV Cache Eviction by Adaptive Budget Allocation, 2024).
 */
import { checkWithin } from "../checks.ts";
import type { Allocator } from "../parts.ts";
import { checkBudget } from "./check-budget.ts";
import { pooled } from "./pooled.ts";

export interface AcrossHeadsOptions {
  /** Share of an even split that a head is sure of; default 0.2, 1: uniform. */
  readonly sure?: number;
}

/** @throws MnemeError RANGE naming the option; split: BUDGET, DIMENSION, NOT_FINITE */
export function acrossHeads({ sure = 0.2 }: AcrossHeadsOptions = {}): Allocator {
  checkWithin("across heads", "sure", sure, 0, 1);
  return {
    split(scores, perHead, shape) {
      checkBudget("across heads", scores, perHead, shape);
      const { kvHeads, layers, guard } = shape;
      const byLayer = Array.from({ length: layers }, (_, layer) =>
        pooled(scores.slice(layer * kvHeads, (layer + 1) * kvHeads), perHead, sure, guard),
      );
      return Int32Array.from(byLayer.flatMap((layer) => [...layer]));
    },
  };
}
