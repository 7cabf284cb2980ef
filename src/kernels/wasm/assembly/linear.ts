/**
 * Products of weights with activations: out[t][r] = <x[t], row r>. Quantised weights lie in tiles of 8 rows x 32 columns, each row of a
 * tile with an f16 scale, so that they are read in few streams, what is loaded of the activations serves many rows, and the sums of four are scaled together. Activations are widened to
 * 16 bits once, with a scale for each group of 32: pairs of products are then summed by one instruction. They may be rounded to 8 bits and an
 * f16 scale as ggml does it (quantize_row_q8_0), for the same sums.
 */
import { sumF32 } from "./float";
import { roundHalf } from "./half";
import { putEight, putFour, scaled } from "./lanes";
import { putBytes } from "./linear-bytes";
import { linearMany } from "./linear-many";
import { CODES_I8, CODES_U4, codesOf, fourHalves, fourPositive, halvesBias, scalesOf, TILE_I8, TILE_ROWS, TILE_U4 } from "./tile";
import { largest, WIDEST, widen, widenPairs } from "./widen";

const GROUP: usize = 32;
const ROWS: usize = 4;
const TOKENS: usize = 4;
/** Tokens whose codes lie together. */
const EIGHT: usize = 8;

// @ts-ignore: decorator
@inline
function put(at: usize, value: f32, onto: bool): void {
  store<f32>(at, onto ? load<f32>(at) + value : value);
}

/**
 * int8 weights of one token or of several. x, xScales: as `widenActivations` leaves them; tiles: [rows / 8 x k / 32]; out: f32, `outStride`
 * bytes from one token to the next, room for whole fours of tokens; results are stored, or added `onto` what is there. rows a multiple of 8,
 * k of 32; no scale negative. room, of several tokens: manyRoom bytes.
 */
export function linearI8(x: usize, xScales: usize, tokens: usize, tiles: usize, rows: usize, k: usize, out: usize, outStride: usize, onto: bool, room: usize): void {
  if (tokens > 1) return linearMany(x, xScales, tokens, tiles, false, rows, k, out, outStride, onto, room);
  const groups = k / GROUP;
  const blocks = rows / TILE_ROWS, many = blocks >> 2, block = groups * TILE_I8;
  for (let r: usize = 0; r < many; r++) fourBlocksI8(tiles + r * block, many * block, x, xScales, groups, out + (r << 5), many << 5, onto);
  for (let r = many << 2; r < blocks; r++) eightRowsI8(tiles + r * block, x, xScales, groups, out + (r << 5), onto);
}

// @ts-ignore: decorator
@inline
function dotI8(sum: v128, w: usize, x: v128): v128 {
  return i32x4.add(sum, i32x4.dot_i16x8_s(v128.load8x8_s(w), x));
}

function eightRowsI8(w: usize, x: usize, xScales: usize, groups: usize, out: usize, onto: bool): void {
  const bias = halvesBias();
  let s0 = f32x4.splat(0), s1 = s0;
  for (const end = w + groups * TILE_I8; w < end;) {
    let a = i32x4.splat(0), b = a;
    for (const codes = w + CODES_I8; w < codes; w += 32) {
      const x0 = v128.load32_splat(x), x1 = v128.load32_splat(x, 4), x2 = v128.load32_splat(x, 8), x3 = v128.load32_splat(x, 12);
      a = dotI8(dotI8(dotI8(dotI8(a, w, x0), w + 8, x1), w + 16, x2), w + 24, x3);
      b = dotI8(dotI8(dotI8(dotI8(b, w + 128, x0), w + 136, x1), w + 144, x2), w + 152, x3);
      x += 16;
    }
    w += CODES_I8;
    const scale = v128.load32_splat(xScales);
    s0 = scaled(s0, a, scale, fourPositive(w, bias));
    s1 = scaled(s1, b, scale, fourPositive(w + 8, bias));
    w += 16;
    xScales += 4;
  }
  putEight(out, s0, s1, onto);
}

/**
 * Four times eight rows, `apart` bytes from each other: four streams of memory. A stream comes to a halt at each end of a page of the system, where
 * addresses are translated and prefetchers begin anew; others flow meanwhile. outApart: bytes between the results.
 */
