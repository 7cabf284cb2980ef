/** What every selector begins with: the slots that stay whatever they score, and the room that is left. */
import { MnemeError } from "../../errors.ts";
import type { Guard } from "../parts.ts";

export interface Guarded {
  /** Slots from here ... */
  readonly from: number;
  /** ... to here are chosen from. */
  readonly to: number;
  /** How many of them are kept. */
  readonly room: number;
}

/** @throws MnemeError RANGE, and BUDGET when the guard alone is more than `count` */
export function guarded(part: string, slots: number, count: number, { sinks, recent }: Guard): Guarded {
  for (const [name, value] of [
    ["count", count],
    ["guard.sinks", sinks],
    ["guard.recent", recent],
  ] as const) {
    if (!(Number.isInteger(value) && value >= 0))
      throw new MnemeError("RANGE", `${part}: ${name} is ${value}; expected a whole number from 0`);
  }
  const from = Math.min(sinks, slots);
  const to = Math.max(from, slots - recent);
  const fixed = slots - (to - from);
  if (fixed > count)
    throw new MnemeError(
      "BUDGET",
      `${part}: ${count} slots to keep, the guard of ${sinks} + ${recent} alone needs ${fixed}`,
    );
  return { from, to, room: Math.min(count - fixed, to - from) };
}

/** The guard's slots and the chosen ones, ascending. @param chosen within [from, to), ascending */
export function withGuard(slots: number, { from, to }: Guarded, chosen: Int32Array): Int32Array {
  const kept = new Int32Array(from + chosen.length + slots - to);
  for (let s = 0; s < from; s++) kept[s] = s;
  kept.set(chosen, from);
  for (let s = to; s < slots; s++) kept[from + chosen.length + s - to] = s;
  return kept;
}
