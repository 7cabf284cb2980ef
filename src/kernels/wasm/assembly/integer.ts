/** Kernels over 8-bit and 4-bit integers: dot products, distances, mixed f32 x i8, dequantisation, the mean of table rows. */
import { sumF32 } from "./float";

// @ts-ignore: decorator
@inline
function sumI32(v: v128): i32 {
  return i32x4.extract_lane(v, 0) + i32x4.extract_lane(v, 1) + i32x4.extract_lane(v, 2) + i32x4.extract_lane(v, 3);
}

export function dotI8(query: usize, rows: usize, count: usize, dim: usize, stride: usize, out: usize): void {
  const wide = dim & ~15;
  for (let r: usize = 0; r < count; r++) {
    const row = rows + r * stride;
    let s0 = i32x4.splat(0);
    let s1 = i32x4.splat(0);
    let i: usize = 0;
    for (; i < wide; i += 16) {
      const a = v128.load(query + i);
      const b = v128.load(row + i);
      s0 = i32x4.add(s0, i32x4.dot_i16x8_s(i16x8.extend_low_i8x16_s(a), i16x8.extend_low_i8x16_s(b)));
      s1 = i32x4.add(s1, i32x4.dot_i16x8_s(i16x8.extend_high_i8x16_s(a), i16x8.extend_high_i8x16_s(b)));
    }
    let sum = sumI32(i32x4.add(s0, s1));
    for (; i < dim; i++) sum += <i32>load<i8>(query + i) * <i32>load<i8>(row + i);
    store<i32>(out + (r << 2), sum);
  }
}

export function l2I8(query: usize, rows: usize, count: usize, dim: usize, stride: usize, out: usize): void {
  const wide = dim & ~15;
  for (let r: usize = 0; r < count; r++) {
    const row = rows + r * stride;
    let s0 = i32x4.splat(0);
    let s1 = i32x4.splat(0);
    let i: usize = 0;
    for (; i < wide; i += 16) {
      const a = v128.load(query + i);
      const b = v128.load(row + i);
      const low = i16x8.sub(i16x8.extend_low_i8x16_s(a), i16x8.extend_low_i8x16_s(b));
      const high = i16x8.sub(i16x8.extend_high_i8x16_s(a), i16x8.extend_high_i8x16_s(b));
      s0 = i32x4.add(s0, i32x4.dot_i16x8_s(low, low));
      s1 = i32x4.add(s1, i32x4.dot_i16x8_s(high, high));
    }
    let sum = sumI32(i32x4.add(s0, s1));
    for (; i < dim; i++) {
      const d = <i32>load<i8>(query + i) - <i32>load<i8>(row + i);
      sum += d * d;
    }
    store<i32>(out + (r << 2), sum);
  }
}

/** f32 query x i8 rows. Query quantised to i16 would be faster; this one is exact and is used on the few rows that are re-scored. */
export function dotF32I8(query: usize, rows: usize, count: usize, dim: usize, stride: usize, out: usize): void {
  for (let r: usize = 0; r < count; r++) store<f32>(out + (r << 2), dotMixed(query, rows + r * stride, dim));
}

// @ts-ignore: decorator
@inline
function dotMixed(query: usize, row: usize, dim: usize): f32 {
  const wide = dim & ~7;
  let s0 = f32x4.splat(0);
  let s1 = f32x4.splat(0);
  let i: usize = 0;
  for (; i < wide; i += 8) {
    const x = v128.load8x8_s(row + i);
    const q = query + (i << 2);
    s0 = f32x4.add(s0, f32x4.mul(v128.load(q), f32x4.convert_i32x4_s(i32x4.extend_low_i16x8_s(x))));
    s1 = f32x4.add(s1, f32x4.mul(v128.load(q, 16), f32x4.convert_i32x4_s(i32x4.extend_high_i16x8_s(x))));
  }
  let sum = sumF32(f32x4.add(s0, s1));
  for (; i < dim; i++) sum += load<f32>(query + (i << 2)) * <f32>load<i8>(row + i);
  return sum;
}

/** Squared distances to rows that lie anywhere: base + add - 2 scale <query, codes>; a row: dim codes, f32 scale, f32 add. places: bytes from `rows`. */
export function distancesI8(query: usize, rows: usize, places: usize, bases: usize, count: usize, dim: usize, out: usize): void {
  for (let i: usize = 0; i < count << 2; i += 4) {
    const row = rows + <usize>load<u32>(places + i);
    const product = dotMixed(query, row, dim);
    store<f32>(out + i, load<f32>(bases + i) + load<f32>(row + dim, 4) - 2 * load<f32>(row + dim) * product);
  }
}

