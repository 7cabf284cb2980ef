/** f32 values as whole numbers in i16 and one scale: for products of pairs that one instruction sums. */
import { TO_WHOLE } from "./exp";

/** The largest code. */
export const WIDEST: f32 = 32767;

/** The largest magnitude. count a multiple of 4. */
// @ts-ignore: decorator
@inline
export function largest(x: usize, count: usize): f32 {
  let top = f32x4.splat(0);
  for (let i: usize = 0; i < count << 2; i += 16) top = f32x4.pmax(top, f32x4.abs(v128.load(x + i)));
  return max(max(f32x4.extract_lane(top, 0), f32x4.extract_lane(top, 1)), max(f32x4.extract_lane(top, 2), f32x4.extract_lane(top, 3)));
}

/** Four values times `by`, rounded to the nearest, even where two are. */
// @ts-ignore: decorator
@inline
export function wholes(x: usize, by: v128): v128 {
  const magic = f32x4.splat(TO_WHOLE);
  return i32x4.sub(f32x4.add(f32x4.mul(v128.load(x), by), magic), magic);
}

/** Writes the codes of `count` values, a multiple of 8; that of `most` is `top`. @returns the four sums of the codes, i32 */
// @ts-ignore: decorator
@inline
export function widen(x: usize, count: usize, most: f32, codes: usize, top: f32 = WIDEST): v128 {
  const by = f32x4.splat(most > 0 ? top / most : 0);
  let sum = i32x4.splat(0);
  for (let i: usize = 0; i < count << 2; i += 32) {
    const a = wholes(x + i, by);
    const b = wholes(x + i + 16, by);
    sum = i32x4.add(sum, i32x4.add(a, b));
    v128.store(codes + (i >> 1), i16x8.narrow_i32x4_s(a, b));
  }
  return sum;
}

/** The same pair by pair, 32 bytes from one to the next. */
// @ts-ignore: decorator
@inline
export function widenPairs(x: usize, count: usize, most: f32, codes: usize, top: f32): void {
  const by = f32x4.splat(most > 0 ? top / most : 0);
  for (let i: usize = 0; i < count << 2; i += 32) {
    const a = wholes(x + i, by);
    const b = wholes(x + i + 16, by);
    const pairs = i16x8.narrow_i32x4_s(a, b);
    const to = codes + (i << 2);
    v128.store_lane<u32>(to, pairs, 0);
    v128.store_lane<u32>(to, pairs, 1, 32);
    v128.store_lane<u32>(to, pairs, 2, 64);
    v128.store_lane<u32>(to, pairs, 3, 96);
  }
}
