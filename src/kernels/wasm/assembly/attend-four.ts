/**
 * Attention of four queries at a time over pages of int8 codes, a lane for each query: a row is widened once for the four, and the running
 * softmax needs no sums across lanes. For prompts, whose tokens see the same pages.
 */
import { NOTHING, stateBytes } from "./attend";
import { cappedF32, expF32 } from "./exp";
import { dotsAt, sumsOfFour } from "./lanes";
import { ENTRY, PAGE_SLOTS } from "./page";
import { largest, widen } from "./widen";

/** Queries of a block. */
const FOUR: usize = 4;

/** A block: largest scores, sums of weights, scales of the codes, one unused, four values each; sums of values [dim][4]; codes [dim / 32][4][32]. */
// @ts-ignore: decorator
@inline
function codesOf(block: usize, dim: usize): usize {
  return block + 64 + (dim << 4);
}

/** Four queries' products with 32 codes of a row. x: four times 32 i16 codes, `stride` bytes apart. */
// @ts-ignore: decorator
@inline
function products32(row: usize, x: usize, stride: usize): v128 {
  const w0 = v128.load8x8_s(row), w1 = v128.load8x8_s(row, 8), w2 = v128.load8x8_s(row, 16), w3 = v128.load8x8_s(row, 24);
  return sumsOfFour(dotsAt(w0, w1, w2, w3, x), dotsAt(w0, w1, w2, w3, x + stride), dotsAt(w0, w1, w2, w3, x + 2 * stride), dotsAt(w0, w1, w2, w3, x + 3 * stride));
}

/** Begins a block with the queries first to first + 3 of `count`, `group` to a token; those behind the last are those of the last again. */
function begin(block: usize, q: usize, qStride: usize, first: usize, count: usize, group: usize, dim: usize): void {
  memory.fill(block, 0, 64 + (dim << 4));
  v128.store(block, f32x4.splat(NOTHING));
  const codes = codesOf(block, dim);
  for (let i: usize = 0; i < FOUR; i++) {
    const query = min(first + i, count - 1);
    const from = q + query / group * qStride + query % group * (dim << 2);
    const most = largest(from, dim);
    store<f32>(block + 32 + (i << 2), most / 32767);
    for (let at: usize = 0; at < dim; at += 32) widenPart(from + (at << 2), min<usize>(32, dim - at), most, codes + (at << 3) + (i << 6));
  }
}

function widenPart(x: usize, count: usize, most: f32, codes: usize): void {
  memory.fill(codes, 0, 64);
  widen(x, count, most, codes);
}

/** A page for a block. `seen` and `low`: of each query the slots of the page that it sees, from the latter to before the former. */
function page(block: usize, keys: usize, values: usize, seen: v128, low: v128, slots: usize, dim: usize, scale: f32, cap: f32, bias: usize, room: usize): void {
  const codes = codesOf(block, dim);
  const by = f32x4.mul(v128.load(block, 32), f32x4.splat(scale));
  const keyScales = keys + PAGE_SLOTS * dim;
  const before = v128.load(block);
  let top = before;
  for (let s: usize = 0; s < slots; s++) {
    const row = keys + s * dim;
    let product = i32x4.splat(0);
    for (let at: usize = 0; at < dim; at += 32) product = i32x4.add(product, products32(row + at, codes + (at << 3), 64));
    let score = f32x4.mul(f32x4.mul(f32x4.convert_i32x4_s(product), by), v128.load32_splat(keyScales + (s << 2)));
    if (cap > 0) score = cappedF32(score, cap);
    if (bias) score = f32x4.add(score, v128.load32_splat(bias + (s << 2)));
    const slot = i32x4.splat(<i32>s);
    score = v128.bitselect(score, f32x4.splat(NOTHING), v128.and(i32x4.lt_s(slot, seen), i32x4.ge_s(slot, low)));
    top = f32x4.pmax(top, score);
    v128.store(room + (s << 4), score);
  }
  const shrink = expF32(f32x4.sub(before, top));
  let sum = f32x4.mul(v128.load(block, 16), shrink);
  const valueScales = values + PAGE_SLOTS * dim;
  const weights = room + (PAGE_SLOTS << 4);
  let most = f32x4.splat(0);
  for (let s: usize = 0; s < PAGE_SLOTS; s++) {
    let weight = f32x4.splat(0);
    if (s < slots) {
      const score = v128.load(room + (s << 4));
      // a query that has seen nothing yet has no larger score than what stands for none
      weight = v128.and(expF32(f32x4.sub(score, top)), f32x4.gt(score, f32x4.splat(NOTHING)));
      sum = f32x4.add(sum, weight);
      weight = f32x4.mul(weight, v128.load32_splat(valueScales + (s << 2)));
      most = f32x4.pmax(most, weight);
    }
    v128.store(room + (s << 4), weight);
  }
  v128.store(block, top);
  v128.store(block, sum, 16);
  narrow(room, most, weights);
  const back = f32x4.mul(most, f32x4.splat(1.0 / 32767));
  for (let i: usize = 0; i < dim; i++) {
    const row = values + i * PAGE_SLOTS;
    const product = i32x4.add(products32(row, weights, PAGE_SLOTS << 1), products32(row + 32, weights + 64, PAGE_SLOTS << 1));
    const at = block + 64 + (i << 4);
    v128.store(at, f32x4.add(f32x4.mul(v128.load(at), shrink), f32x4.mul(f32x4.convert_i32x4_s(product), back)));
  }
}

