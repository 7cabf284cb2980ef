/**
 * Sparse vectors for the collections, made of what is here: BM25's saturated frequencies without lengths, expanded with the words that the
 * bundled static embedder holds to be nearest. NOT a trained model such as uniCOIL or SPLADE: it stands for one, to show the index and
 * where its scores are interpolated.
 */
import type { Embedder } from "../src/embed/embedder.ts";
import type { SparseVector } from "../src/memory/types.ts";

/** Words of fewer documents are not expanded, and expand nothing. */
const LEAST_DOCUMENTS = 3;
/** Nearest words a word is expanded by, from which cosine on, and what they weigh of it. */
const NEIGHBOURS = 3;
const LEAST_COSINE = 0.55;
const EXPANSION = 0.3;
const K1 = 1.2;
/** Values of a vector that are compared. */
const DIM = 64;

const wordsOf = (text: string): string[] => text.toLowerCase().match(/[a-z][a-z0-9]+/g) ?? [];

export interface SparseModel {
  document(text: string): SparseVector;
  query(text: string): SparseVector;
}

/** @param embedder any; its first 64 values are compared @param texts the collection */
export async function sparseModel(texts: readonly string[], embedder: Embedder): Promise<SparseModel> {
  const documents = new Map<string, number>();
  for (const text of texts)
    for (const word of new Set(wordsOf(text))) documents.set(word, (documents.get(word) ?? 0) + 1);
  const near = await neighboursOf(
    [...documents].filter(([, count]) => count >= LEAST_DOCUMENTS).map(([word]) => word),
    embedder,
  );
  const idf = (word: string): number => Math.log(1 + texts.length / (0.5 + (documents.get(word) ?? 0)));
  const counted = (text: string): Map<string, number> => {
    const counts = new Map<string, number>();
    for (const word of wordsOf(text)) counts.set(word, (counts.get(word) ?? 0) + 1);
    return counts;
  };
  return {
    document(text) {
      const weights = new Map<string, number>();
      for (const [word, count] of counted(text)) {
        const weight = (count * (K1 + 1)) / (count + K1);
        raise(weights, word, weight);
        for (const { word: other, cosine } of near.get(word) ?? [])
          raise(weights, other, EXPANSION * cosine * weight);
      }
      return Object.fromEntries(weights);
    },
    query(text) {
      return Object.fromEntries([...counted(text)].map(([word, count]) => [word, count * idf(word)]));
    },
  };
}

/** Of several reasons for a word the strongest counts. */
function raise(weights: Map<string, number>, word: string, weight: number): void {
  weights.set(word, Math.max(weights.get(word) ?? 0, weight));
}

async function neighboursOf(
  words: readonly string[],
  embedder: Embedder,
): Promise<Map<string, { word: string; cosine: number }[]>> {
  const { data, cols } = await embedder.embed(words);
  const vectors = words.map((_, i) => unit(data.subarray(i * cols, i * cols + DIM)));
  const found = new Map<string, { word: string; cosine: number }[]>();
  for (let i = 0; i < words.length; i++) {
    const near: { word: string; cosine: number }[] = [];
    for (let j = 0; j < words.length; j++) {
      const cosine = i === j ? 0 : dot(vectors[i]!, vectors[j]!);
      if (cosine >= LEAST_COSINE) near.push({ word: words[j]!, cosine });
    }
    found.set(words[i]!, near.sort((a, b) => b.cosine - a.cosine).slice(0, NEIGHBOURS));
  }
  return found;
}

function unit(vector: Float32Array): Float32Array {
  const norm = Math.hypot(...vector) || 1;
  return vector.map((value) => value / norm);
}

function dot(a: Float32Array, b: Float32Array): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += a[i]! * b[i]!;
  return sum;
}
