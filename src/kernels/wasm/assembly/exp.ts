/** e^x of four f32 at once: 2 to the whole part by its bits, to the rest by a polynomial; relative error below 3e-7. */

/** Added to a number below 2^22 it leaves the nearest whole one in the lowest bits: cheaper than rounding and converting. */
export const TO_WHOLE: f32 = 12582912;

// @ts-ignore: decorator
@inline
export function expF32(x: v128): v128 {
  const magic = f32x4.splat(TO_WHOLE);
  // beyond these 2^n leaves the range of f32
  const bounded = f32x4.pmin(f32x4.pmax(x, f32x4.splat(-87)), f32x4.splat(88));
  const whole = f32x4.add(f32x4.mul(bounded, f32x4.splat(1.44269504)), magic);
  const n = f32x4.sub(whole, magic);
  // ln 2 in two parts: the first times n is exact
  const r = f32x4.add(f32x4.sub(bounded, f32x4.mul(n, f32x4.splat(0.693359375))), f32x4.mul(n, f32x4.splat(2.12194440e-4)));
  let p = f32x4.splat(1.9875691500e-4);
  p = f32x4.add(f32x4.mul(p, r), f32x4.splat(1.3981999507e-3));
  p = f32x4.add(f32x4.mul(p, r), f32x4.splat(8.3334519073e-3));
  p = f32x4.add(f32x4.mul(p, r), f32x4.splat(4.1665795894e-2));
  p = f32x4.add(f32x4.mul(p, r), f32x4.splat(1.6666665459e-1));
  p = f32x4.add(f32x4.mul(p, r), f32x4.splat(5.0000001201e-1));
  const y = f32x4.add(f32x4.add(f32x4.mul(f32x4.mul(p, r), r), r), f32x4.splat(1));
  // the bits of `whole` above n leave at the top
  return f32x4.mul(y, i32x4.shl(i32x4.add(whole, i32x4.splat(127)), 23));
}

/** The largest code of a weight. */
export const TOP_CODE: f32 = 32767;

/** 2^x for x up to 127, of which what lies below -120 counts as that: the whole part by its bits, the rest by a polynomial; relative error below 3e-7. */
// @ts-ignore: decorator
@inline
export function exp2F32(x: v128): v128 {
  const bounded = f32x4.pmax(x, f32x4.splat(-120));
  const whole = f32x4.add(bounded, f32x4.splat(TO_WHOLE));
  const r = f32x4.sub(bounded, f32x4.sub(whole, f32x4.splat(TO_WHOLE)));
  let p = f32x4.splat(1.3276471e-3);
  p = f32x4.add(f32x4.mul(p, r), f32x4.splat(9.6755413e-3));
  p = f32x4.add(f32x4.mul(p, r), f32x4.splat(5.5507133e-2));
  p = f32x4.add(f32x4.mul(p, r), f32x4.splat(2.4022120e-1));
  p = f32x4.add(f32x4.mul(p, r), f32x4.splat(6.9314697e-1));
  p = f32x4.add(f32x4.mul(p, r), f32x4.splat(1.00000007));
  // the bits of `whole` above its number leave at the top
  return i32x4.add(p, i32x4.shl(whole, 23));
}

/** 2^x times the largest code, for x up to 0, before it is rounded: relative error below 3e-6, a tenth of what a code is exact to. */
// @ts-ignore: decorator
@inline
export function exp2Codes(x: v128): v128 {
  const raised: f32 = TO_WHOLE + 15, by: f32 = TOP_CODE / 32768;
  const bounded = f32x4.pmax(x, f32x4.splat(-120));
  const whole = f32x4.add(bounded, f32x4.splat(raised));
  const r = f32x4.sub(bounded, f32x4.sub(whole, f32x4.splat(raised)));
  let p = f32x4.splat(by * 9.5701010e-3);
  p = f32x4.add(f32x4.mul(p, r), f32x4.splat(by * 5.5917860e-2));
  p = f32x4.add(f32x4.mul(p, r), f32x4.splat(by * 2.4024745e-1));
  p = f32x4.add(f32x4.mul(p, r), f32x4.splat(by * 6.9312181e-1));
  p = f32x4.add(f32x4.mul(p, r), f32x4.splat(by * 9.9999926e-1));
  return i32x4.add(p, i32x4.shl(whole, 23));
}

/** 2^x for x up to 0, relative error below 8e-5: a fiftieth of what a weight's code of 7 bits is exact to. */
// @ts-ignore: decorator
@inline
export function exp2Bytes(x: v128): v128 {
  const bounded = f32x4.pmax(x, f32x4.splat(-120));
  const whole = f32x4.add(bounded, f32x4.splat(TO_WHOLE));
  const r = f32x4.sub(bounded, f32x4.sub(whole, f32x4.splat(TO_WHOLE)));
  let p = f32x4.add(f32x4.mul(r, f32x4.splat(5.5171665e-2)), f32x4.splat(2.4261112e-1));
  p = f32x4.add(f32x4.mul(p, r), f32x4.splat(6.9326099e-1));
  p = f32x4.add(f32x4.mul(p, r), f32x4.splat(9.9992807e-1));
  return i32x4.add(p, i32x4.shl(whole, 23));
}

/** cap x tanh(x / cap), which is nearly x where x is small beside the cap. */
// @ts-ignore: decorator
@inline
export function cappedF32(x: v128, cap: f32): v128 {
  const one = f32x4.splat(1);
  const twice = expF32(f32x4.mul(x, f32x4.splat(2 / cap)));
  return f32x4.mul(f32x4.splat(cap), f32x4.sub(one, f32x4.div(f32x4.splat(2), f32x4.add(twice, one))));
}
