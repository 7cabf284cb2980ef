/**
 * Codes of a proximity graph's rows, and products with them. A row y (centred) is kept twice. Coarse: `dims` signed bytes of its
 * projection (or levels of 4 bits, packed as fine ones are), then f32 scale and f32 -|y|^2 / 2; read at every step of a walk. Fine: what the coarse code loses of y, 4 or 8 bits a value,
 * then f32 scale and what the coarse code's -|y|^2 / 2 is corrected by; read once a walk has ended. <q, y> = <projected q, coarse> + <q, fine>, whatever the projection.
 * Fine codes of 4 bits: of 32 values 16 bytes, byte i with value i below and value i + 16 above, levels 0 to 15 around 8.
 */
import { dotPair, sumF32 } from "./float";
import { sumsOfFour } from "./lanes";

/** The largest of i16: queries are scaled so that this is their length. */
export const QUERY_LENGTH: f32 = 32767;
/** Rows of a projection have this length. */
export const UNIT: f32 = 16384;
/** Scales tried for a fine code of 4 bits, each this share of the one before. */
const SCALES: i32 = 10;
const SHRINK: f32 = 0.86;

// @ts-ignore: decorator
@inline
export function sumI32(v: v128): i32 {
  const pairs = i32x4.add(v, i32x4.shuffle(v, v, 2, 3, 0, 1));
  return i32x4.extract_lane(pairs, 0) + i32x4.extract_lane(pairs, 1);
}

/** i16 query with the signed bytes of a row; dims a multiple of 8. */
// @ts-ignore: decorator
@inline
export function dotWide(query: usize, row: usize, dims: usize): i32 {
  let s = i32x4.splat(0);
  for (let i: usize = 0; i < dims; i += 8) s = i32x4.add(s, i32x4.dot_i16x8_s(v128.load(query + (i << 1)), v128.load8x8_s(row + i)));
  return sumI32(s);
}

/** The same with four rows: a sum a lane. */
// @ts-ignore: decorator
@inline
export function dotWideFour(query: usize, a: usize, b: usize, c: usize, d: usize, dims: usize): v128 {
  let s0 = i32x4.splat(0), s1 = i32x4.splat(0), s2 = i32x4.splat(0), s3 = i32x4.splat(0);
  for (let i: usize = 0; i < dims; i += 8) {
    const q = v128.load(query + (i << 1));
    s0 = i32x4.add(s0, i32x4.dot_i16x8_s(q, v128.load8x8_s(a + i)));
    s1 = i32x4.add(s1, i32x4.dot_i16x8_s(q, v128.load8x8_s(b + i)));
    s2 = i32x4.add(s2, i32x4.dot_i16x8_s(q, v128.load8x8_s(c + i)));
    s3 = i32x4.add(s3, i32x4.dot_i16x8_s(q, v128.load8x8_s(d + i)));
  }
  return sumsOfFour(s0, s1, s2, s3);
}

/** Signed bytes of two rows. */
// @ts-ignore: decorator
@inline
export function dotBytes(a: usize, b: usize, dims: usize): i32 {
  let s = i32x4.splat(0);
  for (let i: usize = 0; i < dims; i += 8) s = i32x4.add(s, i32x4.dot_i16x8_s(v128.load8x8_s(a + i), v128.load8x8_s(b + i)));
  return sumI32(s);
}

/** i16 query with levels of 4 bits; dims a multiple of 32. */
// @ts-ignore: decorator
@inline
export function dotNibbles(query: usize, row: usize, dims: usize): i32 {
  const mask = i8x16.splat(15);
  let s0 = i32x4.splat(0), s1 = i32x4.splat(0);
  for (let i: usize = 0; i < dims; i += 32) {
    const packed = v128.load(row + (i >> 1));
    const low = v128.and(packed, mask);
    const high = i8x16.shr_u(packed, 4);
    const q = query + (i << 1);
    s0 = i32x4.add(s0, i32x4.dot_i16x8_s(v128.load(q), i16x8.extend_low_i8x16_u(low)));
    s1 = i32x4.add(s1, i32x4.dot_i16x8_s(v128.load(q, 16), i16x8.extend_high_i8x16_u(low)));
    s0 = i32x4.add(s0, i32x4.dot_i16x8_s(v128.load(q, 32), i16x8.extend_low_i8x16_u(high)));
    s1 = i32x4.add(s1, i32x4.dot_i16x8_s(v128.load(q, 48), i16x8.extend_high_i8x16_u(high)));
  }
  return sumI32(i32x4.add(s0, s1));
}

