/** Rows of a segment as its fine codes hold them. */
import type { RowSource } from "./row-source.ts";
import { rowBytes, type VectorCoders } from "./vectors-kind.ts";

/** @param fine codes of all rows, borrowed */
export function fineSource(fine: Uint8Array, coders: VectorCoders): RowSource {
  const stride = rowBytes(coders.fine);
  return {
    rows: fine.length / stride,
    cols: coders.fine.dim,
    read: (first, count) =>
      coders.fine.decode(fine.subarray(first * stride, (first + count) * stride), count).data,
  };
}
