/** Perplexity: how surprised a model is by a text, per token and per byte, over windows that slide where the text is longer than the context. */
import { MnemeError } from "../errors.ts";

/** Anything that gives natural logarithms of tokens' probabilities, each given those before it: of n tokens n - 1. */
export interface TokenScorer {
  score(tokens: readonly number[]): Promise<Float64Array> | Float64Array;
}

export interface PerplexityOptions {
  /** Tokens of a window; default 1024. */
  readonly window?: number;
  /** Tokens that a window moves on; default half a window. Every token but the first is counted once, with at least window - stride before it from the second window on. */
  readonly stride?: number;
  /** Of the text; for bits per byte. */
  readonly bytes?: number;
  readonly onWindow?: (counted: number) => void;
}

export interface Perplexity {
  readonly perplexity: number;
  /** Mean surprise, in nats a token. */
  readonly nats: number;
  /** Tokens that were counted. */
  readonly tokens: number;
  /** Of the whole text, its first token left out; null without `bytes`. */
  readonly bitsPerByte: number | null;
}

export const perplexityDefaults = { window: 1024 } as const;

/** @throws MnemeError RANGE, INSUFFICIENT_DATA below two tokens, NOT_FINITE */
export async function perplexity(
  model: TokenScorer,
  tokens: readonly number[],
  options: PerplexityOptions = {},
): Promise<Perplexity> {
  const window = options.window ?? perplexityDefaults.window;
  const stride = options.stride ?? Math.max(1, Math.floor(window / 2));
  check(tokens, window, stride);
  let sum = 0;
  let counted = 1;
  for (let start = 0; counted < tokens.length; start += stride) {
    const end = Math.min(tokens.length, start + window);
    const scores = await model.score(tokens.slice(start, end));
    if (scores.length !== end - start - 1)
      throw new MnemeError(
        "DIMENSION",
        `perplexity: ${scores.length} scores came for ${end - start} tokens, expected one less`,
      );
    for (; counted < end; counted++) sum -= scores[counted - start - 1]!;
    options.onWindow?.(counted);
  }
  if (!Number.isFinite(sum))
    throw new MnemeError(
      "NOT_FINITE",
      "perplexity: a token has no finite probability; the model's logits are broken",
    );
  const nats = sum / (tokens.length - 1);
  const { bytes } = options;
  return {
    perplexity: Math.exp(nats),
    nats,
    tokens: tokens.length - 1,
    bitsPerByte: bytes === undefined ? null : sum / Math.LN2 / bytes,
  };
}

function check(tokens: readonly number[], window: number, stride: number): void {
  if (tokens.length < 2)
    throw new MnemeError("INSUFFICIENT_DATA", `perplexity: ${tokens.length} tokens; at least 2 are needed`);
  if (!(Number.isInteger(window) && window >= 2))
    throw new MnemeError("RANGE", `perplexity: window is ${window}; expected a whole number from 2`);
  if (!(Number.isInteger(stride) && stride >= 1 && stride < window))
    throw new MnemeError(
      "RANGE",
      `perplexity: stride is ${stride}; expected a whole number from 1 below the window of ${window}`,
    );
}
