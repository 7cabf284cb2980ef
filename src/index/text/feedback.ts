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
  readonly averageLength: number;
}

export interface FeedbackOptions {
  /** Terms that are kept. */
  readonly terms?: number;
}

export const feedbackDefaults = { terms: 20 } as const;

const counter = new TermCounter();

/** The terms of the largest weights, strongest first; equal ones by name. */
function strongest(
  sums: ReadonlyMap<number, number>,
  statistics: TermStatistics,
  terms: number,
): [string, number][] {
  const numbers = [...sums.keys()];
  const weights = Float64Array.from(
    numbers,
    (number) => sums.get(number)! * statistics.sampledIdf(counter.term(number)),
  );
  const least = weights.slice().sort()[Math.max(0, weights.length - terms)] ?? 0;
  const best: [string, number][] = [];
  numbers.forEach((number, i) => {
    if (weights[i]! >= least) best.push([counter.term(number), weights[i]!]);
  });
  best.sort(([a, x], [c, y]) => y - x || (a < c ? -1 : 1));
  return best.slice(0, terms);
}

/** The strongest terms; their weights add up to 1. */
export function feedbackTerms(
  passages: readonly FeedbackPassage[],
  statistics: TermStatistics,
  { terms = feedbackDefaults.terms }: FeedbackOptions = {},
): Map<string, number> {
  counter.trim();
  const sums = new Map<number, number>();
  const { k1, b } = bm25Defaults;
  for (const { text, share } of passages) {
    const { numbers, counts, length } = counter.count(text);
    const norm = lengthNorm(length, statistics.averageLength, k1, b);
    for (const number of numbers) {
      if (!counter.isTopical(number)) continue;
      sums.set(number, (sums.get(number) ?? 0) + share * saturation(counts[number]!, norm, k1));
    }
  }
  const best = strongest(sums, statistics, terms);
  const total = best.reduce((sum, [, weight]) => sum + weight, 0);
  return new Map(best.map(([term, weight]) => [term, weight / total]));
}
