/** What the newest token looks at stays, the same slots in all heads of a layer (Oren et al., Transformers are Multi-State RNNs, 2024). */
import { uniform } from "../allocators/uniform.ts";
import { checkEviction, evict } from "../evict.ts";
import type { CachePolicy, GovernedCache } from "../policy.ts";
import { tova as newest } from "../scorers/tova.ts";
import { topK } from "../selectors/top-k.ts";

export interface TovaOptions {
  /** Slots of a head. */
  readonly slots: number;
}

/** Tokens between two evictions while text is generated. */
const INTERVAL = 16;

/** @throws MnemeError RANGE, BUDGET */
export function tova({ slots }: TovaOptions): CachePolicy {
  const guard = { sinks: 0, recent: 1 };
  const budget = { slots };
  checkEviction({ budget, guard }, "tova");
  const parts = { scorer: newest(), allocator: uniform(), selector: topK(), guard, budget };
  const trim = (cache: GovernedCache): void => {
    evict(cache, parts);
  };
  return {
    name: "tova",
    needs: parts.scorer.needs,
    evicts: true,
    interval: INTERVAL,
    afterPrompt: trim,
    afterTokens: trim,
  };
}
