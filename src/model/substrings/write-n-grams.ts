/**
 * What a model writes about a question among the n-grams that a corpus holds: parts of passages, whole titles, the question's own
 * n-grams, and single tokens (Bevilacqua and others, Autoregressive Search Engines, 2022).
 */
import { PagedCache } from "../../cache/paged-cache.ts";
import { MnemeError, throwIfAborted } from "../../errors.ts";
import type { ScoredNGram, Unigrams } from "../../index/text/n-gram-weights.ts";
import type { TokenIndex } from "../../index/text/token-index/token-index.ts";
import { TopK } from "../../index/top-k.ts";
import type { WasmFace } from "../../kernels/index.ts";
import type { Decoder } from "../decoder.ts";
import { MOST_TILES, MOST_TOKENS, type Span, tilesOf } from "../step-tables.ts";
import type { Tokenizer } from "../tokenizer.ts";
import { type BeamOutcome, beamSearch, logSum } from "./corpus-beam.ts";
import { separatorOf, tokenizerTag } from "./index-texts.ts";
import { queryNGrams } from "./query-n-grams.ts";

export interface NGramOptions {
  /** Runs that go on after each step; default 15. */
  readonly beams?: number;
  /** Tokens of a part of a passage at most; default 10. */
  readonly maxTokens?: number;
  /** Tokens of a title at most; default 15. 0: no titles are written. */
  readonly titleTokens?: number;
  /** Single tokens at most; default 5000. */
  readonly unigrams?: number;
  /** Whether the question's own n-grams count; default true. */
  readonly ownNGrams?: boolean;
  /** What is read before a part of a passage or a title is written; {question} stands for the question. */
  readonly prompts?: { readonly passage?: string; readonly title?: string };
  readonly signal?: AbortSignal;
}

export const nGramDefaults = {
  beams: 15,
  maxTokens: 10,
  titleTokens: 15,
  unigrams: 5000,
  ownNGrams: true,
  prompts: {
    passage: "Question: {question}\n\nAnswer:",
    title: 'Question: {question}\n\nThe answer is in the article titled "',
  },
} as const;

export interface WrittenNGrams {
  /** All of them occur in the corpus. */
  readonly nGrams: readonly ScoredNGram[];
  readonly unigrams: Unigrams;
  /** Milliseconds of the whole, and of asking the index what may follow. */
  readonly ms: number;
  readonly maskMs: number;
}

/** Tokens of the question's own n-grams that are scored at once: each has a row of logits. */
const SCORED_AT_ONCE = 64;
/** Own n-grams at most, beside single tokens. */
const MOST_OWN = 128;

type Settings = Required<Omit<NGramOptions, "signal" | "prompts">> & {
  readonly prompts: { readonly passage: string; readonly title: string };
};

/** @throws MnemeError RANGE naming the option, ARGUMENT for an empty question */
export function nGramSettings(question: string, options: NGramOptions): Settings {
  const settings = {
    ...nGramDefaults,
    ...options,
    prompts: { ...nGramDefaults.prompts, ...options.prompts },
  };
  const ranges = {
    beams: [1, MOST_TILES],
    maxTokens: [1, 64],
    titleTokens: [0, 64],
    unigrams: [0, 2 ** 20],
  } as const;
  for (const [name, [least, most]] of Object.entries(ranges)) {
    const value = settings[name as keyof typeof ranges];
    if (!(Number.isInteger(value) && value >= least && value <= most))
      throw new MnemeError(
        "RANGE",
        `n-grams: ${name} is ${value}; expected a whole number from ${least} to ${most}`,
      );
  }
  if (question.trim() === "")
    throw new MnemeError("ARGUMENT", "n-grams: the question is empty; ask in words");
  return settings;
}

export interface Writer {
  readonly face: WasmFace;
  readonly decoder: Decoder;
  readonly tokenizer: Tokenizer;
  readonly pause: () => Promise<void>;
}

/** @throws MnemeError RANGE, ARGUMENT, CANCELLED, VERSION for an index of other tokens than the model's */
export async function writeNGrams(
  writer: Writer,
  question: string,
  index: TokenIndex,
  options: NGramOptions = {},
): Promise<WrittenNGrams> {
  const started = performance.now();
  const settings = nGramSettings(question, options);
  const { tokenizer, decoder } = writer;
  if (index.tag !== tokenizerTag(tokenizer, decoder.config.vocabulary))
    throw new MnemeError(
      "VERSION",
      "n-grams: the index is of another model's tokens; build it again with this one",
    );
  const { signal } = options;
  const passage = await readPrompt(
    writer,
    filled(settings.prompts.passage, question),
    settings.maxTokens,
    signal,
  );
  using cache = passage.cache;
  const unigrams = unigramsOf(passage.first, settings.unigrams);
  const own = settings.ownNGrams ? await ownNGrams(writer, question, index, passage, signal) : [];
  const { beams, maxTokens } = settings;
  const search = { decoder, follows: index, beams, maxTokens, pause: writer.pause, signal };
  const written = await beamSearch({ ...search, start: index.start() }, cache, passage.first);
  const titles = await writeTitles(writer, question, index, settings, signal);
  return {
    nGrams: [...own, ...written.nGrams, ...titles.nGrams],
    unigrams,
    ms: performance.now() - started,
    maskMs: written.maskMs + titles.maskMs,
  };
}

