/** generate: from a prompt's tokens to pieces of text, until the model ends, a stop string appears, or there is no room. */
import type { PagedCache } from "../cache/paged-cache.ts";
import { MnemeError, throwIfAborted } from "../errors.ts";
import type { Pacer } from "../pacer.ts";
import { type Decoder, MOST_TOKENS } from "./decoder.ts";
import { constraintOf } from "./grammar/constraint.ts";
import { grammarOf } from "./grammar/grammar-of.ts";
import { logProbability, type SampleOptions, Sampler } from "./sample.ts";
import { StopText } from "./stop-text.ts";
import { TextStream, type Tokenizer } from "./tokenizer.ts";

export interface GenerateOptions extends SampleOptions {
  /** Tokens at most; default 256, and what the context has room for. */
  readonly maxTokens?: number;
  /** Strings that end the text; they are left out of it. */
  readonly stop?: readonly string[];
  /** The text follows this grammar, in GBNF. Where nothing but its end may come, generation stops. */
  readonly grammar?: string;
  /** The text is JSON that is valid under this JSON Schema; true: any JSON object. */
  readonly schema?: object | true;
  /** Also the likeliest alternatives of each token, so many; 0 for the token's own alone. Default: none. */
  readonly logprobs?: number;
  readonly signal?: AbortSignal;
}

export const generateDefaults = { maxTokens: 256 } as const;

export interface TokenLogprob {
  readonly token: number;
  /** Natural logarithm of its probability, before penalties, temperature and what a grammar allows. */
  readonly logprob: number;
}

/** "tool_calls" of chats alone: the text has calls of tools. */
export type Finish = "stop" | "length" | "tool_calls";

export type Piece =
  | {
      readonly type: "text";
      readonly text: string;
      /** The token that it ends with, where logprobs were asked for. */
      readonly logprob?: TokenLogprob & { readonly top: readonly TokenLogprob[] };
    }
  | {
      readonly type: "done";
      readonly finish: Finish;
      readonly promptTokens: number;
      /** Of them those whose keys and values were at hand. */
      readonly cachedTokens: number;
      readonly generatedTokens: number;
    };

export interface Engine {
  readonly decoder: Decoder;
  readonly tokenizer: Tokenizer;
  readonly pacer: Pacer;
}

/** Puts the prompt's tokens that the cache has not yet into it, and goes on from there. The cache must hold the start of the prompt, or nothing. */
export async function* generate(
  { decoder, tokenizer, pacer }: Engine,
  prompt: readonly number[],
  cache: PagedCache,
  options: GenerateOptions,
): AsyncGenerator<Piece> {
  const room = decoder.config.context - prompt.length;
  if (prompt.length === 0)
    throw new MnemeError("ARGUMENT", "generate: the prompt is empty; give it at least one token");
  if (room <= 0)
    throw new MnemeError(
      "RANGE",
      `generate: the prompt has ${prompt.length} tokens, the model's context ${decoder.config.context}; shorten it`,
    );
  const most = mostTokens(options, room);
  const sampler = new Sampler(options, prompt);
  const grammar = grammarOf(options);
  const constraint = grammar && constraintOf(tokenizer, decoder.config, grammar);
  const stream = new TextStream(tokenizer);
  const stop = new StopText(options.stop ?? []);
  // the last token of the prompt is always computed: its logits are needed
  const cached = Math.min(cache.length, prompt.length - 1);
  cache.truncate(cached);
  let logits: Float32Array | undefined;
  for (let at = cached; at < prompt.length; at += MOST_TOKENS) {
    throwIfAborted(options.signal, "generate");
    logits = decoder.forward(prompt.slice(at, at + MOST_TOKENS), cache);
    await pacer.pause();
  }
  let generated = 0;
  let finish: Finish = "length";
  while (generated < most && !constraint?.done) {
    throwIfAborted(options.signal, "generate");
    const own = options.logprobs === undefined ? undefined : logprobsOf(logits!, options.logprobs);
    const token = sampler.next(logits!, constraint?.allowed());
    constraint?.accept(token);
    generated++;
    if (decoder.config.eos.includes(token)) {
      finish = "stop";
      break;
    }
    const text = stop.push(stream.push(token));
    const logprob = own && { token, logprob: own.of(token), top: own.top };
    if (text !== "" || logprob) yield { type: "text", text, ...(logprob ? { logprob } : {}) };
    if (stop.found) {
      finish = "stop";
      break;
    }
    if (generated < most && !constraint?.done) logits = decoder.forward([token], cache);
    if (pacer.isDue) await pacer.pause();
  }
  const rest = stop.found ? "" : stop.end(stream.end());
  if (rest !== "") yield { type: "text", text: rest };
  yield {
    type: "done",
    finish: stop.found || constraint?.done ? "stop" : finish,
    promptTokens: prompt.length,
    cachedTokens: cached,
    generatedTokens: generated,
  };
}

function mostTokens({ maxTokens = generateDefaults.maxTokens }: GenerateOptions, room: number): number {
  if (!Number.isInteger(maxTokens) || maxTokens < 1)
    throw new MnemeError("RANGE", `generate: maxTokens is ${maxTokens}; expected a whole number from 1`);
  return Math.min(maxTokens, room);
}

interface Logprobs {
  readonly top: readonly TokenLogprob[];
  of(token: number): number;
}

function logprobsOf(logits: Float32Array, count: number): Logprobs {
  const copy = logits.slice();
  const base = logProbability(copy, 0) - copy[0]!;
  const order = Array.from(copy, (_, token) => token).sort((a, b) => copy[b]! - copy[a]! || a - b);
  const of = (token: number): number => copy[token]! + base;
  return { of, top: order.slice(0, count).map((token) => ({ token, logprob: of(token) })) };
}
