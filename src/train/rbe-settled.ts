/**
 * Trains recurrent binary embeddings whose bits settle (codecs/rbe-settle.ts), from pairs of a query and its document. First two linear maps
 * of the floats, by contrast within a batch (InfoNCE), so that distances tell what is relevant; then the bits, fitted to mapped documents;
 * then what queries are multiplied by, taught by the maps' own scores (distillation: Hinton, Vinyals & Dean, 2015), as so many pairs are soon
 * known by heart. Differs from BEBR (KDD 2023), which trains bits by contrast through their signs.
 */
import { checkShape, meanLength, RbeCoder } from "../codecs/rbe.ts";
import { directions, levelsOf, linear, type RbeShape, type RbeWeights, valuesOf } from "../codecs/rbe-net.ts";
import { fitSettling } from "../codecs/rbe-settle.ts";
import { kernels } from "../kernels/index.ts";
import { type Matrix, matrix } from "../linalg/matrix.ts";
import { unitRows } from "./contrastive.ts";
import { type Jax, loadJax, type Tensor, tensorOf, type Weights } from "./jax.ts";
import { pairBatches, type RbeBatches, type RbePairs, unitPairsOf } from "./rbe-batches.ts";
import { decoderOf } from "./rbe-decoder.ts";
import { linearOf } from "./rbe-net.ts";
import type { RbeRunOptions } from "./rbe-options.ts";
import { train } from "./train.ts";

/** Steps, rate and temperature are those of the maps; progress counts the steps of both trainings. */
export interface SettledTrainOptions extends RbeRunOptions {
  /** Bits of a code, in whole bytes. */
  readonly width: number;
  /** The same three of what queries are multiplied by. */
  readonly askSteps?: number;
  readonly askRate?: number;
  readonly askTemperature?: number;
}

export const settledTrainDefaults = {
  batch: 256,
  steps: 300,
  rate: 3e-4,
  temperature: 0.05,
  askSteps: 300,
  askRate: 1e-4,
  askTemperature: 0.1,
  seed: 1,
  device: "wasm",
} as const;

type Settings = Required<Omit<SettledTrainOptions, "signal" | "onProgress">> &
  Pick<SettledTrainOptions, "signal" | "onProgress">;

/**
 * @param pairs any length, taken as directions; more documents than values in one
 * @throws MnemeError RANGE, DIMENSION, NOT_FINITE, INSUFFICIENT_DATA, CANCELLED, DEPENDENCY without the optional peer, STATE where training
 * diverges
 */
export async function trainSettledRbe(pairs: RbePairs, options: SettledTrainOptions): Promise<RbeCoder> {
  const settings: Settings = { ...settledTrainDefaults, ...options };
  const { width, seed, signal } = settings;
  checkShape(1, width);
  const units = unitPairsOf(pairs);
  const batches = pairBatches(units, settings.batch, seed);
  const shape: RbeShape = { dim: units.documents.cols, width, bits: 1, settled: true };
  const jax = await loadJax(settings.device);
  const maps = await trainMaps(jax, shape.dim, batches, settings);
  const begin = (spread: Matrix): Matrix => directions(spread, width, { seed });
  const mapped = mappedUnits(maps, "map", units.documents);
  const fitted = fitSettling(mapped, width, begin, { seed, ...(signal ? { signal } : {}) });
  const coding: RbeWeights = {
    map: maps.map!,
    mapBias: maps.mapBias!,
    project: fitted.pull,
    projectBias: fitted.pullBias,
    gram: fitted.gram,
    gramBias: new Float32Array(width),
  };
  const asking = await trainAsk(jax, shape, { maps, coding, ask: fitted.ask }, batches, settings);
  const weights = { ...coding, ...asking, ...decoderOf(units.documents, coding, shape, seed) };
  const given = { ...shape, symmetric: false, weights, length: meanLength(pairs.documents) };
  return new RbeCoder({ ...given, version: settings.version, answers: [] });
}

/** Rows through one of the maps, as unit rows. */
function mappedUnits(maps: RbeWeights, part: string, rows: Matrix): Matrix {
  const out = linear(maps, part, rows);
  kernels().normalizeF32(out.data, out.cols);
  return out;
}

