/** Sinks and a recent window in every head, while the prompt is read and after (Xiao et al., Efficient Streaming Language Models with Attention Sinks, 2023). */
import type { CachePolicy } from "../policy.ts";
import { duo } from "./duo.ts";

export interface WindowOptions {
  /** Slots at the start that stay; default 4. */
  readonly sinks?: number;
  /** The last slots, which stay; default 252. */
  readonly recent?: number;
}

export const windowDefaults = { sinks: 4, recent: 252 } as const;

/** @throws MnemeError RANGE naming the option */
export function slidingWindow(options: WindowOptions = {}): CachePolicy {
  return { ...duo(() => false, { ...windowDefaults, ...options }), name: "window" };
}
