/**
 * What is dropped goes into the kept slot whose key is most alike, if it is enough so (Wan et al., D2O: Dynamic Discriminative Operations
 * for Efficient Generative Inference of Large Language Models, 2024).
 */
import { checkSegment, checkWithin } from "../checks.ts";
import type { Merger } from "../parts.ts";
import { cosines } from "./cosine.ts";
import { countOf, gather, weightedFold, withoutCounts } from "./weighted-fold.ts";

export interface NearestSurvivorOptions {
  /** Cosine that a dropped slot must reach; default 0.5. */
  readonly least?: number;
  /** Keys stay as they are, only values are merged. Default false. */
  readonly valuesOnly?: boolean;
  /** false: no counts. Default true. */
  readonly bias?: boolean;
}

export const nearestSurvivorDefaults = { least: 0.5, valuesOnly: false, bias: true } as const;

/** @throws MnemeError RANGE naming the option; fold: DIMENSION, NOT_FINITE */
export function nearestSurvivor(options: NearestSurvivorOptions = {}): Merger {
  const { least, valuesOnly, bias } = { ...nearestSurvivorDefaults, ...options };
  checkWithin("nearest survivor", "least", least, -1, 1);
  return {
    fold(segment, keep) {
      checkSegment("nearest survivor", segment);
      const slots = segment.positions.length;
      const cosine = cosines(segment.keys, segment.dim, -1);
      const into = new Int32Array(slots).fill(-1);
      keep.forEach((slot, place) => {
        into[slot] = place;
      });
      for (let slot = 0; slot < slots; slot++) {
        if (into[slot]! >= 0) continue;
        let nearest = { place: -1, alike: Number.NEGATIVE_INFINITY };
        keep.forEach((kept, place) => {
          const alike = cosine(slot, kept);
          if (alike > nearest.alike) nearest = { place, alike };
        });
        if (nearest.alike >= least) into[slot] = nearest.place;
      }
      const weights = into.map((_, slot) => countOf(segment, slot));
      const folded = weightedFold(segment, { centres: keep, into, weights });
      const done = valuesOnly ? { ...folded, keys: gather(segment, keep).keys } : folded;
      return bias ? done : withoutCounts(done);
    },
  };
}
