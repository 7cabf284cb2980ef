/**
 * Attention of a few queries over a page of bytes by products of bytes, where there is relaxed SIMD: queries are rounded to 8 bits once, weights
 * times the scales of values to 7 bits for each page. Sums of weights are of the weights as they are.
 */
import { LEAST, NOTHING, queryCodes, rescale, stateBytes, sumOfCodes } from "./attend-state";
import { capRow } from "./block";
import { largestLane, largestOfEight, MOST_OF_EIGHT, TOP_BYTE } from "./byte-dot";
import { exp2Bytes } from "./exp";
import { innerF32, sumF32 } from "./float";
import { INT8, keyBasesIn, PAGE_SLOTS, valueBasesIn, valuesIn } from "./page";
import { LN2, LOG2E } from "./panel";
import { HALF_SUMS, joined, KEY_MIDDLE, keyProducts, valueProducts } from "./rows-bytes";
import { wholes } from "./widen";

const SCORES: usize = PAGE_SLOTS << 2;

/** Bytes of a query's room: scores f32 [PAGE_SLOTS], codes of weights [PAGE_SLOTS], half sums of keys or values. */
// @ts-ignore: decorator
@inline
export function byteRoom(dim: usize): usize {
  return SCORES + PAGE_SLOTS + HALF_SUMS * max(dim, PAGE_SLOTS);
}

/** Half sums as scores of the first `slots` slots, a multiple of 4, in powers of two. less: of each sum. @returns the largest of each lane */
// @ts-ignore: decorator
@inline
function scoreSums(halves: usize, slots: usize, less: f32, by: f32, scales: usize, scores: usize): v128 {
  const middle = f32x4.splat(less), scale = f32x4.splat(by);
  let top = f32x4.splat(NOTHING);
  for (let s: usize = 0; s < slots << 2; s += 16, halves += 4 * HALF_SUMS) {
    const sum = f32x4.sub(f32x4.convert_i32x4_s(joined(halves)), middle);
    const score = f32x4.mul(sum, f32x4.mul(scale, v128.load(scales + s)));
    v128.store(scores + s, score);
    top = f32x4.pmax(top, score);
  }
  return top;
}

/**
 * What is not so of most pages: a cap, a bias, slots at the start or the end that are not seen. base: what is added to each score, of which a cap must
 * know. @returns the largest of each lane
 */
function amend(scores: usize, base: f32, skipped: usize, slots: usize, cap: f32, bias: usize): v128 {
  const all = f32x4.splat(base), log = f32x4.splat(LOG2E);
  for (let s: usize = 0; s < slots << 2; s += 16) v128.store(scores + s, f32x4.add(v128.load(scores + s), all));
  if (cap > 0) capRow(scores, slots, cap * LOG2E);
  if (bias) for (let s: usize = 0; s < slots << 2; s += 16) v128.store(scores + s, f32x4.add(v128.load(scores + s), f32x4.mul(v128.load(bias + s), log)));
  for (let s: usize = 0; s < skipped; s++) store<f32>(scores + (s << 2), NOTHING);
  for (let s = slots; s < PAGE_SLOTS; s++) store<f32>(scores + (s << 2), NOTHING);
  let top = f32x4.splat(NOTHING);
  for (let s: usize = 0; s < SCORES; s += 16) top = f32x4.pmax(top, v128.load(scores + s));
  return top;
}

/**
 * Scores, in powers of two and less `offset`, become weights times the scales of their values, as codes of 7 bits behind them; their scale goes to the
 * state. top: the largest score. @returns the sum of the weights
 */
// @ts-ignore: decorator
@inline
function weighSlots(scores: usize, scales: usize, state: usize, dim: usize, top: f32, offset: f32): f32 {
  const before = load<f32>(state), now = (top + offset) * LN2;
  if (now > before) rescale(state, dim, before, now);
  const base = f32x4.splat(load<f32>(state) * LOG2E - offset);
  const fours = scores + SCORES + PAGE_SLOTS;
  let sum = f32x4.splat(0), most = sum;
  // a sum of eight slots has every fourth four: few registers are at work at a time
  for (let i: usize = 0; i < 64; i += 16) {
    let four = f32x4.splat(0);
    for (let s = i; s < SCORES; s += 64) {
      const weight = exp2Bytes(f32x4.sub(v128.load(scores + s), base));
      const scaled = f32x4.mul(weight, v128.load(scales + s));
      sum = f32x4.add(sum, weight);
      four = f32x4.add(four, scaled);
      most = f32x4.pmax(most, scaled);
      v128.store(scores + s, scaled);
    }
    v128.store(fours + i, four);
  }
  const largest = largestLane(most);
  const eight = largestLane(largestOfEight(v128.load(fours), v128.load(fours, 16), v128.load(fours, 32), v128.load(fours, 48)));
  const by: f32 = largest > LEAST ? min(TOP_BYTE / largest, MOST_OF_EIGHT / eight) : 0;
  store<f32>(state, by > 0 ? 1 / by : 0, 12);
  roundWeights(scores, f32x4.splat(by));
  const all = sumF32(sum);
  store<f32>(state, load<f32>(state, 4) + all, 4);
  return all;
}