const filled = (prompt: string, question: string): string => prompt.replace("{question}", () => question);

/** A prompt that was read, and a copy of the logits behind it. */
interface ReadPrompt {
  readonly cache: PagedCache;
  readonly first: Float32Array;
}

async function readPrompt(
  { face, decoder, tokenizer, pause }: Writer,
  text: string,
  room: number,
  signal: AbortSignal | undefined,
): Promise<ReadPrompt> {
  const tokens = tokenizer.encodeWhole(text);
  const { context } = decoder.config;
  if (tokens.length + room > context)
    throw new MnemeError(
      "RANGE",
      `n-grams: the question takes ${tokens.length} tokens, and ${room} are written; the model's context is ${context}`,
    );
  const cache = new PagedCache(face, decoder.shape);
  try {
    let first = new Float32Array(0);
    for (let from = 0; from < tokens.length; from += MOST_TOKENS) {
      throwIfAborted(signal, "n-grams");
      await pause();
      first = decoder.forward(tokens.slice(from, from + MOST_TOKENS), cache).slice();
    }
    return { cache, first };
  } catch (error) {
    cache[Symbol.dispose]();
    throw error;
  }
}

function unigramsOf(row: Float32Array, most: number): Unigrams {
  const total = logSum(row);
  const best = new TopK(Math.min(most, row.length));
  for (let token = 0; token < row.length; token++) best.push(row[token]! - total, token);
  const { rows, scores } = best.drain();
  return { tokens: rows, logprobs: Float32Array.from(scores) };
}

/** The question's n-grams that occur, scored by the model behind the prompt. */
async function ownNGrams(
  writer: Writer,
  question: string,
  index: TokenIndex,
  prompt: ReadPrompt,
  signal: AbortSignal | undefined,
): Promise<ScoredNGram[]> {
  const { tokenizer, decoder } = writer;
  const all = new Map<string, number[]>();
  for (const text of queryNGrams(question)) {
    const tokens = tokenizer.encode(text);
    if (tokens.length > 0 && index.count(tokens) > 0) all.set(tokens.join(" "), tokens);
  }
  const total = logSum(prompt.first);
  const firstOf = (tokens: readonly number[]): number => prompt.first[tokens[0]!]! - total;
  const runs = [...all.values()];
  const scored = runs
    .filter(({ length }) => length === 1)
    .map((tokens): ScoredNGram => ({ tokens, logprob: firstOf(tokens) }));
  const longer = runs.filter(({ length }) => length > 1 && length <= SCORED_AT_ONCE).slice(0, MOST_OWN);
  for (const group of grouped(longer)) {
    throwIfAborted(signal, "n-grams");
    await writer.pause();
    const spans = group.map(
      (tokens): Span => ({ tokens: tokens.slice(0, -1), cache: prompt.cache.fork(), logits: "all" }),
    );
    const logits = decoder.step(spans);
    let row = 0;
    for (const [i, tokens] of group.entries()) {
      let logprob = firstOf(tokens);
      for (const token of tokens.slice(1)) {
        const at = row++ * decoder.logitsStride;
        const own = logits.subarray(at, at + decoder.config.vocabulary);
        logprob += own[token]! - logSum(own);
      }
      scored.push({ tokens, logprob });
      spans[i]!.cache[Symbol.dispose]();
    }
  }
  return scored;
}

/** Runs whose tokens fit into one step. */
function grouped(runs: readonly number[][]): number[][][] {
  const groups: number[][][] = [];
  let [rows, tiles] = [0, 0];
  for (const tokens of runs) {
    const own = tilesOf({ tokens });
    if (groups.length === 0 || rows + tokens.length > SCORED_AT_ONCE || tiles + own > MOST_TILES) {
      groups.push([]);
      [rows, tiles] = [0, 0];
    }
    groups.at(-1)!.push(tokens);
    rows += tokens.length;
    tiles += own;
  }
  return groups;
}

async function writeTitles(
  writer: Writer,
  question: string,
  index: TokenIndex,
  { titleTokens, prompts, beams }: Settings,
  signal: AbortSignal | undefined,
): Promise<Pick<BeamOutcome, "nGrams" | "maskMs">> {
  if (titleTokens === 0) return { nGrams: [], maskMs: 0 };
  const { decoder, tokenizer, pause } = writer;
  const prompt = await readPrompt(writer, filled(prompts.title, question), titleTokens, signal);
  using cache = prompt.cache;
  const separator = separatorOf(decoder.config);
  const ends = titleEnds(tokenizer, decoder.config.eos);
  const search = {
    decoder,
    follows: index,
    start: index.begins(),
    beams,
    maxTokens: titleTokens,
    pause,
    signal,
  };
  const found = await beamSearch({ ...search, until: { token: separator, ends } }, cache, prompt.first);
  // an empty title is none
  return { nGrams: found.nGrams.filter(({ tokens }) => tokens.length > 0), maskMs: found.maskMs };
}

/** Tokens by which a model ends a title. */
function titleEnds(tokenizer: Tokenizer, eos: readonly number[]): readonly number[] {
  const spelled = ['"', '".', "\n", "\n\n"]
    .map((text) => tokenizer.encode(text))
    .filter(({ length }) => length === 1);
  return [...new Set([...eos, ...spelled.map(([token]) => token!)])];
}
