/**
 * What a model writes about a question among the n-grams that a corpus holds: parts of passages, whole titles, the question's own
 * n-grams, and single tokens (Bevilacqua and others, Autoregressive Search Engines, 2022).
 */
import { MnemeError } from "../../errors.ts";
import { type ScoredNGram, type Unigrams, weightDefaults } from "../../index/text/n-gram-weights.ts";
import type { TokenIndex } from "../../index/text/token-index/token-index.ts";
import { TopK } from "../../index/top-k.ts";
import { MOST_TILES } from "../step-tables.ts";
import type { Tokenizer } from "../tokenizer.ts";
import { followingScores } from "./calibrate.ts";
import { type BeamOutcome, beamSearch } from "./corpus-beam.ts";
import { separatorOf, tokenizerTag } from "./index-texts.ts";
import { ownNGrams } from "./own-n-grams.ts";
import { filled, readNeutral, readPrompt, type Writer, wordBegins } from "./writer.ts";

export interface NGramOptions {
  /** Runs that go on after each step; default 15, at most 64, calibrated 32. */
  readonly beams?: number;
  /** Tokens of a part of a passage at most, 10 in the paper. Default 6: more find the same. */
  readonly maxTokens?: number;
  /** Tokens of a title at most, 15 in the paper. Default 0: none are written, a small model's cost more than they find. */
  readonly titleTokens?: number;
  /** Whether what the model would write behind any question is taken off, see calibrate.ts; default true. False: as in the paper. */
  readonly calibrate?: boolean;
  /**
   * From 0 to 1: how much runs that are rarer in the corpus are preferred while they grow. 0: none, as in the paper; 1: what goes on is what
   * the model finds likelier than the corpus does. Default 1.
   */
  readonly rarity?: number;
  /** A run that occurs no more often than this is not made longer: it would say nothing more. Default 1; 0: all are. */
  readonly settled?: number;
  /** Whether parts of passages begin where a word does; default true. */
  readonly words?: boolean;
  /** Single tokens at most, 5000 in the paper. Default 0: those of a small model find less than its n-grams alone. */
  readonly unigrams?: number;
  /** Whether the question's own n-grams count; default true. */
  readonly ownNGrams?: boolean;
  /** What is read before a part of a passage or a title is written; {question} stands for the question. */
  readonly prompts?: { readonly passage?: string; readonly title?: string };
  readonly signal?: AbortSignal;
}

export const nGramDefaults = {
  beams: 15,
  maxTokens: 6,
  titleTokens: 0,
  calibrate: true,
  rarity: 1,
  settled: 1,
  words: true,
  unigrams: 0,
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
    beams: [1, settings.calibrate ? MOST_TILES / 2 : MOST_TILES],
    maxTokens: [1, 64],
    titleTokens: [0, 64],
    settled: [0, 2 ** 20],
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
  if (!(settings.rarity >= 0 && settings.rarity <= 1))
    throw new MnemeError("RANGE", `n-grams: rarity is ${settings.rarity}; expected 0 to 1`);
  if (question.trim() === "")
    throw new MnemeError("ARGUMENT", "n-grams: the question is empty; ask in words");
  return settings;
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
  const { passage: text } = settings.prompts;
  const passage = await readPrompt(writer, filled(text, question), settings.maxTokens, signal);
  using _cache = passage.cache;
  const neutral = settings.calibrate ? await readNeutral(writer, text, signal) : undefined;
  using _neutral = neutral?.cache;
  const own = settings.ownNGrams ? await ownNGrams(writer, question, index, passage, neutral, signal) : [];
  const unigrams = unigramsOf(passage.first, neutral?.first, index, settings.unigrams);
  const { beams, maxTokens, rarity, settled } = settings;
  const written = await beamSearch({
    ...{ decoder, follows: index, prompt: passage, neutral, start: index.start() },
    begins: settings.words ? wordBegins(writer) : undefined,
    ...{ beams, maxTokens, rarity, settled, smoothing: weightDefaults.smoothing },
    ...{ pause: writer.pause, signal },
  });
  const titles = await writeTitles(writer, question, index, settings, signal);
  return {
    nGrams: [...own, ...written.nGrams, ...titles.nGrams],
    unigrams,
    ms: performance.now() - started,
    maskMs: written.maskMs + titles.maskMs,
  };
}

function unigramsOf(
  row: Float32Array,
  neutral: Float32Array | undefined,
  index: TokenIndex,
  most: number,
): Unigrams {
  if (most === 0) return { tokens: new Uint32Array(0), logprobs: new Float32Array(0) };
  const following = index.next(index.start());
  const scores = followingScores(row, neutral, following);
  const best = new TopK(Math.min(most, scores.length));
  for (let i = 0; i < scores.length; i++) if (following.tokens[i]! < row.length) best.push(scores[i]!, i);
  const found = best.drain();
  return { tokens: found.rows.map((i) => following.tokens[i]!), logprobs: Float32Array.from(found.scores) };
}

async function writeTitles(
  writer: Writer,
  question: string,
  index: TokenIndex,
  { titleTokens, prompts, beams, calibrate, settled }: Settings,
  signal: AbortSignal | undefined,
): Promise<Pick<BeamOutcome, "nGrams" | "maskMs">> {
  if (titleTokens === 0) return { nGrams: [], maskMs: 0 };
  const { decoder, tokenizer, pause } = writer;
  const prompt = await readPrompt(writer, filled(prompts.title, question), titleTokens, signal);
  using _cache = prompt.cache;
  const neutral = calibrate ? await readNeutral(writer, prompts.title, signal) : undefined;
  using _neutral = neutral?.cache;
  const until = { token: separatorOf(decoder.config), ends: titleEnds(tokenizer, decoder.config.eos) };
  const found = await beamSearch({
    ...{ decoder, follows: index, prompt, neutral, start: index.begins(), until },
    ...{ beams, maxTokens: titleTokens, rarity: 0, smoothing: 0, settled, pause, signal },
  });
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
