/** Blocks of GGUF files moved into the tiles that `linear` multiplies (Q8_0 and Q4_0 of ggml's quants; tiles: tile.ts). */

import { CODES_I8, CODES_U4, codesOf, scalesOf, TILE_I8, TILE_ROWS, TILE_U4 } from "./tile";

/** Whether the kernels know a scale: none below the least normal f16. */
// @ts-ignore: decorator
@inline
function isKnown(half: u32): bool {
  return (half & 0x7c00) != 0;
}

/** Eight pairs of codes, 8 bytes from one to the next. */
// @ts-ignore: decorator
@inline
function putPairs(codes: v128, to: usize): void {
  v128.store16_lane(to, codes, 0);
  v128.store16_lane(to, codes, 1, 8);
  v128.store16_lane(to, codes, 2, 16);
  v128.store16_lane(to, codes, 3, 24);
  v128.store16_lane(to, codes, 4, 32);
  v128.store16_lane(to, codes, 5, 40);
  v128.store16_lane(to, codes, 6, 48);
  v128.store16_lane(to, codes, 7, 56);
}

/** Sixteen 4-bit codes, a byte each, as two words: of eight codes the even ones in the lower half, the odd ones in the upper. */
// @ts-ignore: decorator
@inline
function putNibbles(codes: v128, to: usize): void {
  // bytes of a word: codes 0 and 2, codes 1 and 3
  const pairs = v128.or(codes, i32x4.shr_u(codes, 12));
  const words = i8x16.shuffle(pairs, pairs, 0, 4, 1, 5, 8, 12, 9, 13, 0, 0, 0, 0, 0, 0, 0, 0);
  v128.store32_lane(to, words, 0);
  v128.store32_lane(to, words, 1, 16);
}

/** Counts blocks that were left out, for their scale is one that the kernels do not know. */
// @ts-ignore: decorator
@inline
function addLeft(count: i32, left: usize): void {
  if (count === 0) return;
  if (ASC_FEATURE_THREADS) atomic.add<i32>(left, count);
  else store<i32>(left, load<i32>(left) + count);
}

/** Bytes of a block of 8-bit codes. */
const BLOCK_Q8: usize = 34;

/** 1 for a block whose scale is negative, or one that the kernels do not know. */
// @ts-ignore: decorator
@inline
function isOdd(block: usize): i32 {
  return i32(<u32>load<u16>(block) - 0x400 >= 0x7c00);
}

/** Eight pairs of codes of each of four rows, from `from` on: pairs of all four side by side. */
// @ts-ignore: decorator
@inline
function putPairsOfFour(b0: usize, b1: usize, b2: usize, b3: usize, from: usize, to: usize): void {
  const r0 = v128.load(b0 + from), r1 = v128.load(b1 + from), r2 = v128.load(b2 + from), r3 = v128.load(b3 + from);
  let p = i16x8.shuffle(r0, r1, 0, 8, 1, 9, 2, 10, 3, 11), q = i16x8.shuffle(r2, r3, 0, 8, 1, 9, 2, 10, 3, 11);
  v128.store(to, i32x4.shuffle(p, q, 0, 4, 1, 5));
  v128.store(to, i32x4.shuffle(p, q, 2, 6, 3, 7), 16);
  p = i16x8.shuffle(r0, r1, 4, 12, 5, 13, 6, 14, 7, 15), q = i16x8.shuffle(r2, r3, 4, 12, 5, 13, 6, 14, 7, 15);
  v128.store(to, i32x4.shuffle(p, q, 0, 4, 1, 5), 32);
  v128.store(to, i32x4.shuffle(p, q, 2, 6, 3, 7), 48);
}

/** Four rows that stand side by side in their tiles. @returns the odd blocks */
function placeFourQ8(blocks: usize, groups: usize, codes: usize, scales: usize): i32 {
  const stride = groups * BLOCK_Q8;
  let odd = 0;
  for (const end = blocks + stride; blocks < end; blocks += BLOCK_Q8) {
    const b1 = blocks + stride, b2 = b1 + stride, b3 = b2 + stride;
    putPairsOfFour(blocks, b1, b2, b3, 2, codes);
    putPairsOfFour(blocks, b1, b2, b3, 18, codes + 64);
    store<u16>(scales, load<u16>(blocks));
    store<u16>(scales, load<u16>(b1), 2);
    store<u16>(scales, load<u16>(b2), 4);
    store<u16>(scales, load<u16>(b3), 6);
    odd += isOdd(blocks) + isOdd(b1) + isOdd(b2) + isOdd(b3);
    codes += TILE_I8;
    scales += TILE_I8;
  }
  return odd;
}

/** A row alone. @returns the odd blocks */
function placeRowQ8(blocks: usize, groups: usize, codes: usize, scale: usize): i32 {
  let odd = 0;
  for (const end = blocks + groups * BLOCK_Q8; blocks < end; blocks += BLOCK_Q8) {
    putPairs(v128.load(blocks, 2), codes);
    putPairs(v128.load(blocks, 18), codes + 64);
    store<u16>(scale, load<u16>(blocks));
    odd += isOdd(blocks);
    codes += TILE_I8;
    scale += TILE_I8;
  }
  return odd;
}

/**
 * Rows [first, first + rows) of `groups` blocks each, four at a time where they are a tile's. leftOut: grows by the blocks whose scale is negative
 * or one that the kernels do not know, which the caller sets anew; threads share it.
 */
export function placeQ8(blocks: usize, rows: usize, groups: usize, tiles: usize, first: usize, leftOut: usize): void {
  let left = 0;
  for (const end = first + rows; first < end;) {
    const tile = tiles + first / TILE_ROWS * groups * TILE_I8;
    const lane = first % 4 << 1;
    const codes = tile + codesOf(first, CODES_I8) + lane, scale = tile + scalesOf(first, CODES_I8) + lane;
    const isFour = lane == 0 && end - first >= 4;
    left += isFour ? placeFourQ8(blocks, groups, codes, scale) : placeRowQ8(blocks, groups, codes, scale);
    const some: usize = isFour ? 4 : 1;
    blocks += some * groups * BLOCK_Q8;
    first += some;
  }
  addLeft(left, leftOut);
}

/** The same of 4-bit blocks: byte j has code j below and code j + 16 above. */
export function placeQ4(blocks: usize, rows: usize, groups: usize, tiles: usize, first: usize, leftOut: usize): void {
  let left = 0;
  const low = i8x16.splat(15);
  for (let r: usize = 0; r < rows; r++) {
    const row = first + r;
    let to = tiles + row / TILE_ROWS * groups * TILE_U4;
    let scale = to + scalesOf(row, CODES_U4) + (row % 4 << 1);
    to += codesOf(row, CODES_U4) + (row % 4 << 2);
    for (let g: usize = 0; g < groups; g++) {
      const half = <u32>load<u16>(blocks);
      if (isKnown(half)) {
        const codes = v128.load(blocks, 2);
        putNibbles(v128.and(codes, low), to);
        putNibbles(i8x16.shr_u(codes, 4), to + 32);
        store<u16>(scale, half);
      } else left++;
      blocks += 18;
      to += TILE_U4;
      scale += TILE_U4;
    }
  }
  addLeft(left, leftOut);
}
