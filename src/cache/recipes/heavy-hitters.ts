/** Slots that were attended to most stay, and the recent ones: half of the budget each (Zhang et al., H2O: Heavy-Hitter Oracle for Efficient Generative Inference, 2023). */
import { uniform } from "../allocators/uniform.ts";
import { checkEviction, evict } from "../evict.ts";
import type { CachePolicy, GovernedCache } from "../policy.ts";
import { weightSum } from "../scorers/weight-sum.ts";
import { topK } from "../selectors/top-k.ts";

export interface HeavyHitterOptions {
  /** Slots of a head. */
  readonly slots: number;
}

/** Tokens between two evictions while text is generated. */
const INTERVAL = 32;

/** @throws MnemeError RANGE, BUDGET */
export function heavyHitters({ slots }: HeavyHitterOptions): CachePolicy {
  const guard = { sinks: 0, recent: Math.floor(slots / 2) };
  const budget = { slots };
  checkEviction({ budget, guard }, "h2o");
  const parts = { scorer: weightSum(), allocator: uniform(), selector: topK(), guard, budget };
  const trim = (cache: GovernedCache): void => {
    evict(cache, parts);
  };
  return {
    name: "h2o",
    needs: parts.scorer.needs,
    evicts: true,
    interval: INTERVAL,
    afterPrompt: trim,
    afterTokens: trim,
  };
}
