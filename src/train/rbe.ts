/**
 * Trains recurrent binary embeddings (Gan et al., Binary Embedding-based Retrieval at Tencent, KDD 2023), from embeddings to codes: from
 * pairs by contrast with the hardest negatives, or from plain rows by what their exact neighbours are. Differs from the paper: weights
 * begin with principal directions instead of random ones and parts are linear without batch norm, so that little training is enough;
 * float queries are trained beside coded ones; a queue's rows are coded anew by the moving average each step, so none are stale.
 */

import { checkRows } from "../codecs/check.ts";
import { checkShape, meanLength, RbeCoder } from "../codecs/rbe.ts";
import {
  centredWeights,
  levelsOf,
  linear,
  partsOfRbe,
  type RbeBits,
  type RbeShape,
  type RbeWeights,
  untrainedWeights,
  valuesOf,
} from "../codecs/rbe-net.ts";
import { MnemeError, throwIfAborted } from "../errors.ts";
import { type Matrix, matrix } from "../linalg/matrix.ts";
import { type Jax, loadJax, type Tensor, tensorOf, type Weights } from "./jax.ts";
import {
  neighbourBatches,
  pairBatches,
  type RbeBatch,
  type RbeBatches,
  type RbePairs,
  unitPairsOf,
  unitRowsOf,
} from "./rbe-batches.ts";
import { decoderOf } from "./rbe-decoder.ts";
import { rbeLoss } from "./rbe-loss.ts";
import { tensorsOf } from "./rbe-net.ts";
import type { RbeRunOptions } from "./rbe-options.ts";
import { RowQueue } from "./row-queue.ts";
import { train } from "./train.ts";

export interface RbeTrainOptions extends RbeRunOptions {
  readonly bits: RbeBits;
  readonly width: number;
  /** Documents of a batch for each query, where rows are plain. */
  readonly each?: number;
  /** Plain rows that are ever queries. */
  readonly anchors?: number;
  /** Of plain rows: what exact cosines are divided by. */
  readonly teacher?: number;
  /** Negatives kept of each query: the paper's k. 0 keeps all. */
  readonly hardest?: number;
  /** Documents of earlier batches that are negatives too. */
  readonly queue?: number;
  /** Shares of float and of coded queries in the loss. */
  readonly asymmetric?: number;
  readonly symmetric?: number;
  /** An older version: queries of each will find codes of the other. */
  readonly compatibleWith?: RbeCoder;
  /** Share of what is done for the older version. */
  readonly compatible?: number;
  /** Begins with signs about the rows' mean instead of about zero: for one-bit codes of rows that all lean to one side. Default false. */
  readonly centre?: boolean;
}

export const rbeTrainDefaults = {
  steps: 600,
  rate: 1e-3,
  batch: 64,
  each: 6,
  anchors: 4096,
  temperature: 0.05,
  teacher: 0.05,
  hardest: 0,
  queue: 0,
  asymmetric: 1,
  symmetric: 0.5,
  compatible: 1,
  centre: false,
  seed: 1,
  device: "wasm",
} as const;

/** Decay of the moving average that codes a queue. */
const AVERAGE = 0.99;
type Settings = Required<Omit<RbeTrainOptions, "signal" | "onProgress" | "compatibleWith">> &
  Pick<RbeTrainOptions, "signal" | "onProgress" | "compatibleWith">;

/**
 * @param data plain rows, or pairs; any length, taken as directions
 * @throws MnemeError RANGE, DIMENSION, NOT_FINITE, INSUFFICIENT_DATA, CANCELLED, DEPENDENCY without the optional peer, STATE where training
 * diverges
 */
export async function trainRbe(data: Matrix | RbePairs, options: RbeTrainOptions): Promise<RbeCoder> {
  const settings: Settings = { ...rbeTrainDefaults, ...options };
  const { bits, width, compatibleWith: old, seed } = settings;
  checkShape(bits, width);
  const documents = "data" in data ? data : data.documents;
  const shape = { dim: documents.cols, width, bits };
  checkOld(old, settings, documents.cols);
  const batches = batchesOf(data, settings);
  const queue = settings.queue > 0 ? new RowQueue(settings.queue, documents.cols) : undefined;
  const jax = await loadJax(settings.device);
  const fresh = (settings.centre ? centredWeights : untrainedWeights)(documents, shape, { seed });
  const begin = old ? widened(old, fresh, shape) : fresh;
  const { weights } = await train(jax, tensorsOf(jax, shape, begin), {
    steps: settings.steps,
    rate: settings.rate,
    loss: rbeLoss(jax, { ...settings, oldWidth: old?.width ?? 0 }),
    batch: (step) => tensorsOfBatch(jax, batches(step), queue, old),
    ...(settings.queue > 0 ? { average: AVERAGE } : {}),
    ...(settings.signal ? { signal: settings.signal } : {}),
    onStep: (step, loss) => settings.onProgress?.({ step, steps: settings.steps, loss }),
  });
  const trained = { ...weights, ...decoderOf(documents, weights, shape, seed) };
  const answers = old ? [old.version] : [];
  const given = { ...shape, symmetric: false, weights: trained, length: meanLength(documents) };
  return new RbeCoder({ ...given, version: settings.version, answers });
}

