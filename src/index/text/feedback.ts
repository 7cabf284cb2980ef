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
  idf(term: string): number;
  readonly averageLength: number;
}

export interface FeedbackOptions {
  /** Terms that are kept. */
  readonly terms?: number;
}

export const feedbackDefaults = { terms: 20 } as const;

/** Numbers and single letters are what a passage has of its own, not what it is about. */
const NO_TOPIC = /^(?:\d+|.)$/u;

const counter = new TermCounter();

/** The strongest terms; their weights add up to 1. */
export function feedbackTerms(
  passages: readonly FeedbackPassage[],
  statistics: TermStatistics,
  { terms = feedbackDefaults.terms }: FeedbackOptions = {},
): Map<string, number> {
  const sums = new Map<string, number>();
  const { k1, b } = bm25Defaults;
  for (const { text, share } of passages) {
    const { numbers, counts, length } = counter.count(text);
    const norm = lengthNorm(length, statistics.averageLength, k1, b);
    for (const number of numbers) {
      const term = counter.term(number);
      sums.set(term, (sums.get(term) ?? 0) + share * saturation(counts[number]!, norm, k1));
    }
  }
  const weighted: [string, number][] = [];
  for (const [term, sum] of sums)
    if (!NO_TOPIC.test(term)) weighted.push([term, sum * statistics.idf(term)]);
  weighted.sort(([a, x], [c, y]) => y - x || (a < c ? -1 : 1));
  const best = weighted.slice(0, terms);
  const total = best.reduce((sum, [, weight]) => sum + weight, 0);
  return new Map(best.map(([term, weight]) => [term, weight / total]));
}
