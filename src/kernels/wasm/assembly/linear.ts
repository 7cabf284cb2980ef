/**
 * Products of quantised weights with activations: out[t][r] = <x[t], row r>. Weights lie in tiles of 4 rows x 32 columns, each row of a
 * tile with an f16 scale, so that they are read as one stream and the sums of four rows are scaled together. Activations are widened to
 * 16 bits once, with a scale for each group of 32: pairs of products are then summed by one instruction. They may be rounded to 8 bits and an
 * f16 scale as ggml does it (quantize_row_q8_0), for the same sums.
 */
import { sumF32 } from "./float";
import { roundHalf } from "./half";
import { dots, dotsAt, sumsOfFour } from "./lanes";
import { largest, WIDEST, widen } from "./widen";

const GROUP: usize = 32;
const ROWS: usize = 4;
const TOKENS: usize = 4;
/** Codes of 4 rows, then their scales. */
const TILE_I8: usize = 136;
const TILE_U4: usize = 72;
/** Activations of one token of a group, and of four side by side. */
const X_ONE: usize = 64;
const X_FOUR: usize = 256;

// @ts-ignore: decorator
@inline
function put(at: usize, value: f32, onto: bool): void {
  store<f32>(at, onto ? load<f32>(at) + value : value);
}

// @ts-ignore: decorator
@inline
function putFour(at: usize, value: v128, onto: bool): void {
  v128.store(at, onto ? f32x4.add(v128.load(at), value) : value);
}

/** Four f16 as f32, none of them below the least normal one: exponent and mantissa are moved into place, the exponent gets its bias. */
// @ts-ignore: decorator
@inline
function fourHalves(at: usize): v128 {
  const half = v128.load16x4_u(at);
  const sign = i32x4.shl(i32x4.shr_u(half, 15), 31);
  const value = i32x4.shl(v128.and(half, i32x4.splat(0x7fff)), 13);
  return v128.or(i32x4.add(value, i32x4.splat(0x38000000)), sign);
}

/** The same, none of them negative. */
// @ts-ignore: decorator
@inline
function fourPositive(at: usize): v128 {
  return i32x4.add(i32x4.shl(v128.load16x4_u(at), 13), i32x4.splat(0x38000000));
}

// @ts-ignore: decorator
@inline
function sumsF32(a: v128, b: v128, c: v128, d: v128): v128 {
  return f32x4.convert_i32x4_s(sumsOfFour(a, b, c, d));
}

// @ts-ignore: decorator
@inline
function dotsI8(w: usize, x0: v128, x1: v128, x2: v128, x3: v128): v128 {
  return dots(v128.load8x8_s(w), v128.load8x8_s(w, 8), v128.load8x8_s(w, 16), v128.load8x8_s(w, 24), x0, x1, x2, x3);
}

/** 4-bit codes: nibble p of 16-bit lane j is the code of value 8 p + j. Sums of the second and third are whole multiples of 16 and 256. */
// @ts-ignore: decorator
@inline
function dotsU4(w: usize, x0: v128, x1: v128, x2: v128, x3: v128): v128 {
  const all = v128.load(w);
  const a = i32x4.dot_i16x8_s(v128.and(all, i16x8.splat(0x000f)), x0);
  const b = i32x4.dot_i16x8_s(v128.and(all, i16x8.splat(0x00f0)), x1);
  const c = i32x4.dot_i16x8_s(v128.and(all, i16x8.splat(0x0f00)), x2);
  const d = i32x4.dot_i16x8_s(i16x8.shr_u(all, 12), x3);
  return i32x4.add(i32x4.add(a, d), i32x4.shr_s(i32x4.add(b, i32x4.shr_s(c, 4)), 4));
}

/**
 * int8 weights of one token or of several. x, xScales: as `widenActivations` leaves them; tiles: [rows / 4 x k / 32]; out: f32, `outStride`
 * bytes from one token to the next, room for whole fours of tokens; results are stored, or added `onto` what is there. rows a multiple of 4,
 * k of 32; scales at least the least normal f16.
 */
