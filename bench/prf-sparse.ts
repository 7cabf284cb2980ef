/**
 * Sparse vectors for the collections, of what is here: BM25's weights expanded with the terms that the bundled static embedder holds to be
 * nearest, by a TermWeigher with weights that no collection was asked for. NOT a trained transformer such as uniCOIL or SPLADE.
 */
import type { Embedder } from "../src/embed/embedder.ts";
import { plainTermWeights, TermWeigher } from "../src/index/sparse/term-weigher.ts";
import type { SparseVector } from "../src/memory/types.ts";

export interface SparseModel {
  readonly documents: readonly SparseVector[];
  /** Of one of the queries. */
  query(text: string): SparseVector;
}

/** @param texts the collection @param queries all that will be asked */
export async function sparseModel(
  texts: readonly string[],
  queries: readonly string[],
  embedder: Embedder,
): Promise<SparseModel> {
  const weigher = await TermWeigher.over(texts, embedder);
  const weights = plainTermWeights();
  const asked = new Map<string, SparseVector>();
  for (const text of queries) asked.set(text, await weigher.query(text, weights));
  return { documents: await weigher.documents(texts, weights), query: (text) => asked.get(text)! };
}
