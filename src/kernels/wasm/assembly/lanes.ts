/** Sums across lanes, and lanes of four vectors turned into vectors of four lanes. */

/** Lane i of the result is the sum of the lanes of vector i, i32. */
// @ts-ignore: decorator
@inline
export function sumsOfFour(a: v128, b: v128, c: v128, d: v128): v128 {
  const ab = i32x4.add(i32x4.shuffle(a, b, 0, 4, 1, 5), i32x4.shuffle(a, b, 2, 6, 3, 7));
  const cd = i32x4.add(i32x4.shuffle(c, d, 0, 4, 1, 5), i32x4.shuffle(c, d, 2, 6, 3, 7));
  return i32x4.add(i64x2.shuffle(ab, cd, 0, 2), i64x2.shuffle(ab, cd, 1, 3));
}

// @ts-ignore: decorator
@inline
export function putFour(at: usize, value: v128, onto: bool): void {
  v128.store(at, onto ? f32x4.add(v128.load(at), value) : value);
}

// @ts-ignore: decorator
@inline
export function putEight(at: usize, a: v128, b: v128, onto: bool): void {
  putFour(at, a, onto);
  putFour(at + 16, b, onto);
}

/** Four by four words, transposed, to rows `stride` bytes apart; as f32 added `onto` what is there. */
// @ts-ignore: decorator
@inline
export function putTransposed(a: v128, b: v128, c: v128, d: v128, to: usize, stride: usize, onto: bool): void {
  const ab0 = i32x4.shuffle(a, b, 0, 4, 1, 5), ab1 = i32x4.shuffle(a, b, 2, 6, 3, 7);
  const cd0 = i32x4.shuffle(c, d, 0, 4, 1, 5), cd1 = i32x4.shuffle(c, d, 2, 6, 3, 7);
  putFour(to, i64x2.shuffle(ab0, cd0, 0, 2), onto);
  putFour(to + stride, i64x2.shuffle(ab0, cd0, 1, 3), onto);
  putFour(to + 2 * stride, i64x2.shuffle(ab1, cd1, 0, 2), onto);
  putFour(to + 3 * stride, i64x2.shuffle(ab1, cd1, 1, 3), onto);
}

/** A group's whole sums of four tokens, i32, times the tokens' scales and that of a row, in all lanes, added to what other groups have. */
// @ts-ignore: decorator
@inline
export function scaled(sum: v128, dots: v128, by: v128, row: v128): v128 {
  return f32x4.add(sum, f32x4.mul(f32x4.mul(f32x4.convert_i32x4_s(dots), by), row));
}
