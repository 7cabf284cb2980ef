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

/** Rows [first, first + rows) of `groups` blocks each. leftOut: grows by the blocks whose scale is one that the kernels do not know; threads share it. */
export function placeQ8(blocks: usize, rows: usize, groups: usize, tiles: usize, first: usize, leftOut: usize): void {
  let left = 0;
  for (let r: usize = 0; r < rows; r++) {
    const row = first + r;
    let codes = tiles + row / TILE_ROWS * groups * TILE_I8;
    let scale = codes + scalesOf(row, CODES_I8) + (row % 4 << 1);
    codes += codesOf(row, CODES_I8) + (row % 4 << 1);
    for (let g: usize = 0; g < groups; g++) {
      const half = <u32>load<u16>(blocks);
      if (isKnown(half) && half < 0x8000) {
        putPairs(v128.load(blocks, 2), codes);
        putPairs(v128.load(blocks, 18), codes + 64);
        store<u16>(scale, half);
      } else left++;
      blocks += 34;
      codes += TILE_I8;
      scale += TILE_I8;
    }
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
