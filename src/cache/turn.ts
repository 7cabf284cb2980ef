/** Rows turned by an orthonormal Hadamard transform, its own inverse, in blocks of the largest power of two that divides their width. */
import type { WasmFace } from "../kernels/index.ts";

/** @param rows f32 [rows x dim], turned in place */
export function turnRows(face: WasmFace, rows: Float32Array, dim: number): void {
  const block = dim & -dim;
  face.fwhtF32(rows, block);
  const by = 1 / Math.sqrt(block);
  for (let i = 0; i < rows.length; i++) rows[i] = rows[i]! * by;
}
