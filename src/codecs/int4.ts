/** int4: groups of values share a scale and a minimum (f32 each); two codes a byte. For weights and keys as much as for vectors. */
import { MnemeError } from "../errors.ts";
import { kernels } from "../kernels/index.ts";
import { type Matrix, matrix, rowOf } from "../linalg/matrix.ts";
import { checkCodes, checkDim, checkRows } from "./check.ts";
import type { Codec, Coder } from "./codec.ts";
import { decodingScorer } from "./decoding-scorer.ts";
import { serialize } from "./serial.ts";

export interface Int4Options {
  /** Values that share scale and minimum; even; default 32. */
  readonly group?: number;
}

export function int4({ group = 32 }: Int4Options = {}): Codec {
  if (!Number.isInteger(group) || group < 2 || group % 2 !== 0) {
    throw new MnemeError("RANGE", `int4: group must be an even whole number from 2, got ${group}`);
  }
  return { id: `int4-g${group}`, needsTraining: false, fit: (sample) => int4Coder(sample.cols, group) };
}

export function int4Coder(dim: number, group: number): Coder {
  const id = `int4-g${group}`;
  checkDim(id, dim);
  const groups = Math.ceil(dim / group);
  const codeBytes = Math.ceil(dim / 2);
  const blockBytes = codeBytes + groups * 8;
  const coder: Coder = {
    id,
    dim,
    blockRows: 1,
    blockBytes,
    bytes: 0,
    encode(rows: Matrix) {
      checkRows(id, dim, rows);
      const codes = new Uint8Array(rows.rows * blockBytes);
      for (let r = 0; r < rows.rows; r++)
        encodeRow(rowOf(rows, r), group, codes.subarray(r * blockBytes, (r + 1) * blockBytes), codeBytes);
      return codes;
    },
    decode(codes, rows) {
      checkCodes(id, blockBytes, codes, rows);
      const out = matrix(rows, dim);
      for (let r = 0; r < rows; r++) {
        const floats = new Float32Array(
          new Uint8Array(codes.subarray(r * blockBytes + codeBytes, (r + 1) * blockBytes)).buffer,
        );
        kernels().dequantU4(
          codes.subarray(r * blockBytes, r * blockBytes + codeBytes),
          floats.subarray(0, groups),
          floats.subarray(groups),
          group,
          rowOf(out, r),
        );
      }
      return out;
    },
    scorer: (query, metric) => decodingScorer(coder, query, metric),
    serialize: () => serialize({ id, dim, group }),
  };
  return coder;
}

function encodeRow(row: Float32Array, group: number, codes: Uint8Array, codeBytes: number): void {
  const view = new DataView(codes.buffer, codes.byteOffset + codeBytes, codes.byteLength - codeBytes);
  const groups = view.byteLength / 8;
  for (let g = 0; g < groups; g++) {
    const values = row.subarray(g * group, (g + 1) * group);
    const low = Math.min(...values);
    const scale = Math.fround((Math.max(...values) - low) / 15);
    view.setFloat32(g * 4, scale, true);
    view.setFloat32((groups + g) * 4, low, true);
    values.forEach((value, i) => {
      const code = scale > 0 ? Math.max(0, Math.min(15, Math.round((value - low) / scale))) : 0;
      const at = g * group + i;
      codes[at >> 1]! |= code << ((at & 1) * 4);
    });
  }
}