function fourBlocksI8(w: usize, apart: usize, x: usize, xScales: usize, groups: usize, out: usize, outApart: usize, onto: bool): void {
  const bias = halvesBias();
  let s0 = f32x4.splat(0), s1 = s0, s2 = s0, s3 = s0, s4 = s0, s5 = s0, s6 = s0, s7 = s0;
  for (const end = w + groups * TILE_I8; w < end;) {
    let a = i32x4.splat(0), b = a, c = a, d = a, e = a, f = a, g = a, h = a;
    let v = w + apart, u = v + apart, t = u + apart;
    for (const codes = w + CODES_I8; w < codes; w += 8, v += 8, u += 8, t += 8, x += 4) {
      const x0 = v128.load32_splat(x);
      a = dotI8(a, w, x0);
      b = dotI8(b, w + 128, x0);
      c = dotI8(c, v, x0);
      d = dotI8(d, v + 128, x0);
      e = dotI8(e, u, x0);
      f = dotI8(f, u + 128, x0);
      g = dotI8(g, t, x0);
      h = dotI8(h, t + 128, x0);
    }
    w += CODES_I8;
    v += CODES_I8;
    u += CODES_I8;
    t += CODES_I8;
    const scale = v128.load32_splat(xScales);
    s0 = scaled(s0, a, scale, fourPositive(w, bias));
    s1 = scaled(s1, b, scale, fourPositive(w + 8, bias));
    s2 = scaled(s2, c, scale, fourPositive(v, bias));
    s3 = scaled(s3, d, scale, fourPositive(v + 8, bias));
    s4 = scaled(s4, e, scale, fourPositive(u, bias));
    s5 = scaled(s5, f, scale, fourPositive(u + 8, bias));
    s6 = scaled(s6, g, scale, fourPositive(t, bias));
    s7 = scaled(s7, h, scale, fourPositive(t + 8, bias));
    w += 16;
    xScales += 4;
  }
  putEight(out, s0, s1, onto);
  putEight(out + outApart, s2, s3, onto);
  putEight(out + 2 * outApart, s4, s5, onto);
  putEight(out + 3 * outApart, s6, s7, onto);
}

/** 4-bit weights, value = scale x (code - 8). xSums: as `widenActivations` leaves them. The rest as above; scales may be negative. */
export function linearU4(x: usize, xScales: usize, xSums: usize, tokens: usize, tiles: usize, rows: usize, k: usize, out: usize, outStride: usize, onto: bool, room: usize): void {
  if (tokens > 1) return linearMany(x, xScales, tokens, tiles, true, rows, k, out, outStride, onto, room);
  const groups = k / GROUP;
  for (let r: usize = 0; r < rows; r += ROWS) {
    const tile = tiles + r / TILE_ROWS * groups * TILE_U4;
    fourRowsU4(tile + codesOf(r, CODES_U4), tile + scalesOf(r, CODES_U4), x, xScales, xSums, groups, out + (r << 2), onto);
  }
}

/** Masks of the first three of four codes of a word. Loaded, since the compiler makes constants anew at each use. */
const MASKS = memory.data<u16>([0x000f, 0x00f0, 0x0f00]);

/** The second and the third of four codes of a word are multiplied where they stand: their sums are whole multiples of 16 and of 256. */
// @ts-ignore: decorator
@inline
function joined(a: v128, b: v128, c: v128): v128 {
  return f32x4.convert_i32x4_s(i32x4.add(a, i32x4.shr_s(i32x4.add(b, i32x4.shr_s(c, 4)), 4)));
}

