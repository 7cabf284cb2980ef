/**
 * What a question adds to what a model would write anyway (Zhao and others, Calibrate Before Use, 2021): of what may follow in the corpus,
 * how much likelier each token is behind the question than behind one that says nothing, times how often it follows. A small model
 * without this begins as its own training texts do, whatever was asked. Differs from SEAL's paper, whose model was trained for the task.
 */
import type { FollowingTokens } from "../../index/text/token-index/token-index.ts";
import { logSum } from "../sample.ts";

/** Questions that ask for nothing. */
export const NEUTRAL_QUESTIONS: readonly string[] = [
  "What is it?",
  "Who was this?",
  "Where is that and when was it?",
  "This is how it was found.",
];

/** @param rows logits, each of all tokens. @returns logarithm of their mean probability of each token */
export function meanLogProbabilities(rows: readonly Float32Array[]): Float32Array {
  const mean = new Float32Array(rows[0]!.length);
  for (const row of rows) {
    const total = logSum(row);
    for (let token = 0; token < row.length; token++) mean[token]! += Math.exp(row[token]! - total);
  }
  return mean.map((sum) => Math.log(sum / rows.length + 1e-12));
}

/** The token behind a title, none of the model's, and those by which the model ends one. */
export interface TitleEnd {
  readonly token: number;
  readonly ends: readonly number[];
}

const logitOf = (row: Float32Array, token: number, until: TitleEnd | undefined): number => {
  if (token < row.length) return row[token]!;
  if (token !== until?.token) return Number.NEGATIVE_INFINITY;
  return logSum(Float32Array.from(until.ends, (end) => row[end]!));
};

/**
 * Log probabilities of the tokens that may follow; -Infinity for those that no model writes.
 * @param row logits of all tokens behind the question
 * @param neutral the same behind a question that says nothing. Without: of all tokens, not only those that may follow
 */
export function followingScores(
  row: Float32Array,
  neutral: Float32Array | undefined,
  { tokens, lows, highs }: FollowingTokens,
  until?: TitleEnd,
): Float32Array {
  const scores = new Float32Array(tokens.length);
  for (let i = 0; i < scores.length; i++) {
    const token = tokens[i]!;
    scores[i] = logitOf(row, token, until);
    if (neutral && scores[i] !== Number.NEGATIVE_INFINITY)
      scores[i]! += Math.log(highs[i]! - lows[i]!) - logitOf(neutral, token, until);
  }
  const total = logSum(neutral ? scores : row);
  if (total === Number.NEGATIVE_INFINITY) return scores;
  for (let i = 0; i < scores.length; i++) scores[i]! -= total;
  return scores;
}