/** Weights [PAGE_SLOTS][4] f32 as codes [4][PAGE_SLOTS] i16, of each query relative to its largest. */
// @ts-ignore: decorator
@inline
function narrow(weights: usize, most: v128, codes: usize): void {
  const by = v128.and(f32x4.div(f32x4.splat(32767), most), f32x4.gt(most, f32x4.splat(0)));
  for (let s: usize = 0; s < PAGE_SLOTS; s += 8) {
    const at = weights + (s << 4);
    const a = f32x4.mul(v128.load(at), by), b = f32x4.mul(v128.load(at, 16), by), c = f32x4.mul(v128.load(at, 32), by), d = f32x4.mul(v128.load(at, 48), by);
    const e = f32x4.mul(v128.load(at, 64), by), f = f32x4.mul(v128.load(at, 80), by), g = f32x4.mul(v128.load(at, 96), by), h = f32x4.mul(v128.load(at, 112), by);
    const to = codes + (s << 1);
    store8(to, whole(i32x4.shuffle(a, b, 0, 4, 1, 5), i32x4.shuffle(c, d, 0, 4, 1, 5), 0), whole(i32x4.shuffle(e, f, 0, 4, 1, 5), i32x4.shuffle(g, h, 0, 4, 1, 5), 0));
    store8(to + 2 * PAGE_SLOTS, whole(i32x4.shuffle(a, b, 0, 4, 1, 5), i32x4.shuffle(c, d, 0, 4, 1, 5), 1), whole(i32x4.shuffle(e, f, 0, 4, 1, 5), i32x4.shuffle(g, h, 0, 4, 1, 5), 1));
    store8(to + 4 * PAGE_SLOTS, whole(i32x4.shuffle(a, b, 2, 6, 3, 7), i32x4.shuffle(c, d, 2, 6, 3, 7), 0), whole(i32x4.shuffle(e, f, 2, 6, 3, 7), i32x4.shuffle(g, h, 2, 6, 3, 7), 0));
    store8(to + 6 * PAGE_SLOTS, whole(i32x4.shuffle(a, b, 2, 6, 3, 7), i32x4.shuffle(c, d, 2, 6, 3, 7), 1), whole(i32x4.shuffle(e, f, 2, 6, 3, 7), i32x4.shuffle(g, h, 2, 6, 3, 7), 1));
  }
}

/** The lower or the upper halves of two vectors as whole numbers. */
// @ts-ignore: decorator
@inline
function whole(a: v128, b: v128, upper: i32): v128 {
  const both = upper ? i64x2.shuffle(a, b, 1, 3) : i64x2.shuffle(a, b, 0, 2);
  return i32x4.trunc_sat_f32x4_s(f32x4.nearest(both));
}

