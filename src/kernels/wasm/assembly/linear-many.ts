/**
 * Products of quantised weights with the activations of several tokens. Four rows are widened to 16 bits once for all tokens, pair by pair of
 * columns; a lane is a token, so that a pair of a row is spread by the load itself and no sum crosses lanes. A turn of the inner loop is one
 * pair of four rows and eight tokens: its eight sums and what it loads just fit the sixteen registers. Longer turns are slower, since the
 * compiler puts all loads of a turn before its products.
 */
import { putTransposed, scaled } from "./lanes";
import { CODES_I8, CODES_U4, codesOf, fourHalves, scalesOf, TILE_I8, TILE_ROWS, TILE_U4 } from "./tile";

/** A group of four rows, widened: 16 pairs of columns, each of four rows; then the rows' scales. */
const WIDE: usize = 272;
/** A group of four tokens: 16 pairs, each of four tokens. */
const X_FOUR: usize = 256;

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
 * tokens. rows a multiple of 8, k of 32. room: 8.5 k bytes.
 */
export function linearMany(x: usize, xScales: usize, tokens: usize, tiles: usize, packed: bool, rows: usize, k: usize, out: usize, outStride: usize, onto: bool, room: usize): void {
  const groups = k / 32;
  const size = packed ? TILE_U4 : TILE_I8;
  const xBytes = groups * X_FOUR, scaleBytes = groups << 4;
  const fours = (tokens + 3) / 4;
  for (let r: usize = 0; r < rows; r += 4) {
    const tile = tiles + r / TILE_ROWS * groups * size;
    if (packed) widenU4(tile + codesOf(r, CODES_U4), tile + scalesOf(r, CODES_U4), groups, room);
    else widenI8(tile + codesOf(r, CODES_I8), tile + scalesOf(r, CODES_I8), groups, room);
    let to = out + (r << 2);
    let four: usize = 0;
    for (; four + 2 <= fours; four += 2) {
      eightTokens(room, x + four * xBytes, xBytes, xScales + four * scaleBytes, scaleBytes, groups, to, outStride, onto);
      to += outStride << 3;
    }
    if (four < fours) fourTokens(room, x + four * xBytes, xScales + four * scaleBytes, groups, to, outStride, onto);
  }
}

function eightTokens(w: usize, x: usize, xBytes: usize, xScales: usize, scaleBytes: usize, groups: usize, out: usize, outStride: usize, onto: bool): void {
  let s0 = f32x4.splat(0), s1 = f32x4.splat(0), s2 = f32x4.splat(0), s3 = f32x4.splat(0);
  let t0 = f32x4.splat(0), t1 = f32x4.splat(0), t2 = f32x4.splat(0), t3 = f32x4.splat(0);
  for (let g: usize = 0; g < groups; g++) {
    let a0 = i32x4.splat(0), a1 = i32x4.splat(0), a2 = i32x4.splat(0), a3 = i32x4.splat(0);
    let b0 = i32x4.splat(0), b1 = i32x4.splat(0), b2 = i32x4.splat(0), b3 = i32x4.splat(0);
    const end = w + 256;
    for (; w < end; w += 16) {
      const p = v128.load(x), q = v128.load(x + xBytes);
      const y0 = v128.load32_splat(w), y1 = v128.load32_splat(w, 4), y2 = v128.load32_splat(w, 8), y3 = v128.load32_splat(w, 12);
      a0 = i32x4.add(a0, i32x4.dot_i16x8_s(y0, p));
      b0 = i32x4.add(b0, i32x4.dot_i16x8_s(y0, q));
      a1 = i32x4.add(a1, i32x4.dot_i16x8_s(y1, p));
      b1 = i32x4.add(b1, i32x4.dot_i16x8_s(y1, q));
      a2 = i32x4.add(a2, i32x4.dot_i16x8_s(y2, p));
      b2 = i32x4.add(b2, i32x4.dot_i16x8_s(y2, q));
      a3 = i32x4.add(a3, i32x4.dot_i16x8_s(y3, p));
      b3 = i32x4.add(b3, i32x4.dot_i16x8_s(y3, q));
      x += 16;
    }
    const p = v128.load(xScales), q = v128.load(xScales + scaleBytes);
    s0 = scaled(s0, a0, p, w);
    s1 = scaled(s1, a1, p, w + 4);
    s2 = scaled(s2, a2, p, w + 8);
    s3 = scaled(s3, a3, p, w + 12);
    t0 = scaled(t0, b0, q, w);
    t1 = scaled(t1, b1, q, w + 4);
    t2 = scaled(t2, b2, q, w + 8);
    t3 = scaled(t3, b3, q, w + 12);
    w += 16;
    xScales += 16;
  }
  putTransposed(s0, s1, s2, s3, out, outStride, onto);
  putTransposed(t0, t1, t2, t3, out + (outStride << 2), outStride, onto);
}

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
      x += 16;
    }
    const p = v128.load(xScales);
    s0 = scaled(s0, a0, p, w);
    s1 = scaled(s1, a1, p, w + 4);
    s2 = scaled(s2, a2, p, w + 8);
    s3 = scaled(s3, a3, p, w + 12);
    w += 16;
    xScales += 16;
  }
  putTransposed(s0, s1, s2, s3, out, outStride, onto);
}
