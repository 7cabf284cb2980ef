/** How high a fine score can be at a coarse one, learned from queries that were searched in full: what lets a search end before all is read. */
import { MnemeError } from "../../errors.ts";

/** fine <= slope * coarse + intercept + margin for the rows that matter, by what was seen. */
export interface Bound {
  readonly slope: number;
  readonly intercept: number;
  readonly margin: number;
}

/** What a query's candidates scored on both sides. */
export interface SeenQuery {
  readonly coarse: Float32Array;
  readonly fine: Float32Array;
}

/**
 * A bound from queries all of whose candidates were read: the line of least squares through their scores, and a margin that holds for all
 * of the best k of `share` of the queries. Where it holds for a query, its hits are those without a bound.
 * @throws MnemeError INSUFFICIENT_DATA, RANGE
 */
export function calibrateBound(
  seen: readonly SeenQuery[],
  { k, weight, share = 0.99 }: { k: number; weight: number; share?: number },
): Bound {
  if (!(share > 0 && share <= 1) || !(k >= 1))
    throw new MnemeError("RANGE", `bigranular: share is ${share}, k ${k}; expected 0 to 1, and 1 or more`);
  const count = seen.reduce((sum, { coarse }) => sum + coarse.length, 0);
  if (count < 2)
    throw new MnemeError(
      "INSUFFICIENT_DATA",
      `bigranular: ${count} candidates seen; a bound needs two or more`,
    );
  const line = lineOf(seen, count);
  const margins = seen.map(({ coarse, fine }) => {
    const final = fine.map((score, i) => score + weight * coarse[i]!);
    const order = [...final.keys()].sort((a, b) => final[b]! - final[a]!).slice(0, k);
    return order.reduce((most, i) => Math.max(most, fine[i]! - line.slope * coarse[i]! - line.intercept), 0);
  });
  margins.sort((a, b) => a - b);
  return { ...line, margin: margins[Math.min(margins.length - 1, Math.ceil(share * margins.length) - 1)]! };
}

function lineOf(seen: readonly SeenQuery[], count: number): Omit<Bound, "margin"> {
  let [sx, sy, sxx, sxy] = [0, 0, 0, 0];
  for (const { coarse, fine } of seen)
    for (let i = 0; i < coarse.length; i++) {
      sx += coarse[i]!;
      sy += fine[i]!;
      sxx += coarse[i]! * coarse[i]!;
      sxy += coarse[i]! * fine[i]!;
    }
  const spread = sxx - (sx * sx) / count;
  // a bound that falls with the coarse score could not end a search
  const slope = spread > 0 ? Math.max(0, (sxy - (sx * sy) / count) / spread) : 0;
  return { slope, intercept: (sy - slope * sx) / count };
}
