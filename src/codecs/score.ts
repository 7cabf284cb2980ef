/** From estimated products to scores: one place for the three metrics. */
import type { Metric } from "./codec.ts";

/** Squared length from which f32 holds squares with all their digits; under cosine shorter rows are as zero ones. */
export const SHORTEST_SQUARE = 2 ** -100;

/** Larger is better. @param dot <query, row>; the squared norms of both */
export function scoreOf(metric: Metric, dot: number, querySquare: number, rowSquare: number): number {
  switch (metric) {
    case "dot":
      return dot;
    case "cosine":
      if (querySquare < SHORTEST_SQUARE || rowSquare < SHORTEST_SQUARE) return 0;
      return dot / Math.sqrt(querySquare * rowSquare);
    case "l2":
      return 2 * dot - querySquare - rowSquare;
    default:
      return metric satisfies never;
  }
}
