/** A byte a value, of each token a scale: what the paged cache keeps by default. */
import { checkHeadRows, type RowEncoder } from "./encoder.ts";

const SCALE_BYTES = 4;

/** @throws encode: MnemeError DIMENSION, NOT_FINITE */
export function int8PerToken(): RowEncoder {
  return {
    id: "int8",
    encode(head) {
      checkHeadRows("int8", head);
      const { rows, dim, positions } = head;
      const codes = new Int8Array(rows.length);
      const scales = Float32Array.from(positions, (_, s) => {
        const row = rows.subarray(s * dim, (s + 1) * dim);
        const most = row.reduce((largest, value) => Math.max(largest, Math.abs(value)), 0);
        row.forEach((value, i) => {
          codes[s * dim + i] = most > 0 ? Math.round((value * 127) / most) : 0;
        });
        return most / 127;
      });
      return {
        bytes: codes.byteLength + positions.length * SCALE_BYTES,
        decode: () => Float32Array.from(codes, (code, i) => code * scales[Math.floor(i / dim)]!),
      };
    },
  };
}
