/**
 * Products of 4-bit weights with activations of 8 bits, by the products of bytes of relaxed SIMD: one instruction sums the products of 16 pairs,
 * twice as many as of 16 bits. The weights' codes, 0 to 15, are the operand of 7 bits for which it is exact on all machines; a group of 32 columns
 * sums to at most 16 x 15 x 127 in a lane, which fits 16 bits. So sums are to the bit those of `linearU4` with the same codes.
 */
import { dotBytes as dot } from "./byte-dot";
import { putEight, putTransposed, scaled } from "./lanes";
import { CODES_U4, codesOf, fourHalves, halvesBias, halvesMask, scalesOf, TILE_ROWS, TILE_U4 } from "./tile";
import { wholes } from "./widen";

const GROUP: usize = 32;
/** Bytes of a group of four rows, and of eight tokens: eight times four columns of each. */
const FOUR: usize = 128;
const X_EIGHT: usize = 256;
/** A group of four rows, widened, then the rows' scales. */
const WIDE: usize = 144;

/** The even or the odd halves of eight columns of four rows: of each two even and two odd columns. */
// @ts-ignore: decorator
@inline
function lower(all: v128): v128 {
  return v128.and(all, i8x16.splat(15));
}

// @ts-ignore: decorator
@inline
function upper(all: v128): v128 {
  return v128.and(i16x8.shr_u(all, 4), i8x16.splat(15));
}

/**
 * 4-bit weights, value = scale x (code - 8), as `linearU4`. x, xScales, xSums: as `widenActivations` leaves bytes; room, of several tokens: 4.5 k bytes.
 */
export function linearBytes(x: usize, xScales: usize, xSums: usize, tokens: usize, tiles: usize, rows: usize, k: usize, out: usize, outStride: usize, onto: bool, room: usize): void {
  const groups = k / GROUP;
  if (tokens > 1) return linearMany(x, xScales, xSums, tokens, tiles, rows, groups, out, outStride, onto, room);
  const blocks = rows / TILE_ROWS, many = blocks >> 2, block = groups * TILE_U4;
  for (let r: usize = 0; r < many; r++) fourBlocks(tiles + r * block, many * block, x, xScales, xSums, groups, out + (r << 5), many << 5, onto);
  for (let r = many << 2; r < blocks; r++) eightRows(tiles + r * block, x, xScales, xSums, groups, out + (r << 5), onto);
}

/** The lower halves of a vector's bytes. Loaded, since the compiler makes constants anew at each use. */
const LOWER = memory.data<u32>([0x0f0f0f0f]);

function eightRows(w: usize, x: usize, xScales: usize, xSums: usize, groups: usize, out: usize, onto: bool): void {
  const mask = v128.load32_splat(LOWER), ofHalves = halvesMask(), bias = halvesBias();
  let s0 = f32x4.splat(0), s1 = s0;
  for (const end = w + groups * TILE_U4; w < end;) {
    let a = i16x8.splat(0), b = a;
    for (const codes = w + CODES_U4; w < codes; w += 16, x += 8) {
      const y = v128.load32_splat(x), z = v128.load32_splat(x, 4);
      a = both(a, v128.load(w), y, z, mask);
      b = both(b, v128.load(w, 64), y, z, mask);
    }
    w += CODES_U4;
    const scale = v128.load32_splat(xScales), shift = v128.load32_splat(xSums);
    s0 = f32x4.add(s0, f32x4.mul(shifted(a, scale, shift), fourHalves(w, ofHalves, bias)));
    s1 = f32x4.add(s1, f32x4.mul(shifted(b, scale, shift), fourHalves(w + 8, ofHalves, bias)));
    w += 16;
    xScales += 4;
    xSums += 4;
  }
  putEight(out, s0, s1, onto);
}

