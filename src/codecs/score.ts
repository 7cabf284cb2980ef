/** From estimated products to scores: one place for the three metrics. */
import type { Metric } from "./codec.ts";

/** Larger is better. @param dot <query, row>; the squared norms of both */
export function scoreOf(metric: Metric, dot: number, querySquare: number, rowSquare: number): number {
  switch (metric) {
    case "dot":
      return dot;
    case "cosine": {
      const norms = Math.sqrt(querySquare * rowSquare);
      return norms > 0 ? dot / norms : 0;
    }
    case "l2":
      return 2 * dot - querySquare - rowSquare;
    default:
      return metric satisfies never;
  }
}

export function squareOf(values: Float32Array): number {
  let sum = 0;
  for (let i = 0; i < values.length; i++) sum += values[i]! * values[i]!;
  return sum;
}
