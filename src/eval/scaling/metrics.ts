/** What a study of sizes measures of the documents that a query gets. */
import { scoreAnswer } from "../long-context/answer-score.ts";
import { type Judgements, ndcg, recall } from "../metrics.ts";
import type { Found, TextOf } from "./selection.ts";

/**
 * ndcg, recall: of k documents, against all judged ones, also those that a smaller store does not have. found: an expected answer stands
 * in the documents that are answered from. exact: the answer made from them is an expected one.
 */
export const METRICS = ["ndcg", "recall", "found", "exact"] as const;
export type Metric = (typeof METRICS)[number];

export interface MetricInput {
  readonly query: { readonly judged?: Judgements; readonly answers?: readonly string[] };
  /** Best first, at most k. */
  readonly kept: readonly Found[];
  readonly k: number;
  readonly text: TextOf | undefined;
  /** Documents that are answered from. */
  readonly evidence: number;
}

/** Only figures that the query's judgements and answers allow. */
export async function scoresOf(
  { query, kept, k, text, evidence }: MetricInput,
  answer?: (documents: readonly Found[]) => Promise<string>,
): Promise<Partial<Record<Metric, number>>> {
  const scores: Partial<Record<Metric, number>> = {};
  const ids = kept.map(({ id }) => id);
  if (query.judged && [...query.judged.values()].some((grade) => grade > 0)) {
    scores.ndcg = ndcg(ids, query.judged, k);
    scores.recall = recall(ids, query.judged, k);
  }
  if (!query.answers?.length) return scores;
  const documents = kept.slice(0, evidence);
  if (text) {
    const texts = await Promise.all(documents.map(text));
    scores.found = scoreAnswer("any", texts.join("\n"), query.answers);
  }
  if (answer) scores.exact = scoreAnswer("exact", await answer(documents), query.answers);
  return scores;
}
