/** Blocks of GGUF files moved into the tiles that `linear` multiplies (Q8_0 and Q4_0 of ggml's quants; tiles: linear.ts). */

const ROWS: usize = 4;

/** Whether the kernels know a scale: none below the least normal f16. */
// @ts-ignore: decorator
@inline
function isKnown(half: u32): bool {
  return (half & 0x7c00) != 0;
}

/** Rows [first, first + rows) of `groups` blocks each. @returns blocks left out, for their scale is one that the kernels do not know */
export function placeQ8(blocks: usize, rows: usize, groups: usize, tiles: usize, first: usize): i32 {
  let left = 0;
  for (let r: usize = 0; r < rows; r++) {
    const row = first + r;
    const lane = row % ROWS;
    let tile = tiles + row / ROWS * groups * 136;
    for (let g: usize = 0; g < groups; g++) {
      const half = <u32>load<u16>(blocks);
      if (isKnown(half) && half < 0x8000) {
        v128.store(tile + (lane << 5), v128.load(blocks, 2));
        v128.store(tile + (lane << 5), v128.load(blocks, 18), 16);
        store<u16>(tile + (lane << 1), half, 128);
      } else left++;
      blocks += 34;
      tile += 136;
    }
  }
  return left;
}

/** The same of 4-bit blocks: byte j has value j below and value j + 16 above; 16-bit word j of a tile has values j, j + 8, j + 16, j + 24. */
export function placeQ4(blocks: usize, rows: usize, groups: usize, tiles: usize, first: usize): i32 {
  let left = 0;
  const low = i16x8.splat(0x0f), high = i16x8.splat(0xf0);
  for (let r: usize = 0; r < rows; r++) {
    const row = first + r;
    const lane = row % ROWS;
    let tile = tiles + row / ROWS * groups * 72;
    for (let g: usize = 0; g < groups; g++) {
      const half = <u32>load<u16>(blocks);
      if (isKnown(half)) {
        const codes = v128.load(blocks, 2);
        const a = i16x8.extend_low_i8x16_u(codes), b = i16x8.extend_high_i8x16_u(codes);
        const even = v128.or(v128.and(a, low), i16x8.shl(v128.and(b, low), 4));
        const odd = v128.or(i16x8.shl(v128.and(a, high), 4), i16x8.shl(v128.and(b, high), 8));
        v128.store(tile + (lane << 4), v128.or(even, odd));
        store<u16>(tile + (lane << 1), half, 64);
      } else left++;
      blocks += 18;
      tile += 72;
    }
  }
  return left;
}
