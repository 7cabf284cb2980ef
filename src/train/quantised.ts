/**
 * Contrastive quantisation: adapters and the codebooks of a product quantiser trained together, so that queries find documents by their
 * codes (Xiao et al., Progressively Optimized Bi-Granular Document Representation, 2022, stage of sparse embeddings). Only documents are
 * coded; the rotation is fitted before and stays.
 */
import type { Coder } from "../codecs/codec.ts";
import { type PqCoder, pq, restorePq } from "../codecs/pq.ts";
import { asFloats, deserialize, type SerialHeader } from "../codecs/serial.ts";
import { MnemeError } from "../errors.ts";
import type { Matrix } from "../linalg/matrix.ts";
import { adapt } from "./adapter.ts";
import {
  DOCUMENT,
  type Dual,
  type DualOptions,
  dualBatch,
  dualOf,
  dualWeights,
  type PairData,
  QUERY,
  rankingLoss,
} from "./dual.ts";
import type { Jax, Tensor } from "./jax.ts";
import type { LocalityBatch } from "./sampling.ts";
import { train } from "./train.ts";

export interface QuantisedOptions extends DualOptions {
  /** Codes of a row, a byte each. */
  readonly parts: number;
  /** Weight of the distance between a document and what its codes decode to. */
  readonly reconstruction: number;
  readonly seed: number;
}

/** Adapters with the coder of what the document's one gives. */
export interface Coded extends Dual {
  readonly coder: Coder;
}

export interface Quantised extends Coded {
  readonly coder: PqCoder;
  /** As it was before the training: OPQ of what the document's adapter gave then. */
  readonly fitted: PqCoder;
}

const CENTROIDS = 256;

/** @throws MnemeError RANGE where parts do not divide the width, INSUFFICIENT_DATA below 256 documents, CANCELLED, STATE */
export async function trainQuantised(
  jax: Jax,
  data: PairData,
  start: Dual,
  next: () => LocalityBatch,
  { parts, reconstruction, seed, temperature, ...options }: QuantisedOptions,
): Promise<Quantised> {
  const dim = start.document.shape.to;
  if (!(parts >= 1) || dim % parts !== 0)
    throw new MnemeError("RANGE", `bidr: ${parts} parts do not divide ${dim} values; take a divisor of it`);
  const fitted = fitCoder(start.document.apply(data.documents), parts, seed);
  const width = dim / parts;
  const { numpy: np } = jax;
  const shape = [parts, CENTROIDS, width];
  const rotation = np.array(fitted.rotation.slice()).reshape([dim, dim]);
  const scale = fitted.spread;
  const weights = { ...dualWeights(jax, start), codebook: np.array(fitted.codebook.slice()).reshape(shape) };
  const trained = await train(jax, weights, {
    ...options,
    batch: () => ({ ...dualBatch(jax, data, next()), rotation: rotation.ref }),
    loss: (given, { queries, documents, mask, rotation: turn }) => {
      const query = adapt(jax, given, QUERY, queries!);
      const document = adapt(jax, given, DOCUMENT, documents!);
      const dense = rankingLoss(jax, query.ref, document.ref, mask!.ref, temperature);
      const turned = np.matmul(document, turn!.ref);
      const coded = quantise(jax, turned.ref, given.codebook!, scale);
      const sparse = rankingLoss(jax, np.matmul(query, turn!), coded.ref, mask!, temperature);
      const distance = np.mean(np.sum(np.square(turned.sub(coded)), -1));
      return dense.add(sparse).add(distance.mul(reconstruction));
    },
  }).finally(() => rotation.dispose());
  const arrays = [trained.weights.codebook!, fitted.rotation];
  return {
    ...dualOf(start, trained.weights),
    coder: restorePq(fitted.header, arrays),
    fitted: restorePq(fitted.header, [fitted.codebook, fitted.rotation]),
  };
}

interface Fitted {
  readonly header: SerialHeader;
  /** parts x 256 x width. */
  readonly codebook: Float32Array;
  /** dim x dim; rows times it are coded. */
  readonly rotation: Float32Array;
  /** Mean squared distance of a part to its centroid: the softmax over centroids is as sharp as distances are small. */
  readonly spread: number;
}

function fitCoder(documents: Matrix, parts: number, seed: number): Fitted {
  const coder = pq({ parts, bits: 8, rotate: "opq" }).fit(documents, { seed });
  const { header, arrays } = deserialize(coder.serialize());
  const [codebook, rotation] = arrays.map(asFloats) as [Float32Array, Float32Array];
  const decoded = coder.decode(coder.encode(documents), documents.rows);
  let sum = 0;
  for (let i = 0; i < decoded.data.length; i++) sum += (decoded.data[i]! - documents.data[i]!) ** 2;
  return { header, codebook, rotation, spread: Math.max(1e-9, sum / (documents.rows * parts)) };
}

/**
 * Each part of a row by its nearest centroid; gradients go as if centroids were mixed by a softmax of minus their distances.
 * @param rows n x dim, turned @param codebook parts x centroids x width; both spent
 */
export function quantise(jax: Jax, rows: Tensor, codebook: Tensor, spread: number): Tensor {
  const { numpy: np, nn, lax } = jax;
  const [count, dim] = rows.shape as [number, number];
  const [parts, centroids, width] = codebook.shape as [number, number, number];
  // parts first: products of whole matrices, one a part
  const pieces = np.transpose(rows.reshape([count, parts, width]), [1, 0, 2]);
  const products = np.matmul(pieces, np.transpose(codebook.ref, [0, 2, 1]));
  const squares = np.sum(np.square(codebook.ref), -1).reshape([parts, 1, centroids]);
  const logits = products
    .mul(2)
    .sub(squares)
    .mul(1 / spread);
  const soft = nn.softmax(logits.ref, -1);
  const hard = nn.oneHot(np.argmax(lax.stopGradient(logits), -1), centroids);
  const chosen = soft.ref.add(lax.stopGradient(hard.sub(soft)));
  return np.transpose(np.matmul(chosen, codebook), [1, 0, 2]).reshape([count, dim]);
}
