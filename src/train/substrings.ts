/**
 * Teaches a language model which n-grams of a passage answer a question: of pairs of both, spans of the passage that share most with the
 * question are what it should write (Bevilacqua and others, Autoregressive Search Engines, 2022). Differs from the paper: of a bundled
 * model only the output layer is trained, on a processor in minutes, not the whole of it.
 */
import { MnemeError, throwIfAborted } from "../errors.ts";
import { matrix } from "../linalg/matrix.ts";
import { Random } from "../linalg/random.ts";
import { openCheckpoint } from "../model/checkpoint.ts";
import { bundledModel, load, nGramDefaults } from "../model/index.ts";
import { type OutputPairs, type OutputTrainOptions, trainOutput } from "./output.ts";
import { writeWithOutput } from "./write-with-output.ts";

export interface QuestionPassage {
  readonly question: string;
  /** Text of the passage that answers it. */
  readonly text: string;
}

export interface SubstringTrainOptions extends OutputTrainOptions {
  /** The model that is taught; default: the bundled one. A folder. */
  readonly model?: string;
  /** Tokens of a span; default 10. */
  readonly span?: number;
  /** Spans of each pair; default 1. */
  readonly spans?: number;
  /** What is read before a span is written; default: as `nGrams` asks. */
  readonly prompt?: string;
  readonly onPair?: (done: number, total: number) => void;
}

export const substringTrainDefaults = { span: 10, spans: 1 } as const;

/** Pairs whose states are computed together. */
const TOGETHER = 64;
/** A step reads so many tokens of a prompt and its span. */
const MOST_READ = 256;

/**
 * Writes a taught copy of a model to a folder, which `load` opens.
 * @returns spans that it was taught. @throws MnemeError EXISTS, INSUFFICIENT_DATA, CANCELLED, and what loading and training throw
 */
export async function trainSubstrings(
  pairs: readonly QuestionPassage[],
  folder: string,
  options: SubstringTrainOptions = {},
): Promise<{ readonly spans: number }> {
  const path = options.model ?? bundledModel();
  const taught = await statesOf(pairs, path, options);
  using checkpoint = await openCheckpoint(path);
  const { vocabulary, width, tied } = checkpoint.config;
  const name = tied ? "model.embed_tokens.weight" : "lm_head.weight";
  const output = matrix(vocabulary, width, checkpoint.tensors.read(name, 0, vocabulary * width));
  writeWithOutput(path, folder, await trainOutput(taught, output, options));
  return { spans: taught.tokens.length / (options.span ?? substringTrainDefaults.span) };
}

/** States in front of each token of a span, and the tokens. */
async function statesOf(
  pairs: readonly QuestionPassage[],
  path: string,
  options: SubstringTrainOptions,
): Promise<OutputPairs> {
  const { span, spans } = { ...substringTrainDefaults, ...options };
  const { prompt = nGramDefaults.prompts.passage, seed = 1, signal } = options;
  await using model = await load(path);
  const random = new Random(seed);
  const read: { readonly tokens: readonly number[]; readonly wanted: readonly number[] }[] = [];
  for (const { question, text } of pairs) {
    throwIfAborted(signal, "train substrings");
    const before = model.tokenizer.encodeWhole(prompt.replace("{question}", () => question));
    const body = model.encode(text);
    if (body.length < span || before.length + span > MOST_READ) continue;
    for (const wanted of drawSpans(model.encode(` ${question}`), body, span, spans, random))
      read.push({ tokens: [...before, ...wanted.slice(0, -1)], wanted });
  }
  if (read.length === 0)
    throw new MnemeError(
      "INSUFFICIENT_DATA",
      `train substrings: none of ${pairs.length} passages has a span of ${span} tokens`,
    );
  const states = matrix(read.length * span, model.config.width);
  for (let from = 0; from < read.length; from += TOGETHER) {
    throwIfAborted(signal, "train substrings");
    const group = read.slice(from, from + TOGETHER).map(({ tokens }) => tokens);
    states.data.set((await model.states(group, span)).data, from * span * states.cols);
    options.onPair?.(Math.min(read.length, from + TOGETHER), read.length);
  }
  return { states, tokens: Uint32Array.from(read.flatMap(({ wanted }) => wanted)) };
}

/** Spans with a chance that grows with what they share with the question: exp of the number of its tokens. */
export function drawSpans(
  question: readonly number[],
  body: readonly number[],
  span: number,
  count: number,
  random: Random,
): number[][] {
  const asked = new Set(question);
  const starts = body.length - span + 1;
  const sums = new Float64Array(starts);
  let total = 0;
  for (let start = 0; start < starts; start++) {
    const shared = new Set(body.slice(start, start + span).filter((token) => asked.has(token))).size;
    total += Math.exp(shared);
    sums[start] = total;
  }
  return Array.from({ length: count }, () => {
    const at = random.uniform() * total;
    const start = Math.max(
      0,
      sums.findIndex((sum) => sum > at),
    );
    return body.slice(start, start + span);
  });
}
