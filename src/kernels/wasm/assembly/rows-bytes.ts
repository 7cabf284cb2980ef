/**
 * As rows.ts, by products of bytes: of keys, whose codes are made ones of 7 bits, with codes of queries, and of values with codes of weights, which
 * have 7 bits. Two rows and up to four vectors at a time: sums, rows and vectors fit the registers.
 */
import { BYTE_BLOCK, dotBytes } from "./byte-dot";

/** Bytes of the half sums of a row. */
export const HALF_SUMS: usize = 8;
/** What a key's code of 7 bits is above half of the code, on average: 64 less a quarter, for halves are rounded down. */
export const KEY_MIDDLE: f32 = 63.75;

/** Codes of -127 to 127 as ones of 7 bits. */
// @ts-ignore: decorator
@inline
function halved(codes: v128): v128 {
  return i8x16.avgr_u(i8x16.add(codes, i8x16.splat(127)), i8x16.splat(0));
}

// @ts-ignore: decorator
@inline
function rowAt(keys: bool, at: usize): v128 {
  return keys ? halved(v128.load(at)) : v128.load(at);
}

// @ts-ignore: decorator
@inline
function dot(keys: bool, row: v128, x: v128): v128 {
  return keys ? dotBytes(x, row) : dotBytes(row, x);
}

/** Sums of two rows, half added up: `joined` has the rest. */
// @ts-ignore: decorator
@inline
function putHalves(at: usize, a: v128, b: v128, onto: bool): void {
  const c = i32x4.extadd_pairwise_i16x8_s(a), d = i32x4.extadd_pairwise_i16x8_s(b);
  const sums = i32x4.add(i32x4.shuffle(c, d, 0, 4, 1, 5), i32x4.shuffle(c, d, 2, 6, 3, 7));
  v128.store(at, onto ? i32x4.add(v128.load(at), sums) : sums);
}

/** The sums of four rows, i32, from their half sums. */
// @ts-ignore: decorator
@inline
export function joined(halves: usize): v128 {
  const ab = v128.load(halves), cd = v128.load(halves, 16);
  return i32x4.add(i64x2.shuffle(ab, cd, 0, 2), i64x2.shuffle(ab, cd, 1, 3));
}

/** A block of `width` columns, BYTE_BLOCK at most: half sums, `onto` what is there. */
// @ts-ignore: decorator
@inline
function multiply(keys: bool, many: i32, x: usize, xStride: usize, width: usize, rows: usize, stride: usize, count: usize, out: usize, outStride: usize, onto: bool): void {
  const x1 = x + xStride, x2 = x1 + xStride, x3 = x2 + xStride;
  for (const end = out + count * HALF_SUMS; out < end; out += 2 * HALF_SUMS, rows += stride << 1) {
    // the first products begin the sums: nothing is added to zero
    const v0 = rowAt(keys, rows), w0 = rowAt(keys, rows + stride);
    const p0 = v128.load(x), q0 = many > 1 ? v128.load(x1) : p0, r0 = many > 2 ? v128.load(x2) : p0, s0 = many > 3 ? v128.load(x3) : p0;
    let a0 = dot(keys, v0, p0), b0 = dot(keys, w0, p0);
    let a1 = many > 1 ? dot(keys, v0, q0) : a0, b1 = many > 1 ? dot(keys, w0, q0) : a0;
    let a2 = many > 2 ? dot(keys, v0, r0) : a0, b2 = many > 2 ? dot(keys, w0, r0) : a0;
    let a3 = many > 3 ? dot(keys, v0, s0) : a0, b3 = many > 3 ? dot(keys, w0, s0) : a0;
    for (let i: usize = 16; i < width; i += 16) {
      const v = rowAt(keys, rows + i), w = rowAt(keys, rows + stride + i);
      let p = v128.load(x + i);
      a0 = i16x8.add(a0, dot(keys, v, p));
      b0 = i16x8.add(b0, dot(keys, w, p));
      if (many > 1) {
        p = v128.load(x1 + i);
        a1 = i16x8.add(a1, dot(keys, v, p));
        b1 = i16x8.add(b1, dot(keys, w, p));
      }
      if (many > 2) {
        p = v128.load(x2 + i);
        a2 = i16x8.add(a2, dot(keys, v, p));
        b2 = i16x8.add(b2, dot(keys, w, p));
      }
      if (many > 3) {
        p = v128.load(x3 + i);
        a3 = i16x8.add(a3, dot(keys, v, p));
        b3 = i16x8.add(b3, dot(keys, w, p));
      }
    }
    putHalves(out, a0, b0, onto);
    if (many > 1) putHalves(out + outStride, a1, b1, onto);
    if (many > 2) putHalves(out + 2 * outStride, a2, b2, onto);
    if (many > 3) putHalves(out + 3 * outStride, a3, b3, onto);
  }
}

/**
 * Half sums of <x[v], row r> of `many` vectors, `xStride` bytes apart as their sums are `outStride`, and of `count` rows of int8 keys, even, of `dim`
 * codes, a multiple of 16: the keys as codes of 7 bits. A vector's codes keep to MOST_OF_EIGHT by blocks of BYTE_BLOCK.
 */
// @ts-ignore: decorator
@inline
export function keyProducts(many: i32, x: usize, xStride: usize, rows: usize, dim: usize, count: usize, out: usize, outStride: usize): void {
  if (dim == BYTE_BLOCK) return multiply(true, many, x, xStride, BYTE_BLOCK, rows, BYTE_BLOCK, count, out, outStride, false);
  for (let at: usize = 0; at < dim; at += BYTE_BLOCK)
    multiply(true, many, x + at, xStride, min(BYTE_BLOCK, dim - at), rows + at, dim, count, out, outStride, at > 0);
}

/** The same of `count` rows of BYTE_BLOCK int8 values with codes of 7 bits. */
// @ts-ignore: decorator
@inline
export function valueProducts(many: i32, x: usize, xStride: usize, rows: usize, count: usize, out: usize, outStride: usize): void {
  multiply(false, many, x, xStride, BYTE_BLOCK, rows, BYTE_BLOCK, count, out, outStride, false);
}
