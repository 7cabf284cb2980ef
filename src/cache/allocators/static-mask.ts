/**
 * Heads that retrieve keep everything, the others sinks and a recent window (Xiao et al., DuoAttention: Efficient Long-Context LLM
 * Inference with Retrieval and Streaming Heads, 2024). A mask of zeros is StreamingLLM (Xiao et al., 2023).
 */
import { MnemeError } from "../../errors.ts";
import { checkWithin } from "../checks.ts";
import { largest } from "../largest.ts";
import type { Allocator } from "../parts.ts";
import { checkBudget } from "./check-budget.ts";

/**
 * @param mask of each head, layer by layer, 1: keeps everything, 0: keeps the guard
 * @throws MnemeError RANGE; split: DIMENSION for a mask of other heads, BUDGET when it needs more than perHead x heads
 */
export function staticMask(mask: ArrayLike<number>): Allocator {
  const bad = Array.from(mask).findIndex((one) => one !== 0 && one !== 1);
  if (bad >= 0) throw new MnemeError("RANGE", `static mask: head ${bad} has ${mask[bad]}; expected 0 or 1`);
  return {
    split(scores, perHead, shape) {
      const { guard } = shape;
      if (mask.length !== scores.length)
        throw new MnemeError(
          "DIMENSION",
          `static mask: made for ${mask.length} heads, the model has ${scores.length}; fit it for this model`,
        );
      checkBudget("static mask", scores, perHead, shape, 0);
      const kept = Int32Array.from(scores, ({ length }, head) =>
        mask[head] ? length : Math.min(length, guard.sinks + guard.recent),
      );
      const needed = kept.reduce((sum, count) => sum + count, 0) / scores.length;
      if (needed > perHead)
        throw new MnemeError(
          "BUDGET",
          `static mask: its heads keep ${Math.ceil(needed)} slots on average, the budget is ${perHead}; raise it or let fewer heads retrieve`,
        );
      return kept;
    },
  };
}

/**
 * The mask of trained gates: 1 for the given share of heads with the largest ones; of equal gates the first.
 * @throws MnemeError RANGE, NOT_FINITE
 */
export function maskOfGates(gates: Float32Array, share: number): Uint8Array {
  checkWithin("mask of gates", "share", share, 0, 1);
  const bad = gates.findIndex((gate) => !Number.isFinite(gate));
  if (bad >= 0) throw new MnemeError("NOT_FINITE", `mask of gates: head ${bad} has ${gates[bad]}`);
  const clipped = gates.map((gate) => Math.min(1, Math.max(0, gate)));
  const mask = new Uint8Array(gates.length);
  for (const head of largest(clipped, Math.round(share * gates.length))) mask[head] = 1;
  return mask;
}
