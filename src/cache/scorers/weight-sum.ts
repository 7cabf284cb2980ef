/**
 * All the attention that a slot was given so far: heavy hitters stay (Zhang et al., H2O: Heavy-Hitter Oracle for Efficient Generative
 * Inference, 2023). Early slots were seen by more queries and gain by it; the guard keeps the recent half.
 */
import { checkScores } from "../checks.ts";
import type { Scorer } from "../parts.ts";

/** @throws score: MnemeError NOT_FINITE */
export function weightSum(): Scorer {
  return {
    needs: { weightSums: true },
    score(head, out) {
      out.set(head.weightSums());
      checkScores("weight sum", head, out);
    },
  };
}
