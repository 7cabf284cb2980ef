/** A scorer for codecs without a kernel of their own: decodes a few rows at a time and scores them as floats. */
import { kernels } from "../kernels/index.ts";
import { rowOf } from "../linalg/matrix.ts";
import { squareOf } from "../linalg/square.ts";
import { checkQuery } from "./check.ts";
import type { Coder, Metric, Scorer } from "./codec.ts";
import { scoreOf } from "./score.ts";

const BLOCK_ROWS = 64;

export function decodingScorer(coder: Coder, query: Float32Array, metric: Metric): Scorer {
  checkQuery(coder.id, coder.dim, query);
  const querySquare = squareOf(query);
  const stride = coder.blockBytes!;
  return {
    score(codes, first, rows, out) {
      for (let start = 0; start < rows; start += BLOCK_ROWS) {
        const count = Math.min(BLOCK_ROWS, rows - start);
        const at = (first + start) * stride;
        const decoded = coder.decode(codes.subarray(at, at + count * stride), count);
        const some = out.subarray(start, start + count);
        kernels().dotF32(query, decoded.data, some);
        for (let r = 0; r < count; r++)
          some[r] = scoreOf(metric, some[r]!, querySquare, squareOf(rowOf(decoded, r)));
      }
      return rows;
    },
  };
}