function checkOld(old: RbeCoder | undefined, { bits, width, version }: Settings, dim: number): void {
  if (!old) return;
  if (old.settled)
    throw new MnemeError(
      "ARGUMENT",
      `trainRbe: codes of version "${old.version}" settle, and none is trained to match those; take a version of trainRbe's, or encode all rows again`,
    );
  if (old.bits !== bits || old.width > width || old.dim !== dim)
    throw new MnemeError(
      "DIMENSION",
      `trainRbe: ${bits} x ${width} bits of ${dim} values cannot match ${old.bits} x ${old.width} of ${old.dim}; take as many bits and values, and no fewer dimensions`,
    );
  if (old.version === version)
    throw new MnemeError(
      "ARGUMENT",
      `trainRbe: both versions are named "${version}"; name the new one otherwise`,
    );
}

function batchesOf(data: Matrix | RbePairs, settings: Settings): RbeBatches {
  const { batch, seed, signal } = settings;
  if ("data" in data) {
    checkRows("trainRbe", data.cols, data);
    if (settings.queue > 0)
      throw new MnemeError(
        "ARGUMENT",
        "trainRbe: a queue is for pairs; of plain rows, those of earlier batches may be near",
      );
    if (data.rows < 2)
      throw new MnemeError("INSUFFICIENT_DATA", `trainRbe: ${data.rows} rows; two are needed at least`);
    const { each, anchors, teacher } = settings;
    const options = { queries: batch, each, anchors, temperature: teacher, seed };
    return neighbourBatches(unitRowsOf("rows", data), options, () => throwIfAborted(signal, "train"));
  }
  return pairBatches(unitPairsOf(data), batch, seed);
}

function tensorsOfBatch(jax: Jax, batch: RbeBatch, queue: RowQueue | undefined, old?: RbeCoder): Weights {
  const { queries, documents } = batch;
  const tensor = (rows: Matrix): Tensor => tensorOf(jax, rows);
  const between = (data: Float32Array): Tensor => tensor(matrix(queries.rows, documents.rows, data));
  const tensors: Weights = {
    queries: tensor(queries),
    documents: tensor(documents),
    targets: between(batch.targets),
    mask: between(batch.mask),
  };
  if (queue) {
    queue.begin(batch.epoch);
    tensors.queue = tensor(queue.rows);
    tensors.queueMask = tensor(matrix(1, queue.mask.length, queue.mask));
    queue.push(documents);
  }
  if (old) {
    const coded = (rows: Matrix): Matrix => valuesOf(levelsOf(old.weights, old, rows), old.width, old.bits);
    tensors.oldAsked = tensor(linear(old.weights, "ask", queries));
    tensors.oldQueries = tensor(coded(queries));
    tensors.oldDocuments = tensor(coded(documents));
  }
  return tensors;
}

/** Weights of an older version as the first outputs and inputs of a code of its width or more: what the new version begins with. */
function widened(old: RbeCoder, fresh: RbeWeights, shape: RbeShape): RbeWeights {
  const weights: Record<string, Float32Array> = {};
  const shapes = partsOfRbe(old);
  partsOfRbe(shape).forEach(([name, outputs], part) => {
    const [, oldOutputs, oldInputs] = shapes[part]!;
    const into = (values: Float32Array, from: Float32Array, rows: number, cols: number): Float32Array => {
      const out = values.slice();
      const width = values.length / outputs;
      for (let r = 0; r < rows; r++) out.set(from.subarray(r * cols, (r + 1) * cols), r * width);
      return out;
    };
    weights[name] = into(fresh[name]!, old.weights[name]!, oldOutputs, oldInputs);
    weights[`${name}Bias`] = into(fresh[`${name}Bias`]!, old.weights[`${name}Bias`]!, oldOutputs, 1);
  });
  return weights;
}
