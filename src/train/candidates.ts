/** What searches find for many queries at once, to train on: the best rows of each by a coder's scores. */
import type { Coder } from "../codecs/codec.ts";
import { throwIfAborted } from "../errors.ts";
import { Shortlist } from "../index/shortlist.ts";
import { type Matrix, rowOf } from "../linalg/matrix.ts";

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
    const list = new Shortlist(Math.min(depth, rows));
    for (let row = 0; row < rows; row++) if (scores[row]! >= list.threshold) list.push(scores[row]!, row);
    const found = list.finish().sort((a, b) => scores[b]! - scores[a]! || a - b);
    return { rows: found, scores: Float32Array.from(found, (row) => scores[row]!) };
  });
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