/** Four times eight rows, `apart` bytes from each other: four streams of memory, as in `linearI8`. outApart: bytes between the results. */
function fourBlocks(w: usize, apart: usize, x: usize, xScales: usize, xSums: usize, groups: usize, out: usize, outApart: usize, onto: bool): void {
  const mask = v128.load32_splat(LOWER), ofHalves = halvesMask(), bias = halvesBias();
  let s0 = f32x4.splat(0), s1 = s0, s2 = s0, s3 = s0, s4 = s0, s5 = s0, s6 = s0, s7 = s0;
  for (const end = w + groups * TILE_U4; w < end;) {
    let a = i16x8.splat(0), b = a, c = a, d = a, e = a, f = a, g = a, h = a;
    let v = w + apart, u = v + apart, t = u + apart;
    for (const codes = w + CODES_U4; w < codes; w += 16, v += 16, u += 16, t += 16, x += 8) {
      const y = v128.load32_splat(x), z = v128.load32_splat(x, 4);
      a = both(a, v128.load(w), y, z, mask);
      b = both(b, v128.load(w, 64), y, z, mask);
      c = both(c, v128.load(v), y, z, mask);
      d = both(d, v128.load(v, 64), y, z, mask);
      e = both(e, v128.load(u), y, z, mask);
      f = both(f, v128.load(u, 64), y, z, mask);
      g = both(g, v128.load(t), y, z, mask);
      h = both(h, v128.load(t, 64), y, z, mask);
    }
    w += CODES_U4;
    v += CODES_U4;
    u += CODES_U4;
    t += CODES_U4;
    const scale = v128.load32_splat(xScales), shift = v128.load32_splat(xSums);
    s0 = f32x4.add(s0, f32x4.mul(shifted(a, scale, shift), fourHalves(w, ofHalves, bias)));
    s1 = f32x4.add(s1, f32x4.mul(shifted(b, scale, shift), fourHalves(w + 8, ofHalves, bias)));
    s2 = f32x4.add(s2, f32x4.mul(shifted(c, scale, shift), fourHalves(v, ofHalves, bias)));
    s3 = f32x4.add(s3, f32x4.mul(shifted(d, scale, shift), fourHalves(v + 8, ofHalves, bias)));
    s4 = f32x4.add(s4, f32x4.mul(shifted(e, scale, shift), fourHalves(u, ofHalves, bias)));
    s5 = f32x4.add(s5, f32x4.mul(shifted(f, scale, shift), fourHalves(u + 8, ofHalves, bias)));
    s6 = f32x4.add(s6, f32x4.mul(shifted(g, scale, shift), fourHalves(t, ofHalves, bias)));
    s7 = f32x4.add(s7, f32x4.mul(shifted(h, scale, shift), fourHalves(t + 8, ofHalves, bias)));
    w += 16;
    xScales += 4;
    xSums += 4;
  }
  putEight(out, s0, s1, onto);
  putEight(out + outApart, s2, s3, onto);
  putEight(out + 2 * outApart, s4, s5, onto);
  putEight(out + 3 * outApart, s6, s7, onto);
}

/** Products of both halves of a vector's bytes added to sums. */
// @ts-ignore: decorator
@inline
function both(sum: v128, all: v128, y: v128, z: v128, mask: v128): v128 {
  return i16x8.add(i16x8.add(sum, dot(y, v128.and(all, mask))), dot(z, v128.and(i16x8.shr_u(all, 4), mask)));
}

/** Sums of codes times their scale, less eight times the sum of the activations. */
// @ts-ignore: decorator
@inline
function shifted(dots: v128, scale: v128, shift: v128): v128 {
  return f32x4.sub(f32x4.mul(f32x4.convert_i32x4_s(i32x4.extadd_pairwise_i16x8_s(dots)), scale), shift);
}

/** Four rows' codes, a byte each: [eight times four columns][four rows], then the rows' scales. */
function spread(codes: usize, scales: usize, groups: usize, to: usize): void {
  for (let g: usize = 0; g < groups; g++) {
    for (let i: usize = 0; i < 64; i += 16) {
      const all = v128.load(codes + i);
      v128.store(to + (i << 1), lower(all));
      v128.store(to + (i << 1), upper(all), 16);
    }
    v128.store(to, fourHalves(scales), FOUR);
    codes += TILE_U4;
    scales += TILE_U4;
    to += WIDE;
  }
}

function linearMany(x: usize, xScales: usize, xSums: usize, tokens: usize, tiles: usize, rows: usize, groups: usize, out: usize, outStride: usize, onto: bool, room: usize): void {
  const xBytes = groups * X_EIGHT, scaleBytes = groups << 5;
  for (let r: usize = 0; r < rows; r += 4) {
    const tile = tiles + r / TILE_ROWS * groups * TILE_U4;
    spread(tile + codesOf(r, CODES_U4), tile + scalesOf(r, CODES_U4), groups, room);
    let to = out + (r << 2), from = x, about: usize = 0, t: usize = 0;
    for (; t + 4 < tokens; t += 8) {
      eightTokens(room, from, xScales + about, xSums + about, groups, to, outStride, onto);
      to += outStride << 3;
      from += xBytes;
      about += scaleBytes;
    }
    if (t < tokens) fourTokens(room, from, xScales + about, xSums + about, groups, to, outStride, onto);
  }
}

/**
 * xSums: what the sums of a group begin at, so that codes of 0 to 15 count as -8 to 7. A lane is then at most 16 x 8 x 127 all the way, since what is
 * still to come counts as -8 and what has come as its code less 8: that fits 16 bits.
 */
