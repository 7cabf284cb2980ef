/**
 * Products of weights with activations: out[t][r] = <x[t], row r>. Quantised weights lie in tiles of 4 rows x 32 columns, each row of a
 * tile with an f16 scale, so that they are read as one stream and the sums of four rows are scaled together. Activations are widened to
 * 16 bits once, with a scale for each group of 32: pairs of products are then summed by one instruction.
 */
import { sumF32 } from "./float";
import { dots, sumsOfFour } from "./lanes";
import { linearMany } from "./linear-many";
import { fourHalves, fourPositive, TILE_I8, TILE_U4 } from "./tile";
import { largest, widen, widenPairs } from "./widen";

const GROUP: usize = 32;
const ROWS: usize = 4;
const TOKENS: usize = 4;

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
 * k of 32; no scale negative. room, of several tokens: 8.5 k bytes.
 */
export function linearI8(x: usize, xScales: usize, tokens: usize, tiles: usize, rows: usize, k: usize, out: usize, outStride: usize, onto: bool, room: usize): void {
  if (tokens > 1) return linearMany(x, xScales, tokens, tiles, false, rows, k, out, outStride, onto, room);
  const groups = k / GROUP;
  for (let r: usize = 0; r < rows; r += ROWS) {
    const row = tiles + r / ROWS * groups * TILE_I8;
    putFour(out + (r << 2), oneTokenI8(row, x, xScales, groups), onto);
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
    x += 64;
    xScales += 4;
  }
  return sum;
}

/** 4-bit weights, value = scale x (code - 8). xSums: as `widenActivations` leaves them. The rest as above; scales may be negative. */
export function linearU4(x: usize, xScales: usize, xSums: usize, tokens: usize, tiles: usize, rows: usize, k: usize, out: usize, outStride: usize, onto: bool, room: usize): void {
  if (tokens > 1) return linearMany(x, xScales, tokens, tiles, true, rows, k, out, outStride, onto, room);
  const groups = k / GROUP;
  for (let r: usize = 0; r < rows; r += ROWS) {
    const row = tiles + r / ROWS * groups * TILE_U4;
    putFour(out + (r << 2), oneTokenU4(row, x, xScales, xSums, groups), onto);
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
    x += 64;
    xScales += 4;
    xSums += 4;
  }
  return sum;
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
 * Rows [first, first + count) of a batch of `tokens` as i16 codes, and of each group of 32 its scale and, of one token, 8 x the sum of its
 * values. x: f32 [count x k], the first of these rows. Of one token the groups follow each other; of several, those of four tokens lie
 * together: [16 pairs][4 tokens][2].
 */
export function widenActivations(x: usize, first: usize, count: usize, tokens: usize, k: usize, codes: usize, scales: usize, sums: usize): void {
  const groups = k / GROUP;
  if (tokens == 1) {
    for (let g: usize = 0; g < groups; g++) widenGroup(x + (g << 7), codes + (g << 6), scales + (g << 2), sums + (g << 2));
    return;
  }
  for (let row: usize = 0; row < count; row++) {
    const token = first + row;
    const four = token / TOKENS * groups, lane = token % TOKENS;
    for (let g: usize = 0; g < groups; g++) {
      const from = x + (row * k + g * GROUP << 2);
      const most = largest(from, GROUP);
      widenPairs(from, GROUP, most, codes + (four + g << 8) + (lane << 2));
      store<f32>(scales + (four + g << 4) + (lane << 2), most / 32767);
    }
  }
}

// @ts-ignore: decorator
@inline
function widenGroup(x: usize, codes: usize, scaleAt: usize, sumAt: usize): void {
  const most = largest(x, GROUP);
  const sum = widen(x, GROUP, most, codes);
  const total = i32x4.extract_lane(sum, 0) + i32x4.extract_lane(sum, 1) + i32x4.extract_lane(sum, 2) + i32x4.extract_lane(sum, 3);
  const scale = most / 32767;
  store<f32>(scaleAt, scale);
  store<f32>(sumAt, scale * 8 * <f32>total);
}
