/** Half precision numbers, all finite ones exactly. */

/** Four f16, each an i32 of the same sign, as f32: exponents lack 112 of what f32 has, and a product puts that right of the least ones too. */
// @ts-ignore: decorator
@inline
function widened(half: v128): v128 {
  const moved = v128.and(i32x4.shl(half, 13), i32x4.splat(0x8fffffff));
  return f32x4.mul(moved, f32x4.splat(reinterpret<f32>(0x77800000)));
}

/** Four f16 as f32. */
// @ts-ignore: decorator
@inline
export function fromHalves(at: usize): v128 {
  return widened(v128.load16x4_s(at));
}

/** Four f32 as f16 in the lower halves: to nearest, ties to even; beyond the range the largest finite half. */
// @ts-ignore: decorator
@inline
export function toHalves(x: v128): v128 {
  const size = f32x4.pmin(f32x4.abs(x), f32x4.splat(65504));
  const odd = v128.and(i32x4.shr_u(size, 13), i32x4.splat(1));
  const normal = i32x4.sub(i32x4.shr_u(i32x4.add(size, i32x4.add(odd, i32x4.splat(0xfff))), 13), i32x4.splat(112 << 10));
  // beside a half the last bit of an f32 is worth what the last one of the least halves is
  const small = i32x4.sub(f32x4.add(size, f32x4.splat(0.5)), f32x4.splat(0.5));
  const half = v128.bitselect(small, normal, f32x4.lt(size, f32x4.splat(6.103515625e-5)));
  return v128.or(half, v128.and(i32x4.shr_u(x, 16), i32x4.splat(0x8000)));
}

/** The nearest half of a number, as f32. */
// @ts-ignore: decorator
@inline
export function roundHalf(value: f32): f32 {
  return f32x4.extract_lane(widened(i32x4.extend_low_i16x8_s(toHalves(f32x4.splat(value)))), 0);
}

/** `count` f16, a multiple of 4, as f32. */
export function readHalves(from: usize, count: usize, to: usize): void {
  for (let i: usize = 0; i < count; i += 4) v128.store(to + (i << 2), fromHalves(from + (i << 1)));
}

/** `count` f32, a multiple of 8, as f16. */
export function writeHalves(from: usize, count: usize, to: usize): void {
  for (let i: usize = 0; i < count; i += 8) {
    const a = toHalves(v128.load(from + (i << 2))), b = toHalves(v128.load(from + (i << 2), 16));
    v128.store(to + (i << 1), i8x16.shuffle(a, b, 0, 1, 4, 5, 8, 9, 12, 13, 16, 17, 20, 21, 24, 25, 28, 29));
  }
}
