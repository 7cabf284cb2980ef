/** The guard's slots, then the best. */
import { largest } from "../largest.ts";
import type { Selector } from "../parts.ts";
import { guarded, withGuard } from "./guarded.ts";

/** @throws pick: MnemeError BUDGET, RANGE */
export function topK(): Selector {
  return {
    pick(scores, count, guard) {
      const zone = guarded("top-k", scores.length, count, guard);
      return withGuard(scores.length, zone, largest(scores, zone.room, zone.from, zone.to));
    },
  };
}