function fourRowsU4(w: usize, scales: usize, x: usize, xScales: usize, xSums: usize, groups: usize, out: usize, onto: bool): void {
  const m0 = v128.load16_splat(MASKS), m1 = v128.load16_splat(MASKS, 2), m2 = v128.load16_splat(MASKS, 4);
  let sum = f32x4.splat(0);
  for (let g: usize = 0; g < groups; g++) {
    let a = i32x4.splat(0), b = i32x4.splat(0), c = i32x4.splat(0);
    for (const end = x + 64; x < end; x += 16) {
      const all = v128.load(w);
      a = i32x4.add(a, i32x4.dot_i16x8_s(v128.and(all, m0), v128.load32_splat(x)));
      b = i32x4.add(b, i32x4.dot_i16x8_s(v128.and(all, m1), v128.load32_splat(x, 4)));
      c = i32x4.add(c, i32x4.dot_i16x8_s(v128.and(all, m2), v128.load32_splat(x, 8)));
      a = i32x4.add(a, i32x4.dot_i16x8_s(i16x8.shr_u(all, 12), v128.load32_splat(x, 12)));
      w += 16;
    }
    sum = f32x4.add(sum, f32x4.mul(f32x4.sub(f32x4.mul(joined(a, b, c), v128.load32_splat(xScales)), v128.load32_splat(xSums)), fourHalves(scales)));
    w += TILE_U4 - CODES_U4;
    scales += TILE_U4;
    xScales += 4;
    xSums += 4;
  }
  putFour(out, sum, onto);
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

/** How activations are rounded: to 16 bits, to 8 bits in 16 by an f16 scale, to the same as bytes (linear-bytes.ts). */
const BYTES: i32 = 2;

/**
 * Rows [first, first + count) of a batch of `tokens` as i16 codes, and of each group of 32 its scale and, of one token, 8 x the sum of its
 * values. x: f32 [count x k], the first of these rows. Of one token the groups follow each other; of several, those of eight tokens lie
 * together: [16 pairs][8 tokens][2]. form 1: codes of 8 bits in the i16, by an f16 scale; 2: the same as bytes, and of several tokens what
 * their sums begin at, two i16 each.
 */
export function widenActivations(x: usize, first: usize, count: usize, tokens: usize, k: usize, codes: usize, scales: usize, sums: usize, form: i32): void {
  const groups = k / GROUP;
  const top: f32 = form ? 127 : WIDEST;
  if (tokens == 1) {
    for (let g: usize = 0; g < groups; g++) {
      const from = x + (g << 7), most = largest(from, GROUP), scale = scaleOf(most, form);
      const total = sumOf(form == BYTES ? i32x4.extadd_pairwise_i16x8_s(putBytes(from, most > 0 ? top / most : 0, codes + (g << 5), 4)) : widen(from, GROUP, most, codes + (g << 6), top));
      store<f32>(scales + (g << 2), scale);
      store<f32>(sums + (g << 2), scale * 8 * <f32>total);
    }
    return;
  }
  for (let row: usize = 0; row < count; row++) {
    const token = first + row;
    const eight = token / EIGHT * groups, lane = token % EIGHT << 2;
    for (let g: usize = 0; g < groups; g++) {
      const from = x + (row * k + g * GROUP << 2);
      const most = largest(from, GROUP);
      const about = (eight + g << 5) + lane;
      if (form == BYTES) v128.store32_lane(sums + about, shiftOf(putBytes(from, most > 0 ? top / most : 0, codes + (eight + g << 8) + lane, 32)), 0);
      else widenPairs(from, GROUP, most, codes + (eight + g << 9) + lane, top);
      store<f32>(scales + about, scaleOf(most, form));
    }
  }
}

// @ts-ignore: decorator
@inline
function scaleOf(most: f32, form: i32): f32 {
  return form ? roundHalf(most / 127) : most / WIDEST;
}

/** What sums of codes times weights of 0 to 15 begin at where these stand for -8 to 7: -8 x the sums of all even and of all odd lanes, in the first two. */
// @ts-ignore: decorator
@inline
function shiftOf(sums: v128): v128 {
  const halves = i16x8.add(sums, i64x2.shr_u(sums, 32));
  return i16x8.neg(i16x8.shl(i16x8.add(halves, v128.shuffle<i16>(halves, halves, 4, 5, 4, 5, 4, 5, 4, 5)), 3));
}

// @ts-ignore: decorator
@inline
function sumOf(sum: v128): i32 {
  return i32x4.extract_lane(sum, 0) + i32x4.extract_lane(sum, 1) + i32x4.extract_lane(sum, 2) + i32x4.extract_lane(sum, 3);
}
