/** Two adapters, of queries and of documents, trained so that a query's own document scores above the others of its batch. */
import { gatherRows, type Matrix, matrix } from "../linalg/matrix.ts";
import {
  Adapter,
  type AdapterArrays,
  type AdapterShape,
  adapt,
  adapterArrays,
  adapterWeights,
  freshAdapter,
} from "./adapter.ts";
import { crossEntropyOfOwn } from "./contrastive.ts";
import { type Jax, type Tensor, tensorOf, type Weights } from "./jax.ts";
import { type LocalityBatch, relevanceMask } from "./sampling.ts";
import { type Batch, type TrainOptions, train } from "./train.ts";

/** Fixed vectors and what belongs together. */
export interface PairData {
  readonly queries: Matrix;
  readonly documents: Matrix;
  /** Of each query its relevant documents. */
  readonly positives: readonly (readonly number[])[];
}

/** Adapters of both roles. */
export interface Dual {
  readonly query: Adapter;
  readonly document: Adapter;
}

/** Steps and rates, as `train` takes them. */
export interface DualOptions
  extends Pick<TrainOptions, "rate" | "steps" | "decay" | "signal" | "onStep" | "warmup"> {
  /** What products are divided by before the softmax. */
  readonly temperature: number;
}

export const QUERY = "query";
export const DOCUMENT = "document";

/** Untrained adapters. @param dim of both kinds of rows */
export function freshDual(shape: AdapterShape, seed: number): Dual {
  return {
    query: new Adapter(shape, freshAdapter(shape, seed)),
    document: new Adapter(shape, freshAdapter(shape, seed + 1)),
  };
}

export function dualWeights(jax: Jax, { query, document }: Dual): Weights {
  return {
    ...adapterWeights(jax, QUERY, query.shape, query.arrays),
    ...adapterWeights(jax, DOCUMENT, document.shape, document.arrays),
  };
}

export function dualOf({ query, document }: Dual, trained: Readonly<Record<string, Float32Array>>): Dual {
  const of = (adapter: Adapter, prefix: string): Adapter => {
    const arrays: AdapterArrays = adapterArrays(trained, prefix);
    return new Adapter(adapter.shape, arrays);
  };
  return { query: of(query, QUERY), document: of(document, DOCUMENT) };
}

/** Rows of a batch as arrays: queries, then positives and negatives together, and what must not count. */
export function dualBatch(jax: Jax, data: PairData, batch: LocalityBatch): Batch {
  const documents = Uint32Array.from([...batch.positives, ...batch.negatives]);
  const mask = relevanceMask(batch, data.positives);
  return {
    queries: tensorOf(jax, gatherRows(data.queries, batch.queries)),
    documents: tensorOf(jax, gatherRows(data.documents, documents)),
    mask: tensorOf(jax, matrix(batch.queries.length, documents.length, mask)),
  };
}

/** Cross entropy of each query's own document. All arrays are spent. */
export function rankingLoss(
  jax: Jax,
  queries: Tensor,
  documents: Tensor,
  mask: Tensor,
  temperature: number,
): Tensor {
  const { numpy: np } = jax;
  const scores = np.matmul(queries, np.transpose(documents)).mul(1 / temperature);
  return crossEntropyOfOwn(jax, scores, mask);
}

/** @param next batches, one a step. @throws MnemeError CANCELLED, STATE */
export async function trainDual(
  jax: Jax,
  data: PairData,
  start: Dual,
  next: () => LocalityBatch,
  { temperature, ...options }: DualOptions,
): Promise<Dual> {
  const { weights } = await train(jax, dualWeights(jax, start), {
    ...options,
    batch: () => dualBatch(jax, data, next()),
    loss: (given, { queries, documents, mask }) =>
      rankingLoss(
        jax,
        adapt(jax, given, QUERY, queries!),
        adapt(jax, given, DOCUMENT, documents!),
        mask!,
        temperature,
      ),
  });
  return dualOf(start, weights);
}
