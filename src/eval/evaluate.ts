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

/** @param search ids of documents, best first, at most 100 */
export async function evaluate(
  set: TestSet,
  search: (query: string) => Promise<readonly string[]>,
  onQuery?: (done: number) => void,
): Promise<Evaluation> {
  const times: number[] = [];
  const sums = { ndcg10: 0, recall100: 0, map: 0, mrr10: 0 };
  for (const { text, judged } of set.queries) {
    const started = performance.now();
    const ranked = await search(text);
    times.push(performance.now() - started);
    sums.ndcg10 += ndcg(ranked, judged, 10);
    sums.recall100 += recall(ranked, judged, 100);
    sums.map += averagePrecision(ranked, judged);
    sums.mrr10 += reciprocalRank(ranked.slice(0, 10), judged);
    onQuery?.(times.length);
  }
  const count = Math.max(1, set.queries.length);
  const means = Object.fromEntries(
    Object.entries(sums).map(([name, sum]) => [name, sum / count]),
  ) as typeof sums;
  return { queries: set.queries.length, ...means, p50: percentile(times, 0.5), p99: percentile(times, 0.99) };
}
