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
  const wide = dim & ~7;
  for (let r: usize = 0; r < count; r++) {
    const row = rows + r * stride;
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
    store<f32>(out + (r << 2), sum);
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

/** out[dim] = sum of weights[t] x scales[id] x table[id] over t; `weights` 0 means all one. Rows of the table are `stride` bytes apart. */
export function gatherSumI8(table: usize, scales: usize, stride: usize, dim: usize, ids: usize, weights: usize, count: usize, out: usize): void {
  memory.fill(out, 0, dim << 2);
  const wide = dim & ~7;
  for (let t: usize = 0; t < count; t++) {
    const id = <usize>load<u32>(ids + (t << 2));
    let scale = load<f32>(scales + (id << 2));
    if (weights != 0) scale *= load<f32>(weights + (t << 2));
    const by = f32x4.splat(scale);
    const row = table + id * stride;
    let i: usize = 0;
    for (; i < wide; i += 8) {
      const x = v128.load8x8_s(row + i);
      const to = out + (i << 2);
      v128.store(to, f32x4.add(v128.load(to), f32x4.mul(by, f32x4.convert_i32x4_s(i32x4.extend_low_i16x8_s(x)))));
      v128.store(to, f32x4.add(v128.load(to, 16), f32x4.mul(by, f32x4.convert_i32x4_s(i32x4.extend_high_i16x8_s(x)))), 16);
    }
    for (; i < dim; i++) store<f32>(out + (i << 2), load<f32>(out + (i << 2)) + scale * <f32>load<i8>(row + i));
  }
}
