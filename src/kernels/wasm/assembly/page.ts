/**
 * Pages of a KV cache: keys and values of 64 slots of one head, by one of seven codecs.
 * f32: as they are. f16: as the nearest halves. int8: a scale for each slot. affine4, affine2: keys by channel, values by slot (Liu et al., KIVI: A Tuning-Free
 * Asymmetric 2bit Quantization for KV Cache, 2024). lloyd4, lloyd2: for rows turned by a Hadamard transform; what is left of them after
 * the page's mean is near to normal, so that its levels are those of Lloyd and Max (Zandieh et al., TurboQuant, 2025).
 * Codes of fewer bits become those of an int8 page before they are used, halves become f32: a page's queries share the work.
 */
import { readHalves } from "./half";

/** Slots of a page. */
export const PAGE_SLOTS: usize = 64;
/** Bytes of a page table's entry: where keys, values and the slots' bias lie (0: none), and the codec. */
export const ENTRY: usize = 16;

export const F32: i32 = 0;
export const INT8: i32 = 1;
export const AFFINE4: i32 = 2;
export const AFFINE2: i32 = 3;
export const LLOYD4: i32 = 4;
export const LLOYD2: i32 = 5;
export const F16: i32 = 6;

// @ts-ignore: decorator
@inline
export function isAffine(codec: i32): bool {
  return codec == AFFINE4 || codec == AFFINE2;
}

// @ts-ignore: decorator
@inline
export function bitsOf(codec: i32): usize {
  return codec == AFFINE2 || codec == LLOYD2 ? 2 : 4;
}

/** Bytes of the codes of a page's keys, or values. */
// @ts-ignore: decorator
@inline
export function codeBytes(codec: i32, dim: usize): usize {
  return PAGE_SLOTS * dim * bitsOf(codec) / 8;
}

/** Optimal levels of 16 and of 4 for a normal variable (Max, Quantizing for Minimum Distortion, 1960), the largest as 127. */
// @ts-ignore: decorator
@inline
export function levelsOf(codec: i32): v128 {
  if (codec == LLOYD4) return i8x16(-127, -96, -75, -58, -44, -31, -18, -6, 6, 18, 31, 44, 58, 75, 96, 127);
  if (codec == LLOYD2) return i8x16(-127, -38, 38, 127, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0);
  return i8x16(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
}

/** The largest level in standard deviations. */
// @ts-ignore: decorator
@inline
export function widest(codec: i32): f32 {
  return codec == LLOYD2 ? 1.5104 : 2.7326;
}

/** Codes of a page as levels, i8: of 4 bits byte i of 16 holds codes i and i + 16, of 2 bits codes i, i + 16, i + 32 and i + 48. */
export function unpack(codec: i32, from: usize, dim: usize, to: usize): void {
  const levels = levelsOf(codec);
  const end = from + codeBytes(codec, dim);
  if (bitsOf(codec) == 4) {
    const low = i8x16.splat(15);
    for (; from < end; from += 16, to += 32) {
      const both = v128.load(from);
      v128.store(to, i8x16.swizzle(levels, v128.and(both, low)));
      v128.store(to, i8x16.swizzle(levels, i8x16.shr_u(both, 4)), 16);
    }
    return;
  }
  const low = i8x16.splat(3);
  for (; from < end; from += 16, to += 64) {
    const four = v128.load(from);
    v128.store(to, i8x16.swizzle(levels, v128.and(four, low)));
    v128.store(to, i8x16.swizzle(levels, v128.and(i8x16.shr_u(four, 2), low)), 16);
    v128.store(to, i8x16.swizzle(levels, v128.and(i8x16.shr_u(four, 4), low)), 32);
    v128.store(to, i8x16.swizzle(levels, i8x16.shr_u(four, 6)), 48);
  }
}

/** `count` bf16, a multiple of 8, as f32. */
// @ts-ignore: decorator
@inline
export function fromB16(from: usize, count: usize, to: usize): void {
  for (let i: usize = 0; i < count; i += 8) {
    const some = v128.load(from + (i << 1));
    v128.store(to + (i << 2), i32x4.shl(i32x4.extend_low_i16x8_u(some), 16));
    v128.store(to + (i << 2), i32x4.shl(i32x4.extend_high_i16x8_u(some), 16), 16);
  }
}

/**
 * Where the parts of an expanded page lie behind `room`: keys i8 [slots x dim] and their scales, values i8 [dim x slots] and their scales as
 * in an int8 page; then what multiplies the channels of a query (affine), what is added to a row of keys (affine: the least of a channel,
 * lloyd: the mean), the same of values (affine: of a slot, lloyd: of a channel); then a query times the steps and the codes of three such.
 */
// @ts-ignore: decorator
@inline
export function valuesIn(room: usize, dim: usize): usize {
  return room + PAGE_SLOTS * (dim + 4);
}
// @ts-ignore: decorator
@inline
export function stepsIn(room: usize, dim: usize): usize {
  return valuesIn(room, dim) + PAGE_SLOTS * (dim + 4);
}
// @ts-ignore: decorator
@inline
export function keyBasesIn(room: usize, dim: usize): usize {
  return stepsIn(room, dim) + (dim << 2);
}
// @ts-ignore: decorator
@inline
export function valueBasesIn(room: usize, dim: usize): usize {
  return keyBasesIn(room, dim) + (dim << 2);
}
// @ts-ignore: decorator
@inline
export function queryIn(room: usize, dim: usize): usize {
  return valueBasesIn(room, dim) + (max(dim, PAGE_SLOTS) << 2);
}

/** The codes of query `i` of three behind what they are made from. */
// @ts-ignore: decorator
@inline
export function codesIn(room: usize, dim: usize, i: usize): usize {
  return queryIn(room, dim) + (dim << 2) + i * (dim << 1);
}

/** Where the values of an expanded page of halves lie behind `room`: keys and values f32 [slots x dim]. */
// @ts-ignore: decorator
@inline
export function wideValuesIn(room: usize, dim: usize): usize {
  return room + (PAGE_SLOTS * dim << 2);
}

/** Expands a page that is neither of f32 nor of int8. room: `expandedBytes` or, of halves, `widenedBytes` of kernels/program.ts. */
export function expand(codec: i32, keys: usize, values: usize, dim: usize, room: usize): void {
  if (codec == F16) {
    readHalves(keys, PAGE_SLOTS * dim, room);
    readHalves(values, PAGE_SLOTS * dim, wideValuesIn(room, dim));
    return;
  }
  const to = valuesIn(room, dim);
  unpack(codec, keys, dim, room);
  unpack(codec, values, dim, to);
  const key = keys + codeBytes(codec, dim), value = values + codeBytes(codec, dim);
  const keyScales = room + PAGE_SLOTS * dim;
  fromB16(value, PAGE_SLOTS, to + PAGE_SLOTS * dim);
  if (isAffine(codec)) {
    for (let s: usize = 0; s < PAGE_SLOTS << 2; s += 16) v128.store(keyScales + s, f32x4.splat(1));
    fromB16(key, dim, stepsIn(room, dim));
    fromB16(key + (dim << 1), dim, keyBasesIn(room, dim));
    fromB16(value + (PAGE_SLOTS << 1), PAGE_SLOTS, valueBasesIn(room, dim));
  } else {
    fromB16(key, PAGE_SLOTS, keyScales);
    fromB16(key + (PAGE_SLOTS << 1), dim, keyBasesIn(room, dim));
    fromB16(value + (PAGE_SLOTS << 1), dim, valueBasesIn(room, dim));
  }
}
