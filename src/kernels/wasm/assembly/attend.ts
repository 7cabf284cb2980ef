/**
 * Attention over pages of slots by running softmax (Milakov and Gimelshein, Online normalizer calculation for softmax, 2018): of each
 * query a largest score, a sum of weights and a weighted sum of values, which any number of parts of a cache can be merged by.
 */
import { NOTHING, openByteState, openState, rescale, stateBytes } from "./attend-state";
import { attendBytes, byteRoom } from "./attend-bytes";
import { capRow } from "./block";
import { expF32 } from "./exp";
import { innerF32, sumF32 } from "./float";
import { writeHalves } from "./half";
import { codesIn, ENTRY, expand, F16, F32, INT8, isAffine, keyBasesIn, PAGE_SLOTS, queryIn, stepsIn, valueBasesIn, valuesIn, wideValuesIn } from "./page";
import { addProducts, products } from "./rows";
import { largest, widen } from "./widen";

/** Bytes from a query's scores at a page, then codes of its weights, to the next query's. */
const SCORES: usize = PAGE_SLOTS * 6;

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

/** Multiplies the scores of the first `slots` slots, and up to three behind, by the slots' scales. */
// @ts-ignore: decorator
@inline
function scaleBy(scales: usize, slots: usize, scores: usize): void {
  for (let s: usize = 0; s < slots << 2; s += 16) v128.store(scores + s, f32x4.mul(v128.load(scores + s), v128.load(scales + s)));
}

/** Weights times the slots' scales of values as codes behind them. @returns the largest */
// @ts-ignore: decorator
@inline
function widenWeights(weights: usize, scales: usize, slots: usize): f32 {
  for (let s = slots; s < PAGE_SLOTS; s++) store<f32>(weights + (s << 2), 0);
  scaleBy(scales, PAGE_SLOTS, weights);
  const most = largest(weights, PAGE_SLOTS);
  widen(weights, PAGE_SLOTS, most, weights + (PAGE_SLOTS << 2));
  return most;
}

/**
 * scores[s] = <q, key s> x scale, held below a cap (0: none), + bias, of the first `slots` slots of a page, of `many` queries, three at most and
 * known when this is compiled: rows `dim` floats apart, scores SCORES apart. states: of the queries, with their codes. A page that is neither of f32
 * nor of int8 lies expanded at `room`.
 */
// @ts-ignore: decorator
@inline
export function scorePage(many: i32, entry: usize, q: usize, states: usize, slots: usize, dim: usize, scale: f32, cap: f32, room: usize, scores: usize): void {
  const codec = load<i32>(entry, 12);
  const bias = <usize>load<u32>(entry, 8);
  if (codec == F32 || codec == F16) {
    const keys = codec == F32 ? <usize>load<u32>(entry) : room;
    for (let i: usize = 0; i < <usize>many; i++) scoreF32(q + i * (dim << 2), keys, slots, dim, scale, scores + i * SCORES);
  } else scoreCodes(many, codec, codec == INT8 ? <usize>load<u32>(entry) : room, q, states, slots, dim, scale, room, scores);
  for (let i: usize = 0; i < <usize>many; i++) {
    const own = scores + i * SCORES;
    if (cap > 0) capRow(own, slots, cap);
    if (bias) for (let s: usize = 0; s < slots << 2; s += 16) v128.store(own + s, f32x4.add(v128.load(own + s), v128.load(bias + s)));
  }
}

/** The same of int8 keys, or of keys expanded to such: i8 [PAGE_SLOTS x dim], then a scale for each slot. */
// @ts-ignore: decorator
@inline
function scoreCodes(many: i32, codec: i32, keys: usize, q: usize, states: usize, slots: usize, dim: usize, scale: f32, room: usize, scores: usize): void {
  const affine = isAffine(codec), size = stateBytes(dim);
  if (affine) for (let i: usize = 0; i < <usize>many; i++) store<f32>(states + i * size, widenOwn(q + i * (dim << 2), dim, room, codesIn(room, dim, i)), 12);
  const codes = affine ? codesIn(room, dim, 0) : states + 16 + (dim << 2), codesStride = affine ? dim << 1 : size;
  products(many, codes, codesStride, keys, dim, slots + 3 & ~3, scores, SCORES);
  for (let i: usize = 0; i < <usize>many; i++) {
    const own = scores + i * SCORES;
    const by = f32x4.splat(load<f32>(states + i * size + (affine ? 12 : 8)) * scale);
    const base = f32x4.splat(codec == INT8 ? 0 : innerF32(q + i * (dim << 2), keyBasesIn(room, dim), dim) * scale);
    const scales = keys + PAGE_SLOTS * dim;
    for (let s: usize = 0; s < slots << 2; s += 16) v128.store(own + s, f32x4.add(f32x4.mul(f32x4.mul(v128.load(own + s), by), v128.load(scales + s)), base));
  }
}

/** A query times the steps of a page's channels as codes. @returns their scale */
// @ts-ignore: decorator
@inline
function widenOwn(q: usize, dim: usize, room: usize, codes: usize): f32 {
  const own = queryIn(room, dim), steps = stepsIn(room, dim);
  for (let i: usize = 0; i < dim << 2; i += 16) v128.store(own + i, f32x4.mul(v128.load(q + i), v128.load(steps + i)));
  const most = largest(own, dim);
  widen(own, dim, most, codes);
  return most / 32767;
}

