/**
 * Kept slots are class centres, beside them a class of nothing at a constant distance. Of the others the best are assigned to the nearest
 * class, by keys and values together; what is nearest to nothing is dropped, the rest is folded into the centres by score (Li et al., EMS:
 * Adaptive Evict-then-Merge Strategy for Head-wise KV Cache Compression, 2024). Differs from the paper: a slot carries the mass that it
 * now stands for, relative to its centre's.
 */
import { MnemeError } from "../../errors.ts";
import { checkSegment, checkWithin } from "../checks.ts";
import type { KvSegment, Merger } from "../parts.ts";
import { cosines, normsOf } from "./cosine.ts";
import { weightedFold, withoutCounts } from "./weighted-fold.ts";

export interface ClassCentreOptions {
  /** Similarity of the class of nothing, in [0, 1]; default 0.5. */
  readonly nothing?: number;
  /** Share of all scores that centres and mergeable slots reach together, in (0, 1]; default 0.95. */
  readonly mass?: number;
  /** What a slot counts: the mass of its members over its centre's, their number, or (as published) one. Default mass. */
  readonly bias?: "mass" | "count" | "none";
}

export const classCentreDefaults = { nothing: 0.5, mass: 0.95, bias: "mass" } as const;

/** @throws MnemeError RANGE naming the option; fold: DIMENSION, NOT_FINITE */
export function classCentre(options: ClassCentreOptions = {}): Merger {
  const { nothing, mass, bias } = { ...classCentreDefaults, ...options };
  checkWithin("class centre", "nothing", nothing, 0, 1);
  if (!(mass > 0 && mass <= 1))
    throw new MnemeError("RANGE", `class centre: mass is ${mass}; expected a number in (0, 1]`);
  return {
    fold(segment, keep, scores) {
      checkSegment("class centre", segment);
      const into = new Int32Array(segment.positions.length).fill(-1);
      keep.forEach((slot, place) => {
        into[slot] = place;
      });
      assign(segment, keep, mergeable(into, scores, mass, keep.length), nothing, into);
      const folded = weightedFold(segment, { centres: keep, into, weights: scores });
      keepLengths(folded, segment, keep);
      if (bias === "none") return withoutCounts(folded);
      return bias === "count" ? folded : { ...folded, counts: massCounts(segment, keep, into, scores) };
    },
  };
}

/** The best slots beside the centres: as many as reach the mass together with them, `most` at most. */
function mergeable(into: Int32Array, scores: Float32Array, mass: number, most: number): number[] {
  const others = Array.from(into.keys()).filter((slot) => into[slot]! < 0);
  others.sort((a, b) => scores[b]! - scores[a]! || a - b);
  const all = scores.reduce((sum, score) => sum + score, 0);
  let reached = all - others.reduce((sum, slot) => sum + scores[slot]!, 0);
  const taken: number[] = [];
  for (const slot of others) {
    if (taken.length >= most || reached >= mass * all) break;
    reached += scores[slot]!;
    taken.push(slot);
  }
  return taken;
}

function assign(
  { keys, values, dim }: KvSegment,
  keep: Int32Array,
  slots: readonly number[],
  nothing: number,
  into: Int32Array,
): void {
  const [ofKeys, ofValues] = [cosines(keys, dim, 0), cosines(values, dim, 0)];
  for (const slot of slots) {
    let best = nothing;
    keep.forEach((centre, place) => {
      // clipped: two negative cosines are no likeness
      const alike = Math.max(0, ofKeys(slot, centre)) * Math.max(0, ofValues(slot, centre));
      if (alike > best) {
        best = alike;
        into[slot] = place;
      }
    });
  }
}

/** Means are shorter than what they are means of, and would lower logits: keys get their centre's length back. */
function keepLengths({ keys, dim }: KvSegment, segment: KvSegment, keep: Int32Array): void {
  const [now, before] = [normsOf(keys, dim), normsOf(segment.keys, dim)];
  keep.forEach((slot, place) => {
    const scale = now[place]! > 0 ? before[slot]! / now[place]! : 1;
    for (let i = place * dim; i < (place + 1) * dim; i++) keys[i]! *= scale;
  });
}

function massCounts(
  { counts }: KvSegment,
  keep: Int32Array,
  into: Int32Array,
  scores: Float32Array,
): Float32Array {
  const sums = new Float64Array(keep.length);
  into.forEach((place, slot) => {
    if (place >= 0) sums[place]! += scores[slot]!;
  });
  return Float32Array.from(keep, (slot, place) => {
    const own = scores[slot]!;
    return (counts?.[slot] ?? 1) * (own > 0 ? sums[place]! / own : 1);
  });
}
