/** MaxSim over signed bytes: for each vector of a query the largest product with a vector of a document, summed over the query. */
import { sumsOfFour } from "./lanes";

// @ts-ignore: decorator
@inline
function addProduct(sum: v128, query: usize, low: v128, high: v128): v128 {
  return i32x4.add(i32x4.add(sum, i32x4.dot_i16x8_s(low, v128.load(query))), i32x4.dot_i16x8_s(high, v128.load(query, 16)));
}

/**
 * out[d] = sum over the query's vectors of factor x max over the vectors v of document d of scale v x <query vector, codes v>.
 * @param query i16, rows of dim, a multiple of 4 of them @param factors f32 each, 0 for those that fill up
 * @param codes i8, rows of dim, a multiple of 16 @param scales f32 each
 * @param ranges first vector and the one behind the last of each document, u32 each; never empty
 */
export function maxSimI8(query: usize, factors: usize, vectors: usize, dim: usize, codes: usize, scales: usize, ranges: usize, count: usize, out: usize): void {
  const stride = dim << 1;
  for (let d: usize = 0; d < count; d++) {
    const first = <usize>load<u32>(ranges + (d << 3));
    const last = <usize>load<u32>(ranges + (d << 3), 4);
    let total = f32x4.splat(0);
    for (let q: usize = 0; q < vectors; q += 4) {
      const best = bestOfFour(query + q * stride, dim, codes + first * dim, scales + (first << 2), last - first);
      total = f32x4.add(total, f32x4.mul(best, v128.load(factors + (q << 2))));
    }
    const sum = f32x4.extract_lane(total, 0) + f32x4.extract_lane(total, 1) + f32x4.extract_lane(total, 2) + f32x4.extract_lane(total, 3);
    store<f32>(out + (d << 2), sum);
  }
}

/** Largest scaled products of four query vectors, two document vectors at a time: eight sums in registers. */
// @ts-ignore: decorator
@inline
function bestOfFour(query: usize, dim: usize, codes: usize, scales: usize, count: usize): v128 {
  const stride = dim << 1;
  const q1 = query + stride, q2 = q1 + stride, q3 = q2 + stride;
  let best = f32x4.splat(-f32.MAX_VALUE);
  for (let v: usize = 0; v < count; v += 2) {
    const a = codes + v * dim;
    // an odd last one is taken twice
    const isPair = v + 1 < count;
    const b = isPair ? a + dim : a;
    let a0 = i32x4.splat(0), a1 = i32x4.splat(0), a2 = i32x4.splat(0), a3 = i32x4.splat(0);
    let b0 = i32x4.splat(0), b1 = i32x4.splat(0), b2 = i32x4.splat(0), b3 = i32x4.splat(0);
    for (let i: usize = 0; i < dim; i += 16) {
      const x = v128.load(a + i), y = v128.load(b + i);
      const xl = i16x8.extend_low_i8x16_s(x), xh = i16x8.extend_high_i8x16_s(x);
      const yl = i16x8.extend_low_i8x16_s(y), yh = i16x8.extend_high_i8x16_s(y);
      const at = i << 1;
      a0 = addProduct(a0, query + at, xl, xh);
      b0 = addProduct(b0, query + at, yl, yh);
      a1 = addProduct(a1, q1 + at, xl, xh);
      b1 = addProduct(b1, q1 + at, yl, yh);
      a2 = addProduct(a2, q2 + at, xl, xh);
      b2 = addProduct(b2, q2 + at, yl, yh);
      a3 = addProduct(a3, q3 + at, xl, xh);
      b3 = addProduct(b3, q3 + at, yl, yh);
    }
    const scale = scales + (v << 2);
    best = f32x4.max(best, f32x4.mul(f32x4.splat(load<f32>(scale)), f32x4.convert_i32x4_s(sumsOfFour(a0, a1, a2, a3))));
    const by = f32x4.splat(isPair ? load<f32>(scale, 4) : load<f32>(scale));
    best = f32x4.max(best, f32x4.mul(by, f32x4.convert_i32x4_s(sumsOfFour(b0, b1, b2, b3))));
  }
  return best;
}
