/**
 * Teaches a language model which n-grams of a passage answer a question: of pairs of both, spans of the passage that share most with the
 * question are what it should write (Bevilacqua and others, Autoregressive Search Engines, 2022). Differs from the paper: a decoder, whose
 * embedding stays as it is.
 */
import { MnemeError, throwIfAborted } from "../errors.ts";
import { type Matrix, matrix } from "../linalg/matrix.ts";
import { Random } from "../linalg/random.ts";
import { openCheckpoint } from "../model/checkpoint.ts";
import type { ModelConfig } from "../model/config.ts";
import { bundledModel, nGramDefaults } from "../model/index.ts";
import { decodeRows, type Layout, layersAsStored, readLayers } from "./decoder-layers.ts";
import { type Jax, loadJax, type Tensor, type TrainDevice, type Weights } from "./jax.ts";
import { type SpanShape, type SpanSource, spanLayout, spanRows, vectorsOf } from "./span-rows.ts";
import { type TrainOptions, train } from "./train.ts";
import { checkFree, writeTaught } from "./write-taught.ts";

export interface QuestionPassage {
  readonly question: string;
  /** Text of the passage that answers it. */
  readonly text: string;
  /** How often it is drawn beside others, above 0; default 1. */
  readonly weight?: number;
}

export interface SubstringTrainOptions
  extends Partial<Pick<TrainOptions, "rate" | "steps" | "decay" | "signal" | "onStep">> {
  /** The model that is taught; default: the bundled one. A folder. */
  readonly model?: string;
  /** Tokens of a span; default 10. */
  readonly span?: number;
  /** Spans that a question is taught at once; default 4. */
  readonly spans?: number;
  /** Tokens of a question with its prompt: what is longer loses its beginning. Default 48. */
  readonly promptTokens?: number;
  /** Pairs of a step; default 32. */
  readonly batch?: number;
  /** What is read before a span is written; default: as `nGrams` asks. */
  readonly prompt?: string;
  /** What computes; default "wasm". The bundled model takes a GPU. */
  readonly device?: TrainDevice;
  readonly seed?: number;
  readonly onPair?: (done: number, total: number) => void;
}

export const substringTrainDefaults = {
  span: 10,
  spans: 4,
  promptTokens: 48,
  batch: 32,
  rate: 4e-4,
  steps: 180,
  decay: 0.01,
  seed: 1,
} as const;

/**
 * Writes a taught copy of a model to a folder, which `load` opens.
 * @returns spans that it was taught, and the last loss: nats a token
 * @throws MnemeError EXISTS, RANGE for a weight, INSUFFICIENT_DATA, UNSUPPORTED for other decoders than plain Llama, CANCELLED, and what training throws
 */
export async function trainSubstrings(
  pairs: readonly QuestionPassage[],
  folder: string,
  options: SubstringTrainOptions = {},
): Promise<{ readonly spans: number; readonly loss: number }> {
  const { model: path = bundledModel(), signal, onStep } = options;
  const settings = { ...substringTrainDefaults, ...options };
  const { span, spans, promptTokens, batch, seed } = settings;
  checkFree(folder);
  const jax = await loadJax(options.device);
  using checkpoint = await openCheckpoint(path);
  const { config, tensors } = checkpoint;
  const draw = drawer(pairs, await checkpoint.tokenizer(), options);
  const weights = readLayers(jax, config, tensors);
  const { vocabulary, width, tied } = config;
  const table = (name: string): Matrix =>
    matrix(vocabulary, width, tensors.read(name, 0, vocabulary * width));
  const embedding = table("model.embed_tokens.weight");
  const output = tied ? embedding : table("lm_head.weight");
  const shape: SpanShape = { prompt: promptTokens, span, spans };
  const random = new Random(seed);
  const { numpy: np } = jax;
  const places = promptTokens - 1 + spans * span;
  const layer = np.array(output.data).reshape([vocabulary, width]);
  try {
    const trained = await train(jax, weights, {
      rate: settings.rate,
      steps: settings.steps,
      decay: settings.decay,
      // each step is waited for: what waits for a GPU holds memory
      every: 1,
      ...(signal ? { signal } : {}),
      ...(onStep ? { onStep } : {}),
      batch: () => {
        const rows = Array.from({ length: batch }, () => draw(random));
        const { vectors, held, wanted } = spanRows(rows, shape, embedding, random);
        return {
          vectors: np.array(vectors).reshape([batch, places, width]),
          held: np.array(held).reshape([batch, places]),
          wanted: np.array(vectorsOf(wanted, output).data).reshape([wanted.length, width]),
          output: layer.ref,
        };
      },
      loss: (given, seen) => spanLoss(jax, config, spanLayout(shape), spans * span, given, seen),
    });
    writeTaught(path, folder, layersAsStored(config, trained.weights));
    return { spans: settings.steps * batch * spans, loss: trained.loss };
  } finally {
    layer.dispose();
  }
}

/** Nats a token of the last places of each row. */
function spanLoss(
  jax: Jax,
  config: ModelConfig,
  layout: Layout,
  last: number,
  weights: Weights,
  { vectors, held, wanted, output }: Weights,
): Tensor {
  const { numpy: np, nn } = jax;
  const [rows, places, width] = vectors!.shape as [number, number, number];
  const all = decodeRows(jax, config, layout, weights, vectors!, held!);
  const states = all.slice([], [places - last, places], []).reshape([rows * last, width]);
  const logits = np.matmul(states.ref, np.transpose(output!));
  return np.mean(nn.logsumexp(logits, -1).sub(np.sum(states.mul(wanted!), -1)));
}

interface Encodes {
  encode(text: string): readonly number[];
  encodeWhole(text: string): readonly number[];
}

/** Draws pairs, each as often as it weighs; one is encoded when it is drawn first. */
function drawer(
  pairs: readonly QuestionPassage[],
  tokenizer: Encodes,
  options: SubstringTrainOptions,
): (random: Random) => SpanSource {
  const { span } = { ...substringTrainDefaults, ...options };
  const { prompt = nGramDefaults.prompts.passage, signal } = options;
  const known: SpanSource[] = [];
  const ends: number[] = [];
  let total = 0;
  for (const [i, { question, text, weight = 1 }] of pairs.entries()) {
    throwIfAborted(signal, "train substrings");
    if (!(weight > 0 && Number.isFinite(weight)))
      throw new MnemeError(
        "RANGE",
        `train substrings: pair ${i} has the weight ${weight}; expected a number above 0`,
      );
    const body = tokenizer.encode(text);
    if (body.length < span) continue;
    known.push({
      prompt: tokenizer.encodeWhole(prompt.replace("{question}", () => question)),
      question: new Set(tokenizer.encode(` ${question}`)),
      body,
    });
    total += weight;
    ends.push(total);
    options.onPair?.(i + 1, pairs.length);
  }
  if (known.length === 0)
    throw new MnemeError(
      "INSUFFICIENT_DATA",
      `train substrings: none of ${pairs.length} passages has a span of ${span} tokens`,
    );
  return (random) => {
    const at = random.uniform() * total;
    return known[Math.min(known.length - 1, ends.findLastIndex((end) => end <= at) + 1)]!;
  };
}