/** f32 query x rows of unsigned 4-bit codes, two a byte, low nibble first. */
export function dotF32U4(query: usize, rows: usize, count: usize, dim: usize, stride: usize, out: usize): void {
  const mask = i8x16.splat(15);
  const wide = dim & ~15;
  for (let r: usize = 0; r < count; r++) {
    const row = rows + r * stride;
    let s0 = f32x4.splat(0);
    let s1 = f32x4.splat(0);
    let i: usize = 0;
    for (; i < wide; i += 16) {
      const packed = v128.load64_zero(row + (i >> 1));
      const low = v128.and(packed, mask);
      const high = v128.and(i8x16.shr_u(packed, 4), mask);
      const codes = i8x16.shuffle(low, high, 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23);
      const a = i16x8.extend_low_i8x16_u(codes);
      const b = i16x8.extend_high_i8x16_u(codes);
      const q = query + (i << 2);
      s0 = f32x4.add(s0, f32x4.mul(v128.load(q), f32x4.convert_i32x4_s(i32x4.extend_low_i16x8_u(a))));
      s1 = f32x4.add(s1, f32x4.mul(v128.load(q, 16), f32x4.convert_i32x4_s(i32x4.extend_high_i16x8_u(a))));
      s0 = f32x4.add(s0, f32x4.mul(v128.load(q, 32), f32x4.convert_i32x4_s(i32x4.extend_low_i16x8_u(b))));
      s1 = f32x4.add(s1, f32x4.mul(v128.load(q, 48), f32x4.convert_i32x4_s(i32x4.extend_high_i16x8_u(b))));
    }
    let sum = sumF32(f32x4.add(s0, s1));
    for (; i < dim; i++) {
      const byte = <u32>load<u8>(row + (i >> 1));
      sum += load<f32>(query + (i << 2)) * <f32>((byte >> <u32>((i & 1) << 2)) & 15);
    }
    store<f32>(out + (r << 2), sum);
  }
}

/** out[r x dim] = codes x scale of the row. */
export function dequantI8(codes: usize, scales: usize, count: usize, dim: usize, out: usize): void {
  const wide = dim & ~7;
  for (let r: usize = 0; r < count; r++) {
    const scale = load<f32>(scales + (r << 2));
    const by = f32x4.splat(scale);
    const row = codes + r * dim;
    const to = out + r * (dim << 2);
    let i: usize = 0;
    for (; i < wide; i += 8) {
      const x = v128.load8x8_s(row + i);
      v128.store(to + (i << 2), f32x4.mul(by, f32x4.convert_i32x4_s(i32x4.extend_low_i16x8_s(x))));
      v128.store(to + (i << 2), f32x4.mul(by, f32x4.convert_i32x4_s(i32x4.extend_high_i16x8_s(x))), 16);
    }
    for (; i < dim; i++) store<f32>(to + (i << 2), scale * <f32>load<i8>(row + i));
  }
}

/** Groups of `group` values share a scale and a minimum: out = minimum + code x scale. Two codes a byte, low nibble first. */
export function dequantU4(codes: usize, scales: usize, minima: usize, values: usize, group: usize, out: usize): void {
  for (let i: usize = 0; i < values; i++) {
    const byte = <u32>load<u8>(codes + (i >> 1));
    const code = <f32>((byte >> <u32>((i & 1) << 2)) & 15);
    const g = (i / group) << 2;
    store<f32>(out + (i << 2), load<f32>(minima + g) + code * load<f32>(scales + g));
  }
}

/** Rows that are summed in i32 before they go to floats: 512 x 32767 x 128 is just below 2^31. */
// @ts-ignore: decorator
@inline const MOST_ROWS: usize = 512;

/**
 * out[dim] = sum of weights[t] x scales[id] x table[id] over t; `weights` 0 means all one. Rows of the table are `stride` bytes apart.
 * Of up to 512 rows the products weight x scale are rounded to 16 bits, as shares of the largest, and summed in whole numbers.
 * @param scratch 4 bytes for each of at most 512 rows
 */
export function gatherSumI8(table: usize, scales: usize, stride: usize, dim: usize, ids: usize, weights: usize, count: usize, scratch: usize, out: usize): void {
  memory.fill(out, 0, dim << 2);
  for (let first: usize = 0; first < count; first += MOST_ROWS) {
    const some = min(MOST_ROWS, count - first);
    touchRows(table, stride, dim, ids + (first << 2), some, scratch);
    const step = roundFactors(scales, ids + (first << 2), weights == 0 ? 0 : weights + (first << 2), some, scratch);
    if (step > 0) addRows(table, stride, dim, ids + (first << 2), scratch, some, step, out);
  }
}

/** Asks for every line of the rows at once: they lie anywhere in a table larger than the caches, and waiting for them in turn is slow. */
function touchRows(table: usize, stride: usize, dim: usize, ids: usize, count: usize, scratch: usize): void {
  let any: u32 = 0;
  for (let t: usize = 0; t < count; t++) {
    const row = table + <usize>load<u32>(ids + (t << 2)) * stride;
    for (let i: usize = 0; i < dim; i += 64) any += load<u8>(row + i);
  }
  store<u32>(scratch, any);
}

