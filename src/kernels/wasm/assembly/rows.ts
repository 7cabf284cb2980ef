/**
 * Products of a few vectors of i16 codes with rows of int8 codes, by which attention of few queries scores keys and weighs values. Four rows and
 * up to three vectors at a time: a row's codes are widened once for all vectors, and twelve sums fit the registers. How many vectors there are is
 * known when a function is compiled, so that nothing is done for those that there are not.
 */
import { sumsOfFour } from "./lanes";

/** Codes of a block: 128 bytes of a vector, 64 of a row. */
const BLOCK: usize = 64;

/** Four sums of products, i32, as f32. */
// @ts-ignore: decorator
@inline
function asReal(a: v128, b: v128, c: v128, d: v128): v128 {
  return f32x4.convert_i32x4_s(sumsOfFour(a, b, c, d));
}

// @ts-ignore: decorator
@inline
function put(out: usize, sums: v128, onto: bool): void {
  v128.store(out, onto ? f32x4.add(v128.load(out), sums) : sums);
}

/**
 * out[r] = sum over `width` codes, a multiple of 8, of x x row r, times by, added `onto` what is there; of `count` rows, a multiple of 4, `stride` bytes
 * apart, and of the vectors x, y and z.
 */
// @ts-ignore: decorator
@inline
function multiply(many: i32, x: usize, y: usize, z: usize, width: usize, rows: usize, stride: usize, count: usize, byX: v128, byY: v128, byZ: v128, outX: usize, outY: usize, outZ: usize, onto: bool): void {
  const twice = stride << 1, thrice = stride * 3;
  for (let o: usize = 0; o < count << 2; o += 16, rows += stride << 2) {
    let a0 = i32x4.splat(0), a1 = a0, a2 = a0, b0 = a0, b1 = a0, b2 = a0, c0 = a0, c1 = a0, c2 = a0, d0 = a0, d1 = a0, d2 = a0;
    for (let i: usize = 0; i < width; i += 8) {
      const row = rows + i;
      const p = v128.load(x + (i << 1));
      const q = many > 1 ? v128.load(y + (i << 1)) : p;
      const s = many > 2 ? v128.load(z + (i << 1)) : p;
      let w = v128.load8x8_s(row);
      a0 = i32x4.add(a0, i32x4.dot_i16x8_s(w, p));
      if (many > 1) a1 = i32x4.add(a1, i32x4.dot_i16x8_s(w, q));
      if (many > 2) a2 = i32x4.add(a2, i32x4.dot_i16x8_s(w, s));
      w = v128.load8x8_s(row + stride);
      b0 = i32x4.add(b0, i32x4.dot_i16x8_s(w, p));
      if (many > 1) b1 = i32x4.add(b1, i32x4.dot_i16x8_s(w, q));
      if (many > 2) b2 = i32x4.add(b2, i32x4.dot_i16x8_s(w, s));
      w = v128.load8x8_s(row + twice);
      c0 = i32x4.add(c0, i32x4.dot_i16x8_s(w, p));
      if (many > 1) c1 = i32x4.add(c1, i32x4.dot_i16x8_s(w, q));
      if (many > 2) c2 = i32x4.add(c2, i32x4.dot_i16x8_s(w, s));
      w = v128.load8x8_s(row + thrice);
      d0 = i32x4.add(d0, i32x4.dot_i16x8_s(w, p));
      if (many > 1) d1 = i32x4.add(d1, i32x4.dot_i16x8_s(w, q));
      if (many > 2) d2 = i32x4.add(d2, i32x4.dot_i16x8_s(w, s));
    }
    put(outX + o, f32x4.mul(asReal(a0, b0, c0, d0), byX), onto);
    if (many > 1) put(outY + o, f32x4.mul(asReal(a1, b1, c1, d1), byY), onto);
    if (many > 2) put(outZ + o, f32x4.mul(asReal(a2, b2, c2, d2), byZ), onto);
  }
}

/**
 * out[v][r] = <x[v], row r> of `many` vectors, `xStride` bytes apart as their products are `outStride`, and of `count` rows of `dim` codes, a multiple
 * of 16. Sums of 64 products fit 32 bits.
 */
// @ts-ignore: decorator
@inline
export function products(many: i32, x: usize, xStride: usize, rows: usize, dim: usize, count: usize, out: usize, outStride: usize): void {
  const one = f32x4.splat(1);
  if (dim == BLOCK) return multiply(many, x, x + xStride, x + 2 * xStride, BLOCK, rows, BLOCK, count, one, one, one, out, out + outStride, out + 2 * outStride, false);
  for (let at: usize = 0; at < dim; at += BLOCK) {
    const from = x + (at << 1);
    multiply(many, from, from + xStride, from + 2 * xStride, min(BLOCK, dim - at), rows + at, dim, count, one, one, one, out, out + outStride, out + 2 * outStride, at > 0);
  }
}

/** out[v][r] += <x[v], row r> x by[v] of `many` vectors, as of `products`, and of `count` rows of 64 codes. */
// @ts-ignore: decorator
@inline
export function addProducts(many: i32, x: usize, xStride: usize, rows: usize, count: usize, by0: f32, by1: f32, by2: f32, out: usize, outStride: usize): void {
  multiply(many, x, x + xStride, x + 2 * xStride, BLOCK, rows, BLOCK, count, f32x4.splat(by0), f32x4.splat(by1), f32x4.splat(by2), out, out + outStride, out + 2 * outStride, true);
}
