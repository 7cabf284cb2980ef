/** Before the first token, each head keeps the slots that the last queries of the prompt look at (Li et al., SnapKV: LLM Knows What You are Looking for Before Generation, 2024). */
import { uniform } from "../allocators/uniform.ts";
import { checkWhole } from "../checks.ts";
import { type CacheBudget, checkEviction, evict } from "../evict.ts";
import type { Allocator } from "../parts.ts";
import type { CachePolicy } from "../policy.ts";
import { windowAttention, windowAttentionDefaults } from "../scorers/window-attention.ts";
import { topK } from "../selectors/top-k.ts";

export interface SnapKvOptions {
  readonly budget: CacheBudget;
  /** Queries that vote, whose own slots stay; default 32. */
  readonly window?: number;
  /** Slots that a vote is averaged over; default 5. */
  readonly kernel?: number;
  /** Slots behind a chosen one that are chosen with it; default 0 (see scorers/window-attention.ts). */
  readonly reach?: number;
  /** Default: the same for each head. */
  readonly allocator?: Allocator;
}

/** A prompt no longer than the window, or the budget, stays as it is. @throws MnemeError RANGE, BUDGET naming the option */
export function snapKv(options: SnapKvOptions): CachePolicy {
  const { budget, allocator = uniform(), window, kernel, reach } = { ...windowAttentionDefaults, ...options };
  checkWhole("snapkv", "window", window, 1);
  const guard = { sinks: 0, recent: window };
  checkEviction({ budget, guard }, "snapkv");
  const scorer = windowAttention({ window, kernel, reach });
  return {
    name: "snapkv",
    needs: scorer.needs,
    evicts: true,
    afterPrompt(cache) {
      if (cache.heads().some(({ slots }) => slots > window))
        evict(cache, { scorer, allocator, selector: topK(), guard, budget });
    },
  };
}
