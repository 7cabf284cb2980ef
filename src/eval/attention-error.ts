/** How far attention over a compressed cache is from attention over the exact one: relative error of what heads give out, all queries of a head together. */
import type { SynthKv } from "./synth-kv.ts";

/** Slots of one head; a slot's logit gets ln(count). */
export interface KeptSlots {
  /** f32 [slots x dim], rotated. */
  readonly keys: Float32Array;
  readonly values: Float32Array;
  readonly counts?: Float32Array;
}

export interface AttentionError {
  /** Mean over heads of |O' - O| / |O|, O: a row for each query behind the prompt. */
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
    const rows = (from: number, to: number): KeptSlots => ({
      keys: keys.subarray(from * dim, to * dim),
      values: values.subarray(from * dim, to * dim),
    });
    const pairs = Array.from({ length: decode }, (_, i): Pair => {
      const query = queries.subarray((prompt + i) * dim, (prompt + i + 1) * dim);
      const tail = rows(prompt, prompt + i + 1);
      return { given: attend(query, [kept[h]!, tail]), wanted: attend(query, [rows(0, prompt), tail]) };
    });
    all.push(relative(pairs));
    if (retrieves && data.asking[h]!.length > 0) needle.push(relative(data.asking[h]!.map((i) => pairs[i]!)));
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

interface Pair {
  readonly given: Float64Array;
  readonly wanted: Float64Array;
}

function relative(pairs: readonly Pair[]): number {
  let [off, all] = [0, 0];
  for (const { given, wanted } of pairs) {
    given.forEach((value, i) => {
      off += (value - wanted[i]!) ** 2;
      all += wanted[i]! ** 2;
    });
  }
  return Math.sqrt(off / all);
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}
