/** int8: signed bytes with one f32 scale a row (largest magnitude = 127). A row: dim bytes, then the scale and the squared norm of the decoded row. */
import { kernels } from "../kernels/index.ts";
import { type Matrix, matrix } from "../linalg/matrix.ts";
import { squareOf } from "../linalg/square.ts";
import { checkCodes, checkDim, checkQuery, checkRows } from "./check.ts";
import type { Codec, Coder, Metric, Scorer } from "./codec.ts";
import { scoreOf } from "./score.ts";
import { serialize } from "./serial.ts";

/** Scale and squared norm. */
const TAIL_BYTES = 8;
/** Rows coded at once: bounds what is copied to the kernels' memory. */
const BLOCK_ROWS = 256;

export function int8(): Codec {
  return { id: "int8", needsTraining: false, fit: (sample) => int8Coder(sample.cols) };
}

export function int8Coder(dim: number): Coder {
  checkDim("int8", dim);
  const blockBytes = dim + TAIL_BYTES;
  return {
    id: "int8",
    dim,
    blockRows: 1,
    blockBytes,
    bytes: 0,
    encode: (rows) => encode(rows, dim, blockBytes),
    decode: (codes, rows) => decode(codes, rows, dim, blockBytes),
    scorer: (query, metric) => int8Scorer(query, metric, dim, blockBytes),
    serialize: () => serialize({ id: "int8", dim }),
  };
}

function encode(rows: Matrix, dim: number, stride: number): Uint8Array {
  checkRows("int8", dim, rows);
  const codes = new Uint8Array(rows.rows * stride);
  for (let first = 0; first < rows.rows; first += BLOCK_ROWS) {
    const last = Math.min(rows.rows, first + BLOCK_ROWS);
    const block = rows.data.subarray(first * dim, last * dim);
    kernels().encodeI8(block, dim, codes.subarray(first * stride, last * stride));
  }
  return codes;
}

function decode(codes: Uint8Array, rows: number, dim: number, stride: number): Matrix {
  checkCodes("int8", stride, codes, rows);
  const view = new DataView(codes.buffer, codes.byteOffset, codes.byteLength);
  const out = matrix(rows, dim);
  for (let r = 0; r < rows; r++) {
    const scale = view.getFloat32(r * stride + dim, true);
    for (let i = 0; i < dim; i++) out.data[r * dim + i] = view.getInt8(r * stride + i) * scale;
  }
  return out;
}

function int8Scorer(query: Float32Array, metric: Metric, dim: number, stride: number): Scorer {
  checkQuery("int8", dim, query);
  const querySquare = squareOf(query);
  return {
    score(codes, first, rows, out) {
      const data = codes.subarray(first * stride, (first + rows) * stride);
      kernels().dotF32I8(query, { data, count: rows, stride }, out.subarray(0, rows));
      const view = new DataView(codes.buffer, codes.byteOffset + first * stride, rows * stride);
      for (let r = 0; r < rows; r++) {
        const scale = view.getFloat32(r * stride + dim, true);
        out[r] = scoreOf(metric, out[r]! * scale, querySquare, view.getFloat32(r * stride + dim + 4, true));
      }
      return rows;
    },
  };
}
