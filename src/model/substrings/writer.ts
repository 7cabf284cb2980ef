/** What writes n-grams: a decoder with its tokenizer, the prompts that it reads, and what it says behind those that ask for nothing. */
import { PagedCache } from "../../cache/paged-cache.ts";
import { MnemeError, throwIfAborted } from "../../errors.ts";
import type { WasmFace } from "../../kernels/index.ts";
import type { Decoder } from "../decoder.ts";
import { MOST_TOKENS } from "../step-tables.ts";
import type { Tokenizer } from "../tokenizer.ts";
import { meanLogProbabilities, NEUTRAL_QUESTIONS } from "./calibrate.ts";
import type { ReadPrompt } from "./corpus-beam.ts";

export interface Writer {
  readonly face: WasmFace;
  readonly decoder: Decoder;
  readonly tokenizer: Tokenizer;
  readonly pause: () => Promise<void>;
}

export const filled = (prompt: string, question: string): string =>
  prompt.replace("{question}", () => question);

/** The cache is the caller's to dispose of. @param room tokens that will be written. @throws MnemeError RANGE, CANCELLED */
export async function readPrompt(
  { face, decoder, tokenizer, pause }: Writer,
  text: string,
  room: number,
  signal: AbortSignal | undefined,
): Promise<ReadPrompt> {
  const tokens = tokenizer.encodeWhole(text);
  const { context, vocabulary } = decoder.config;
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
      first = decoder.forward(tokens.slice(from, from + MOST_TOKENS), cache).slice(0, vocabulary);
    }
    return { cache, first };
  } catch (error) {
    cache[Symbol.dispose]();
    throw error;
  }
}

/** Prompts whose priors are kept. */
const MOST_PRIORS = 16;

/** By prompt, of decoders that are in use: log probabilities of what is written first behind neutral questions. */
const priors = new WeakMap<Decoder, Map<string, Float32Array>>();

/** A prompt with a question that asks for nothing: what is first written behind it is the mean of several. The cache is the caller's. */
export async function readNeutral(
  writer: Writer,
  prompt: string,
  signal: AbortSignal | undefined,
): Promise<ReadPrompt> {
  const known = priors.get(writer.decoder) ?? new Map<string, Float32Array>();
  priors.set(writer.decoder, known);
  const { cache } = await readPrompt(writer, filled(prompt, NEUTRAL_QUESTIONS[0]!), 0, signal);
  try {
    let first = known.get(prompt);
    if (!first) {
      const rows: Float32Array[] = [];
      for (const neutral of NEUTRAL_QUESTIONS) {
        const read = await readPrompt(writer, filled(prompt, neutral), 0, signal);
        read.cache[Symbol.dispose]();
        rows.push(read.first);
      }
      first = meanLogProbabilities(rows);
      if (known.size >= MOST_PRIORS) known.clear();
      known.set(prompt, first);
    }
    return { cache, first };
  } catch (error) {
    cache[Symbol.dispose]();
    throw error;
  }
}

/** Share of tokens that begin words, at least, where there are whole words. */
const LEAST_MARKED = 0.1;
const wordTables = new WeakMap<Decoder, Uint8Array>();
/** As byte-level and SentencePiece tokenizers write a space. */
const SPACED = /^[\u0120\u2581 ]/u;

/** Whether a token begins a word behind others. Any does for a tokenizer of single characters. */
export function wordBegins({
  decoder,
  tokenizer,
}: Pick<Writer, "decoder" | "tokenizer">): (token: number) => boolean {
  let table = wordTables.get(decoder);
  if (!table) {
    table = Uint8Array.from({ length: decoder.config.vocabulary }, (_, token) =>
      SPACED.test(tokenizer.tokenOf(token) ?? "") ? 1 : 0,
    );
    const marked = table.reduce((sum, isMarked) => sum + isMarked, 0);
    if (marked < LEAST_MARKED * table.length) table.fill(1);
    wordTables.set(decoder, table);
  }
  return (token) => table[token] === 1;
}
