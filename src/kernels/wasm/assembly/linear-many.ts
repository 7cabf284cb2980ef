/**
 * Products of quantised weights with the activations of several tokens. Four rows are widened to 16 bits once for all tokens, pair by pair of
 * columns; a lane is a token, so that a pair of a row is spread by the load itself and no sum crosses lanes. A turn of the inner loop is one
 * pair of four rows and eight tokens: its eight sums and what it loads just fit the sixteen registers. Longer turns are slower, since the
 * compiler puts all loads of a turn before its products. The first pair begins the sums, so that nothing is added to zero; those of all groups
 * lie in memory, where the compiler would put them anyway, row by row: in that order it then puts the products of a turn.
 */
import { putTransposed, scaled } from "./lanes";
import { CODES_I8, CODES_U4, codesOf, fourHalves, scalesOf, TILE_I8, TILE_ROWS, TILE_U4 } from "./tile";

/** A group of four rows, widened: 16 pairs of columns, each of four rows; then the rows' scales. */
const WIDE: usize = 272;
/** A group of eight tokens: 16 pairs, each of eight tokens. */
const X_EIGHT: usize = 512;
/** Sums of four rows with eight tokens, f32, behind the widened rows: [row][token]. */
const SUMS: usize = 128;

/** Bytes that a product of so many groups of columns works in. */
// @ts-ignore: decorator
@inline
export function manyRoom(groups: usize): usize {
  return groups * WIDE + SUMS;
}

function widenI8(codes: usize, scales: usize, groups: usize, to: usize): void {
  for (let g: usize = 0; g < groups; g++) {
    for (let i: usize = 0; i < 128; i += 8) v128.store(to + (i << 1), v128.load8x8_s(codes + i));
    v128.store(to, fourHalves(scales), 256);
    codes += TILE_I8;
    scales += TILE_I8;
    to += WIDE;
  }
}

function widenU4(codes: usize, scales: usize, groups: usize, to: usize): void {
  const low = i16x8.splat(15), middle = i16x8.splat(8);
  for (let g: usize = 0; g < groups; g++) {
    for (let i: usize = 0; i < 64; i += 16) {
      const all = v128.load(codes + i);
      const at = to + (i << 2);
      v128.store(at, i16x8.sub(v128.and(all, low), middle));
      v128.store(at, i16x8.sub(v128.and(i16x8.shr_u(all, 4), low), middle), 16);
      v128.store(at, i16x8.sub(v128.and(i16x8.shr_u(all, 8), low), middle), 32);
      v128.store(at, i16x8.sub(i16x8.shr_u(all, 12), middle), 48);
    }
    v128.store(to, fourHalves(scales), 256);
    codes += TILE_U4;
    scales += TILE_U4;
    to += WIDE;
  }
}

/**
 * out[t][r] = <x[t], row r>, stored or added `onto` what is there. x, xScales: as `widenActivations` leaves them for several tokens; tiles of
 * int8 or, `packed`, 4-bit weights, [rows / 8 x k / 32]; out: f32, `outStride` bytes from one token to the next, room for whole fours of
 * tokens. rows a multiple of 8, k of 32. room: manyRoom bytes.
 */
export function linearMany(x: usize, xScales: usize, tokens: usize, tiles: usize, packed: bool, rows: usize, k: usize, out: usize, outStride: usize, onto: bool, room: usize): void {
  const groups = k / 32;
  const size = packed ? TILE_U4 : TILE_I8;
  const xBytes = groups * X_EIGHT, scaleBytes = groups << 5;
  for (let r: usize = 0; r < rows; r += 4) {
    const tile = tiles + r / TILE_ROWS * groups * size;
    if (packed) widenU4(tile + codesOf(r, CODES_U4), tile + scalesOf(r, CODES_U4), groups, room);
    else widenI8(tile + codesOf(r, CODES_I8), tile + scalesOf(r, CODES_I8), groups, room);
    let to = out + (r << 2), from = x, by = xScales, t: usize = 0;
    for (; t + 4 < tokens; t += 8) {
      eightTokens(room, from, by, groups, to, outStride, onto);
      to += outStride << 3;
      from += xBytes;
      by += scaleBytes;
    }
    if (t < tokens) fourTokens(room, from, by, groups, to, outStride, onto);
  }
}

