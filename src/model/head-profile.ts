/**
 * Which heads retrieve: by how much of their attention the last queries of prompts that need something far away pay to slots outside
 * the sinks and a recent window. Without training; the paper trains gates instead (Xiao et al., DuoAttention, 2024).
 */

import { MnemeError } from "../errors.ts";
import type { Pool, WasmFace } from "../kernels/index.ts";
import type { Decoder } from "./decoder.ts";
import { Governor } from "./governor.ts";

export interface HeadProfileOptions {
  /** Slots at the start that do not count; default 64. */
  readonly sinks?: number;
  /** The last slots, which do not count; default 256. */
  readonly recent?: number;
  /** Queries at the end of each prompt; default 16. */
  readonly queries?: number;
}

export const headProfileDefaults = { sinks: 64, recent: 256, queries: 16 } as const;

/**
 * @param prompts tokens, each longer than sinks and window together, that end where the answer begins
 * @returns of each head, layer by layer, the largest share of a query's attention outside, mean over prompts: 0 to 1
 * @throws MnemeError INSUFFICIENT_DATA
 */
export function headProfile(
  face: WasmFace,
  decoder: Decoder,
  pool: () => Pool | undefined,
  prompts: readonly (readonly number[])[],
  options: HeadProfileOptions = {},
): Float32Array {
  const { sinks, recent, queries } = { ...headProfileDefaults, ...options };
  const { layers, kvHeads } = decoder.shape;
  const long = prompts.filter(({ length }) => length > sinks + recent);
  if (long.length === 0)
    throw new MnemeError(
      "INSUFFICIENT_DATA",
      `head profile: no prompt is longer than ${sinks} + ${recent} tokens`,
    );
  const profile = new Float32Array(layers * kvHeads);
  for (const prompt of long) {
    const policy = { name: "profile", needs: { windowQueries: queries }, evicts: false };
    using governor = new Governor(face, decoder.config, policy, pool);
    decoder.forward(prompt, governor.cache, governor.watch);
    governor.heads().forEach((head, i) => {
      const { weights } = head.windowWeights();
      profile[i]! += farShare(weights, head.slots, sinks, recent) / long.length;
    });
  }
  return profile;
}

/** The largest share that a row gives to slots between. */
function farShare(weights: Float32Array, slots: number, sinks: number, recent: number): number {
  let most = 0;
  for (let row = 0; row < weights.length; row += slots) {
    let sum = 0;
    for (let s = sinks; s < slots - recent; s++) sum += weights[row + s]!;
    most = Math.max(most, sum);
  }
  return most;
}
