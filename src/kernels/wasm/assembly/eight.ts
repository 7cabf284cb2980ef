/**
 * A block of eight queries, a lane for each: what they are to the products of products.ts, and their scores over a page in powers of two, so that
 * no sums across lanes are needed.
 */
import { LEAST, NOTHING } from "./attend-state";
import { TO_WHOLE, TOP_CODE } from "./exp";
import { F32, isAffine, PAGE_SLOTS, stepsIn } from "./page";
import { expandedIn, keyScalesIn, LOG2E, offsetsIn } from "./panel";
import { dotsOfEight, EIGHT, sumsOfEight } from "./products";

/** What a query's largest score is at least: above those of slots it does not see, below all others. */
export const FLOOR: f32 = -1e29;

/**
 * A block: of eight queries, four values side by side twice, largest scores, sums of weights, what the products of codes are multiplied by,
 * largest scores of the last page; then sums of values [dim][8], queries times the scale [dim][8], their codes [dim / 2][8][2].
 */
// @ts-ignore: decorator
@inline
export function blockBytes(dim: usize): usize {
  return 128 + dim * 80;
}
// @ts-ignore: decorator
@inline
export function queriesIn(block: usize, dim: usize): usize {
  return block + 128 + (dim << 5);
}
// @ts-ignore: decorator
@inline
function codesIn(block: usize, dim: usize): usize {
  return block + 128 + (dim << 6);
}

/**
 * Where the parts of a block's room lie: scores [slots][8], codes of weights [slots / 2][8][2], sums over a page [dim][8], a query's own codes,
 * sums of a page's weights [2][8], what the queries see of it [2][8].
 */
// @ts-ignore: decorator
@inline
export function weightsIn(room: usize): usize {
  return room + PAGE_SLOTS * 32;
}
// @ts-ignore: decorator
@inline
export function sumsIn(room: usize): usize {
  return room + PAGE_SLOTS * 48;
}
// @ts-ignore: decorator
@inline
function ownCodesIn(room: usize, dim: usize): usize {
  return sumsIn(room) + dim * 32;
}
// @ts-ignore: decorator
@inline
export function totalsIn(room: usize, dim: usize): usize {
  return ownCodesIn(room, dim) + dim * 16 + 32;
}
// @ts-ignore: decorator
@inline
export function sightIn(room: usize, dim: usize): usize {
  return totalsIn(room, dim) + 64;
}
// @ts-ignore: decorator
@inline
export function roomBytes(dim: usize): usize {
  return sightIn(0, dim) + 64;
}

/** Begins a block with the queries first to first + 7 of `count`, `group` to a token; those behind the last are those of the last again. */
export function beginBlock(block: usize, q: usize, qStride: usize, first: usize, count: usize, group: usize, dim: usize, scale: f32): void {
  memory.fill(block, 0, 128 + (dim << 5));
  v128.store(block, f32x4.splat(FLOOR));
  v128.store(block, f32x4.splat(FLOOR), 16);
  const queries = queriesIn(block, dim);
  for (let i: usize = 0; i < EIGHT; i++) {
    const query = min(first + i, count - 1);
    const from = q + query / group * qStride + query % group * (dim << 2);
    const to = queries + (i << 2);
    for (let j: usize = 0; j < dim; j++) store<f32>(to + (j << 5), load<f32>(from + (j << 2)) * (scale * LOG2E));
  }
  widenEight(queries, dim, codesIn(block, dim), block + 64);
}

/** Values [dim][8] as codes [dim / 2][8][2]; `by`: what each query's are multiplied by. */
// @ts-ignore: decorator
@inline
function widenEight(values: usize, dim: usize, codes: usize, by: usize): void {
  const end = values + (dim << 5);
  let top0 = f32x4.splat(0), top1 = f32x4.splat(0);
  for (let at = values; at < end; at += 32) {
    top0 = f32x4.pmax(top0, f32x4.abs(v128.load(at)));
    top1 = f32x4.pmax(top1, f32x4.abs(v128.load(at, 16)));
  }
  v128.store(by, f32x4.mul(top0, f32x4.splat(1 / TOP_CODE)));
  v128.store(by, f32x4.mul(top1, f32x4.splat(1 / TOP_CODE)), 16);
  const over0 = v128.and(f32x4.div(f32x4.splat(TOP_CODE), top0), f32x4.gt(top0, f32x4.splat(LEAST)));
  const over1 = v128.and(f32x4.div(f32x4.splat(TOP_CODE), top1), f32x4.gt(top1, f32x4.splat(LEAST)));
  for (let at = values; at < end; at += 64, codes += 32) {
    v128.store(codes, pair(f32x4.mul(v128.load(at), over0), f32x4.mul(v128.load(at, 32), over0)));
    v128.store(codes, pair(f32x4.mul(v128.load(at, 16), over1), f32x4.mul(v128.load(at, 48), over1)), 16);
  }
}

/** Whole numbers nearest to those of two vectors, lane by lane side by side, i16. */
// @ts-ignore: decorator
@inline
export function pair(a: v128, b: v128): v128 {
  const low = f32x4.add(a, f32x4.splat(TO_WHOLE)), high = f32x4.add(b, f32x4.splat(TO_WHOLE));
  return i16x8.shuffle(low, i32x4.shl(high, 16), 0, 9, 2, 11, 4, 13, 6, 15);
}

/** Slots of the page from `start` on that lie below a bound. */
// @ts-ignore: decorator
@inline
function within(bound: usize, start: usize): usize {
  return bound > start ? min(bound - start, PAGE_SLOTS) : 0;
}

