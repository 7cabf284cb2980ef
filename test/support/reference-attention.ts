/** Attention of one query over the slots of a head in plain loops over f64: the standard that the kernels are held to. */
import type { KvSegment } from "../../src/cache/parts.ts";

/** @param from the first slot that is seen. @param to the one behind the last. @returns weights of all slots, and the mean of their values */
export function referenceAttention(
  query: Float32Array,
  { dim, keys, values, counts }: KvSegment,
  from: number,
  to: number,
): { readonly weights: Float64Array; readonly out: Float64Array } {
  const slots = keys.length / dim;
  const logits = Array.from({ length: slots }, (_, s) => {
    if (s < from || s >= to) return Number.NEGATIVE_INFINITY;
    let sum = 0;
    for (let i = 0; i < dim; i++) sum += query[i]! * keys[s * dim + i]!;
    return sum / Math.sqrt(dim) + Math.log(counts?.[s] ?? 1);
  });
  const most = logits.reduce((a, b) => Math.max(a, b), Number.NEGATIVE_INFINITY);
  const weights = Float64Array.from(logits, (logit) => Math.exp(logit - most));
  const all = weights.reduce((sum, weight) => sum + weight, 0);
  const out = new Float64Array(dim);
  weights.forEach((weight, s) => {
    weights[s] = weight / all;
    for (let i = 0; i < dim; i++) out[i]! += (weight / all) * values[s * dim + i]!;
  });
  return { weights, out };
}