/** `query` and `map`, dim x dim with their biases, from doing nothing. */
async function trainMaps(
  jax: Jax,
  dim: number,
  batches: RbeBatches,
  settings: Settings,
): Promise<RbeWeights> {
  const { steps, rate, temperature, onProgress } = settings;
  const begin: Weights = {};
  for (const part of ["query", "map"]) {
    begin[part] = jax.numpy.eye(dim);
    begin[`${part}Bias`] = jax.numpy.zeros([dim]);
  }
  const { weights } = await train(jax, begin, {
    steps,
    rate,
    batch: (step) => {
      const { queries, documents, targets, mask } = batches(step);
      const between = (data: Float32Array): Tensor =>
        tensorOf(jax, matrix(queries.rows, documents.rows, data));
      return {
        queries: tensorOf(jax, queries),
        documents: tensorOf(jax, documents),
        targets: between(targets),
        mask: between(mask),
      };
    },
    loss: (given, { queries, documents, targets, mask }) => {
      const asked = unitRows(jax, linearOf(jax, given, "query", queries!));
      const found = unitRows(jax, linearOf(jax, given, "map", documents!));
      return crossEntropy(jax, logits(jax, asked, found, temperature).add(mask!), targets!);
    },
    ...(settings.signal ? { signal: settings.signal } : {}),
    onStep: (step, loss) => onProgress?.({ step, steps: steps + settings.askSteps, loss }),
  });
  return weights;
}

interface Untaught {
  readonly maps: RbeWeights;
  readonly coding: RbeWeights;
  /** width x dim, of mapped queries. */
  readonly ask: Float32Array;
}

/**
 * `ask` and its bias: queries' scores of a batch's codes become the maps' scores of its documents. Taught behind the query's map: in front of
 * it, each step would bring back some of what the map leaves out.
 */
async function trainAsk(
  jax: Jax,
  shape: RbeShape,
  { maps, coding, ask }: Untaught,
  batches: RbeBatches,
  settings: Settings,
): Promise<RbeWeights> {
  const { dim, width } = shape;
  const { steps, askSteps, askRate, askTemperature: temperature, onProgress } = settings;
  const begin: Weights = {
    ask: tensorOf(jax, matrix(width, dim, ask)),
    askBias: jax.numpy.zeros([width]),
  };
  const { weights } = await train(jax, begin, {
    steps: askSteps,
    rate: askRate,
    batch: (step) => {
      const { queries, documents } = batches(step);
      const codes = valuesOf(levelsOf(coding, shape, documents), width, shape.bits);
      return {
        queries: tensorOf(jax, mappedUnits(maps, "query", queries)),
        documents: tensorOf(jax, mappedUnits(maps, "map", documents)),
        codes: tensorOf(jax, codes),
      };
    },
    loss: (given, { queries, documents, codes }) => {
      const asked = unitRows(jax, linearOf(jax, given, "ask", queries!.ref));
      const taught = jax.nn.softmax(logits(jax, queries!, documents!, temperature), -1);
      return crossEntropy(jax, logits(jax, asked, unitRows(jax, codes!), temperature), taught);
    },
    ...(settings.signal ? { signal: settings.signal } : {}),
    onStep: (step, loss) => onProgress?.({ step: steps + step, steps: steps + askSteps, loss }),
  });
  return behindMap(maps, weights, shape, batches(0).queries);
}

/** One linear part for the query's map and what follows it. @param queries whose mean length behind the map stands for each one's */
function behindMap(
  maps: RbeWeights,
  { ask, askBias }: RbeWeights,
  { dim, width }: RbeShape,
  queries: Matrix,
): RbeWeights {
  const composed = new Float32Array(width * dim);
  kernels().matmulF32(ask!, maps.query!, composed, width, dim, dim);
  const bias = new Float32Array(width);
  kernels().matmulTransposedF32(maps.queryBias!, ask!, bias, 1, dim, width);
  const length = meanLength(linear(maps, "query", queries));
  for (let i = 0; i < width; i++) bias[i]! += length * askBias![i]!;
  return { ask: composed, askBias: bias };
}

/** Products of all queries with all documents. */
function logits(jax: Jax, queries: Tensor, documents: Tensor, temperature: number): Tensor {
  return jax.numpy.matmul(queries, documents.transpose()).mul(1 / temperature);
}

function crossEntropy(jax: Jax, scores: Tensor, targets: Tensor): Tensor {
  const { numpy: np, nn } = jax;
  const [rows] = scores.shape as [number, number];
  return np.sum(nn.logSoftmax(scores, -1).mul(targets)).mul(-1 / rows);
}
