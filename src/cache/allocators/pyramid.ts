/**
 * Lower layers get more: beside the guard, budgets fall evenly from the first layer to the last, which gets 1/beta of the mean (Cai et al.,
 * PyramidKV: Dynamic KV Cache Compression based on Pyramidal Information Funneling, 2024).
 */
import { MnemeError } from "../../errors.ts";
import type { Allocator } from "../parts.ts";
import { checkBudget } from "./check-budget.ts";

export interface PyramidOptions {
  /** How many times the mean is the last layer's budget; default 20. */
  readonly beta?: number;
}

/** @throws MnemeError RANGE; split: BUDGET, DIMENSION */
export function pyramid({ beta = 20 }: PyramidOptions = {}): Allocator {
  if (!(beta >= 1)) throw new MnemeError("RANGE", `pyramid: beta is ${beta}; expected a number from 1`);
  return {
    split(scores, perHead, shape) {
      checkBudget("pyramid", scores, perHead, shape);
      const { layers, kvHeads, guard } = shape;
      const guarded = guard.sinks + guard.recent;
      const longest = scores.reduce((most, { length }) => Math.max(most, length), 0);
      const mean = Math.max(0, perHead - guarded);
      // a first layer that would get more than there is gives the rest back to the last one
      const first = Math.min(2 * mean - mean / beta, Math.max(mean, longest - guarded));
      const step = layers > 1 ? (2 * (first - mean)) / (layers - 1) : 0;
      return Int32Array.from(scores, ({ length }, head) => {
        const layer = Math.floor(head / kvHeads);
        return Math.min(length, guarded + Math.floor((layers > 1 ? first : mean) - layer * step));
      });
    },
  };
}