export function linearI8(x: usize, xScales: usize, tokens: usize, tiles: usize, rows: usize, k: usize, out: usize, outStride: usize, onto: bool): void {
  const groups = k / GROUP;
  for (let r: usize = 0; r < rows; r += ROWS) {
    const row = tiles + r / ROWS * groups * TILE_I8;
    const to = out + (r << 2);
    if (tokens == 1) putFour(to, oneTokenI8(row, x, xScales, groups), onto);
    else for (let t: usize = 0; t < tokens; t += TOKENS) fourTokensI8(row, x + t * (k << 1), xScales + t * (groups << 2), groups, to + t * outStride, outStride, onto);
  }
}

// @ts-ignore: decorator
@inline
function oneTokenI8(w: usize, x: usize, xScales: usize, groups: usize): v128 {
  let sum = f32x4.splat(0);
  for (let g: usize = 0; g < groups; g++) {
    const x0 = v128.load(x), x1 = v128.load(x, 16), x2 = v128.load(x, 32), x3 = v128.load(x, 48);
    const four = sumsF32(dotsI8(w, x0, x1, x2, x3), dotsI8(w + 32, x0, x1, x2, x3), dotsI8(w + 64, x0, x1, x2, x3), dotsI8(w + 96, x0, x1, x2, x3));
    sum = f32x4.add(sum, f32x4.mul(f32x4.mul(four, v128.load32_splat(xScales)), fourPositive(w + 128)));
    w += TILE_I8;
    x += X_ONE;
    xScales += 4;
  }
  return sum;
}

/** A row of a tile and four tokens: the row is widened once for all of them. */
// @ts-ignore: decorator
@inline
function rowFourI8(w: usize, x: usize): v128 {
  const w0 = v128.load8x8_s(w), w1 = v128.load8x8_s(w, 8), w2 = v128.load8x8_s(w, 16), w3 = v128.load8x8_s(w, 24);
  return sumsF32(
    dotsAt(w0, w1, w2, w3, x),
    dotsAt(w0, w1, w2, w3, x + 64),
    dotsAt(w0, w1, w2, w3, x + 128),
    dotsAt(w0, w1, w2, w3, x + 192),
  );
}

// @ts-ignore: decorator
@inline
function lane(v: v128, i: i32): v128 {
  if (i == 0) return i32x4.shuffle(v, v, 0, 0, 0, 0);
  if (i == 1) return i32x4.shuffle(v, v, 1, 1, 1, 1);
  if (i == 2) return i32x4.shuffle(v, v, 2, 2, 2, 2);
  return i32x4.shuffle(v, v, 3, 3, 3, 3);
}

/** Sums by row, a lane for each token, to rows of out. */
// @ts-ignore: decorator
@inline
function putTransposed(a: v128, b: v128, c: v128, d: v128, out: usize, outStride: usize, onto: bool): void {
  const ab0 = i32x4.shuffle(a, b, 0, 4, 1, 5), ab1 = i32x4.shuffle(a, b, 2, 6, 3, 7);
  const cd0 = i32x4.shuffle(c, d, 0, 4, 1, 5), cd1 = i32x4.shuffle(c, d, 2, 6, 3, 7);
  putFour(out, i64x2.shuffle(ab0, cd0, 0, 2), onto);
  putFour(out + outStride, i64x2.shuffle(ab0, cd0, 1, 3), onto);
  putFour(out + 2 * outStride, i64x2.shuffle(ab1, cd1, 0, 2), onto);
  putFour(out + 3 * outStride, i64x2.shuffle(ab1, cd1, 1, 3), onto);
}

// @ts-ignore: decorator
@inline
function fourTokensI8(w: usize, x: usize, xScales: usize, groups: usize, out: usize, outStride: usize, onto: bool): void {
  let a = f32x4.splat(0), b = f32x4.splat(0), c = f32x4.splat(0), d = f32x4.splat(0);
  for (let g: usize = 0; g < groups; g++) {
    const scale = fourPositive(w + 128);
    const by = v128.load(xScales);
    a = f32x4.add(a, f32x4.mul(f32x4.mul(rowFourI8(w, x), by), lane(scale, 0)));
    b = f32x4.add(b, f32x4.mul(f32x4.mul(rowFourI8(w + 32, x), by), lane(scale, 1)));
    c = f32x4.add(c, f32x4.mul(f32x4.mul(rowFourI8(w + 64, x), by), lane(scale, 2)));
    d = f32x4.add(d, f32x4.mul(f32x4.mul(rowFourI8(w + 96, x), by), lane(scale, 3)));
    w += TILE_I8;
    x += X_FOUR;
    xScales += 16;
  }
  putTransposed(a, b, c, d, out, outStride, onto);
}