/** Factors of the rows as 16-bit shares of the largest. @returns what one step is worth; 0 when all are zero */
function roundFactors(scales: usize, ids: usize, weights: usize, count: usize, scratch: usize): f32 {
  let most: f32 = 0;
  for (let t: usize = 0; t < count << 2; t += 4) {
    let factor = load<f32>(scales + (<usize>load<u32>(ids + t) << 2));
    if (weights != 0) factor *= load<f32>(weights + t);
    store<f32>(scratch + t, factor);
    most = max(most, abs(factor));
  }
  if (most == 0) return 0;
  const by: f32 = 32767 / most;
  for (let t: usize = 0; t < count << 2; t += 4) store<i32>(scratch + t, <i32>nearest(load<f32>(scratch + t) * by));
  return most / 32767;
}

/** Pairs of rows, 32 values at a time, their sums in registers. */
function addRows(table: usize, stride: usize, dim: usize, ids: usize, factors: usize, count: usize, step: f32, out: usize): void {
  const even = count & ~1;
  let at: usize = 0;
  for (; at + 32 <= dim; at += 32) {
    let s0 = i32x4.splat(0);
    let s1 = i32x4.splat(0);
    let s2 = i32x4.splat(0);
    let s3 = i32x4.splat(0);
    let s4 = i32x4.splat(0);
    let s5 = i32x4.splat(0);
    let s6 = i32x4.splat(0);
    let s7 = i32x4.splat(0);
    for (let t: usize = 0; t < count; t += 2) {
      // a lone last row is paired with itself times zero
      const p = table + at + <usize>load<u32>(ids + (t << 2)) * stride;
      const q = t < even ? table + at + <usize>load<u32>(ids + (t << 2), 4) * stride : p;
      const by = i32x4.splat((load<i32>(factors + (t << 2)) & 0xffff) | (t < even ? load<i32>(factors + (t << 2), 4) << 16 : 0));
      let x = v128.load8x8_s(p);
      let y = v128.load8x8_s(q);
      s0 = i32x4.add(s0, i32x4.dot_i16x8_s(by, i16x8.shuffle(x, y, 0, 8, 1, 9, 2, 10, 3, 11)));
      s1 = i32x4.add(s1, i32x4.dot_i16x8_s(by, i16x8.shuffle(x, y, 4, 12, 5, 13, 6, 14, 7, 15)));
      x = v128.load8x8_s(p, 8);
      y = v128.load8x8_s(q, 8);
      s2 = i32x4.add(s2, i32x4.dot_i16x8_s(by, i16x8.shuffle(x, y, 0, 8, 1, 9, 2, 10, 3, 11)));
      s3 = i32x4.add(s3, i32x4.dot_i16x8_s(by, i16x8.shuffle(x, y, 4, 12, 5, 13, 6, 14, 7, 15)));
      x = v128.load8x8_s(p, 16);
      y = v128.load8x8_s(q, 16);
      s4 = i32x4.add(s4, i32x4.dot_i16x8_s(by, i16x8.shuffle(x, y, 0, 8, 1, 9, 2, 10, 3, 11)));
      s5 = i32x4.add(s5, i32x4.dot_i16x8_s(by, i16x8.shuffle(x, y, 4, 12, 5, 13, 6, 14, 7, 15)));
      x = v128.load8x8_s(p, 24);
      y = v128.load8x8_s(q, 24);
      s6 = i32x4.add(s6, i32x4.dot_i16x8_s(by, i16x8.shuffle(x, y, 0, 8, 1, 9, 2, 10, 3, 11)));
      s7 = i32x4.add(s7, i32x4.dot_i16x8_s(by, i16x8.shuffle(x, y, 4, 12, 5, 13, 6, 14, 7, 15)));
    }
    const to = out + (at << 2);
    addScaled(to, s0, step);
    addScaled(to + 16, s1, step);
    addScaled(to + 32, s2, step);
    addScaled(to + 48, s3, step);
    addScaled(to + 64, s4, step);
    addScaled(to + 80, s5, step);
    addScaled(to + 96, s6, step);
    addScaled(to + 112, s7, step);
  }
  for (; at < dim; at++) {
    let sum: i32 = 0;
    for (let t: usize = 0; t < count << 2; t += 4) sum += load<i32>(factors + t) * <i32>load<i8>(table + at + <usize>load<u32>(ids + t) * stride);
    store<f32>(out + (at << 2), load<f32>(out + (at << 2)) + <f32>sum * step);
  }
}

// @ts-ignore: decorator
@inline
function addScaled(at: usize, sums: v128, step: f32): void {
  v128.store(at, f32x4.add(v128.load(at), f32x4.mul(f32x4.splat(step), f32x4.convert_i32x4_s(sums))));
}
