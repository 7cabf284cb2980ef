/** Plain twin of max-sim.ts. */
import type { PlainTokenRows, TokenQuery } from "../max-sim.ts";

export function maxSimI8(
  { codes, factors }: TokenQuery,
  rows: PlainTokenRows,
  ranges: Uint32Array,
): Float32Array {
  const { width } = rows;
  return Float32Array.from({ length: ranges.length / 2 }, (_, d) => {
    let sum = 0;
    factors.forEach((factor, q) => {
      let best = Number.NEGATIVE_INFINITY;
      for (let v = ranges[2 * d]!; v < ranges[2 * d + 1]!; v++) {
        let product = 0;
        for (let i = 0; i < width; i++) product += codes[q * width + i]! * rows.codes[v * width + i]!;
        best = Math.max(best, Math.fround(product * rows.scales[v]!));
      }
      sum += best * factor;
    });
    return sum;
  });
}
