/** Ranking metrics over graded judgements. Ranked ids come best first; unjudged and repeated ids count as irrelevant. */

/** id -> grade; grades above 0 are relevant, those below count as 0. */
export type Judgements = ReadonlyMap<string, number>;

/** Normalised discounted cumulative gain at k with linear gains (Järvelin & Kekäläinen 2002, as trec_eval's ndcg_cut). */
export function ndcg(ranked: readonly string[], judged: Judgements, k: number): number {
  const gain = (grades: readonly number[]): number =>
    grades.slice(0, k).reduce((sum, grade, i) => sum + grade / Math.log2(i + 2), 0);
  const ideal = gain([...judged.values()].filter((grade) => grade > 0).sort((a, b) => b - a));
  return ideal === 0 ? 0 : gain(gradesOf(ranked, judged)) / ideal;
}

/** Share of the relevant ids among the first k. */
export function recall(ranked: readonly string[], judged: Judgements, k: number): number {
  const relevant = relevantCount(judged);
  const found = gradesOf(ranked.slice(0, k), judged).filter((grade) => grade > 0).length;
  return relevant === 0 ? 0 : found / relevant;
}

/** Mean of the precisions at each relevant id, over all relevant ids. */
export function averagePrecision(ranked: readonly string[], judged: Judgements): number {
  const relevant = relevantCount(judged);
  let found = 0;
  let sum = 0;
  gradesOf(ranked, judged).forEach((grade, i) => {
    if (grade <= 0) return;
    found++;
    sum += found / (i + 1);
  });
  return relevant === 0 ? 0 : sum / relevant;
}

/** 1 / rank of the first relevant id. */
export function reciprocalRank(ranked: readonly string[], judged: Judgements): number {
  const first = ranked.findIndex((id) => (judged.get(id) ?? 0) > 0);
  return first < 0 ? 0 : 1 / (first + 1);
}

/** Grade at each rank, from 0. An id that came before gains nothing: it fills a place without telling anything new. */
function gradesOf(ranked: readonly string[], judged: Judgements): number[] {
  const seen = new Set<string>();
  return ranked.map((id) => {
    const grade = seen.has(id) ? 0 : Math.max(0, judged.get(id) ?? 0);
    seen.add(id);
    return grade;
  });
}

function relevantCount(judged: Judgements): number {
  return [...judged.values()].filter((grade) => grade > 0).length;
}

/** F1 of the first k of a list against the right ones, all different; precision is of k, however few were given. */
export function f1At(given: readonly string[], right: readonly string[], k: number): number {
  const first = new Set(given.slice(0, k));
  const hits = right.filter((one) => first.has(one)).length;
  return hits === 0 ? 0 : (2 * hits) / (k + right.length);
}

/** Value below which a share of the values lies; nearest rank. 0 of no values. */
export function percentile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  // 0.07 x 100 is above 7 by rounding alone
  const rank = Math.ceil(share * sorted.length * (1 - 2 * Number.EPSILON));
  return sorted[Math.min(sorted.length - 1, Math.max(0, rank - 1))] ?? 0;
}
