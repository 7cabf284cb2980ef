/**
 * Attention over pages of slots by running softmax (Milakov and Gimelshein, Online normalizer calculation for softmax, 2018): of each
 * query a largest score, a sum of weights and a weighted sum of values, which any number of parts of a cache can be merged by.
 */
import { expF32 } from "./exp";
import { sumF32 } from "./float";

/** Slots of a page. */
export const PAGE_SLOTS: usize = 64;
/** Before any slot: so low that the first score replaces it, and finite, so that differences are numbers. */
const NOTHING: f32 = -1e30;

/** A state: largest score, sum of weights, two unused, then `dim` sums of values. */
// @ts-ignore: decorator
@inline
export function stateBytes(dim: usize): usize {
  return 16 + (dim << 2);
}

export function clearState(state: usize, dim: usize): void {
  memory.fill(state, 0, stateBytes(dim));
  store<f32>(state, NOTHING);
}

// @ts-ignore: decorator
@inline
function fourSums(a: v128, b: v128, c: v128, d: v128): v128 {
  const ab = f32x4.add(i32x4.shuffle(a, b, 0, 4, 1, 5), i32x4.shuffle(a, b, 2, 6, 3, 7));
  const cd = f32x4.add(i32x4.shuffle(c, d, 0, 4, 1, 5), i32x4.shuffle(c, d, 2, 6, 3, 7));
  return f32x4.add(i64x2.shuffle(ab, cd, 0, 2), i64x2.shuffle(ab, cd, 1, 3));
}

/** scores[s] = <q, key s> x scale, four slots at a time: what lies behind the last is scored too. keys: f32 [slots x dim]. */
// @ts-ignore: decorator
@inline
function scoreF32(q: usize, keys: usize, slots: usize, dim: usize, scale: f32, scores: usize): void {
  const bytes = dim << 2;
  const by = f32x4.splat(scale);
  for (let s: usize = 0; s < slots; s += 4) {
    const k0 = keys + s * bytes;
    const k1 = k0 + bytes;
    const k2 = k1 + bytes;
    const k3 = k2 + bytes;
    let a = f32x4.splat(0), b = f32x4.splat(0), c = f32x4.splat(0), d = f32x4.splat(0);
    for (let i: usize = 0; i < bytes; i += 16) {
      const v = v128.load(q + i);
      a = f32x4.add(a, f32x4.mul(v, v128.load(k0 + i)));
      b = f32x4.add(b, f32x4.mul(v, v128.load(k1 + i)));
      c = f32x4.add(c, f32x4.mul(v, v128.load(k2 + i)));
      d = f32x4.add(d, f32x4.mul(v, v128.load(k3 + i)));
    }
    v128.store(scores + (s << 2), f32x4.mul(fourSums(a, b, c, d), by));
  }
}

/** out += sum over slots of weight x value. values: f32 [slots x dim], dim a multiple of 16. */
// @ts-ignore: decorator
@inline
function weighF32(weights: usize, values: usize, slots: usize, dim: usize, out: usize): void {
  const bytes = dim << 2;
  for (let i: usize = 0; i < bytes; i += 64) {
    let a = v128.load(out + i), b = v128.load(out + i, 16), c = v128.load(out + i, 32), d = v128.load(out + i, 48);
    let at = values + i;
    for (let s: usize = 0; s < slots; s++) {
      const w = v128.load32_splat(weights + (s << 2));
      a = f32x4.add(a, f32x4.mul(w, v128.load(at)));
      b = f32x4.add(b, f32x4.mul(w, v128.load(at, 16)));
      c = f32x4.add(c, f32x4.mul(w, v128.load(at, 32)));
      d = f32x4.add(d, f32x4.mul(w, v128.load(at, 48)));
      at += bytes;
    }
    v128.store(out + i, a);
    v128.store(out + i, b, 16);
    v128.store(out + i, c, 32);
    v128.store(out + i, d, 48);
  }
}

/** Scores become weights relative to the state's largest score, which may grow. Past `slots` they come to nothing beside its 1. */
// @ts-ignore: decorator
@inline
function weightsOf(scores: usize, slots: usize, state: usize, dim: usize): void {
  const end = (slots + 3) & ~3;
  for (let s = slots; s < end; s++) store<f32>(scores + (s << 2), NOTHING);
  let top = f32x4.splat(NOTHING);
  for (let s: usize = 0; s < end; s += 4) top = f32x4.max(top, v128.load(scores + (s << 2)));
  const before = load<f32>(state);
  const most = max(max(max(f32x4.extract_lane(top, 0), f32x4.extract_lane(top, 1)), max(f32x4.extract_lane(top, 2), f32x4.extract_lane(top, 3))), before);
  const base = f32x4.splat(most);
  let sum = f32x4.splat(0);
  for (let s: usize = 0; s < end; s += 4) {
    const weight = expF32(f32x4.sub(v128.load(scores + (s << 2)), base));
    sum = f32x4.add(sum, weight);
    v128.store(scores + (s << 2), weight);
  }
  if (most > before) rescale(state, dim, before, most);
  store<f32>(state, load<f32>(state, 4) + sumF32(sum), 4);
}

