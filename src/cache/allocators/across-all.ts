/** All heads of all layers share one budget: the best scores get it. For scores that are comparable between layers. */
import { checkWithin } from "../checks.ts";
import type { Allocator } from "../parts.ts";
import type { AcrossHeadsOptions } from "./across-heads.ts";
import { checkBudget } from "./check-budget.ts";
import { pooled } from "./pooled.ts";

/** @throws MnemeError RANGE naming the option; split: BUDGET, DIMENSION, NOT_FINITE */
export function acrossAll({ sure = 0.2 }: AcrossHeadsOptions = {}): Allocator {
  checkWithin("across all", "sure", sure, 0, 1);
  return {
    split(scores, perHead, shape) {
      checkBudget("across all", scores, perHead, shape);
      return pooled(scores, perHead, sure, shape.guard);
    },
  };
}