/** Products of the queries with the first `slots` keys of a panel, a multiple of 4: [slots][8], of codes or f32. What multiplies those of codes goes to the block. */
// @ts-ignore: decorator
@inline
function multiplyKeys(codec: i32, block: usize, panel: usize, slots: usize, dim: usize, room: usize): void {
  if (codec == F32) {
    sumsOfEight(panel, dim << 4, slots, queriesIn(block, dim), dim, room);
    return;
  }
  let codes = codesIn(block, dim), by = block + 64;
  if (isAffine(codec)) {
    // the steps of a page's channels are those of a query for it
    const steps = stepsIn(expandedIn(panel, dim), dim), queries = queriesIn(block, dim), own = sumsIn(room);
    for (let i: usize = 0; i < dim; i++) {
      const step = v128.load32_splat(steps + (i << 2)), at = i << 5;
      v128.store(own + at, f32x4.mul(v128.load(queries + at), step));
      v128.store(own + at, f32x4.mul(v128.load(queries + at, 16), step), 16);
    }
    codes = ownCodesIn(room, dim);
    by = codes + (dim << 4);
    widenEight(own, dim, codes, by);
  }
  dotsOfEight(panel, dim << 3, slots, codes, dim >> 1, room);
  v128.store(block, v128.load(by), 96);
  v128.store(block, v128.load(by, 16), 112);
}

/**
 * Products become scores: times scales if they are of `codes`, with the slots' offsets added, and where a slot is not seen (`sight`: 0 if all are)
 * so low that it is none. The largest of each query goes to the block. scores: [slots][8].
 */
// @ts-ignore: decorator
@inline
function offsetScores(codes: bool, block: usize, scales: usize, offsets: usize, slots: usize, scores: usize, sight: usize): void {
  const by0 = v128.load(block, 96), by1 = v128.load(block, 112);
  let top0 = f32x4.splat(FLOOR), top1 = f32x4.splat(FLOOR);
  const end = scores + (slots << 5);
  if (!sight) {
    for (let at = scores; at < end; at += 32, offsets += 4, scales += 4) {
      const scale = codes ? v128.load32_splat(scales) : by0, offset = v128.load32_splat(offsets);
      const a = scored(codes, v128.load(at), by0, scale, offset), b = scored(codes, v128.load(at, 16), by1, scale, offset);
      v128.store(at, a);
      v128.store(at, b, 16);
      top0 = f32x4.pmax(top0, a);
      top1 = f32x4.pmax(top1, b);
    }
  } else {
    const seen0 = v128.load(sight), seen1 = v128.load(sight, 16), low0 = v128.load(sight, 32), low1 = v128.load(sight, 48);
    let slot = i32x4.splat(0);
    for (let at = scores; at < end; at += 32, offsets += 4, scales += 4, slot = i32x4.add(slot, i32x4.splat(1))) {
      const scale = codes ? v128.load32_splat(scales) : by0, offset = v128.load32_splat(offsets);
      let a = scored(codes, v128.load(at), by0, scale, offset), b = scored(codes, v128.load(at, 16), by1, scale, offset);
      a = v128.bitselect(a, f32x4.splat(NOTHING), v128.and(i32x4.lt_s(slot, seen0), i32x4.ge_s(slot, low0)));
      b = v128.bitselect(b, f32x4.splat(NOTHING), v128.and(i32x4.lt_s(slot, seen1), i32x4.ge_s(slot, low1)));
      v128.store(at, a);
      v128.store(at, b, 16);
      top0 = f32x4.pmax(top0, a);
      top1 = f32x4.pmax(top1, b);
    }
  }
  v128.store(block, top0, 96);
  v128.store(block, top1, 112);
}

// @ts-ignore: decorator
@inline
function scored(codes: bool, product: v128, by: v128, scale: v128, offset: v128): v128 {
  return f32x4.add(codes ? f32x4.mul(f32x4.mul(f32x4.convert_i32x4_s(product), by), scale) : product, offset);
}

/** Scores of a block over the first `slots` of a panel, a multiple of 4. sight: as `setSight` leaves it, 0 if all slots are seen. room: scores first. */
// @ts-ignore: decorator
@inline
export function scoreBlock(codec: i32, block: usize, panel: usize, slots: usize, sight: usize, dim: usize, room: usize): void {
  multiplyKeys(codec, block, panel, slots, dim, room);
  const scales = keyScalesIn(panel, dim), offsets = offsetsIn(panel, dim);
  if (codec == F32) offsetScores(false, block, scales, offsets, slots, room, sight);
  else offsetScores(true, block, scales, offsets, slots, room, sight);
}

/**
 * What the queries of a block see of a page: @returns 0 for all of it, or `sight` with the slots before which and from which on each query does.
 */
export function sightOf(sight: usize, first: usize, count: usize, group: usize, before: usize, window: usize, start: usize): usize {
  const earliest = before + first / group + 1, latest = before + min(first + EIGHT - 1, count - 1) / group + 1;
  if (earliest >= start + PAGE_SLOTS && (!window || latest <= window + start)) return 0;
  for (let i: usize = 0; i < EIGHT; i++) {
    const bound = before + min(first + i, count - 1) / group + 1;
    store<u32>(sight + (i << 2), within(bound, start));
    store<u32>(sight + (i << 2), window && bound > window ? within(bound - window, start) : 0, 32);
  }
  return sight;
}

/** Slots of a page that some query of a block sees: those before this one. */
// @ts-ignore: decorator
@inline
export function slotsOf(first: usize, count: usize, group: usize, before: usize, start: usize): usize {
  return within(before + min(first + EIGHT - 1, count - 1) / group + 1, start);
}
