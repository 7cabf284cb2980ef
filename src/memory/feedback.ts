/**
 * Feedback: the first passages of a ranking, taken for relevant, sharpen the question in words (RM3) and in meaning (Rocchio, Relevance
 * Feedback in Information Retrieval, 1971; for embeddings Li et al., Pseudo-Relevance Feedback with Dense Retrievers, 2021).
 */
import { TopK } from "../index/top-k.ts";
import type { TakenVectors } from "../index/vector/taken-vectors.ts";
import { slab } from "../slab.ts";
import type { Library } from "./library.ts";
import type { FeedbackOptions, VectorFeedback } from "./recall-plan.ts";

/** A passage counts by this power of its score, so that a clear winner speaks alone. */
const SHARPNESS = 4;
/** Share of the passages' words in the sharpened question. */
const WORDS_SHARE = 0.3;

/** Weight of all passages together against the question's, and the power of their scores that they share it by. */
const VECTOR_FEEDBACK: Record<
  Exclude<VectorFeedback, "none">,
  (passages: number) => { weight: number; sharpness: number }
> = {
  weighted: () => ({ weight: 2, sharpness: SHARPNESS }),
  rocchio: () => ({ weight: 0.6 / 0.4, sharpness: 0 }),
  average: (passages) => ({ weight: passages, sharpness: 0 }),
};

/** A passage taken for relevant. */
export interface Relevant {
  readonly row: number;
  /** Its place among the candidates. */
  readonly place: number;
  readonly score: number;
}

/** The best rows. @param rows of the scores */
export function relevantOf(rows: Uint32Array, scores: ArrayLike<number>, count: number): Relevant[] {
  const best = new TopK(count);
  for (let i = 0; i < scores.length; i++) best.push(scores[i]!, i);
  return Array.from(best.drain().rows, (place) => ({ row: rows[place]!, place, score: scores[place]! }));
}

/** Why there shall be no feedback: the best passage hardly stands out, so that the next ones would do as well. */
export function weakness(
  scores: ArrayLike<number>,
  { passages, guard }: Required<FeedbackOptions>,
): string | undefined {
  if (guard === 0) return undefined;
  if (scores.length <= passages) return `only ${scores.length} passages were found`;
  const best = new TopK(passages + 1);
  for (let i = 0; i < scores.length; i++) best.push(scores[i]!, i);
  const places = best.drain().rows;
  const [first, next] = [scores[places[0]!]!, scores[places[passages]!]!];
  const lead = first > 0 ? (first - next) / first : 0;
  return lead >= guard ? undefined : `the best passage leads by ${lead.toFixed(3)} of its score only`;
}

/** Terms of the passages and their weights, which add up to 1; of the sharpened question they are `WORDS_SHARE`. */
export async function passageTerms(
  library: Library,
  relevant: readonly Relevant[],
): Promise<Map<string, number>> {
  const shares = sharesOf(relevant, SHARPNESS);
  const passages = [];
  for (let i = 0; i < relevant.length; i++) {
    const text = library.passageText(relevant[i]!.row);
    passages.push({ text: text instanceof Promise ? await text : text, share: shares[i]! });
  }
  return library.words.feedbackTerms(passages);
}

/**
 * The passages' terms beside those of a sparse question: the words index heeds how rare terms are when it scores, a sparse index has to be
 * told. By the mean of the question's own terms, so that the scale of its weights does not matter.
 */
export function rareTerms(
  library: Library,
  asked: ReadonlyMap<string, number>,
  added: ReadonlyMap<string, number>,
): Map<string, number> {
  let usual = 0;
  for (const term of asked.keys()) usual += library.words.idf(term) / asked.size;
  return new Map(
    Array.from(added, ([term, weight]) => [term, (weight * library.words.idf(term)) / (usual || 1)]),
  );
}

/** The question's terms, weighing their share of 1, with those of the passages. */
export function sharpenTerms(
  asked: ReadonlyMap<string, number>,
  added: ReadonlyMap<string, number>,
): Map<string, number> {
  const terms = new Map<string, number>();
  const scale = askedScale(asked);
  for (const [term, weight] of asked) terms.set(term, scale * weight);
  for (const [term, weight] of added) terms.set(term, (terms.get(term) ?? 0) + WORDS_SHARE * weight);
  return terms;
}

/** The same for scores: those of the question and those of the passages' terms. */
export function sharpenScores(
  asked: ReadonlyMap<string, number>,
  scores: Float64Array,
  added: Float64Array,
): Float64Array {
  const scale = askedScale(asked);
  const sharpened = slab.f64(scores.length);
  for (let i = 0; i < sharpened.length; i++) sharpened[i] = scale * scores[i]! + WORDS_SHARE * added[i]!;
  return sharpened;
}

/** Makes the weights of the question's terms add up to what the passages leave them. */
function askedScale(asked: ReadonlyMap<string, number>): number {
  let sum = 0;
  for (const weight of asked.values()) sum += weight;
  return (1 - WORDS_SHARE) / (sum || 1);
}

/** The question's vector moved towards the passages'. @returns the same where `how` is "none" */
export function sharpenVector(
  vector: Float32Array,
  vectors: TakenVectors,
  relevant: readonly Relevant[],
  how: VectorFeedback,
): Float32Array {
  if (how === "none") return vector;
  const { weight, sharpness } = VECTOR_FEEDBACK[how](relevant.length);
  const shares = sharesOf(relevant, sharpness);
  const sharpened = slab.f32(vector.length);
  sharpened.set(vector);
  for (const [i, { place }] of relevant.entries()) {
    const own = weight * shares[i]!;
    const of = vectors.vector(place);
    for (let j = 0; j < sharpened.length; j++) sharpened[j]! += own * of[j]!;
  }
  return sharpened;
}

function sharesOf(relevant: readonly Relevant[], sharpness: number): Float64Array {
  const powers = Float64Array.from(relevant, ({ score }) => Math.max(score, 0) ** sharpness);
  const total = powers.reduce((sum, power) => sum + power, 0);
  return powers.map((power) => (total > 0 ? power / total : 1 / powers.length));
}