/** 4-bit weights, value = scale x (code - 8). xSums: as `widenActivations` leaves them. The rest as above; scales may be negative, none nearer to zero. */
export function linearU4(x: usize, xScales: usize, xSums: usize, tokens: usize, tiles: usize, rows: usize, k: usize, out: usize, outStride: usize, onto: bool): void {
  const groups = k / GROUP;
  for (let r: usize = 0; r < rows; r += ROWS) {
    const row = tiles + r / ROWS * groups * TILE_U4;
    const to = out + (r << 2);
    if (tokens == 1) putFour(to, oneTokenU4(row, x, xScales, xSums, groups), onto);
    else for (let t: usize = 0; t < tokens; t += TOKENS) fourTokensU4(row, x + t * (k << 1), xScales + t * (groups << 2), xSums + t * (groups << 2), groups, to + t * outStride, outStride, onto);
  }
}

// @ts-ignore: decorator
@inline
function oneTokenU4(w: usize, x: usize, xScales: usize, xSums: usize, groups: usize): v128 {
  let sum = f32x4.splat(0);
  for (let g: usize = 0; g < groups; g++) {
    const x0 = v128.load(x), x1 = v128.load(x, 16), x2 = v128.load(x, 32), x3 = v128.load(x, 48);
    const four = sumsF32(dotsU4(w, x0, x1, x2, x3), dotsU4(w + 16, x0, x1, x2, x3), dotsU4(w + 32, x0, x1, x2, x3), dotsU4(w + 48, x0, x1, x2, x3));
    const own = f32x4.sub(f32x4.mul(four, v128.load32_splat(xScales)), v128.load32_splat(xSums));
    sum = f32x4.add(sum, f32x4.mul(own, fourHalves(w + 64)));
    w += TILE_U4;
    x += X_ONE;
    xScales += 4;
    xSums += 4;
  }
  return sum;
}

// @ts-ignore: decorator
@inline
function rowFourU4(w: usize, x: usize): v128 {
  const all = v128.load(w);
  const w0 = v128.and(all, i16x8.splat(15)), w1 = v128.and(i16x8.shr_u(all, 4), i16x8.splat(15)), w2 = v128.and(i16x8.shr_u(all, 8), i16x8.splat(15)), w3 = i16x8.shr_u(all, 12);
  return sumsF32(
    dotsAt(w0, w1, w2, w3, x),
    dotsAt(w0, w1, w2, w3, x + 64),
    dotsAt(w0, w1, w2, w3, x + 128),
    dotsAt(w0, w1, w2, w3, x + 192),
  );
}

// @ts-ignore: decorator
@inline
function fourTokensU4(w: usize, x: usize, xScales: usize, xSums: usize, groups: usize, out: usize, outStride: usize, onto: bool): void {
  let a = f32x4.splat(0), b = f32x4.splat(0), c = f32x4.splat(0), d = f32x4.splat(0);
  for (let g: usize = 0; g < groups; g++) {
    const scale = fourHalves(w + 64);
    const by = v128.load(xScales), less = v128.load(xSums);
    a = f32x4.add(a, f32x4.mul(f32x4.sub(f32x4.mul(rowFourU4(w, x), by), less), lane(scale, 0)));
    b = f32x4.add(b, f32x4.mul(f32x4.sub(f32x4.mul(rowFourU4(w + 16, x), by), less), lane(scale, 1)));
    c = f32x4.add(c, f32x4.mul(f32x4.sub(f32x4.mul(rowFourU4(w + 32, x), by), less), lane(scale, 2)));
    d = f32x4.add(d, f32x4.mul(f32x4.sub(f32x4.mul(rowFourU4(w + 48, x), by), less), lane(scale, 3)));
    w += TILE_U4;
    x += X_FOUR;
    xScales += 16;
    xSums += 16;
  }
  putTransposed(a, b, c, d, out, outStride, onto);
}

