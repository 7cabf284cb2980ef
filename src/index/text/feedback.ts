/**
 * Relevance feedback: the words that the best passages share say more of what is asked than the question does. A relevance model
 * (Lavrenko & Croft, Relevance-Based Language Models, SIGIR 2001) over few passages, mixed with the query as RM3 does (Abdul-Jaleel et
 * al., UMass at TREC 2004). Differs from RM3 in the weight of a term in a passage: its BM25 instead of its probability.
 */
import { bm25Defaults, lengthNorm, saturation } from "./bm25.ts";
import { termsOf } from "./normalize.ts";
import { segmentWords } from "./segment-words.ts";

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

/** The strongest terms; their weights add up to 1. */
export function feedbackTerms(
  passages: readonly FeedbackPassage[],
  statistics: TermStatistics,
  { terms = feedbackDefaults.terms }: FeedbackOptions = {},
): Map<string, number> {
  const sums = new Map<string, number>();
  const { k1, b } = bm25Defaults;
  for (const { text, share } of passages) {
    const { counts, length } = countTerms(text);
    const norm = lengthNorm(length, statistics.averageLength, k1, b);
    for (const [term, count] of counts)
      sums.set(term, (sums.get(term) ?? 0) + share * saturation(count, norm, k1));
  }
  const weighted = [...sums]
    .filter(([term]) => !NO_TOPIC.test(term))
    .map(([term, sum]): [string, number] => [term, sum * statistics.idf(term)]);
  weighted.sort(([a, x], [c, y]) => y - x || (a < c ? -1 : 1));
  const best = weighted.slice(0, terms);
  const total = best.reduce((sum, [, weight]) => sum + weight, 0);
  return new Map(best.map(([term, weight]) => [term, weight / total]));
}

function countTerms(text: string): { counts: Map<string, number>; length: number } {
  const counts = new Map<string, number>();
  let length = 0;
  segmentWords(text, (start, end, unspaced, plain) => {
    for (const term of termsOf(text.slice(start, end), unspaced, plain)) {
      counts.set(term, (counts.get(term) ?? 0) + 1);
      length++;
    }
  });
  return { counts, length };
}