// @ts-ignore: decorator
@inline
function roundWeights(weights: usize, by: v128): void {
  const codes = weights + SCORES;
  for (let s: usize = 0; s < PAGE_SLOTS; s += 16) {
    const x = weights + (s << 2);
    const low = i16x8.narrow_i32x4_s(wholes(x, by), wholes(x + 16, by)), high = i16x8.narrow_i32x4_s(wholes(x + 32, by), wholes(x + 48, by));
    v128.store(codes + s, i8x16.narrow_i16x8_s(low, high));
  }
}

/** Half sums of values onto a state's sums. */
// @ts-ignore: decorator
@inline
function addValues(halves: usize, state: usize, dim: usize): void {
  const by = v128.load32_splat(state, 12);
  const sums = state + 16;
  for (let i: usize = 0; i < dim << 2; i += 16, halves += 4 * HALF_SUMS)
    v128.store(sums + i, f32x4.add(v128.load(sums + i), f32x4.mul(f32x4.convert_i32x4_s(joined(halves)), by)));
}

/** What all weights of a page add to the sums, whatever the codes. */
// @ts-ignore: decorator
@inline
function addBases(bases: usize, all: f32, state: usize, dim: usize): void {
  const sums = state + 16, by = f32x4.splat(all);
  for (let i: usize = 0; i < dim << 2; i += 16) v128.store(sums + i, f32x4.add(v128.load(sums + i), f32x4.mul(by, v128.load(bases + i))));
}

/** `many` queries, four at most and known when this is compiled. The rest as of `attendBytes`. */
// @ts-ignore: decorator
@inline
function attendSome(many: i32, entry: usize, q: usize, skipped: usize, slots: usize, dim: usize, scale: f32, cap: f32, room: usize, scores: usize, states: usize): void {
  const isExpanded = load<i32>(entry, 12) != INT8;
  const keys = isExpanded ? room : <usize>load<u32>(entry), values = isExpanded ? valuesIn(room, dim) : <usize>load<u32>(entry, 4);
  const bias = <usize>load<u32>(entry, 8);
  const size = stateBytes(dim), own = byteRoom(dim), some = slots + 3 & ~3;
  const halves = scores + SCORES + PAGE_SLOTS;
  keyProducts(many, queryCodes(states, dim), size, keys, dim, some, halves, own);
  for (let i: usize = 0; i < <usize>many; i++) {
    const state = states + i * size, at = scores + i * own;
    let base: f32 = isExpanded ? innerF32(q + i * (dim << 2), keyBasesIn(room, dim), dim) * (scale * LOG2E) : 0;
    const by: f32 = <f32>2 * LOG2E * scale * load<f32>(state, 8);
    let top = scoreSums(halves + i * own, some, KEY_MIDDLE * sumOfCodes(state, dim), by, keys + PAGE_SLOTS * dim, at);
    if (cap > 0 || bias || skipped > 0 || slots < PAGE_SLOTS) {
      top = amend(at, base, skipped, slots, cap, bias);
      base = 0;
    }
    const all = weighSlots(at, values + PAGE_SLOTS * dim, state, dim, largestLane(top), base);
    if (isExpanded) addBases(valueBasesIn(room, dim), all, state, dim);
  }
  valueProducts(many, scores + SCORES, own, values, dim, halves, own);
  for (let i: usize = 0; i < <usize>many; i++) addValues(halves + i * own, states + i * size, dim);
}

/**
 * `group` queries of a token, rows side by side, over the first `slots` of a page, but for `skipped` at its start; four at a time share the reading
 * of its rows. scores: `byteRoom` of each of four; a page that is not of int8 lies expanded at `room`; states: side by side, with codes of bytes.
 */
export function attendBytes(entry: usize, q: usize, group: usize, skipped: usize, slots: usize, dim: usize, scale: f32, cap: f32, room: usize, scores: usize, states: usize): void {
  const size = stateBytes(dim), bytes = dim << 2;
  let left = group;
  for (; left >= 4; left -= 4) {
    attendSome(4, entry, q, skipped, slots, dim, scale, cap, room, scores, states);
    q += bytes << 2;
    states += size << 2;
  }
  if (left == 3) attendSome(3, entry, q, skipped, slots, dim, scale, cap, room, scores, states);
  else if (left == 2) attendSome(2, entry, q, skipped, slots, dim, scale, cap, room, scores, states);
  else if (left == 1) attendSome(1, entry, q, skipped, slots, dim, scale, cap, room, scores, states);
}
