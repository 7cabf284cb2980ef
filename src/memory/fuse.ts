/**
 * Fusing scores of the same rows by several retrievers into one. Convex sums of normalised scores (Bruch et al., An Analysis of Fusion
 * Functions for Hybrid Retrieval, 2023), sums of raw scores, or of reciprocal ranks (Cormack et al., Reciprocal Rank Fusion, 2009).
 */
import { slab } from "../slab.ts";

/**
 * How a score counts: "share": as a share of the best one; "min-max": by its place between the worst and the best; "linear": as it is;
 * "rrf": by its rank alone.
 */
export type FusionForm = "share" | "min-max" | "linear" | "rrf";

export const FUSION_FORMS: readonly FusionForm[] = ["share", "min-max", "linear", "rrf"];

/** Scores of all rows by one retriever; NaN for a row that it does not hold: it gets the least score of the others. */
export interface ScoredList {
  readonly scores: Float64Array | Float32Array;
  readonly weight: number;
  /** Scores of 0 say that the row was not found: such a row has no rank. */
  readonly zeroIsAbsent?: boolean;
}

/** Ranks count as 1 / (RANK_OFFSET + rank), as in the paper. */
const RANK_OFFSET = 60;

/** Scores that differ by less are the same: their quotients would not be finite. */
const LEAST_RANGE = 1e-200;

/** One score a row. @param lists of one length; one of weight 0 changes nothing */
export function fuse(lists: readonly ScoredList[], form: FusionForm): Float64Array {
  const fused = slab.f64(lists[0]?.scores.length ?? 0);
  for (const list of lists) if (list.weight !== 0) add[form](list, fused);
  return fused;
}

const add: Record<FusionForm, (list: ScoredList, fused: Float64Array) => void> = {
  share(list, fused) {
    addScaled(list, 0, greatestOf(list.scores, 0), fused);
  },
  "min-max"(list, fused) {
    const least = leastOf(list.scores);
    addScaled(list, least, greatestOf(list.scores, least) - least, fused);
  },
  linear(list, fused) {
    addScaled(list, 0, 1, fused);
  },
  rrf({ scores, weight, zeroIsAbsent }, fused) {
    const order = orderOf(scores);
    for (let place = 0; place < order.length; place++) {
      const score = scores[order[place]!]!;
      if (Number.isNaN(score) || (zeroIsAbsent && score === 0)) continue;
      fused[order[place]!]! += weight / (RANK_OFFSET + place + 1);
    }
  },
};

function addScaled({ scores, weight }: ScoredList, origin: number, range: number, fused: Float64Array): void {
  const scale = weight / (range > LEAST_RANGE ? range : 1); // all scores alike: they say nothing
  let least: number | undefined;
  for (let i = 0; i < scores.length; i++) {
    let score = scores[i]!;
    if (Number.isNaN(score)) {
      least ??= leastOf(scores);
      score = least;
    }
    fused[i]! += scale * (score - origin);
  }
}

/** The largest score, at least `floor`. */
function greatestOf(scores: Float64Array | Float32Array, floor: number): number {
  let best = floor;
  for (let i = 0; i < scores.length; i++) if (scores[i]! > best) best = scores[i]!;
  return best;
}

/** The least score that is there, or 0. */
function leastOf(scores: Float64Array | Float32Array): number {
  let least = Number.POSITIVE_INFINITY;
  for (let i = 0; i < scores.length; i++) if (scores[i]! < least) least = scores[i]!;
  return Number.isFinite(least) ? least : 0;
}

/** Indexes of scores, largest score first, equal ones ascending, those that are absent last. */
export function orderOf(scores: Float64Array | Float32Array): Uint32Array {
  const order = slab.u32(scores.length);
  for (let i = 0; i < order.length; i++) order[i] = i;
  // by signs: differences would leave a number each to the collector
  return order.sort((a, b) => {
    const one = scores[a]!;
    const other = scores[b]!;
    if (one > other) return -1;
    if (one < other) return 1;
    return Number.isNaN(one) === Number.isNaN(other) ? a - b : Number.isNaN(one) ? 1 : -1;
  });
}