function eightTokens(w: usize, x: usize, xScales: usize, groups: usize, out: usize, outStride: usize, onto: bool): void {
  const sums = w + groups * WIDE;
  memory.fill(sums, 0, SUMS);
  for (let g: usize = 0; g < groups; g++) {
    let a0: v128, a1: v128, a2: v128, a3: v128, b0: v128, b1: v128, b2: v128, b3: v128;
    {
      const p = v128.load(x), q = v128.load(x, 16);
      const y0 = v128.load32_splat(w), y1 = v128.load32_splat(w, 4), y2 = v128.load32_splat(w, 8), y3 = v128.load32_splat(w, 12);
      a0 = i32x4.dot_i16x8_s(y0, p);
      b0 = i32x4.dot_i16x8_s(y0, q);
      a1 = i32x4.dot_i16x8_s(y1, p);
      b1 = i32x4.dot_i16x8_s(y1, q);
      a2 = i32x4.dot_i16x8_s(y2, p);
      b2 = i32x4.dot_i16x8_s(y2, q);
      a3 = i32x4.dot_i16x8_s(y3, p);
      b3 = i32x4.dot_i16x8_s(y3, q);
    }
    const end = w + 256;
    for (w += 16, x += 32; w < end; w += 16, x += 32) {
      const p = v128.load(x), q = v128.load(x, 16);
      const y0 = v128.load32_splat(w), y1 = v128.load32_splat(w, 4), y2 = v128.load32_splat(w, 8), y3 = v128.load32_splat(w, 12);
      a0 = i32x4.add(a0, i32x4.dot_i16x8_s(y0, p));
      b0 = i32x4.add(b0, i32x4.dot_i16x8_s(y0, q));
      a1 = i32x4.add(a1, i32x4.dot_i16x8_s(y1, p));
      b1 = i32x4.add(b1, i32x4.dot_i16x8_s(y1, q));
      a2 = i32x4.add(a2, i32x4.dot_i16x8_s(y2, p));
      b2 = i32x4.add(b2, i32x4.dot_i16x8_s(y2, q));
      a3 = i32x4.add(a3, i32x4.dot_i16x8_s(y3, p));
      b3 = i32x4.add(b3, i32x4.dot_i16x8_s(y3, q));
    }
    const u = v128.load(xScales), v = v128.load(xScales, 16);
    const y0 = v128.load32_splat(w, 0);
    v128.store(sums, scaled(v128.load(sums, 0), a0, u, y0), 0);
    v128.store(sums, scaled(v128.load(sums, 16), b0, v, y0), 16);
    const y1 = v128.load32_splat(w, 4);
    v128.store(sums, scaled(v128.load(sums, 32), a1, u, y1), 32);
    v128.store(sums, scaled(v128.load(sums, 48), b1, v, y1), 48);
    const y2 = v128.load32_splat(w, 8);
    v128.store(sums, scaled(v128.load(sums, 64), a2, u, y2), 64);
    v128.store(sums, scaled(v128.load(sums, 80), b2, v, y2), 80);
    const y3 = v128.load32_splat(w, 12);
    v128.store(sums, scaled(v128.load(sums, 96), a3, u, y3), 96);
    v128.store(sums, scaled(v128.load(sums, 112), b3, v, y3), 112);
    w += 16;
    xScales += 32;
  }
  putTransposed(v128.load(sums), v128.load(sums, 32), v128.load(sums, 64), v128.load(sums, 96), out, outStride, onto);
  putTransposed(v128.load(sums, 16), v128.load(sums, 48), v128.load(sums, 80), v128.load(sums, 112), out + (outStride << 2), outStride, onto);
}

/** The same of the first four of eight tokens. */
function fourTokens(w: usize, x: usize, xScales: usize, groups: usize, out: usize, outStride: usize, onto: bool): void {
  let s0 = f32x4.splat(0), s1 = f32x4.splat(0), s2 = f32x4.splat(0), s3 = f32x4.splat(0);
  for (let g: usize = 0; g < groups; g++) {
    let a0 = i32x4.splat(0), a1 = i32x4.splat(0), a2 = i32x4.splat(0), a3 = i32x4.splat(0);
    const end = w + 256;
    for (; w < end; w += 16) {
      const p = v128.load(x);
      a0 = i32x4.add(a0, i32x4.dot_i16x8_s(v128.load32_splat(w), p));
      a1 = i32x4.add(a1, i32x4.dot_i16x8_s(v128.load32_splat(w, 4), p));
      a2 = i32x4.add(a2, i32x4.dot_i16x8_s(v128.load32_splat(w, 8), p));
      a3 = i32x4.add(a3, i32x4.dot_i16x8_s(v128.load32_splat(w, 12), p));
      x += 32;
    }
    const p = v128.load(xScales);
    s0 = scaled(s0, a0, p, v128.load32_splat(w));
    s1 = scaled(s1, a1, p, v128.load32_splat(w, 4));
    s2 = scaled(s2, a2, p, v128.load32_splat(w, 8));
    s3 = scaled(s3, a3, p, v128.load32_splat(w, 12));
    w += 16;
    xScales += 32;
  }
  putTransposed(s0, s1, s2, s3, out, outStride, onto);
}
