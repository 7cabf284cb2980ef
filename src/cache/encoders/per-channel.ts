/**
 * Min-max codes of each channel over some tokens: keys have channels that are large in all tokens, and those keep their own range (Liu et
 * al., KIVI: A Tuning-Free Asymmetric 2bit Quantization for KV Cache, 2024). A last group of fewer tokens has a range of its own.
 */
import { checkWhole } from "../checks.ts";
import { affineCodes } from "./affine.ts";
import { checkBits, checkHeadRows, type RowEncoder } from "./encoder.ts";
import type { GroupOptions } from "./per-token.ts";

/** @throws MnemeError RANGE; encode: DIMENSION, NOT_FINITE */
export function perChannel({ bits, group = 64 }: GroupOptions): RowEncoder {
  const id = `channel${bits}-g${group}`;
  checkBits(id, bits);
  checkWhole(id, "group", group, 1);
  return {
    id,
    encode(head) {
      checkHeadRows(id, head);
      const { rows, dim, positions } = head;
      const slots = positions.length;
      const codes = affineCodes(transposed(rows, dim), slots, group, bits);
      return { bytes: codes.bytes, decode: () => transposed(codes.decode(), slots) };
    },
  };
}

/** [n x columns] to [columns x n] */
function transposed(values: Float32Array, columns: number): Float32Array {
  const rows = columns === 0 ? 0 : values.length / columns;
  return Float32Array.from(values, (_, i) => values[(i % rows) * columns + Math.floor(i / rows)]!);
}
