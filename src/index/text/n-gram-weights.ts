/**
 * Weights of n-grams that a language model wrote about a question (Bevilacqua and others, Autoregressive Search Engines: Generating
 * Substrings as Document Identifiers, 2022): how much likelier the model finds one than the corpus does.
 */
import type { TokenIndex, TokenRange } from "./token-index/token-index.ts";

export interface ScoredNGram {
  readonly tokens: readonly number[];
  /** Natural logarithm of its probability given the question. */
  readonly logprob: number;
}

/** Tokens with which the model might begin. Parallel arrays. */
export interface Unigrams {
  readonly tokens: Uint32Array;
  readonly logprobs: Float32Array;
}

export interface WeightOptions {
  /** Power of the weight of an n-gram: above 1, one that is sure counts for more than several that are not. Default 2. */
  readonly alpha?: number;
  /** Added to every count. Default 5. */
  readonly smoothing?: number;
  /** One that occurs more often is passed over. Default 10 million. */
  readonly most?: number;
}

export const weightDefaults = { alpha: 2, smoothing: 5, most: 1e7 } as const;

export interface WeighedNGram {
  readonly tokens: readonly number[];
  readonly weight: number;
  /** Where it occurs in the index. */
  readonly range: TokenRange;
}

/** A probability of 1 would weigh infinitely. */
const SUREST = 1 - 1e-6;

/** max(0, log(p (1 - q) / (q (1 - p)))): p by the model, q by the corpus. */
export function excess(logprob: number, share: number): number {
  const p = Math.min(SUREST, Math.exp(logprob));
  return Math.max(0, logprob + Math.log1p(-share) - Math.log(share) - Math.log1p(-p));
}

const shareOf = (count: number, tokens: number, smoothing: number): number =>
  Math.min(SUREST, (count + smoothing) / (tokens + smoothing));

/** N-grams that weigh something, heaviest first; of equal ones the likeliest counts. */
export function weighNGrams(
  index: TokenIndex,
  nGrams: readonly ScoredNGram[],
  options: WeightOptions = {},
): WeighedNGram[] {
  const { alpha, smoothing, most } = { ...weightDefaults, ...options };
  const best = new Map<string, ScoredNGram>();
  for (const nGram of nGrams) {
    const key = nGram.tokens.join(" ");
    const known = best.get(key);
    if (nGram.tokens.length > 0 && !(known && known.logprob >= nGram.logprob)) best.set(key, nGram);
  }
  const weighed: WeighedNGram[] = [];
  for (const { tokens, logprob } of best.values()) {
    const range = index.find(tokens);
    const count = range.high - range.low;
    if (count === 0 || count > most) continue;
    const weight = excess(logprob, shareOf(count, index.tokens, smoothing)) ** alpha;
    if (weight > 0) weighed.push({ tokens, weight, range });
  }
  return weighed.sort((a, b) => b.weight - a.weight || compareTokens(a.tokens, b.tokens));
}

/** Weights of single tokens, without a power. */
export function weighUnigrams(
  index: TokenIndex,
  { tokens, logprobs }: Unigrams,
  options: WeightOptions = {},
): Map<number, number> {
  const { smoothing } = { ...weightDefaults, ...options };
  const weights = new Map<number, number>();
  for (const [i, token] of tokens.entries()) {
    const count = index.count([token]);
    const weight = count === 0 ? 0 : excess(logprobs[i]!, shareOf(count, index.tokens, smoothing));
    if (weight > 0) weights.set(token, weight);
  }
  return weights;
}

/** By their first tokens that differ. */
function compareTokens(a: readonly number[], b: readonly number[]): number {
  for (let i = 0; i < a.length && i < b.length; i++) if (a[i] !== b[i]) return a[i]! - b[i]!;
  return a.length - b.length;
}