/** Makes a state's sums relative to a larger score. */
// @ts-ignore: decorator
@inline
function rescale(state: usize, dim: usize, before: f32, most: f32): void {
  const by = before <= NOTHING ? f32x4.splat(0) : expF32(f32x4.splat(before - most));
  store<f32>(state, most);
  store<f32>(state, load<f32>(state, 4) * f32x4.extract_lane(by, 0), 4);
  const sums = state + 16;
  for (let i: usize = 0; i < dim << 2; i += 16) v128.store(sums + i, f32x4.mul(v128.load(sums + i), by));
}

/** One query over the first `slots` of a page, but for `skipped` at its start. bias: f32 added to each score, or 0 for none. */
// @ts-ignore: decorator
@inline
function attendPageF32(q: usize, keys: usize, values: usize, skipped: usize, slots: usize, dim: usize, scale: f32, bias: usize, scores: usize, state: usize): void {
  scoreF32(q, keys, slots, dim, scale, scores);
  if (bias) for (let s: usize = 0; s < slots << 2; s += 16) v128.store(scores + s, f32x4.add(v128.load(scores + s), v128.load(bias + s)));
  for (let s: usize = 0; s < skipped; s++) store<f32>(scores + (s << 2), NOTHING);
  weightsOf(scores, slots, state, dim);
  weighF32(scores, values, slots, dim, state + 16);
}

/**
 * A head's queries over pages [first, last) of its cache. q: f32, rows `qStride` bytes apart, `group` heads of one token side by side;
 * table: of each page where its keys, its values and its slots' bias lie (3 words); `before` slots precede those of the batch, of which a
 * token sees its own and those before it, of a window (0: none) the last. states: [tokens x group], cleared here; scores: room for PAGE_SLOTS f32.
 */
export function attendHeadF32(q: usize, qStride: usize, tokens: usize, group: usize, dim: usize, scale: f32, table: usize, first: usize, last: usize, before: usize, window: usize, states: usize, scores: usize): void {
  const size = stateBytes(dim);
  for (let i: usize = 0; i < tokens * group; i++) clearState(states + i * size, dim);
  for (let page = first; page < last; page++) {
    const entry = table + page * 12;
    const keys = load<u32>(entry), values = load<u32>(entry, 4), bias = load<u32>(entry, 8);
    const start = page * PAGE_SLOTS;
    for (let t: usize = 0; t < tokens; t++) {
      const seen = before + t + 1;
      if (seen <= start) continue;
      const slots = min(seen - start, PAGE_SLOTS);
      const low: usize = window > 0 && seen > window ? seen - window : 0;
      if (start + slots <= low) continue;
      const skipped: usize = low > start ? low - start : 0;
      for (let h: usize = 0; h < group; h++)
        attendPageF32(q + t * qStride + h * (dim << 2), keys, values, skipped, slots, dim, scale, bias, scores, states + (t * group + h) * size);
    }
  }
}

/** Merges the states of `parts` parts, `partStride` bytes apart, of `count` queries, and writes the weighted means. out: [count x dim]. */
export function mergeStates(states: usize, parts: usize, partStride: usize, count: usize, dim: usize, out: usize): void {
  const size = stateBytes(dim);
  for (let i: usize = 0; i < count; i++) {
    const at = states + i * size;
    let most = NOTHING;
    for (let p: usize = 0; p < parts; p++) most = max(most, load<f32>(at + p * partStride));
    let total: f32 = 0;
    const to = out + i * (dim << 2);
    memory.fill(to, 0, dim << 2);
    for (let p: usize = 0; p < parts; p++) {
      const state = at + p * partStride;
      if (load<f32>(state) <= NOTHING) continue;
      const by = expF32(f32x4.splat(load<f32>(state) - most));
      total += load<f32>(state, 4) * f32x4.extract_lane(by, 0);
      for (let j: usize = 0; j < dim << 2; j += 16) v128.store(to + j, f32x4.add(v128.load(to + j), f32x4.mul(by, v128.load(state + 16 + j))));
    }
    const over = f32x4.splat(total > 0 ? 1 / total : 0);
    for (let j: usize = 0; j < dim << 2; j += 16) v128.store(to + j, f32x4.mul(v128.load(to + j), over));
  }
}
