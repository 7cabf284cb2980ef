/**
 * Feedback: the first passages of a hybrid ranking, taken for relevant, sharpen the question in words (RM3) and in meaning (Rocchio,
 * Relevance Feedback in Information Retrieval, 1971); the candidates are scored once more. No second search: what the first one did not
 * find stays unfound, which keeps it in a fraction of a millisecond and costs no quality on the judged collections.
 */
import { TopK } from "../index/top-k.ts";
import type { TakenVectors } from "../index/vector/taken-vectors.ts";
import type { Library } from "./library.ts";

export const feedbackDefaults = {
  /** Passages taken for relevant. */
  passages: 3,
  /** A passage counts by this power of its score, so that a clear winner speaks alone. */
  sharpness: 4,
  /** Share of the passages' words in the sharpened question. */
  words: 0.3,
  /** Weight of the passages' vectors against the question's. */
  vectors: 2,
  /** Weight of meaning in the last combination. */
  meaning: 0.15,
} as const;

/** Rows that either retriever found, ascending, with both scores of each. */
export interface Candidates {
  readonly rows: Uint32Array;
  readonly words: Float64Array;
  readonly meaning: Float32Array;
  readonly vectors: TakenVectors;
}

/** Convex combination; each score as a share of the best one. */
export function mix(words: Float64Array, meaning: Float32Array, weight: number): Float64Array {
  const ofWords = (1 - weight) / (greatest(words) || 1);
  const ofMeaning = weight / (greatest(meaning) || 1);
  const mixed = new Float64Array(words.length);
  for (let i = 0; i < mixed.length; i++) mixed[i] = ofWords * words[i]! + ofMeaning * meaning[i]!;
  return mixed;
}

/** The largest score, or 0. */
function greatest(scores: Float64Array | Float32Array): number {
  let best = 0;
  for (let i = 0; i < scores.length; i++) if (scores[i]! > best) best = scores[i]!;
  return best;
}

/** Scores of the candidates for the sharpened question. @param first their scores for the question as it was asked */
export async function withFeedback(
  library: Library,
  text: string,
  vector: Float32Array,
  candidates: Candidates,
  first: Float64Array,
): Promise<Float64Array> {
  const top = bestOf(first, feedbackDefaults.passages);
  const shares = sharesOf(Float64Array.from(top, (i) => first[i]!));
  const words = await sharpenWords(library, text, candidates, top, shares);
  const meaning = sharpenVector(vector, candidates, top, shares);
  return mix(words, candidates.vectors.score(meaning), feedbackDefaults.meaning);
}

/** Indexes of the largest scores, best first. */
function bestOf(scores: Float64Array, count: number): number[] {
  const best = new TopK(count);
  for (let i = 0; i < scores.length; i++) best.push(scores[i]!, i);
  return [...best.drain().rows];
}

function sharesOf(scores: Float64Array): Float64Array {
  const powers = scores.map((score) => Math.max(score, 0) ** feedbackDefaults.sharpness);
  const total = powers.reduce((sum, power) => sum + power, 0);
  return powers.map((power) => (total > 0 ? power / total : 1 / powers.length));
}

async function sharpenWords(
  library: Library,
  text: string,
  candidates: Candidates,
  top: readonly number[],
  shares: Float64Array,
): Promise<Float64Array> {
  const passages = [];
  for (const [i, place] of top.entries())
    passages.push({ text: await library.passageText(candidates.rows[place]!), share: shares[i]! });
  const terms = library.words.feedbackTerms(passages);
  const added = await library.words.scoreTerms(terms, candidates.rows);
  const asked = (1 - feedbackDefaults.words) / ((await library.words.queryWeight(text)) || 1);
  const sharpened = new Float64Array(added.length);
  for (let i = 0; i < sharpened.length; i++)
    sharpened[i] = asked * candidates.words[i]! + feedbackDefaults.words * added[i]!;
  return sharpened;
}

function sharpenVector(
  vector: Float32Array,
  { vectors }: Candidates,
  top: readonly number[],
  shares: Float64Array,
): Float32Array {
  const sharpened = vector.slice();
  for (const [i, place] of top.entries()) {
    const weight = feedbackDefaults.vectors * shares[i]!;
    const of = vectors.vector(place);
    for (let j = 0; j < sharpened.length; j++) sharpened[j]! += weight * of[j]!;
  }
  return sharpened;
}
