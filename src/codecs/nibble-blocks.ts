/**
 * Row codes of 32 rows side by side, for the scan kernels (their layout: kernels/face.ts, scanOneBit): byte i of a group of 4 bits holds
 * those of row i below and of row i + 16 above. The lower half of a code's byte is one group, the upper half the next.
 */

export const SCAN_ROWS = 32;

export interface NibbleBlocks {
  /** Bytes of a row code, and how many of them are arranged, from the first on. */
  readonly stride: number;
  readonly bytes: number;
  /** Bytes of a block. */
  readonly blockBytes: number;
  /** Place of each group in a block; by default they lie in order. */
  readonly places?: Uint32Array;
}

/** Blocks with the groups in place and zeros where `tail` may write. @param tail writes what follows the groups, for each row */
export function arrangeNibbles(
  codes: Uint8Array,
  rows: number,
  { stride, bytes, blockBytes, places }: NibbleBlocks,
  tail: (blocks: Uint8Array, block: number, lane: number, row: number) => void,
): Uint8Array {
  const starts = Uint32Array.from({ length: 2 * bytes }, (_, group) => 16 * (places?.[group] ?? group));
  const blocks = new Uint8Array(Math.ceil(rows / SCAN_ROWS) * blockBytes);
  for (let row = 0; row < rows; row++) {
    const from = row * stride;
    const block = Math.floor(row / SCAN_ROWS) * blockBytes;
    const at = block + (row & 15);
    const lane = row % SCAN_ROWS;
    const shift = lane < 16 ? 0 : 4;
    for (let byte = 0; byte < bytes; byte++) {
      const code = codes[from + byte]!;
      blocks[at + starts[2 * byte]!]! |= (code & 15) << shift;
      blocks[at + starts[2 * byte + 1]!]! |= (code >> 4) << shift;
    }
    tail(blocks, block, lane, row);
  }
  return blocks;
}
