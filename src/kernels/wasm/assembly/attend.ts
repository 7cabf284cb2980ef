/**
 * Attention over pages of slots by running softmax (Milakov and Gimelshein, Online normalizer calculation for softmax, 2018): of each
 * query a largest score, a sum of weights and a weighted sum of values, which any number of parts of a cache can be merged by.
 */
import { capRow } from "./block";
import { expF32 } from "./exp";
import { sumF32 } from "./float";
import { writeHalves } from "./half";
import { sumsOfFour } from "./lanes";
import { ENTRY, expand, F16, F32, INT8, isAffine, keyBasesIn, PAGE_SLOTS, queryIn, stepsIn, valueBasesIn, valuesIn, wideValuesIn } from "./page";
import { largest, widen } from "./widen";

/** Before any slot: so low that the first score replaces it, and finite, so that differences are numbers. */
export const NOTHING: f32 = -1e30;

/** A state: largest score, sum of weights, the scale of the query's codes, one unused, then `dim` sums of values and the codes, i16. */
// @ts-ignore: decorator
@inline
export function stateBytes(dim: usize): usize {
  return 16 + dim * 6;
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
  for (let s: usize = 0; s < end; s += 4) top = f32x4.pmax(top, v128.load(scores + (s << 2)));
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

/** Products of 64 i16 codes with a row of 64 int8 codes. */
// @ts-ignore: decorator
@inline
function row64(w: usize, x0: v128, x1: v128, x2: v128, x3: v128, x4: v128, x5: v128, x6: v128, x7: v128): v128 {
  const a = i32x4.add(i32x4.dot_i16x8_s(v128.load8x8_s(w), x0), i32x4.dot_i16x8_s(v128.load8x8_s(w, 8), x1));
  const b = i32x4.add(i32x4.dot_i16x8_s(v128.load8x8_s(w, 16), x2), i32x4.dot_i16x8_s(v128.load8x8_s(w, 24), x3));
  const c = i32x4.add(i32x4.dot_i16x8_s(v128.load8x8_s(w, 32), x4), i32x4.dot_i16x8_s(v128.load8x8_s(w, 40), x5));
  const d = i32x4.add(i32x4.dot_i16x8_s(v128.load8x8_s(w, 48), x6), i32x4.dot_i16x8_s(v128.load8x8_s(w, 56), x7));
  return i32x4.add(i32x4.add(a, b), i32x4.add(c, d));
}

/**
 * out[r] = <x, row r> x by, added `onto` what is there, of `count` rows of 64 int8 codes, a multiple of 4. The codes of x stay in registers.
 */
// @ts-ignore: decorator
@inline
function products64(x: usize, rows: usize, stride: usize, count: usize, by: v128, out: usize, onto: bool): void {
  const x0 = v128.load(x), x1 = v128.load(x, 16), x2 = v128.load(x, 32), x3 = v128.load(x, 48);
  const x4 = v128.load(x, 64), x5 = v128.load(x, 80), x6 = v128.load(x, 96), x7 = v128.load(x, 112);
  const end = out + (count << 2);
  for (; out < end; out += 16) {
    const a = row64(rows, x0, x1, x2, x3, x4, x5, x6, x7);
    rows += stride;
    const b = row64(rows, x0, x1, x2, x3, x4, x5, x6, x7);
    rows += stride;
    const c = row64(rows, x0, x1, x2, x3, x4, x5, x6, x7);
    rows += stride;
    const d = row64(rows, x0, x1, x2, x3, x4, x5, x6, x7);
    rows += stride;
    const four = f32x4.mul(f32x4.convert_i32x4_s(sumsOfFour(a, b, c, d)), by);
    v128.store(out, onto ? f32x4.add(v128.load(out), four) : four);
  }
}

/** The same of rows of `dim` codes, a multiple of 16. */
// @ts-ignore: decorator
@inline
function products(x: usize, rows: usize, dim: usize, count: usize, by: v128, out: usize): void {
  const wide = dim & ~63;
  for (let at: usize = 0; at < wide; at += 64) products64(x + (at << 1), rows + at, dim, count, by, out, at > 0);
  if (wide < dim) productsRest(x, rows, wide, dim, count, by, out);
}

function productsRest(x: usize, rows: usize, from: usize, dim: usize, count: usize, by: v128, out: usize): void {
  for (let r: usize = 0; r < count; r++) {
    let sum = i32x4.splat(0);
    for (let i = from; i < dim; i += 8) sum = i32x4.add(sum, i32x4.dot_i16x8_s(v128.load8x8_s(rows + r * dim + i), v128.load(x + (i << 1))));
    const product = <f32>i32x4.extract_lane(sumsOfFour(sum, sum, sum, sum), 0) * f32x4.extract_lane(by, 0);
    const to = out + (r << 2);
    store<f32>(to, from > 0 ? load<f32>(to) + product : product);
  }
}

/** scores[s] = <q, key s> x by x the slot's scale, of the first `slots` and up to three behind. keys: i8 [PAGE_SLOTS x dim], then a scale for each slot. */
// @ts-ignore: decorator
@inline
function scoreI8(codes: usize, by: f32, keys: usize, slots: usize, dim: usize, scores: usize): void {
  const keyScales = keys + PAGE_SLOTS * dim;
  const some = (slots + 3) & ~3;
  products(codes, keys, dim, some, f32x4.splat(by), scores);
  for (let s: usize = 0; s < some << 2; s += 16) v128.store(scores + s, f32x4.mul(v128.load(scores + s), v128.load(keyScales + s)));
}

/** out += sum over slots of weight x value x the slot's scale; weights are used up. values: i8 [dim x PAGE_SLOTS], then a scale for each slot. */
// @ts-ignore: decorator
@inline
function weighI8(scores: usize, values: usize, slots: usize, dim: usize, out: usize): void {
  const valueScales = values + PAGE_SLOTS * dim;
  for (let s = slots; s < PAGE_SLOTS; s++) store<f32>(scores + (s << 2), 0);
  for (let s: usize = 0; s < PAGE_SLOTS << 2; s += 16) v128.store(scores + s, f32x4.mul(v128.load(scores + s), v128.load(valueScales + s)));
  const weights = scores + (PAGE_SLOTS << 2);
  const most = largest(scores, PAGE_SLOTS);
  widen(scores, PAGE_SLOTS, most, weights);
  products64(weights, values, PAGE_SLOTS, dim, f32x4.splat(most / 32767), out, true);
}

// @ts-ignore: decorator
@inline
function dotF32(a: usize, b: usize, dim: usize): f32 {
  let sum = f32x4.splat(0);
  for (let i: usize = 0; i < dim << 2; i += 16) sum = f32x4.add(sum, f32x4.mul(v128.load(a + i), v128.load(b + i)));
  return sumF32(sum);
}

/**
 * scores[s] = <q, key s> x scale, held below a cap (0: none), + bias, of the first `slots` slots of a page. state: of the query, with its
 * codes. A page that is neither of f32 nor of int8 lies expanded at `room`.
 */
// @ts-ignore: decorator
@inline
export function scorePage(entry: usize, q: usize, state: usize, slots: usize, dim: usize, scale: f32, cap: f32, room: usize, scores: usize): void {
  const codec = load<i32>(entry, 12);
  const bias = <usize>load<u32>(entry, 8);
  const codes = state + 16 + (dim << 2);
  if (codec == F32 || codec == F16) scoreF32(q, codec == F32 ? load<u32>(entry) : room, slots, dim, scale, scores);
  else if (codec == INT8) scoreI8(codes, load<f32>(state, 8) * scale, load<u32>(entry), slots, dim, scores);
  else scoreExpanded(codec, q, codes, load<f32>(state, 8) * scale, slots, dim, scale, room, scores);
  if (cap > 0) capRow(scores, slots, cap);
  if (bias) for (let s: usize = 0; s < slots << 2; s += 16) v128.store(scores + s, f32x4.add(v128.load(scores + s), v128.load(bias + s)));
}

function scoreExpanded(codec: i32, q: usize, codes: usize, by: f32, slots: usize, dim: usize, scale: f32, room: usize, scores: usize): void {
  if (isAffine(codec)) {
    const own = queryIn(room, dim), steps = stepsIn(room, dim);
    for (let i: usize = 0; i < dim << 2; i += 16) v128.store(own + i, f32x4.mul(v128.load(q + i), v128.load(steps + i)));
    const most = largest(own, dim);
    widen(own, dim, most, own + (dim << 2));
    scoreI8(own + (dim << 2), most / 32767 * scale, room, slots, dim, scores);
  } else scoreI8(codes, by, room, slots, dim, scores);
  const base = f32x4.splat(dotF32(q, keyBasesIn(room, dim), dim) * scale);
  for (let s: usize = 0; s < slots << 2; s += 16) v128.store(scores + s, f32x4.add(v128.load(scores + s), base));
}

/** What all weights of a page add to the sums, whatever the codes. */
function addBases(codec: i32, weights: usize, slots: usize, dim: usize, room: usize, out: usize): void {
  const bases = valueBasesIn(room, dim);
  for (let s = slots; s < PAGE_SLOTS; s++) store<f32>(weights + (s << 2), 0);
  if (isAffine(codec)) {
    const all = f32x4.splat(dotF32(weights, bases, PAGE_SLOTS));
    for (let i: usize = 0; i < dim << 2; i += 16) v128.store(out + i, f32x4.add(v128.load(out + i), all));
    return;
  }
  let sum = f32x4.splat(0);
  for (let s: usize = 0; s < PAGE_SLOTS << 2; s += 16) sum = f32x4.add(sum, v128.load(weights + s));
  const all = f32x4.splat(sumF32(sum));
  for (let i: usize = 0; i < dim << 2; i += 16) v128.store(out + i, f32x4.add(v128.load(out + i), f32x4.mul(all, v128.load(bases + i))));
}

/** One query over the first `slots` of a page, but for `skipped` at its start. scores: room for PAGE_SLOTS f32 and as many i16. */
// @ts-ignore: decorator
@inline
function attendPage(entry: usize, q: usize, skipped: usize, slots: usize, dim: usize, scale: f32, cap: f32, room: usize, scores: usize, state: usize): void {
  scorePage(entry, q, state, slots, dim, scale, cap, room, scores);
  for (let s: usize = 0; s < skipped; s++) store<f32>(scores + (s << 2), NOTHING);
  weightsOf(scores, slots, state, dim);
  const codec = load<i32>(entry, 12);
  if (codec == F32 || codec == F16) return weighF32(scores, codec == F32 ? load<u32>(entry, 4) : wideValuesIn(room, dim), slots, dim, state + 16);
  if (codec != INT8) addBases(codec, scores, slots, dim, room, state + 16);
  weighI8(scores, codec == INT8 ? load<u32>(entry, 4) : valuesIn(room, dim), slots, dim, state + 16);
}

/** Puts a key or a value, f32 [dim], into slot `slot` of a page of int8 codes: its codes `step` bytes apart from `at` on. */
// @ts-ignore: decorator
@inline
function encodeSlot(x: usize, dim: usize, at: usize, step: usize, scaleAt: usize): void {
  let most: f32 = 0;
  for (let i: usize = 0; i < dim; i++) most = max(most, abs<f32>(load<f32>(x + (i << 2))));
  const by: f32 = most > 0 ? 127 / most : 0;
  for (let i: usize = 0; i < dim; i++) store<i8>(at + i * step, <i8>nearest<f32>(load<f32>(x + (i << 2)) * by));
  store<f32>(scaleAt, most / 127);
}

/** Puts a key and a value, f32 [dim], into a slot of a page. `key` and `value` are where those of the page begin. */
export function putSlot(codec: i32, x: usize, v: usize, dim: usize, key: usize, value: usize, slot: usize): void {
  if (codec == F32) {
    memory.copy(key + slot * (dim << 2), x, dim << 2);
    memory.copy(value + slot * (dim << 2), v, dim << 2);
    return;
  }
  if (codec == F16) {
    writeHalves(x, dim, key + slot * (dim << 1));
    writeHalves(v, dim, value + slot * (dim << 1));
    return;
  }
  const scales = PAGE_SLOTS * dim + (slot << 2);
  encodeSlot(x, dim, key + slot * dim, 1, key + scales);
  encodeSlot(v, dim, value + slot, PAGE_SLOTS, value + scales);
}

/** Clears a query's state and puts its codes into it. */
export function openState(state: usize, q: usize, dim: usize): void {
  clearState(state, dim);
  const most = largest(q, dim);
  widen(q, dim, most, state + 16 + (dim << 2));
  store<f32>(state, most / 32767, 8);
}

/**
 * A head's queries over pages [first, last) of its cache. q: f32, rows `qStride` bytes apart, `group` heads of one token side by side;
 * `before` slots precede those of the batch, of which a token sees its own and those before it, of a window (0: none) the last.
 * states: [tokens x group], cleared here; scores: room for them, PAGE_SLOTS f32 and i16, and an expanded page.
 */
export function attendHead(q: usize, qStride: usize, tokens: usize, group: usize, dim: usize, scale: f32, cap: f32, table: usize, first: usize, last: usize, before: usize, window: usize, states: usize, scores: usize): void {
  const room = scores + PAGE_SLOTS * 6;
  const size = stateBytes(dim);
  for (let i: usize = 0; i < tokens * group; i++) openState(states + i * size, q + i / group * qStride + i % group * (dim << 2), dim);
  for (let page = first; page < last; page++) {
    const entry = table + page * ENTRY;
    const codec = load<i32>(entry, 12);
    if (codec > INT8) expand(codec, load<u32>(entry), load<u32>(entry, 4), dim, room);
    const start = page * PAGE_SLOTS;
    for (let t: usize = 0; t < tokens; t++) {
      const seen = before + t + 1;
      if (seen <= start) continue;
      const slots = min(seen - start, PAGE_SLOTS);
      const low: usize = window > 0 && seen > window ? seen - window : 0;
      if (start + slots <= low) continue;
      const skipped: usize = low > start ? low - start : 0;
      for (let h: usize = 0; h < group; h++) attendPage(entry, q + t * qStride + h * (dim << 2), skipped, slots, dim, scale, cap, room, scores, states + (t * group + h) * size);
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