/** What all weights of a page add to the sums, whatever the codes. */
function addBases(codec: i32, weights: usize, slots: usize, dim: usize, room: usize, out: usize): void {
  const bases = valueBasesIn(room, dim);
  for (let s = slots; s < PAGE_SLOTS; s++) store<f32>(weights + (s << 2), 0);
  if (isAffine(codec)) {
    const all = f32x4.splat(innerF32(weights, bases, PAGE_SLOTS));
    for (let i: usize = 0; i < dim << 2; i += 16) v128.store(out + i, f32x4.add(v128.load(out + i), all));
    return;
  }
  let sum = f32x4.splat(0);
  for (let s: usize = 0; s < PAGE_SLOTS << 2; s += 16) sum = f32x4.add(sum, v128.load(weights + s));
  const all = f32x4.splat(sumF32(sum));
  for (let i: usize = 0; i < dim << 2; i += 16) v128.store(out + i, f32x4.add(v128.load(out + i), f32x4.mul(all, v128.load(bases + i))));
}

/**
 * `many` queries, as of `scorePage`, over the first `slots` of a page, but for `skipped` at its start. states: side by side; scores: room for SCORES
 * bytes of each.
 */
// @ts-ignore: decorator
@inline
function attendPage(many: i32, entry: usize, q: usize, skipped: usize, slots: usize, dim: usize, scale: f32, cap: f32, room: usize, scores: usize, states: usize): void {
  scorePage(many, entry, q, states, slots, dim, scale, cap, room, scores);
  const size = stateBytes(dim), codec = load<i32>(entry, 12);
  for (let i: usize = 0; i < <usize>many; i++) {
    const own = scores + i * SCORES, state = states + i * size;
    for (let s: usize = 0; s < skipped; s++) store<f32>(own + (s << 2), NOTHING);
    weightsOf(own, slots, state, dim);
    if (codec == F32 || codec == F16) weighF32(own, codec == F32 ? <usize>load<u32>(entry, 4) : wideValuesIn(room, dim), slots, dim, state + 16);
    else if (codec != INT8) addBases(codec, own, slots, dim, room, state + 16);
  }
  if (codec == F32 || codec == F16) return;
  const values = codec == INT8 ? <usize>load<u32>(entry, 4) : valuesIn(room, dim);
  const by0 = widenWeights(scores, values + PAGE_SLOTS * dim, slots) / 32767;
  const by1 = many > 1 ? widenWeights(scores + SCORES, values + PAGE_SLOTS * dim, slots) / 32767 : 0;
  const by2 = many > 2 ? widenWeights(scores + 2 * SCORES, values + PAGE_SLOTS * dim, slots) / 32767 : 0;
  addProducts(many, scores + (PAGE_SLOTS << 2), SCORES, values, dim, by0, by1, by2, states + 16, size);
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

/** Whether products of bytes can attend a page. */
// @ts-ignore: decorator
@inline
export function isOfBytes(codec: i32): bool {
  return codec != F32 && codec != F16 && !isAffine(codec);
}

/** A token's queries at a page: some at a time share the reading of its rows. */
function attendGroup(byBytes: bool, entry: usize, q: usize, group: usize, skipped: usize, slots: usize, dim: usize, scale: f32, cap: f32, room: usize, scores: usize, states: usize): void {
  if (ASC_FEATURE_RELAXED_SIMD && byBytes && isOfBytes(load<i32>(entry, 12))) return attendBytes(entry, q, group, skipped, slots, dim, scale, cap, room, scores, states);
  const size = stateBytes(dim), bytes = dim << 2;
  let h: usize = 0;
  for (; h + 3 <= group; h += 3) attendPage(3, entry, q + h * bytes, skipped, slots, dim, scale, cap, room, scores, states + h * size);
  if (group - h == 2) attendPage(2, entry, q + h * bytes, skipped, slots, dim, scale, cap, room, scores, states + h * size);
  else if (group - h == 1) attendPage(1, entry, q + h * bytes, skipped, slots, dim, scale, cap, room, scores, states + h * size);
}

/**
 * A head's queries over pages [first, last) of its cache. q: f32, rows `qStride` bytes apart, `group` heads of one token side by side;
 * `before` slots precede those of the batch, of which a token sees its own and those before it, of a window (0: none) the last.
 * byBytes: whether products
 * of bytes may do where there are any. states: [tokens x group], cleared here; scores: room for those of four queries and an expanded page.
 */
export function attendHead(q: usize, qStride: usize, tokens: usize, group: usize, dim: usize, scale: f32, cap: f32, table: usize, first: usize, last: usize, before: usize, window: usize, byBytes: bool, states: usize, scores: usize): void {
  const room = scores + 4 * byteRoom(dim);
  const size = stateBytes(dim);
  for (let i: usize = 0; i < tokens * group; i++) {
    const query = q + i / group * qStride + i % group * (dim << 2);
    if (ASC_FEATURE_RELAXED_SIMD && byBytes) openByteState(states + i * size, query, dim);
    else openState(states + i * size, query, dim);
  }
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
      attendGroup(byBytes, entry, q + t * qStride, group, skipped, slots, dim, scale, cap, room, scores, states + t * group * size);
    }
  }
}