// @ts-ignore: decorator
@inline
function store8(at: usize, a: v128, b: v128): void {
  v128.store(at, i16x8.narrow_i32x4_s(a, b));
}

/** Turns a block into four states as `attend` has them. */
function end(block: usize, dim: usize, room: usize): void {
  const size = stateBytes(dim);
  const top = v128.load(block), sum = v128.load(block, 16);
  memory.copy(room, block + 64, dim << 4);
  for (let i: usize = 0; i < FOUR; i++) {
    const to = block + i * size + 16;
    for (let j: usize = 0; j < dim; j++) store<f32>(to + (j << 2), load<f32>(room + (j << 4) + (i << 2)));
  }
  store<f32>(block, f32x4.extract_lane(top, 0));
  store<f32>(block, f32x4.extract_lane(sum, 0), 4);
  store<f32>(block + size, f32x4.extract_lane(top, 1));
  store<f32>(block + size, f32x4.extract_lane(sum, 1), 4);
  store<f32>(block + 2 * size, f32x4.extract_lane(top, 2));
  store<f32>(block + 2 * size, f32x4.extract_lane(sum, 2), 4);
  store<f32>(block + 3 * size, f32x4.extract_lane(top, 3));
  store<f32>(block + 3 * size, f32x4.extract_lane(sum, 3), 4);
}

/** Slots of the page from `start` on that lie below a bound. */
// @ts-ignore: decorator
@inline
function within(bound: usize, start: usize): i32 {
  return bound > start ? <i32>min(bound - start, PAGE_SLOTS) : 0;
}

/**
 * As `attendHead` of attend.ts, for int8 pages, dim a multiple of 32. states: room for whole fours; room:
 * scores [PAGE_SLOTS][4] and codes [4][PAGE_SLOTS] of weights, or the sums of a block.
 */
export function attendFours(q: usize, qStride: usize, tokens: usize, group: usize, dim: usize, scale: f32, cap: f32, table: usize, first: usize, last: usize, before: usize, window: usize, states: usize, room: usize): void {
  const count = tokens * group;
  const size = FOUR * stateBytes(dim);
  for (let i: usize = 0; i < count; i += FOUR) begin(states + i / FOUR * size, q, qStride, i, count, group, dim);
  for (let p = first; p < last; p++) {
    const entry = table + p * ENTRY;
    const keys = load<u32>(entry), values = load<u32>(entry, 4), bias = load<u32>(entry, 8);
    const start = p * PAGE_SLOTS;
    for (let i: usize = 0; i < count; i += FOUR) {
      let seen = i32x4.splat(0), low = i32x4.splat(0);
      const most = before + min(i + FOUR - 1, count - 1) / group + 1;
      if (most <= start) continue;
      const s0 = before + i / group + 1, s1 = before + min(i + 1, count - 1) / group + 1, s2 = before + min(i + 2, count - 1) / group + 1;
      seen = i32x4.replace_lane(i32x4.replace_lane(i32x4.replace_lane(i32x4.splat(within(most, start)), 0, within(s0, start)), 1, within(s1, start)), 2, within(s2, start));
      if (window) {
        if (s0 > window && s0 - window >= start + PAGE_SLOTS) continue;
        low = i32x4.replace_lane(i32x4.replace_lane(i32x4.replace_lane(i32x4.splat(lowest(most, window, start)), 0, lowest(s0, window, start)), 1, lowest(s1, window, start)), 2, lowest(s2, window, start));
      }
      page(states + i / FOUR * size, keys, values, seen, low, <usize>within(most, start), dim, scale, cap, bias, room);
    }
  }
  for (let i: usize = 0; i < count; i += FOUR) end(states + i / FOUR * size, dim, room);
}

// @ts-ignore: decorator
@inline
function lowest(seen: usize, window: usize, start: usize): i32 {
  return seen > window ? within(seen - window, start) : 0;
}
