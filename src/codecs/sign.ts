/**
 * Signs: one bit a dimension and nothing else, with one scale for all rows. Turn rows first: "rotate>sign" are the signs of random
 * projections (Charikar, Similarity Estimation Techniques from Rounding Algorithms, 2002), "itq128>sign" those of iterative quantisation.
 * The query stays as it is; "sign-hamming" takes its signs too and counts the bits that differ.
 */
import { kernels } from "../kernels/index.ts";
import { type Matrix, matrix } from "../linalg/matrix.ts";
import { squareOf } from "../linalg/square.ts";
import { checkCodes, checkDim, checkQuery, checkRows } from "./check.ts";
import type { Codec, Coder, Metric, Scorer } from "./codec.ts";
import { scoreOf } from "./score.ts";
import { serialize } from "./serial.ts";
import { tableLayout, tableScorer } from "./table-scorer.ts";

export interface SignOptions {
  /** Whether queries are reduced to their signs too; default false. */
  readonly hamming?: boolean;
}

export function sign({ hamming = false }: SignOptions = {}): Codec {
  return {
    id: hamming ? "sign-hamming" : "sign",
    needsTraining: true,
    fit: (sample) => {
      checkRows("sign", sample.cols, sample);
      return signCoder(sample.cols, meanMagnitude(sample), hamming);
    },
  };
}

/** What a sign stands for: with it the squared error of the sample is least. */
function meanMagnitude({ data }: Matrix): number {
  let sum = 0;
  for (const value of data) sum += Math.abs(value);
  return sum > 0 ? sum / data.length : 1;
}

export function signCoder(dim: number, scale: number, hamming: boolean): Coder {
  const id = hamming ? "sign-hamming" : "sign";
  checkDim(id, dim);
  const blockBytes = Math.ceil(dim / 8);
  const square = scale * scale * dim;
  const squares = (_: Uint8Array, rows: number, out: Float32Array): void => void out.fill(square, 0, rows);
  const scan = hamming ? undefined : tableLayout(Math.ceil(dim / 4), blockBytes, squares);
  const encode = (rows: Matrix): Uint8Array => {
    checkRows(id, dim, rows);
    return signsOf(rows, blockBytes);
  };
  return {
    id,
    dim,
    blockRows: 1,
    blockBytes,
    bytes: 0,
    ...(scan ? { scan } : {}),
    encode,
    decode(codes, rows) {
      checkCodes(id, blockBytes, codes, rows);
      const out = matrix(rows, dim);
      for (let r = 0; r < rows; r++)
        for (let i = 0; i < dim; i++)
          out.data[r * dim + i] = (codes[r * blockBytes + (i >> 3)]! >> (i & 7)) & 1 ? scale : -scale;
      return out;
    },
    scorer(query, metric) {
      checkQuery(id, dim, query);
      if (hamming) {
        const code = encode({ rows: 1, cols: dim, data: query });
        return hammingScorer(code, metric, { dim, square });
      }
      return tableScorer({
        tables: signTables(query, scale),
        bits: 4,
        stride: blockBytes,
        metric,
        querySquare: squareOf(query),
        squares,
      });
    },
    serialize: () => serialize({ id, dim, scale, hamming }),
  };
}

/** Bit i of a row is 1 for a value not below zero. */
function signsOf({ rows, cols, data }: Matrix, stride: number): Uint8Array {
  const codes = new Uint8Array(rows * stride);
  for (let r = 0; r < rows; r++)
    for (let i = 0; i < cols; i++)
      if (data[r * cols + i]! >= 0) codes[r * stride + (i >> 3)]! |= 1 << (i & 7);
  return codes;
}

/** Of each four dimensions the sums under every pattern of signs. */
function signTables(query: Float32Array, scale: number): Float32Array {
  const tables = new Float32Array(Math.ceil(query.length / 4) * 16);
  for (let i = 0; i < tables.length; i++) {
    let sum = 0;
    for (let bit = 0; bit < 4; bit++) {
      const value = query[(i >> 4) * 4 + bit] ?? 0;
      sum += (i >> bit) & 1 ? value : -value;
    }
    tables[i] = scale * sum;
  }
  return tables;
}

function hammingScorer(
  code: Uint8Array,
  metric: Metric,
  { dim, square }: { readonly dim: number; readonly square: number },
): Scorer {
  const stride = code.length;
  return {
    score(codes, first, rows, out) {
      const data = codes.subarray(first * stride, (first + rows) * stride);
      const differ = new Uint32Array(out.buffer, out.byteOffset, rows);
      kernels().hamming(code, { data, count: rows, stride }, differ);
      for (let r = 0; r < rows; r++)
        out[r] = scoreOf(metric, square * (1 - (2 * differ[r]!) / dim), square, square);
      return rows;
    },
  };
}
