/** Hits among the rows that a search named, scored again where there are fine rows. */
import { NO_ROW } from "../../../kernels/index.ts";
import { type Hits, isAfter } from "../../hits.ts";
import { TopK, type WantedHits } from "../../top-k.ts";
import type { Named, Refiner } from "./refiner.ts";

export interface Lists {
  /** Queries, and places of each: NO_ROW behind the last that is taken. */
  readonly count: number;
  readonly most: number;
  rowAt(slot: number): number;
}

export function namedHits(
  found: Named,
  { count, most, rowAt }: Lists,
  { k, minScore, after }: WantedHits,
  refiner: Refiner | undefined,
): Hits[] {
  const queries = Array.from({ length: count }, (_, q) => {
    const slots = found.slots.subarray(q * most, (q + 1) * most);
    const end = slots.indexOf(NO_ROW);
    const best = new TopK(Math.min(k, end < 0 ? most : end));
    const offer = (slot: number, score: number): void => {
      if (score < best.threshold || (minScore !== undefined && score < minScore)) return;
      const row = rowAt(slot);
      if (!after || isAfter(after, score, row)) best.push(score, row);
    };
    return { best, count: end < 0 ? most : end, offer };
  });
  if (refiner) refiner.refine(found, most, queries);
  else
    queries.forEach(({ count: some, offer }, q) => {
      for (let i = q * most; i < q * most + some; i++) offer(found.slots[i]!, found.scores[i]!);
    });
  return queries.map(({ best }) => best.drain());
}
