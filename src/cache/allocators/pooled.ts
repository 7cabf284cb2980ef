/** Heads that share one budget: the best slots of all of them, after each head's own sure share. */

import { largest } from "../largest.ts";
import type { Guard } from "../parts.ts";

/**
 * @param sure share of an even split, in [0, 1], that each head gets whatever the others score
 * @returns slots of each head, no more than perHead x heads in all
 */
export function pooled(
  scores: readonly Float32Array[],
  perHead: number,
  sure: number,
  guard: Guard,
): Int32Array {
  const whole = Math.floor(perHead);
  const kept = Int32Array.from(scores, ({ length }) => Math.min(length, guard.sinks + guard.recent));
  const open = scores.map((head) =>
    head
      .slice(Math.min(guard.sinks, head.length), Math.max(guard.sinks, head.length - guard.recent))
      .sort()
      .reverse(),
  );
  for (let h = 0; h < scores.length; h++)
    kept[h]! += Math.min(open[h]!.length, Math.floor(sure * Math.max(0, whole - kept[h]!)));
  const rest = open.map((head, h) =>
    head.subarray(kept[h]! - Math.min(scores[h]!.length, guard.sinks + guard.recent)),
  );
  const room = whole * scores.length - kept.reduce((sum, count) => sum + count, 0);
  const all = new Float32Array(rest.reduce((sum, { length }) => sum + length, 0));
  const owner = new Int32Array(all.length);
  let at = 0;
  rest.forEach((head, h) => {
    all.set(head, at);
    owner.fill(h, at, at + head.length);
    at += head.length;
  });
  for (const place of largest(all, room)) kept[owner[place]!]!++;
  return kept;
}
