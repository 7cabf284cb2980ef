/** The nearest centroid of each part of each row, packed. */
import { kernels } from "../kernels/index.ts";
import type { Matrix } from "../linalg/matrix.ts";
import { type Codebooks, putCode } from "./codebooks.ts";

/** Rows coded at once: bounds what is held in the kernels' memory. */
const BLOCK_ROWS = 1024;

/** Codes of all rows, `codebooks.codeBytes` each. */
export function nearestCodes(rows: Matrix, codebooks: Codebooks): Uint8Array {
  const { codeBytes, bits, parts } = codebooks;
  const codes = new Uint8Array(rows.rows * codeBytes);
  const most = Math.min(BLOCK_ROWS, rows.rows);
  const [nearest, distances] = [new Uint32Array(most), new Float32Array(most)];
  using room = kernels().arena.alloc(most * rows.cols * 4);
  for (let first = 0; first < rows.rows; first += BLOCK_ROWS) {
    const count = Math.min(BLOCK_ROWS, rows.rows - first);
    room.f32().set(rows.data.subarray(first * rows.cols, (first + count) * rows.cols));
    parts.forEach(({ start, panels }, part) => {
      const from = room.f32().subarray(start);
      kernels().nearestF32(from, rows.cols, panels, nearest.subarray(0, count), distances.subarray(0, count));
      for (let r = 0; r < count; r++) putCode(codes, (first + r) * codeBytes, part, bits, nearest[r]!);
    });
  }
  return codes;
}
