/** The guard's slots and those that score enough, the best of them when they are too many: heads with little to say keep less. */
import { MnemeError } from "../../errors.ts";
import { largest } from "../largest.ts";
import type { Selector } from "../parts.ts";
import { guarded, withGuard } from "./guarded.ts";

/** @param least score that a slot must have. @throws MnemeError RANGE; pick: BUDGET, RANGE */
export function threshold(least: number): Selector {
  if (Number.isNaN(least))
    throw new MnemeError("RANGE", "threshold: the least score is NaN; expected a number");
  return {
    pick(scores, count, guard) {
      const zone = guarded("threshold", scores.length, count, guard);
      const best = largest(scores, zone.room, zone.from, zone.to);
      return withGuard(
        scores.length,
        zone,
        best.filter((slot) => scores[slot]! >= least),
      );
    },
  };
}
