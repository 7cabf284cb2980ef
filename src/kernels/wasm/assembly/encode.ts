/** Kernels that make codes of f32 rows: the check before, a factor for each column, 1-bit and 8-bit codes. */
import { sumF32 } from "./float";

/** Place of the first value whose exponent bits are `least` or more, or -1; at 255 it is infinite or not a number. */
export function findNotFinite(values: usize, count: usize, least: u32): isize {
  const exponent = i32x4.splat(0x7f800000);
  const limit = i32x4.splat(least << 23);
  const wide = count & ~3;
  let i: usize = 0;
  for (; i < wide; i += 4) {
    const bits = v128.and(v128.load(values + (i << 2)), exponent);
    if (v128.any_true(i32x4.ge_s(bits, limit))) break;
  }
  for (; i < count; i++) if ((load<u32>(values + (i << 2)) & 0x7f800000) >= least << 23) return <isize>i;
  return -1;
}

/** Each row of dim values times the factors, value by value, in place. */
export function scaleColumnsF32(rows: usize, count: usize, dim: usize, factors: usize): void {
  const wide = dim & ~3;
  for (let r: usize = 0; r < count; r++) {
    const row = rows + r * (dim << 2);
    let i: usize = 0;
    for (; i < wide; i += 4) v128.store(row + (i << 2), f32x4.mul(v128.load(row + (i << 2)), v128.load(factors + (i << 2))));
    for (; i < dim; i++) store<f32>(row + (i << 2), load<f32>(row + (i << 2)) * load<f32>(factors + (i << 2)));
  }
}

/**
 * Signs of rotated rows as bits, 1 where a value is not below zero, padded to 8 bytes; then f32 |x|^2 / (sum of |x| / 2), the upper half
 * of |x|^2 rounded, u16 count of ones. Rows of codes are `stride` bytes apart and zero at first.
 */
export function encodeOneBit(rows: usize, count: usize, dim: usize, stride: usize, codes: usize): void {
  const zero = f32x4.splat(0);
  const wide = dim & ~7;
  for (let r: usize = 0; r < count; r++) {
    const row = rows + r * (dim << 2);
    const code = codes + r * stride;
    let sums = f32x4.splat(0);
    let squares = f32x4.splat(0);
    let ones: u32 = 0;
    let i: usize = 0;
    for (; i < wide; i += 8) {
      const a = v128.load(row + (i << 2));
      const b = v128.load(row + (i << 2), 16);
      const bits = i32x4.bitmask(f32x4.ge(a, zero)) | (i32x4.bitmask(f32x4.ge(b, zero)) << 4);
      store<u8>(code + (i >> 3), <u8>bits);
      ones += popcnt(bits);
      sums = f32x4.add(sums, f32x4.add(f32x4.abs(a), f32x4.abs(b)));
      squares = f32x4.add(squares, f32x4.add(f32x4.mul(a, a), f32x4.mul(b, b)));
    }
    let sum = sumF32(sums);
    let square = sumF32(squares);
    for (; i < dim; i++) {
      const x = load<f32>(row + (i << 2));
      const bit: u32 = x >= 0 ? 1 : 0;
      const at = code + (i >> 3);
      store<u8>(at, <u8>(<u32>load<u8>(at) | (bit << <u32>(i & 7))));
      ones += bit;
      sum += abs(x);
      square += x * x;
    }
    const tail = code + stride - 8;
    store<f32>(tail, sum > 0 ? (2 * square) / sum : 0);
    store<u16>(tail, <u16>min<u32>(0xffff, (reinterpret<u32>(square) + 0x8000) >> 16), 4);
    store<u16>(tail, <u16>ones, 6);
  }
}

/** dim signed bytes of the value / scale, then f32 scale = largest magnitude / 127 and f32 squared norm of the decoded row. */
export function encodeI8(rows: usize, count: usize, dim: usize, stride: usize, codes: usize): void {
  const wide = dim & ~7;
  for (let r: usize = 0; r < count; r++) {
    const row = rows + r * (dim << 2);
    const code = codes + r * stride;
    const scale = largest(row, dim) / 127;
    let square: i32 = 0;
    if (scale > 0) {
      const by = f32x4.splat(scale);
      let squares = i32x4.splat(0);
      let i: usize = 0;
      for (; i < wide; i += 8) {
        const a = i32x4.trunc_sat_f32x4_s(f32x4.nearest(f32x4.div(v128.load(row + (i << 2)), by)));
        const b = i32x4.trunc_sat_f32x4_s(f32x4.nearest(f32x4.div(v128.load(row + (i << 2), 16), by)));
        const both = i16x8.narrow_i32x4_s(a, b);
        squares = i32x4.add(squares, i32x4.dot_i16x8_s(both, both));
        v128.store64_lane(code + i, i8x16.narrow_i16x8_s(both, both), 0);
      }
      square = i32x4.extract_lane(squares, 0) + i32x4.extract_lane(squares, 1) + i32x4.extract_lane(squares, 2) + i32x4.extract_lane(squares, 3);
      for (; i < dim; i++) {
        const one = <i32>nearest(load<f32>(row + (i << 2)) / scale);
        store<i8>(code + i, <i8>one);
        square += one * one;
      }
    } else memory.fill(code, 0, dim);
    store<f32>(code + dim, scale);
    store<f32>(code + dim, <f32>(<f64>square * <f64>scale * <f64>scale), 4);
  }
}

/** Largest magnitude of a row. */
// @ts-ignore: decorator
@inline
function largest(row: usize, dim: usize): f32 {
  let most = f32x4.splat(0);
  const wide = dim & ~3;
  let i: usize = 0;
  for (; i < wide; i += 4) most = f32x4.max(most, f32x4.abs(v128.load(row + (i << 2))));
  let found = max(max(f32x4.extract_lane(most, 0), f32x4.extract_lane(most, 1)), max(f32x4.extract_lane(most, 2), f32x4.extract_lane(most, 3)));
  for (; i < dim; i++) found = max(found, abs(load<f32>(row + (i << 2))));
  return found;
}
