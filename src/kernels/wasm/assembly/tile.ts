/**
 * Tiles of quantised weights: codes of 4 rows x 32 columns, then the rows' f16 scales, none nearer to zero than the least normal one.
 * int8: [16 pairs of columns][4 rows][2]. 4 bits: [4 eights of columns][4 rows][even columns, odd columns], a word of four codes each, lowest
 * first. So what a vector holds are the same pairs of columns of four rows, and a product with them sums no lanes.
 */

/** Bytes of a tile of int8 codes, and of one of 4-bit codes. */
export const TILE_I8: usize = 136;
export const TILE_U4: usize = 72;

/** Four f16 as f32, none of them below the least normal one: exponent and mantissa are moved into place, the exponent gets its bias. */
// @ts-ignore: decorator
@inline
export function fourHalves(at: usize): v128 {
  const half = v128.load16x4_u(at);
  const sign = i32x4.shl(i32x4.shr_u(half, 15), 31);
  const value = i32x4.shl(v128.and(half, i32x4.splat(0x7fff)), 13);
  return v128.or(i32x4.add(value, i32x4.splat(0x38000000)), sign);
}

/** The same, none of them negative. */
// @ts-ignore: decorator
@inline
export function fourPositive(at: usize): v128 {
  return i32x4.add(i32x4.shl(v128.load16x4_u(at), 13), i32x4.splat(0x38000000));
}
