/** The first slots and the newest ones, without scores (Xiao et al., Efficient Streaming Language Models with Attention Sinks, 2023). */
import type { Selector } from "../parts.ts";
import { guarded, withGuard } from "./guarded.ts";

/** @throws pick: MnemeError BUDGET, RANGE */
export function sinkRecent(): Selector {
  return {
    pick(scores, count, guard) {
      const zone = guarded("sink-recent", scores.length, count, guard);
      return withGuard(
        scores.length,
        zone,
        Int32Array.from({ length: zone.room }, (_, i) => zone.to - zone.room + i),
      );
    },
  };
}
