/** What searches find for many queries at once, to train on: the best rows of each by a coder's scores. */
import type { Coder } from "../codecs/codec.ts";
import { throwIfAborted } from "../errors.ts";
import { Shortlist } from "../index/shortlist.ts";
import { kernels } from "../kernels/index.ts";
import { type Matrix, matrix, rowOf, rowsOf } from "../linalg/matrix.ts";

export interface Candidates {
  /** Best first. */
  readonly rows: Uint32Array;
  readonly scores: Float32Array;
}

/** By products. @param codes of `rows` rows @throws MnemeError CANCELLED */
export function candidatesOf(
  coder: Coder,
  codes: Uint8Array,
  rows: number,
  queries: Matrix,
  depth: number,
  signal?: AbortSignal,
): Candidates[] {
  const scores = new Float32Array(rows);
  return Array.from({ length: queries.rows }, (_, query) => {
    if (query % 256 === 0) throwIfAborted(signal, "candidates");
    coder.scorer(rowOf(queries, query), "dot").score(codes, 0, rows, scores);
    return bestOf(scores, depth);
  });
}

/** Queries whose products are taken at once: documents are read that much less often. */
const QUERY_BLOCK = 64;

/** The same by the vectors themselves. @throws MnemeError CANCELLED */
export function exactCandidates(
  documents: Matrix,
  queries: Matrix,
  depth: number,
  signal?: AbortSignal,
): Candidates[] {
  const found: Candidates[] = [];
  for (let first = 0; first < queries.rows; first += QUERY_BLOCK) {
    throwIfAborted(signal, "candidates");
    const some = rowsOf(queries, first, Math.min(queries.rows, first + QUERY_BLOCK));
    const scores = matrix(some.rows, documents.rows);
    kernels().matmulTransposedF32(
      some.data,
      documents.data,
      scores.data,
      some.rows,
      documents.cols,
      documents.rows,
    );
    for (let query = 0; query < some.rows; query++) found.push(bestOf(rowOf(scores, query), depth));
  }
  return found;
}

function bestOf(scores: Float32Array, depth: number): Candidates {
  const list = new Shortlist(Math.min(depth, scores.length));
  for (let row = 0; row < scores.length; row++)
    if (scores[row]! >= list.threshold) list.push(scores[row]!, row);
  const rows = list.finish().sort((a, b) => scores[b]! - scores[a]! || a - b);
  return { rows, scores: Float32Array.from(rows, (row) => scores[row]!) };
}

/** Products of each query with its candidates' rows. */
export function productsWith(
  queries: Matrix,
  documents: Matrix,
  candidates: readonly Candidates[],
): Float32Array[] {
  return candidates.map(({ rows }, query) => {
    const asked = rowOf(queries, query);
    return Float32Array.from(rows, (row) => {
      const values = rowOf(documents, row);
      let sum = 0;
      for (let i = 0; i < asked.length; i++) sum += asked[i]! * values[i]!;
      return sum;
    });
  });
}