/** The same with four rows: a sum a lane. */
// @ts-ignore: decorator
@inline
export function dotNibblesFour(query: usize, a: usize, b: usize, c: usize, d: usize, dims: usize): v128 {
  let s0 = i32x4.splat(0), s1 = i32x4.splat(0), s2 = i32x4.splat(0), s3 = i32x4.splat(0);
  for (let i: usize = 0; i < dims; i += 32) {
    const q = query + (i << 1);
    const at = i >> 1;
    s0 = addNibbles(s0, q, a + at);
    s1 = addNibbles(s1, q, b + at);
    s2 = addNibbles(s2, q, c + at);
    s3 = addNibbles(s3, q, d + at);
  }
  return sumsOfFour(s0, s1, s2, s3);
}

/** Sums and the products of 32 values with levels of 4 bits. */
// @ts-ignore: decorator
@inline
function addNibbles(sums: v128, q: usize, row: usize): v128 {
  const packed = v128.load(row);
  const low = v128.and(packed, i8x16.splat(15));
  const high = i8x16.shr_u(packed, 4);
  const a = i32x4.add(i32x4.dot_i16x8_s(v128.load(q), i16x8.extend_low_i8x16_u(low)), i32x4.dot_i16x8_s(v128.load(q, 16), i16x8.extend_high_i8x16_u(low)));
  const b = i32x4.add(i32x4.dot_i16x8_s(v128.load(q, 32), i16x8.extend_low_i8x16_u(high)), i32x4.dot_i16x8_s(v128.load(q, 48), i16x8.extend_high_i8x16_u(high)));
  return i32x4.add(sums, i32x4.add(a, b));
}

/** Two rows of i16. */
// @ts-ignore: decorator
@inline
export function dotI16(a: usize, b: usize, dims: usize): i32 {
  let s = i32x4.splat(0);
  for (let i: usize = 0; i < dims; i += 8) s = i32x4.add(s, i32x4.dot_i16x8_s(v128.load(a + (i << 1)), v128.load(b + (i << 1))));
  return sumI32(s);
}

/** The same with four rows of `dims` values side by side: a sum a lane. */
// @ts-ignore: decorator
@inline
export function dotI16Four(query: usize, rows: usize, dims: usize): v128 {
  const stride = dims << 1;
  const b = rows + stride, c = b + stride, d = c + stride;
  let s0 = i32x4.splat(0), s1 = i32x4.splat(0), s2 = i32x4.splat(0), s3 = i32x4.splat(0);
  for (let i: usize = 0; i < stride; i += 16) {
    const q = v128.load(query + i);
    s0 = i32x4.add(s0, i32x4.dot_i16x8_s(q, v128.load(rows + i)));
    s1 = i32x4.add(s1, i32x4.dot_i16x8_s(q, v128.load(b + i)));
    s2 = i32x4.add(s2, i32x4.dot_i16x8_s(q, v128.load(c + i)));
    s3 = i32x4.add(s3, i32x4.dot_i16x8_s(q, v128.load(d + i)));
  }
  return sumsOfFour(s0, s1, s2, s3);
}

