/** Vector sets with exact neighbours: what the graph benchmark asks, and how it judges the answers. */
import { bundledEmbedder } from "../src/embed/bundled.ts";
import { kernels } from "../src/kernels/index.ts";
import { type Matrix, matrix, rowOf } from "../src/linalg/matrix.ts";
import { embedAll, passagesOf, queriesOf, readCorpus, scaled } from "./library-data.ts";
import { fashionImages, wordVectors } from "./public-vectors.ts";

export const SETS = ["fashion-mnist", "lsa-words", "passages"] as const;
export type SetName = (typeof SETS)[number];
export const K = 10;
const QUERIES = 1000;
const DIM = 256;
/** Scores so near are the same. */
const TIE = 1e-5;

export interface VectorSet {
  readonly metric: "l2" | "cosine";
  readonly base: Matrix;
  readonly queries: Matrix;
  /** Score of the k-th best row of each query: minus the squared distance, or the cosine. */
  readonly worst: Float32Array;
}

export async function vectorSet(name: SetName, data: string, scale: number): Promise<VectorSet> {
  if (name === "fashion-mnist")
    return judged("l2", fashionImages(data, "train"), fashionImages(data, "t10k"));
  if (name === "passages") return passages(data, scale);
  const { base, queries } = wordVectors(data);
  return judged("cosine", base, queries);
}

async function passages(data: string, scale: number): Promise<VectorSet> {
  const documents = scaled(readCorpus(data), scale);
  await using embedder = await bundledEmbedder({ dim: DIM });
  const texts = documents.flatMap(passagesOf).map(({ text }) => text);
  const asked = queriesOf(data, documents, QUERIES);
  const [base, queries] = [await embedAll(embedder, texts), await embedAll(embedder, asked)];
  return judged("cosine", matrix(texts.length, DIM, base), matrix(asked.length, DIM, queries));
}

/** With the exact neighbours of the first queries. */
function judged(metric: VectorSet["metric"], base: Matrix, all: Matrix): VectorSet {
  const count = Math.min(QUERIES, all.rows);
  const queries = matrix(count, all.cols, all.data.slice(0, count * all.cols));
  using region = kernels().arena.alloc(base.data.byteLength);
  const rows = region.f32();
  rows.set(base.data);
  if (metric === "cosine") {
    kernels().normalizeF32(rows, base.cols);
    kernels().normalizeF32(queries.data, base.cols);
  }
  const scores = new Float32Array(base.rows);
  const worst = Float32Array.from({ length: count }, (_, q) => {
    if (metric === "l2") kernels().l2F32(rowOf(queries, q), rows, scores);
    else kernels().dotF32(rowOf(queries, q), rows, scores);
    const ordered = scores.slice().sort();
    return metric === "l2" ? -ordered[K - 1]! : ordered.at(-K)!;
  });
  return { metric, base, queries, worst };
}

/** Share of the answers that are among the k best, ties with the last of them too. @param rows k a query */
export function recallOf({ metric, base, queries, worst }: VectorSet, rows: ArrayLike<number>): number {
  let right = 0;
  for (let q = 0; q < queries.rows; q++) {
    for (let i = 0; i < K; i++) {
      const score = scoreOf(metric, rowOf(queries, q), rowOf(base, rows[q * K + i]!));
      if (score >= worst[q]! - TIE * Math.abs(worst[q]!)) right++;
    }
  }
  return right / (queries.rows * K);
}

function scoreOf(metric: VectorSet["metric"], a: Float32Array, b: Float32Array): number {
  let [product, square, distance] = [0, 0, 0];
  for (let i = 0; i < a.length; i++) {
    product += a[i]! * b[i]!;
    square += b[i]! * b[i]!;
    distance += (a[i]! - b[i]!) ** 2;
  }
  return metric === "l2" ? -distance : product / Math.sqrt(square);
}
