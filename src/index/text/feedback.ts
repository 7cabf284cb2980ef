/**
 * Relevance feedback: the words that the best passages share say more of what is asked than the question does. A relevance model
 * (Lavrenko & Croft, Relevance-Based Language Models, SIGIR 2001) over few passages, mixed with the query as RM3 does (Abdul-Jaleel et
 * al., UMass at TREC 2004). Differs from RM3 in the weight of a term in a passage: its BM25 instead of its probability.
 */
import { bm25Defaults, lengthNorm, saturation } from "./bm25.ts";
import { TermCounter } from "./term-counter.ts";

export interface FeedbackPassage {
  readonly text: string;
  /** How much it counts; the shares of all passages add up to 1. */
  readonly share: number;
}

/** What is asked of the words index. */
export interface TermStatistics {
  /** Inverse document frequency; an estimate will do. */
  sampledIdf(term: string): number;
  /** No term's `sampledIdf` is larger. */
  readonly greatestIdf: number;
  readonly averageLength: number;
}

export interface FeedbackOptions {
  /** Terms that are kept. */
  readonly terms?: number;
}

export const feedbackDefaults = { terms: 20 } as const;

const counter = new TermCounter();
/** What the passages say of each term, by its number; zeros between calls. */
let sums = new Float64Array(1024);

/** The strongest terms; their weights add up to 1. */
export function feedbackTerms(
  passages: readonly FeedbackPassage[],
  statistics: TermStatistics,
  { terms = feedbackDefaults.terms }: FeedbackOptions = {},
): Map<string, number> {
  counter.trim();
  const best = strongest(addUp(passages, statistics.averageLength), statistics, terms);
  const total = best.reduce((sum, { weight }) => sum + weight, 0);
  return new Map(best.map(({ term, weight }) => [term, weight / total]));
}

/** Adds the passages' terms to the sums. @returns their numbers, those of the first passage first */
function addUp(passages: readonly FeedbackPassage[], averageLength: number): number[] {
  const { k1, b } = bm25Defaults;
  const found: number[] = [];
  for (const { text, share } of passages) {
    if (share === 0) continue;
    const { numbers, counts, length } = counter.count(text);
    if (counts.length > sums.length) sums = grown(sums, counts.length);
    const norm = lengthNorm(length, averageLength, k1, b);
    for (const number of numbers) {
      if (!counter.isTopical(number)) continue;
      if (sums[number] === 0) found.push(number);
      sums[number]! += share * saturation(counts[number]!, norm, k1);
    }
  }
  return found;
}

function grown(values: Float64Array<ArrayBuffer>, length: number): Float64Array<ArrayBuffer> {
  const larger = new Float64Array(length);
  larger.set(values);
  return larger;
}

interface WeighedTerm {
  readonly term: string;
  readonly weight: number;
}

/** The terms of the largest weights, strongest first; equal ones by name. Clears the sums. */
function strongest(numbers: readonly number[], statistics: TermStatistics, terms: number): WeighedTerm[] {
  const { greatestIdf } = statistics;
  const best: WeighedTerm[] = [];
  for (const number of numbers) {
    const sum = sums[number]!;
    sums[number] = 0;
    const least = best.length < terms ? 0 : best.at(-1)!.weight;
    // most terms of the weaker passages: looking up how rare they are would cost more than the rest
    if (sum * greatestIdf < least) continue;
    const term = counter.term(number);
    const weight = sum * statistics.sampledIdf(term);
    if (weight < least) continue;
    let at = best.length;
    while (at > 0 && isStronger(term, weight, best[at - 1]!)) at--;
    best.splice(at, 0, { term, weight });
    if (best.length > terms) best.pop();
  }
  return best;
}

function isStronger(term: string, weight: number, than: WeighedTerm): boolean {
  return weight > than.weight || (weight === than.weight && term < than.term);
}
