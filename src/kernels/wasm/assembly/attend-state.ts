/** What attention keeps of a query: its largest score, its sum of weights and its weighted sum of values so far, and its codes. */
import { BYTE_BLOCK, largestLane, largestOfEight, MOST_OF_EIGHT, TOP_BYTE } from "./byte-dot";
import { expF32 } from "./exp";
import { largest, wholes, widen } from "./widen";

/** Before any slot: so low that the first score replaces it, and finite, so that differences are numbers. */
export const NOTHING: f32 = -1e30;
/** Values nearer to zero are zero: one over them is no number. */
export const LEAST: f32 = 1e-30;

/**
 * A state: largest score, sum of weights, the scale of the query's codes and of those for the page at hand, then `dim` sums of values and the codes:
 * i16, or bytes and their sum, f32.
 */
// @ts-ignore: decorator
@inline
export function stateBytes(dim: usize): usize {
  return 16 + dim * 6;
}

// @ts-ignore: decorator
@inline
export function queryCodes(state: usize, dim: usize): usize {
  return state + 16 + (dim << 2);
}

// @ts-ignore: decorator
@inline
export function sumOfCodes(state: usize, dim: usize): f32 {
  return load<f32>(queryCodes(state, dim) + dim);
}

function clearState(state: usize, dim: usize): void {
  memory.fill(state, 0, stateBytes(dim));
  store<f32>(state, NOTHING);
}

/** Clears a query's state and puts its codes into it, of 16 bits. */
export function openState(state: usize, q: usize, dim: usize): void {
  clearState(state, dim);
  const most = largest(q, dim);
  widen(q, dim, most, queryCodes(state, dim));
  store<f32>(state, most / 32767, 8);
}

/** The same as bytes. Their scale keeps sums of eight of them small, see byte-dot.ts: of most queries to no loss. */
export function openByteState(state: usize, q: usize, dim: usize): void {
  clearState(state, dim);
  const most = largest(q, dim), eight = mostOfEight(q, dim);
  const by: f32 = most > LEAST ? min(TOP_BYTE / most, MOST_OF_EIGHT / eight) : 0;
  store<f32>(state, by > 0 ? 1 / by : 0, 8);
  const codes = queryCodes(state, dim), scale = f32x4.splat(by);
  let sum = i32x4.splat(0);
  for (let i: usize = 0; i < dim; i += 16) {
    const x = q + (i << 2);
    const a = wholes(x, scale), b = wholes(x + 16, scale), c = wholes(x + 32, scale), d = wholes(x + 48, scale);
    sum = i32x4.add(sum, i32x4.add(i32x4.add(a, b), i32x4.add(c, d)));
    v128.store(codes + i, i8x16.narrow_i16x8_s(i16x8.narrow_i32x4_s(a, b), i16x8.narrow_i32x4_s(c, d)));
  }
  store<f32>(codes + dim, <f32>(i32x4.extract_lane(sum, 0) + i32x4.extract_lane(sum, 1) + i32x4.extract_lane(sum, 2) + i32x4.extract_lane(sum, 3)));
}

/** The largest sum of magnitudes whose products land in one sum of 16 bits. */
function mostOfEight(q: usize, dim: usize): f32 {
  let top = f32x4.splat(0);
  for (let from: usize = 0; from < dim; from += BYTE_BLOCK) {
    let a = f32x4.splat(0), b = a, c = a, d = a;
    for (let i = from; i < min(from + BYTE_BLOCK, dim); i += 16) {
      const x = q + (i << 2);
      a = f32x4.add(a, f32x4.abs(v128.load(x)));
      b = f32x4.add(b, f32x4.abs(v128.load(x, 16)));
      c = f32x4.add(c, f32x4.abs(v128.load(x, 32)));
      d = f32x4.add(d, f32x4.abs(v128.load(x, 48)));
    }
    top = f32x4.pmax(top, largestOfEight(a, b, c, d));
  }
  return largestLane(top);
}

/** Makes a state's sums relative to a larger score. */
// @ts-ignore: decorator
@inline
export function rescale(state: usize, dim: usize, before: f32, most: f32): void {
  const by = before <= NOTHING ? f32x4.splat(0) : expF32(f32x4.splat(before - most));
  store<f32>(state, most);
  store<f32>(state, load<f32>(state, 4) * f32x4.extract_lane(by, 0), 4);
  const sums = state + 16;
  for (let i: usize = 0; i < dim << 2; i += 16) v128.store(sums + i, f32x4.mul(v128.load(sums + i), by));
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
