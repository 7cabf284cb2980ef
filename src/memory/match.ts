/**
 * How well the best passage matches the question by itself, so that scores of different searches compare: fused scores are shares of the
 * best one of a search, which says nothing of how good that one is.
 */
import { MAX_QUERY_WORDS } from "../index/text/long-query.ts";
import { parseQuery } from "../index/text/query.ts";
import { lowerBound } from "../search-sorted.ts";
import type { Candidates } from "./candidates.ts";
import type { Library } from "./library.ts";
import { noted, type Ranking } from "./ranking.ts";
import type { RecallPlan } from "./recall-plan.ts";

interface Wording {
  readonly text: string;
  readonly plan: RecallPlan;
}

/**
 * A fused ranking with the match of its best row: by the question as it was asked, before feedback. Unchanged where scores are no shares.
 * @param first what the first round said, rows ascending
 */
export function withMatch(
  library: Library,
  { text, plan }: Wording,
  first: Pick<Candidates, "rows" | "words" | "sparse" | "meaning">,
  ranking: Ranking,
): Ranking {
  const isShared = plan.form === "share" || plan.form === "min-max";
  if (!isShared || plan.after === undefined || !(first.words ?? first.sparse)) return ranking;
  for (const row of ranking.rows) {
    const at = lowerBound(first.rows, row);
    if (first.rows[at] !== row) continue; // found by the second round alone
    const meaning = first.meaning[at]!;
    const match = matchOf(library, text, first.words?.[at], Number.isNaN(meaning) ? 0 : meaning);
    return noted(ranking, { match });
  }
  return ranking;
}

/** The same of a ranking by words that stands for a fused one. */
export function withWordsMatch(library: Library, { text }: Wording, ranking: Ranking): Ranking {
  const [best] = ranking.scores;
  return best === undefined ? ranking : noted(ranking, { match: matchOf(library, text, best) });
}

/**
 * 0 to 1: the mean of two shares. Of words: BM25 over that of an average passage with each term once, at most 1. Of meaning: the cosine.
 * `bench scores`: the best passages for judged queries are told from those for queries of other collections in 96 to 98 of 100 pairs.
 */
function matchOf(library: Library, text: string, words?: number, meaning?: number): number {
  const shares: number[] = [];
  if (words !== undefined) shares.push(words / fullScore(library, text));
  if (meaning !== undefined) shares.push(meaning);
  const sum = shares.reduce((all, share) => all + Math.min(1, Math.max(0, share)), 0);
  return sum / shares.length;
}

/**
 * BM25 of a passage of average length that has each word of the question once. A word that no passage has counts as the rarest: it was
 * asked for, and is not there. Of an identifier the parts count, not the whole.
 */
function fullScore({ words }: Library, text: string): number {
  const asked = parseQuery(text).flatMap((clause) => clause.words);
  let full = 0;
  const distinct = [...new Map(asked.map((word) => [word.term, word])).values()];
  for (const { term, kind } of distinct.slice(0, MAX_QUERY_WORDS))
    if (kind !== "literal") full += words.idf(term);
  return full > 0 ? full : 1;
}
