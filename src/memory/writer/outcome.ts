/** What came of an `add` or `index`, summed up while its batches are under way. */
import type { Skipped } from "../types.ts";

export interface Outcome {
  added: number;
  updated: number;
  unchanged: number;
  skipped: Skipped[];
  passages: number;
  bytes: number;
}

export const nothing = (): Outcome => ({
  added: 0,
  updated: 0,
  unchanged: 0,
  skipped: [],
  passages: 0,
  bytes: 0,
});

export function count(outcome: Outcome, replaced: boolean, passages: number, bytes: number): void {
  if (replaced) outcome.updated++;
  else outcome.added++;
  outcome.passages += passages;
  outcome.bytes += bytes;
}