/** Values x factor as i16; count a multiple of 8. @returns their sum */
export function toI16(values: usize, count: usize, factor: f32, out: usize): i32 {
  const by = f32x4.splat(factor);
  const ones = i16x8.splat(1);
  let sum = i32x4.splat(0);
  for (let i: usize = 0; i < count; i += 8) {
    const a = i32x4.trunc_sat_f32x4_s(f32x4.nearest(f32x4.mul(v128.load(values + (i << 2)), by)));
    const b = i32x4.trunc_sat_f32x4_s(f32x4.nearest(f32x4.mul(v128.load(values + (i << 2), 16), by)));
    const both = i16x8.narrow_i32x4_s(a, b);
    sum = i32x4.add(sum, i32x4.dot_i16x8_s(both, ones));
    v128.store(out + (i << 1), both);
  }
  return sumI32(sum);
}

/** Largest magnitude; count a multiple of 4. */
// @ts-ignore: decorator
@inline
export function largestOf(values: usize, count: usize): f32 {
  let most = f32x4.splat(0);
  for (let i: usize = 0; i < count; i += 4) most = f32x4.max(most, f32x4.abs(v128.load(values + (i << 2))));
  most = f32x4.max(most, i32x4.shuffle(most, most, 2, 3, 0, 1));
  return max(f32x4.extract_lane(most, 0), f32x4.extract_lane(most, 1));
}

/** Codes i8 of values / scale into `out`; count a multiple of 8. */
// @ts-ignore: decorator
@inline
function toI8(values: usize, count: usize, scale: f32, out: usize): void {
  const by = f32x4.splat(scale > 0 ? 1 / scale : 0);
  for (let i: usize = 0; i < count; i += 8) {
    const a = i32x4.trunc_sat_f32x4_s(f32x4.nearest(f32x4.mul(v128.load(values + (i << 2)), by)));
    const b = i32x4.trunc_sat_f32x4_s(f32x4.nearest(f32x4.mul(v128.load(values + (i << 2), 16), by)));
    const both = i16x8.narrow_i32x4_s(a, b);
    v128.store64_lane(out + i, i8x16.narrow_i16x8_s(both, both), 0);
  }
}

/** Share of the values' squares that levels of `step` explain: <value, level>^2 / <level, level>; and <value, level> / <level, level>. */
// @ts-ignore: decorator
@inline
function explained(values: usize, count: usize, step: f32, bestScale: bool): f32 {
  const by = f32x4.splat((<f32>1) / step);
  const low = f32x4.splat(-8);
  const high = f32x4.splat(7);
  let products = f32x4.splat(0);
  let squares = f32x4.splat(0);
  for (let i: usize = 0; i < count; i += 4) {
    const x = v128.load(values + (i << 2));
    const level = f32x4.max(low, f32x4.min(high, f32x4.nearest(f32x4.mul(x, by))));
    products = f32x4.add(products, f32x4.mul(x, level));
    squares = f32x4.add(squares, f32x4.mul(level, level));
  }
  const product = sumF32(products);
  const square = sumF32(squares);
  if (square == 0) return 0;
  return bestScale ? product / square : (product * product) / square;
}

/** Levels of 4 bits of the values into `out`; count a multiple of 32. The values become what the codes lose of them. @returns their scale */
function encodeNibbles(values: usize, count: usize, out: usize): f32 {
  let step = largestOf(values, count) / 7;
  if (step == 0) {
    memory.fill(out, 0x88, count >> 1);
    return 0;
  }
  let best = step;
  let bestShare: f32 = -1;
  for (let i = 0; i < SCALES; i++) {
    const share = explained(values, count, step, false);
    if (share > bestShare) {
      bestShare = share;
      best = step;
    }
    step *= SHRINK;
  }
  const by: f32 = (<f32>1) / best;
  const scale = explained(values, count, best, true);
  for (let i: usize = 0; i < count; i += 32) {
    for (let j: usize = 0; j < 16; j++) {
      const at = values + ((i + j) << 2);
      const a = min<f32>(7, max<f32>(-8, nearest(load<f32>(at) * by)));
      const b = min<f32>(7, max<f32>(-8, nearest(load<f32>(at, 64) * by)));
      store<u8>(out + (i >> 1) + j, <u8>((<i32>a + 8) | ((<i32>b + 8) << 4)));
      store<f32>(at, load<f32>(at) - a * scale);
      store<f32>(at, load<f32>(at, 64) - b * scale, 64);
    }
  }
  return scale;
}

