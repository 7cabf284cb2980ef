/**
 * 1-bit RaBitQ codes of 32 rows side by side, for the scan kernel (its layout: kernels/face.ts, scanOneBit). Only the order of the bytes
 * differs from row codes: 32 rows take as many bytes in a block as one after the other.
 */

import { slab } from "../slab.ts";
import type { ScanLayout } from "./codec.ts";
import { arrangeNibbles, SCAN_ROWS } from "./nibble-blocks.ts";

/** Sums of levels are kept in 16 bits: 15 a dimension. */
const MAX_DIM = 4352;

/** @param stride bytes of a row code: bits padded to 8 bytes, f32 factor, half of the squared norm, u16 ones */
export function oneBitLayout(dim: number, stride: number): ScanLayout | undefined {
  if (dim > MAX_DIM) return undefined;
  return {
    rows: SCAN_ROWS,
    bytes: SCAN_ROWS * stride,
    arrange: (codes, rows) => arrange(codes, rows, stride),
  };
}

function arrange(codes: Uint8Array, rows: number, stride: number): Uint8Array {
  const bytes = stride - 8;
  return arrangeNibbles(
    codes,
    rows,
    { stride, bytes, blockBytes: SCAN_ROWS * stride },
    (blocks, block, lane, row) => {
      const from = row * stride + bytes;
      const tail = block + bytes * SCAN_ROWS;
      for (let i = 0; i < 4; i++) blocks[tail + lane * 4 + i] = codes[from + i]!;
      for (let i = 0; i < 2; i++) {
        blocks[tail + 128 + lane * 2 + i] = codes[from + 4 + i]!;
        blocks[tail + 192 + lane * 2 + i] = codes[from + 6 + i]!;
      }
    },
  );
}

/** For each group of four dimensions the sums of the levels under each pattern of bits. @param levels of the query, 0 to 15 */
export function tableOfLevels(levels: Uint8Array, bytes: number): Uint8Array {
  const lut = slab.u8(bytes * 32);
  for (let group = 0; group < bytes * 2; group++) {
    for (let pattern = 1; pattern < 16; pattern++) {
      const lowest = 31 - Math.clz32(pattern & -pattern);
      const rest = lut[group * 16 + (pattern & (pattern - 1))]!;
      lut[group * 16 + pattern] = rest + (levels[group * 4 + lowest] ?? 0);
    }
  }
  return lut;
}
