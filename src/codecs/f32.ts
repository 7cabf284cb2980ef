/** f32: rows as they are. The exact end of every trade, and the baseline. */
import { kernels } from "../kernels/index.ts";
import { type Matrix, matrix } from "../linalg/matrix.ts";
import { squareOf } from "../linalg/square.ts";
import { checkCodes, checkDim, checkQuery, checkRows } from "./check.ts";
import type { Codec, Coder, Metric, Scorer } from "./codec.ts";
import { scoreOf } from "./score.ts";
import { serialize } from "./serial.ts";

/** Rows whose norms are held at once. */
const BLOCK_ROWS = 64;

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
  const origin = new Float32Array(dim);
  const squares = new Float32Array(metric === "cosine" ? BLOCK_ROWS : 0);
  return {
    score(codes, first, rows, out) {
      const stride = dim * 4;
      const aligned = (codes.byteOffset + first * stride) % 4 === 0;
      const bytes = aligned
        ? codes.subarray(first * stride, (first + rows) * stride)
        : new Uint8Array(codes.subarray(first * stride, (first + rows) * stride));
      const values = new Float32Array(bytes.buffer, bytes.byteOffset, rows * dim);
      const scores = out.subarray(0, rows);
      if (metric === "l2") {
        kernels().l2F32(query, values, scores);
        for (let r = 0; r < rows; r++) scores[r] = -scores[r]!;
        return rows;
      }
      if (metric === "dot") kernels().dotF32(query, values, scores);
      // norms are distances from the origin, taken while a block of rows is at hand
      for (let start = 0; metric === "cosine" && start < rows; start += BLOCK_ROWS) {
        const some = scores.subarray(start, start + BLOCK_ROWS);
        const block = values.subarray(start * dim, (start + some.length) * dim);
        kernels().dotF32(query, block, some);
        kernels().l2F32(origin, block, squares.subarray(0, some.length));
        for (let r = 0; r < some.length; r++) some[r] = scoreOf(metric, some[r]!, querySquare, squares[r]!);
      }
      return rows;
    },
  };
}
