/** Products of bytes, by relaxed SIMD: functions that use them are called only where the module has it. */

/** Sixteen products of a signed byte and one of 7 bits, summed two by two. */
// @ts-ignore: decorator
@inline
export function dotBytes(signed: v128, unsigned: v128): v128 {
  if (ASC_FEATURE_RELAXED_SIMD) return v128.relaxed_dot<i16>(signed, unsigned);
  return unreachable();
}

/** Columns whose products are summed in 16 bits: each of eight sums has eight of them. */
export const BYTE_BLOCK: usize = 64;

/**
 * The largest sum of eight codes' magnitudes, before they are rounded: products with the other side's largest code, 127, then stay within 16 bits.
 */
export const MOST_OF_EIGHT: f32 = 254;
/** The largest code of either side. */
export const TOP_BYTE: f32 = 127;

/** Adds neighbours of eight sums of columns: `a` to `d` have those of four columns each. @returns the largest */
// @ts-ignore: decorator
@inline
export function largestOfEight(a: v128, b: v128, c: v128, d: v128): v128 {
  const ab = f32x4.add(i32x4.shuffle(a, b, 0, 2, 4, 6), i32x4.shuffle(a, b, 1, 3, 5, 7));
  const cd = f32x4.add(i32x4.shuffle(c, d, 0, 2, 4, 6), i32x4.shuffle(c, d, 1, 3, 5, 7));
  return f32x4.pmax(ab, cd);
}

// @ts-ignore: decorator
@inline
export function largestLane(x: v128): f32 {
  return max(max(f32x4.extract_lane(x, 0), f32x4.extract_lane(x, 1)), max(f32x4.extract_lane(x, 2), f32x4.extract_lane(x, 3)));
}