/**
 * bf16 weights and f32 activations. codes: u16 [rows x k], of eight values the first four in the lower, the last four in the upper
 * halves of four words; x: f32 [tokens x k]. k a multiple of 8.
 */
export function linearB16(x: usize, tokens: usize, codes: usize, rows: usize, k: usize, out: usize, outStride: usize, onto: bool): void {
  const upper = i32x4.splat(0xffff0000);
  const xStride = k << 2;
  for (let r: usize = 0; r < rows; r++) {
    const row = codes + r * (k << 1);
    let t: usize = 0;
    for (; t + TOKENS <= tokens; t += TOKENS) {
      const at = x + t * xStride;
      let s0 = f32x4.splat(0), s1 = f32x4.splat(0), s2 = f32x4.splat(0), s3 = f32x4.splat(0);
      for (let i: usize = 0; i < k; i += 8) {
        const w = v128.load(row + (i << 1));
        const low = i32x4.shl(w, 16);
        const high = v128.and(w, upper);
        const p = at + (i << 2);
        s0 = f32x4.add(s0, f32x4.add(f32x4.mul(low, v128.load(p)), f32x4.mul(high, v128.load(p, 16))));
        const q = p + xStride;
        s1 = f32x4.add(s1, f32x4.add(f32x4.mul(low, v128.load(q)), f32x4.mul(high, v128.load(q, 16))));
        const u = q + xStride;
        s2 = f32x4.add(s2, f32x4.add(f32x4.mul(low, v128.load(u)), f32x4.mul(high, v128.load(u, 16))));
        const v = u + xStride;
        s3 = f32x4.add(s3, f32x4.add(f32x4.mul(low, v128.load(v)), f32x4.mul(high, v128.load(v, 16))));
      }
      const to = out + t * outStride + (r << 2);
      put(to, sumF32(s0), onto);
      put(to + outStride, sumF32(s1), onto);
      put(to + 2 * outStride, sumF32(s2), onto);
      put(to + 3 * outStride, sumF32(s3), onto);
    }
    for (; t < tokens; t++) {
      const at = x + t * xStride;
      let s0 = f32x4.splat(0), s1 = f32x4.splat(0);
      for (let i: usize = 0; i < k; i += 8) {
        const w = v128.load(row + (i << 1));
        s0 = f32x4.add(s0, f32x4.mul(i32x4.shl(w, 16), v128.load(at + (i << 2))));
        s1 = f32x4.add(s1, f32x4.mul(v128.and(w, upper), v128.load(at + (i << 2), 16)));
      }
      put(out + t * outStride + (r << 2), sumF32(f32x4.add(s0, s1)), onto);
    }
  }
}

/**
 * Rows [first, first + count) of a batch of `tokens` as i16 codes, and of each group of 32 its scale and 8 x the sum of its values. x: f32
 * [count x k], the first of these rows. Of one token the groups follow each other; of several, groups of four tokens lie side by side.
 * bytes: codes of 8 bits in the i16, by an f16 scale.
 */
export function widenActivations(x: usize, first: usize, count: usize, tokens: usize, k: usize, codes: usize, scales: usize, sums: usize, bytes: bool): void {
  const groups = k / GROUP;
  const side: usize = tokens == 1 ? 1 : TOKENS;
  for (let row: usize = 0; row < count; row++) {
    const token = first + row;
    // the first group of this token among all
    const at = token / side * side * groups + token % side;
    for (let g: usize = 0; g < groups; g++) {
      const to = at + g * side;
      widenGroup(x + (row * k + g * GROUP << 2), codes + to * X_ONE, scales + (to << 2), sums + (to << 2), bytes);
    }
  }
}

// @ts-ignore: decorator
@inline
function widenGroup(x: usize, codes: usize, scaleAt: usize, sumAt: usize, bytes: bool): void {
  const most = largest(x, GROUP);
  const top: f32 = bytes ? 127 : WIDEST;
  const sum = widen(x, GROUP, most, codes, top);
  const total = i32x4.extract_lane(sum, 0) + i32x4.extract_lane(sum, 1) + i32x4.extract_lane(sum, 2) + i32x4.extract_lane(sum, 3);
  const scale = bytes ? roundHalf(most / top) : most / top;
  store<f32>(scaleAt, scale);
  store<f32>(sumAt, scale * 8 * <f32>total);
}
