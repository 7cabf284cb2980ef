/**
 * How likely a model finds questions behind a passage: passages that answer make their question likely, so it orders them without being
 * trained to (Ponte and Croft, A Language Modeling Approach to Information Retrieval, 1998; by large language models: Sachan et al.,
 * Improving Passage Retrieval with Zero-Shot Question Generation, 2022). The passage is read once, however many questions are asked of it.
 */
import { PagedCache } from "../cache/paged-cache.ts";
import { kernels } from "../kernels/index.ts";
import type { Decoder } from "./decoder.ts";
import { logProbability } from "./sample.ts";
import { MOST_TOKENS } from "./step-tables.ts";

/** Tokens whose logits are held at once. */
const SCORED_AT_ONCE = 64;

export interface Scorer {
  readonly decoder: Decoder;
  /** Between steps; throws where nobody waits any more. */
  readonly pause: () => Promise<void>;
}

/** @returns the natural logarithm of the probability of each token but the first, given those before it */
export async function scoreTokens(
  { decoder, pause }: Scorer,
  tokens: readonly number[],
  cache: PagedCache,
): Promise<Float64Array> {
  const scores = new Float64Array(Math.max(0, tokens.length - 1));
  const { vocabulary } = decoder.config;
  for (let at = 0; at < scores.length; at += SCORED_AT_ONCE) {
    const piece = tokens.slice(at, Math.min(at + SCORED_AT_ONCE, scores.length));
    const logits = decoder.step([{ tokens: piece, cache, logits: "all" }]);
    for (let i = 0; i < piece.length; i++) {
      const from = i * decoder.logitsStride;
      scores[at + i] = logProbability(logits.subarray(from, from + vocabulary), tokens[at + i + 1]!);
    }
    await pause();
  }
  return scores;
}

/** @param head tokens that all begin with, one at least @param tails tokens behind them, one at least of each @returns the mean over each tail's tokens, in nats */
export async function likelihoods(
  scorer: Scorer,
  head: readonly number[],
  tails: readonly (readonly number[])[],
): Promise<Float64Array> {
  const { decoder, pause } = scorer;
  using read = new PagedCache(kernels(), decoder.shape);
  // the last token of the head is read with each tail: it tells the first token's chance
  const last = head.length - 1;
  for (let at = 0; at < last; at += MOST_TOKENS) {
    const tokens = head.slice(at, Math.min(at + MOST_TOKENS, last));
    decoder.step([{ tokens, cache: read, logits: "none" }]);
    await pause();
  }
  const found = new Float64Array(tails.length);
  for (const [i, tail] of tails.entries()) {
    using cache = read.fork();
    const scores = await scoreTokens(scorer, [head[last]!, ...tail], cache);
    found[i] = scores.reduce((sum, score) => sum + score, 0) / tail.length;
  }
  return found;
}
