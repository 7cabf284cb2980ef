/** f32: rows as they are. The exact end of every trade, and the baseline. */
import { kernels } from "../kernels/index.ts";
import { type Matrix, matrix } from "../linalg/matrix.ts";
import { checkCodes, checkDim, checkQuery, checkRows } from "./check.ts";
import type { Codec, Coder, Metric, Scorer } from "./codec.ts";
import { scoreOf, squareOf } from "./score.ts";
import { serialize } from "./serial.ts";

export function f32(): Codec {
  return { id: "f32", needsTraining: false, fit: (sample) => f32Coder(sample.cols) };
}

export function f32Coder(dim: number): Coder {
  checkDim("f32", dim);
  const blockBytes = dim * 4;
  return {
    id: "f32",
    dim,
    blockRows: 1,
    blockBytes,
    bytes: 0,
    encode(rows: Matrix) {
      checkRows("f32", dim, rows);
      return new Uint8Array(rows.data.slice().buffer, 0, rows.rows * blockBytes);
    },
    decode(codes, rows) {
      checkCodes("f32", blockBytes, codes, rows);
      return matrix(rows, dim, new Float32Array(new Uint8Array(codes.subarray(0, rows * blockBytes)).buffer));
    },
    scorer: (query, metric) => f32Scorer(query, metric, dim),
    serialize: () => serialize({ id: "f32", dim }),
  };
}

function f32Scorer(query: Float32Array, metric: Metric, dim: number): Scorer {
  checkQuery("f32", dim, query);
  const querySquare = squareOf(query);
  const products = new Float32Array(1);
  return {
    score(codes, first, rows, out) {
      const stride = dim * 4;
      const aligned = (codes.byteOffset + first * stride) % 4 === 0;
      const bytes = aligned
        ? codes.subarray(first * stride, (first + rows) * stride)
        : new Uint8Array(codes.subarray(first * stride, (first + rows) * stride));
      const values = new Float32Array(bytes.buffer, bytes.byteOffset, rows * dim);
      if (metric === "dot") kernels().dotF32(query, values, out.subarray(0, rows));
      else {
        for (let r = 0; r < rows; r++) {
          const row = values.subarray(r * dim, (r + 1) * dim);
          kernels().dotF32(query, row, products);
          out[r] = scoreOf(metric, products[0]!, querySquare, squareOf(row));
        }
      }
      return rows;
    },
  };
}