function eightTokens(w: usize, x: usize, xScales: usize, xSums: usize, groups: usize, out: usize, outStride: usize, onto: bool): void {
  let s0 = f32x4.splat(0), s1 = f32x4.splat(0), s2 = f32x4.splat(0), s3 = f32x4.splat(0);
  let t0 = f32x4.splat(0), t1 = f32x4.splat(0), t2 = f32x4.splat(0), t3 = f32x4.splat(0);
  for (let g: usize = 0; g < groups; g++) {
    let a0 = v128.load(xSums), a1 = a0, a2 = a0, a3 = a0;
    let b0 = v128.load(xSums, 16), b1 = b0, b2 = b0, b3 = b0;
    const end = w + FOUR;
    for (; w < end; w += 16) {
      const p = v128.load(x), q = v128.load(x, 16);
      const y0 = v128.load32_splat(w), y1 = v128.load32_splat(w, 4), y2 = v128.load32_splat(w, 8), y3 = v128.load32_splat(w, 12);
      a0 = i16x8.add(a0, dot(p, y0));
      b0 = i16x8.add(b0, dot(q, y0));
      a1 = i16x8.add(a1, dot(p, y1));
      b1 = i16x8.add(b1, dot(q, y1));
      a2 = i16x8.add(a2, dot(p, y2));
      b2 = i16x8.add(b2, dot(q, y2));
      a3 = i16x8.add(a3, dot(p, y3));
      b3 = i16x8.add(b3, dot(q, y3));
      x += 32;
    }
    const p = v128.load(xScales), q = v128.load(xScales, 16);
    s0 = scaled(s0, i32x4.extadd_pairwise_i16x8_s(a0), p, v128.load32_splat(w));
    s1 = scaled(s1, i32x4.extadd_pairwise_i16x8_s(a1), p, v128.load32_splat(w, 4));
    s2 = scaled(s2, i32x4.extadd_pairwise_i16x8_s(a2), p, v128.load32_splat(w, 8));
    s3 = scaled(s3, i32x4.extadd_pairwise_i16x8_s(a3), p, v128.load32_splat(w, 12));
    t0 = scaled(t0, i32x4.extadd_pairwise_i16x8_s(b0), q, v128.load32_splat(w));
    t1 = scaled(t1, i32x4.extadd_pairwise_i16x8_s(b1), q, v128.load32_splat(w, 4));
    t2 = scaled(t2, i32x4.extadd_pairwise_i16x8_s(b2), q, v128.load32_splat(w, 8));
    t3 = scaled(t3, i32x4.extadd_pairwise_i16x8_s(b3), q, v128.load32_splat(w, 12));
    w += 16;
    xScales += 32;
    xSums += 32;
  }
  putTransposed(s0, s1, s2, s3, out, outStride, onto);
  putTransposed(t0, t1, t2, t3, out + (outStride << 2), outStride, onto);
}

/** The same of the first four of eight tokens. */
function fourTokens(w: usize, x: usize, xScales: usize, xSums: usize, groups: usize, out: usize, outStride: usize, onto: bool): void {
  let s0 = f32x4.splat(0), s1 = f32x4.splat(0), s2 = f32x4.splat(0), s3 = f32x4.splat(0);
  for (let g: usize = 0; g < groups; g++) {
    let a0 = v128.load(xSums), a1 = a0, a2 = a0, a3 = a0;
    const end = w + FOUR;
    for (; w < end; w += 16) {
      const p = v128.load(x);
      a0 = i16x8.add(a0, dot(p, v128.load32_splat(w)));
      a1 = i16x8.add(a1, dot(p, v128.load32_splat(w, 4)));
      a2 = i16x8.add(a2, dot(p, v128.load32_splat(w, 8)));
      a3 = i16x8.add(a3, dot(p, v128.load32_splat(w, 12)));
      x += 32;
    }
    const p = v128.load(xScales);
    s0 = scaled(s0, i32x4.extadd_pairwise_i16x8_s(a0), p, v128.load32_splat(w));
    s1 = scaled(s1, i32x4.extadd_pairwise_i16x8_s(a1), p, v128.load32_splat(w, 4));
    s2 = scaled(s2, i32x4.extadd_pairwise_i16x8_s(a2), p, v128.load32_splat(w, 8));
    s3 = scaled(s3, i32x4.extadd_pairwise_i16x8_s(a3), p, v128.load32_splat(w, 12));
    w += 16;
    xScales += 32;
    xSums += 32;
  }
  putTransposed(s0, s1, s2, s3, out, outStride, onto);
}

/**
 * A group of activations as bytes, in the order in which the weights' nibbles come: of eight columns 0, 4, 1, 5, then 2, 6, 3, 7; four of them
 * every `step` bytes. @returns sums of the codes by twos of each four, i16: those of all first twos in the even lanes, of all second ones in the odd
 */
// @ts-ignore: decorator
@inline
export function putBytes(x: usize, by: f32, to: usize, step: usize): v128 {
  let sums = i16x8.splat(0);
  const scale = f32x4.splat(by);
  for (let i: usize = 0; i < 2; i++, x += 64, to += step << 2) {
    const a = wholes(x, scale), b = wholes(x + 16, scale), c = wholes(x + 32, scale), d = wholes(x + 48, scale);
    const all = i8x16.narrow_i16x8_s(i16x8.narrow_i32x4_s(a, b), i16x8.narrow_i32x4_s(c, d));
    const codes = i8x16.shuffle(all, all, 0, 4, 1, 5, 2, 6, 3, 7, 8, 12, 9, 13, 10, 14, 11, 15);
    sums = i16x8.add(sums, i16x8.extadd_pairwise_i8x16_s(codes));
    v128.store32_lane(to, codes, 0);
    v128.store32_lane(to + step, codes, 1);
    v128.store32_lane(to + 2 * step, codes, 2);
    v128.store32_lane(to + 3 * step, codes, 3);
  }
  return sums;
}