/** The same with signed bytes. */
function encodeBytes(values: usize, count: usize, out: usize): f32 {
  const scale = largestOf(values, count) / 127;
  toI8(values, count, scale, out);
  for (let i: usize = 0; i < count; i++) store<f32>(values + (i << 2), load<f32>(values + (i << 2)) - <f32>load<i8>(out + i) * scale);
  return scale;
}

/**
 * Codes of rows. Squares are of what the codes decode to, and of what they lose: so an error counts by the distance of query and row,
 * not by their lengths. @param rows count x width f32, centred, zeros behind their values; width a multiple of 32; overwritten
 * @param projection dims x width f32, orthonormal, or 0: the first `dims` values @param room for dims + width f32
 * @param coarseBits 8, or 4 where there are no fine codes
 * @param fineBits 4, 8, or 0 for no fine codes
 */
export function encodeGraphRows(rows: usize, count: usize, width: usize, projection: usize, dims: usize, room: usize, coarse: usize, coarseStride: usize, coarseBits: i32, fine: usize, fineStride: usize, fineBits: i32): void {
  const projected = room + (width << 2);
  for (let r: usize = 0; r < count; r++) {
    const row = rows + r * (width << 2);
    const code = coarse + r * coarseStride;
    memory.copy(room, row, width << 2);
    if (projection == 0) memory.copy(projected, row, dims << 2);
    else for (let j: usize = 0; j < dims; j++) store<f32>(projected + (j << 2), dotPair(row, projection + j * (width << 2), width));
    const half = coarseBits == 4 ? encodeCoarseNibbles(row, width, projected, dims, code) : encodeCoarseBytes(row, width, projection, projected, dims, code);
    if (fineBits == 0) continue;
    const to = fine + r * fineStride;
    const tail = to + ((width * fineBits) >> 3);
    store<f32>(tail, fineBits == 4 ? encodeNibbles(row, width, to) : encodeBytes(row, width, to));
    const lost = dotPair(row, row, width);
    store<f32>(tail, -0.5 * (dotPair(room, room, width) + 2 * (lost - dotPair(room, row, width))) - half, 4);
  }
}

/** @returns what keys add of the row; the row becomes what its code loses */
function encodeCoarseBytes(row: usize, width: usize, projection: usize, projected: usize, dims: usize, code: usize): f32 {
  const scale = largestOf(projected, dims) / 127;
  toI8(projected, dims, scale, code);
  store<f32>(code + dims, scale);
  subtractCoarse(row, width, projection, dims, code, scale);
  const half: f32 = -0.5 * (<f32>dotBytes(code, code, dims) * scale * scale + dotPair(row, row, width));
  store<f32>(code + dims, half, 4);
  return half;
}

/** The same without what the code loses, which is for codes of bytes alone; dims a multiple of 32. */
function encodeCoarseNibbles(row: usize, width: usize, projected: usize, dims: usize, code: usize): f32 {
  const tail = code + (dims >> 1);
  store<f32>(tail, encodeNibbles(projected, dims, code));
  const half: f32 = -0.5 * dotPair(row, row, width);
  store<f32>(tail, half, 4);
  return half;
}

/** row -= what its coarse code stands for. */
function subtractCoarse(row: usize, width: usize, projection: usize, dims: usize, code: usize, scale: f32): void {
  for (let j: usize = 0; j < dims; j++) {
    const value = <f32>load<i8>(code + j) * scale;
    if (projection == 0) {
      store<f32>(row + (j << 2), load<f32>(row + (j << 2)) - value);
      continue;
    }
    if (value == 0) continue;
    const by = f32x4.splat(value);
    const axis = projection + j * (width << 2);
    for (let i: usize = 0; i < width; i += 4) {
      const at = row + (i << 2);
      v128.store(at, f32x4.sub(v128.load(at), f32x4.mul(by, v128.load(axis + (i << 2)))));
    }
  }
}
