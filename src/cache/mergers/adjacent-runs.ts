/**
 * Runs of neighbours whose keys point the same way become one slot, by Gaussian weights around the run's most attended token (Wang et al.,
 * Model Tells You Where to Merge: Adaptive KV Cache Merging for LLMs on Long-Context Tasks, 2024). Differs from the paper: a slot carries
 * its count, which sets the softmax right, instead of a value multiplied by it; the similarity that runs need is the one that meets the
 * budget, found by sorting; the width of the Gaussian is the run's own.
 */
import { MnemeError } from "../../errors.ts";
import { checkSegment, checkWhole, checkWithin } from "../checks.ts";
import { largest } from "../largest.ts";
import type { Guard, KvSegment, Merger } from "../parts.ts";
import { cosines } from "./cosine.ts";
import { countOf, weightedFold, withoutCounts } from "./weighted-fold.ts";

export interface AdjacentRunsOptions {
  /** Slots that are never merged; default 4 and 32. */
  readonly guard?: Guard;
  /** Share of the slots, those that score best, that are never merged; default 0.02. */
  readonly bestShare?: number;
  /** Width of the Gaussian, or run: the root mean square distance to the run's pivot. Default run. */
  readonly sigma?: number | "run";
  /** false: no counts, as published. Default true. */
  readonly bias?: boolean;
  /** Multiplies a merged value by the length of its run, as published; makes things worse. Default false. */
  readonly scaledValues?: boolean;
}

export const adjacentRunsDefaults = {
  guard: { sinks: 4, recent: 32 },
  bestShare: 0.02,
  sigma: "run",
  bias: true,
  scaledValues: false,
} as const;

/** Of `keep` only the number counts. @throws MnemeError RANGE naming the option; fold: BUDGET, DIMENSION, NOT_FINITE */
export function adjacentRuns(options: AdjacentRunsOptions = {}): Merger {
  const whole = { ...adjacentRunsDefaults, ...options };
  check(whole);
  return {
    fold(segment, keep, scores) {
      checkSegment("adjacent runs", segment);
      const slots = segment.positions.length;
      if (slots <= keep.length) return segment;
      const joined = joins(segment, keep.length, protectedSlots(slots, scores, whole));
      const runs = runsOf(joined);
      const weights = new Float64Array(slots);
      for (const run of runs) weigh(segment, run, pivotOf(run, scores), whole.sigma, weights);
      const folded = weightedFold(segment, {
        centres: Int32Array.from(runs, (run) => pivotOf(run, scores)),
        into: intoOf(runs, slots),
        weights,
      });
      if (whole.scaledValues) scaleValues(folded, runs);
      return whole.bias ? folded : withoutCounts(folded);
    },
  };
}

type Protection = Required<Pick<AdjacentRunsOptions, "guard" | "bestShare">>;

function check({ guard, bestShare, sigma }: Protection & Pick<AdjacentRunsOptions, "sigma">): void {
  checkWhole("adjacent runs", "guard.sinks", guard.sinks, 0);
  checkWhole("adjacent runs", "guard.recent", guard.recent, 0);
  checkWithin("adjacent runs", "bestShare", bestShare, 0, 1);
  if (typeof sigma === "number" && !(sigma > 0))
    throw new MnemeError("RANGE", `adjacent runs: sigma is ${sigma}; expected a number above 0 or "run"`);
}

function protectedSlots(slots: number, scores: Float32Array, { guard, bestShare }: Protection): Uint8Array {
  const kept = new Uint8Array(slots);
  const from = Math.min(guard.sinks, slots);
  const to = Math.max(from, slots - guard.recent);
  kept.fill(1, 0, from);
  kept.fill(1, to);
  for (const slot of largest(scores, Math.round(bestShare * slots), from, to)) kept[slot] = 1;
  return kept;
}

/** Marks each slot that joins the one before it: of all neighbours that may, the most alike, until `budget` slots are left. */
function joins(segment: KvSegment, budget: number, isProtected: Uint8Array): Uint8Array {
  const slots = isProtected.length;
  const cosine = cosines(segment.keys, segment.dim, Number.NaN);
  const pairs: { readonly slot: number; readonly alike: number }[] = [];
  for (let slot = 1; slot < slots; slot++) {
    if (isProtected[slot] || isProtected[slot - 1]) continue;
    const alike = cosine(slot, slot - 1);
    if (!Number.isNaN(alike)) pairs.push({ slot, alike });
  }
  const wanted = slots - budget;
  if (pairs.length < wanted)
    throw new MnemeError(
      "BUDGET",
      `adjacent runs: ${budget} slots are too few: ${slots - pairs.length} cannot be merged; protect fewer of them`,
    );
  pairs.sort((a, b) => b.alike - a.alike || a.slot - b.slot);
  const joined = new Uint8Array(slots);
  for (const { slot } of pairs.slice(0, wanted)) joined[slot] = 1;
  return joined;
}

/** A run of slots [from, to). */
interface Run {
  readonly from: number;
  readonly to: number;
}

function runsOf(joined: Uint8Array): Run[] {
  const runs: Run[] = [];
  for (let from = 0; from < joined.length; ) {
    let to = from + 1;
    while (joined[to] === 1) to++;
    runs.push({ from, to });
    from = to;
  }
  return runs;
}

function intoOf(runs: readonly Run[], slots: number): Int32Array {
  const into = new Int32Array(slots);
  runs.forEach(({ from, to }, run) => into.fill(run, from, to));
  return into;
}

function pivotOf({ from, to }: Run, scores: Float32Array): number {
  let pivot = from;
  for (let slot = from + 1; slot < to; slot++) if (scores[slot]! > scores[pivot]!) pivot = slot;
  return pivot;
}

function weigh(
  segment: KvSegment,
  { from, to }: Run,
  pivot: number,
  sigma: number | "run",
  weights: Float64Array,
): void {
  const { keys, dim } = segment;
  const squares = Array.from({ length: to - from }, (_, i) => {
    let square = 0;
    for (let j = 0; j < dim; j++) square += (keys[(from + i) * dim + j]! - keys[pivot * dim + j]!) ** 2;
    return square;
  });
  const mean = squares.reduce((sum, square) => sum + square, 0) / squares.length;
  const width = sigma === "run" ? mean : sigma * sigma;
  squares.forEach((square, i) => {
    const gauss = width > 0 ? Math.exp(-square / (2 * width)) : 1;
    weights[from + i] = gauss * countOf(segment, from + i);
  });
}

function scaleValues({ values, dim }: KvSegment, runs: readonly Run[]): void {
  runs.forEach(({ from, to }, run) => {
    for (let i = run * dim; i < (run + 1) * dim; i++) values[i]! *= to - from;
  });
}
