/**
 * The larger of two views: attention over all queries, and over the last ones brought to the same mean (Li et al., EMS: Adaptive
 * Evict-then-Merge Strategy for Head-wise KV Cache Compression, 2024).
 */
import { checkScores } from "../checks.ts";
import type { Guard, Scorer } from "../parts.ts";
import { type WindowAttentionOptions, windowAttention, windowAttentionDefaults } from "./window-attention.ts";

/** The local view is that of `windowAttention`. */
export interface GlobalLocalOptions extends WindowAttentionOptions {
  /** Slots that the means leave out; default: 4 and the window. */
  readonly guard?: Guard;
}

/** @throws MnemeError RANGE naming the option; score: NOT_FINITE */
export function globalLocal({ guard, ...options }: GlobalLocalOptions = {}): Scorer {
  const localView = windowAttention(options);
  const { sinks, recent } = guard ?? { sinks: 4, recent: options.window ?? windowAttentionDefaults.window };
  return {
    needs: { ...localView.needs, weightSums: true },
    score(head, out) {
      localView.score(head, out);
      const sums = head.weightSums();
      const until = head.slots - recent;
      const local = meanOf(out, sinks, until);
      const align = local > 0 ? meanOf(sums, sinks, until) / local : 0;
      for (let s = 0; s < out.length; s++) out[s] = Math.max(sums[s]!, out[s]! * align);
      checkScores("global-local", head, out);
    },
  };
}

function meanOf(values: Float32Array, from: number, to: number): number {
  let sum = 0;
  for (let i = from; i < to; i++) sum += values[i]!;
  return to > from ? sum / (to - from) : 0;
}
