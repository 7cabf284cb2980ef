/** The contrastive loss of MaxSim between sets of vectors, with its gradient written out: only the products that won have one. */
import { kernels } from "../kernels/index.ts";
import type { Matrix } from "../linalg/matrix.ts";
import type { Span } from "./token-gradient.ts";

/** Vectors of some texts one behind the other. */
export interface Sets {
  readonly vectors: Matrix;
  readonly spans: readonly Span[];
}

export interface MaxSimLoss {
  /** Mean cross entropy of each query's own document. */
  readonly loss: number;
  /** By the vectors of the queries, and of the documents. */
  readonly dQueries: Float32Array;
  readonly dDocuments: Float32Array;
}

/** @param mask queries x documents, zeros and -infinity-like values where a document must not count; the own one of query i is i */
export function maxSimLoss(
  queries: Sets,
  documents: Sets,
  mask: Float32Array,
  temperature: number,
): MaxSimLoss {
  const { winners, scores } = best(queries, documents);
  const count = documents.spans.length;
  const asked = queries.spans.length;
  let loss = 0;
  const dScores = new Float32Array(scores.length);
  for (let q = 0; q < asked; q++) {
    const logits = Float64Array.from({ length: count }, (_, d) => {
      const at = q * count + d;
      return scores[at]! / temperature + mask[at]!;
    });
    const most = logits.reduce((a, b) => Math.max(a, b));
    const shares = logits.map((logit) => Math.exp(logit - most));
    const total = shares.reduce((a, b) => a + b);
    loss -= (logits[q]! - most - Math.log(total)) / asked;
    shares.forEach((share, d) => {
      dScores[q * count + d] = (share / total - (d === q ? 1 : 0)) / (asked * temperature);
    });
  }
  return { loss, ...back(queries, documents, winners, dScores) };
}

interface Best {
  /** For each vector of a query and each document the number of the document's vector that won. */
  readonly winners: Uint32Array;
  /** queries x documents. */
  readonly scores: Float32Array;
}

function best({ vectors: asked, spans: queries }: Sets, { vectors, spans: documents }: Sets): Best {
  const count = documents.length;
  const scores = new Float32Array(queries.length * count);
  const winners = new Uint32Array(asked.rows * count);
  const products = new Float32Array(asked.rows * vectors.rows);
  kernels().matmulTransposedF32(asked.data, vectors.data, products, asked.rows, asked.cols, vectors.rows);
  queries.forEach(({ from, to }, q) => {
    for (let row = from; row < to; row++)
      documents.forEach((document, d) => {
        const start = row * vectors.rows;
        let winner = document.from;
        for (let v = document.from + 1; v < document.to; v++)
          if (products[start + v]! > products[start + winner]!) winner = v;
        winners[row * count + d] = winner;
        scores[q * count + d]! += products[start + winner]! / (to - from);
      });
  });
  return { winners, scores };
}

function back(
  { vectors: asked, spans: queries }: Sets,
  { vectors, spans: documents }: Sets,
  winners: Uint32Array,
  dScores: Float32Array,
): Pick<MaxSimLoss, "dQueries" | "dDocuments"> {
  const { cols } = asked;
  const count = documents.length;
  const dQueries = new Float32Array(asked.data.length);
  const dDocuments = new Float32Array(vectors.data.length);
  queries.forEach(({ from, to }, q) => {
    for (let row = from; row < to; row++)
      for (let d = 0; d < count; d++) {
        const by = dScores[q * count + d]! / (to - from);
        if (by === 0) continue;
        const [a, b] = [row * cols, winners[row * count + d]! * cols];
        for (let i = 0; i < cols; i++) {
          dQueries[a + i]! += by * vectors.data[b + i]!;
          dDocuments[b + i]! += by * asked.data[a + i]!;
        }
      }
  });
  return { dQueries, dDocuments };
}
