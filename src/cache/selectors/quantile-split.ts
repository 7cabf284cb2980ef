/**
 * Most of the room for the best, the rest for representatives of all others: evenly spaced ranks in an order of likeness, from its first
 * to its last (Jha et al., KVCrush: Key Value Cache Size-Reduction Using Similarity in Head-Behaviour, 2025). The order here is that of the
 * scores; the paper's, by signatures over the heads, needs all heads at once.
 */
import { checkWithin } from "../checks.ts";
import { largest } from "../largest.ts";
import type { Selector } from "../parts.ts";
import { guarded, withGuard } from "./guarded.ts";

export interface QuantileSplitOptions {
  /** Share of the room for representatives; default 0.25. */
  readonly spread?: number;
}

/** @throws MnemeError RANGE; pick: BUDGET, RANGE */
export function quantileSplit({ spread = 0.25 }: QuantileSplitOptions = {}): Selector {
  checkWithin("quantile split", "spread", spread, 0, 1);
  return {
    pick(scores, count, guard) {
      const zone = guarded("quantile split", scores.length, count, guard);
      const spreadOut = Math.min(zone.room, Math.round(spread * zone.room));
      const best = largest(scores, zone.room - spreadOut, zone.from, zone.to);
      const taken = new Set(best);
      const others: number[] = [];
      for (let s = zone.from; s < zone.to; s++) if (!taken.has(s)) others.push(s);
      others.sort((a, b) => scores[b]! - scores[a]! || a - b);
      const chosen = [...best, ...evenRanks(others.length, spreadOut).map((rank) => others[rank]!)];
      return withGuard(scores.length, zone, Int32Array.from(chosen).sort());
    },
  };
}

/** `count` ranks of [0, size), the first and the last among them; of one alone the middle. */
function evenRanks(size: number, count: number): number[] {
  if (count === 1) return [Math.floor((size - 1) / 2)];
  return Array.from({ length: count }, (_, i) => Math.round((i * (size - 1)) / (count - 1)));
}
