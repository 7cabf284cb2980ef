/** How far attention over a compressed cache is from attention over the exact one: relative error of what heads give out. */
import type { SynthKv } from "./synth-kv.ts";

/** Slots of one head; a slot's logit gets ln(count). */
export interface KeptSlots {
  /** f32 [slots x dim], rotated. */
  readonly keys: Float32Array;
  readonly values: Float32Array;
  readonly counts?: Float32Array;
}

export interface AttentionError {
  /** Mean over heads and the queries behind the prompt of |o' - o| / |o|. */
  readonly error: number;
  /** The same over queries that ask for a needle, on heads that retrieve. */
  readonly needle: number;
}

/** @param kept what is left of each head's prompt; the rows behind the prompt are attended as they are */
export function attentionError(data: SynthKv, kept: readonly KeptSlots[]): AttentionError {
  const { prompt, decode, dim } = data.options;
  const all: number[] = [];
  const needle: number[] = [];
  data.heads.forEach(({ queries, keys, values, retrieves }, h) => {
    const exact: KeptSlots = {
      keys: keys.subarray(0, prompt * dim),
      values: values.subarray(0, prompt * dim),
    };
    const tail: KeptSlots = { keys: keys.subarray(prompt * dim), values: values.subarray(prompt * dim) };
    const errors = Array.from({ length: decode }, (_, i) => {
      const query = queries.subarray((prompt + i) * dim, (prompt + i + 1) * dim);
      const wanted = attend(query, [exact, firstRows(tail, i + 1, dim)]);
      return distance(attend(query, [kept[h]!, firstRows(tail, i + 1, dim)]), wanted);
    });
    all.push(mean(errors));
    if (retrieves) needle.push(mean(data.asking[h]!.map((i) => errors[i]!)));
  });
  return { error: mean(all), needle: mean(needle) };
}

/** What a head gives out: softmax over all slots in f64. @param query rotated */
export function attend(query: Float32Array, parts: readonly KeptSlots[]): Float64Array {
  const dim = query.length;
  const logits = parts.map((part) => logitsOf(query, part));
  const most = logits.reduce(
    (best, some) => some.reduce((a, b) => Math.max(a, b), best),
    Number.NEGATIVE_INFINITY,
  );
  const out = new Float64Array(dim);
  let sum = 0;
  parts.forEach(({ values }, p) => {
    logits[p]!.forEach((logit, s) => {
      const weight = Math.exp(logit - most);
      sum += weight;
      for (let i = 0; i < dim; i++) out[i]! += weight * values[s * dim + i]!;
    });
  });
  return out.map((value) => value / sum);
}

function logitsOf(query: Float32Array, { keys, counts }: KeptSlots): Float64Array {
  const dim = query.length;
  return Float64Array.from({ length: keys.length / dim }, (_, s) => {
    let dot = 0;
    for (let i = 0; i < dim; i++) dot += query[i]! * keys[s * dim + i]!;
    return dot / Math.sqrt(dim) + (counts ? Math.log(counts[s]!) : 0);
  });
}

const firstRows = ({ keys, values }: KeptSlots, rows: number, dim: number): KeptSlots => ({
  keys: keys.subarray(0, rows * dim),
  values: values.subarray(0, rows * dim),
});

function distance(a: Float64Array, b: Float64Array): number {
  return Math.hypot(...a.map((value, i) => value - b[i]!)) / Math.hypot(...b);
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}
