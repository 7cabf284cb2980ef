/** The same number of slots for each head. */
import type { Allocator } from "../parts.ts";
import { checkBudget } from "./check-budget.ts";

/** @throws split: MnemeError BUDGET, DIMENSION */
export function uniform(): Allocator {
  return {
    split(scores, perHead, shape) {
      checkBudget("uniform", scores, perHead, shape);
      return Int32Array.from(scores, ({ length }) => Math.min(length, Math.floor(perHead)));
    },
  };
}
