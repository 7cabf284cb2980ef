/** Judging a retriever on a test set: means of the metrics over the queries, and latency. */
import type { TestSet } from "./beir.ts";
import { averagePrecision, ndcg, percentile, recall, reciprocalRank } from "./metrics.ts";

export interface Evaluation {
  readonly queries: number;
  readonly ndcg10: number;
  readonly recall100: number;
  readonly map: number;
  readonly mrr10: number;
  /** Milliseconds a query. */
  readonly p50: number;
  readonly p99: number;
}

/** What one query gave. */
export interface QueryEvaluation {
  readonly ndcg10: number;
  readonly recall100: number;
  readonly recall1000: number;
  /** Average precision. */
  readonly map: number;
  readonly mrr10: number;
  readonly ms: number;
}

/** Each query of the set by itself, in order. @param search ids of documents, best first */
export async function evaluateQueries(
  set: Pick<TestSet, "queries">,
  search: (query: string) => Promise<readonly string[]>,
  onQuery?: (done: number) => void,
): Promise<QueryEvaluation[]> {
  const all: QueryEvaluation[] = [];
  for (const { text, judged } of set.queries) {
    const started = performance.now();
    const ranked = await search(text);
    const ms = performance.now() - started;
    all.push({
      ndcg10: ndcg(ranked, judged, 10),
      recall100: recall(ranked, judged, 100),
      recall1000: recall(ranked, judged, 1000),
      map: averagePrecision(ranked, judged),
      mrr10: reciprocalRank(ranked.slice(0, 10), judged),
      ms,
    });
    onQuery?.(all.length);
  }
  return all;
}

/** @param search ids of documents, best first, at most 100 */
export async function evaluate(
  set: TestSet,
  search: (query: string) => Promise<readonly string[]>,
  onQuery?: (done: number) => void,
): Promise<Evaluation> {
  const all = await evaluateQueries(set, search, onQuery);
  const mean = (of: keyof QueryEvaluation): number =>
    all.reduce((sum, one) => sum + one[of], 0) / Math.max(1, all.length);
  const times = all.map(({ ms }) => ms);
  return {
    queries: set.queries.length,
    ndcg10: mean("ndcg10"),
    recall100: mean("recall100"),
    map: mean("map"),
    mrr10: mean("mrr10"),
    p50: percentile(times, 0.5),
    p99: percentile(times, 0.99),
  };
}
