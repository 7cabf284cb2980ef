/**
 * Whole pages behind an exact recent window are encoded by 4 or 2 bits: `affine`, keys by channel and values by token (Liu et al., KIVI, 2024),
 * or `lloyd`, turned and less their mean (Zandieh et al., TurboQuant, 2025). The prompt itself attends to exact ones.
 */
import { checkWhole } from "../checks.ts";
import { checkCodec, FEWER_BITS, type PageCodec } from "../page-codec.ts";
import type { CachePolicy, GovernedCache } from "../policy.ts";

export interface QuantiseOptions {
  /** The last slots that stay exact; default 64. */
  readonly exact?: number;
  /** Slots at the start that stay exact, whole pages of 64; default 0. */
  readonly sinks?: number;
}

export const quantiseDefaults = { exact: 64, sinks: 0 } as const;
/** Tokens between two rounds while text is generated: a page. */
const INTERVAL = 64;

/** @throws MnemeError RANGE naming the option */
export function quantise(codec: PageCodec, options: QuantiseOptions = {}): CachePolicy {
  const { exact, sinks } = { ...quantiseDefaults, ...options };
  checkWhole("quantise", "exact", exact, 0);
  checkWhole("quantise", "sinks", sinks, 0);
  const own = checkCodec(codec, FEWER_BITS, "quantise");
  const encode = (cache: GovernedCache): void => {
    for (let layer = 0; layer < cache.layers; layer++)
      for (let head = 0; head < cache.kvHeads; head++) cache.encode(layer, head, own, exact, sinks);
  };
  return {
    name: own,
    needs: {},
    evicts: false,
    turned: own.startsWith("lloyd"),
    interval: INTERVAL,
    afterPrompt: encode,
    afterTokens: encode,
  };
}
