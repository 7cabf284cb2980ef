/**
 * Tiles of quantised weights: codes of 8 rows x 32 columns, those of the first four rows before the others, then the rows' f16 scales, none nearer
 * to zero than the least normal one. Of four rows, int8: [16 pairs of columns][4 rows][2]; 4 bits: [4 eights of columns][4 rows][even columns, odd
 * columns], a word of four codes each, lowest first. So what a vector holds are the same pairs of columns of four rows, and a product with them
 * sums no lanes.
 */

/** Rows of a tile. */
export const TILE_ROWS: usize = 8;
/** Bytes of the codes of four rows, and of a tile: int8, 4 bits. */
export const CODES_I8: usize = 128;
export const TILE_I8: usize = 272;
export const CODES_U4: usize = 64;
export const TILE_U4: usize = 144;

/** Bytes to the codes of four rows in their tile, from `row`, a multiple of four, on. */
// @ts-ignore: decorator
@inline
export function codesOf(row: usize, codes: usize): usize {
  return row & 4 ? codes : 0;
}

/** The same to their scales. */
// @ts-ignore: decorator
@inline
export function scalesOf(row: usize, codes: usize): usize {
  return (codes << 1) + ((row & 4) << 1);
}

/** What makes four f16, widened with their signs and moved to an f32's mantissa, f32: a mask of what counts, and the exponents' bias. Loaded, since the compiler makes constants anew at each use. */
const HALVES = memory.data<u32>([0x8fffe000, 0x38000000]);

// @ts-ignore: decorator
@inline
export function halvesMask(): v128 {
  return v128.load32_splat(HALVES);
}

// @ts-ignore: decorator
@inline
export function halvesBias(): v128 {
  return v128.load32_splat(HALVES, 4);
}

/** Four f16 as f32, none of them below the least normal one. */
// @ts-ignore: decorator
@inline
export function fourHalves(at: usize, mask: v128 = halvesMask(), bias: v128 = halvesBias()): v128 {
  return i32x4.add(v128.and(i32x4.shl(v128.load16x4_s(at), 13), mask), bias);
}

/** The same, none of them negative. */
// @ts-ignore: decorator
@inline
export function fourPositive(at: usize, bias: v128): v128 {
  return i32x4.add(i32x4.shl(v128.load16x4_u(at), 13), bias);
}
