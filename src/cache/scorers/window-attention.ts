/**
 * What the last queries of the prompt look at, smoothed along the tokens so that neighbours of a hit stay too (Li et al., SnapKV: LLM
 * Knows What You are Looking for Before Generation, 2024). Not for questions that come later: then the wrong queries vote.
 */
import { MnemeError } from "../../errors.ts";
import { checkScores, checkWhole } from "../checks.ts";
import type { HeadContext, Scorer } from "../parts.ts";

export interface WindowAttentionOptions {
  /** Queries that vote; default 32. */
  readonly window?: number;
  /** Slots that a vote is averaged over, odd; default 5, 1: none. */
  readonly kernel?: number;
  /**
   * Slots behind one that share its score where theirs is lower; default 0 as in the paper. For models that find a place by its first
   * token and read on from there: what they will read is not yet looked at when slots are chosen.
   */
  readonly reach?: number;
}

export const windowAttentionDefaults = { window: 32, kernel: 5, reach: 0 } as const;

/** @throws MnemeError RANGE naming the option; score: NOT_FINITE */
export function windowAttention(options: WindowAttentionOptions = {}): Scorer {
  const { window, kernel, reach } = { ...windowAttentionDefaults, ...options };
  checkWhole("window attention", "window", window, 1);
  checkWhole("window attention", "kernel", kernel, 1);
  checkWhole("window attention", "reach", reach, 0);
  if (kernel % 2 === 0)
    throw new MnemeError("RANGE", `window attention: kernel is ${kernel}; expected an odd number`);
  return {
    needs: { windowQueries: window },
    score(head, out) {
      const votes = votesOf(head, out);
      // the window's own slots are the guard's business, and would leak into their neighbours
      const judged = out.subarray(0, Math.max(0, head.slots - votes));
      smooth(judged, kernel);
      carry(judged, reach);
      checkScores("window attention", head, out);
    },
  };
}

/** Writes the mean weight of each slot over the window's queries and the group's heads. @returns how many queries there were */
export function votesOf(head: HeadContext, out: Float32Array): number {
  const { queries, weights } = head.windowWeights();
  const { slots } = head;
  const rows = weights.length / slots;
  out.fill(0);
  for (let row = 0; row < rows; row++)
    for (let s = 0; s < slots; s++) out[s]! += weights[row * slots + s]! / rows;
  return queries;
}

/** Mean over `kernel` slots around each, in place; beyond both ends lie zeros. */
function smooth(values: Float32Array, kernel: number): void {
  if (kernel === 1) return;
  const reach = (kernel - 1) / 2;
  const before = values.slice();
  for (let i = 0; i < values.length; i++) {
    let sum = 0;
    for (let j = Math.max(0, i - reach); j <= Math.min(values.length - 1, i + reach); j++) sum += before[j]!;
    values[i] = sum / kernel;
  }
}

/** Each value becomes the largest of it and the `reach` before it, in place; a value that was carried is a little less, so that the nearest are kept first. */
function carry(values: Float32Array, reach: number): void {
  if (reach === 0) return;
  const own = values.slice();
  for (let s = 0; s < own.length; s++)
    for (let by = 1; by <= Math.min(reach, s); by++)
      values[s] = Math.max(values[s]!, own[s - by]! * (1 - by / (4 * reach)));
}
