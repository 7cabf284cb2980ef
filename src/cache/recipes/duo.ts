/**
 * Some heads keep everything, the others sinks and a recent window (Xiao et al., DuoAttention: Efficient Long-Context LLM Inference with
 * Retrieval and Streaming Heads, 2024). Which ones is calibrated once for a model: `maskOfGates` of a
 * profile of its heads (model/head-profile.ts).
 */
import { MnemeError } from "../../errors.ts";
import { PAGE_SLOTS } from "../../kernels/index.ts";
import { checkWhole } from "../checks.ts";
import type { CachePolicy, GovernedCache } from "../policy.ts";
import { sinkRecent } from "../selectors/sink-recent.ts";

export interface DuoOptions {
  /** Slots at the start that the others keep; default 64. */
  readonly sinks?: number;
  /** The last slots that they keep, and up to 63 more; default 256. */
  readonly recent?: number;
}

export const duoDefaults = { sinks: 64, recent: 256 } as const;
/** Tokens between two trims while text is generated. */
const INTERVAL = 64;

/**
 * @param keepsAll of each head, layer by layer, 1: keeps everything; or a function of layer and head
 * @throws MnemeError RANGE naming the option; at work: DIMENSION for a mask of another model
 */
export function duo(
  keepsAll: ArrayLike<number> | ((layer: number, kvHead: number) => boolean),
  options: DuoOptions = {},
): CachePolicy {
  const { sinks, recent } = { ...duoDefaults, ...options };
  checkWhole("duo", "sinks", sinks, 1);
  checkWhole("duo", "recent", recent, 1);
  const selector = sinkRecent();
  const trim = (cache: GovernedCache): void => {
    const { layers, kvHeads } = cache;
    if (typeof keepsAll !== "function" && keepsAll.length !== layers * kvHeads)
      throw new MnemeError(
        "DIMENSION",
        `duo: a mask of ${keepsAll.length} heads, the model has ${layers * kvHeads}; calibrate one for this model`,
      );
    for (let layer = 0; layer < layers; layer++) {
      for (let head = 0; head < kvHeads; head++) {
        const all =
          typeof keepsAll === "function" ? keepsAll(layer, head) : keepsAll[layer * kvHeads + head] === 1;
        const slots = cache.slotsOf(layer, head);
        // from the beginning of a page on: whole pages move without a copy, encoded ones too
        const some = recent + ((slots - recent) % PAGE_SLOTS);
        if (all || slots <= sinks + some) continue;
        const guard = { sinks, recent: some };
        cache.keep(layer, head, selector.pick(new Float32Array(slots), sinks + some, guard));
      }
    }
  };
  return {
    name: "duo",
    // what begins at a page leaves whole pages behind it
    wholePages: sinks % PAGE_SLOTS === 0,
    needs: {},
    evicts: true,
    interval: INTERVAL,
    afterPiece: trim,
    afterPrompt: trim,
    afterTokens: trim,
  };
}
