/**
 * Long queries: of more words than a query may have, the most informative ones are searched, by how often the query has them and how rare
 * they are in the index, as Lucene's MoreLikeThis chooses the terms of a document. Words that must or must not occur are never left out:
 * too many of those are refused, as Lucene does with clauses.
 */
import { MnemeError } from "../../errors.ts";
import { inverseDocumentFrequency } from "./bm25.ts";
import type { Vocabulary } from "./expand.ts";
import type { QueryClause, QueryWord } from "./query.ts";

/** Distinct words of a query that are searched: as many clauses as Lucene allows. */
export const MAX_QUERY_WORDS = 1024;
/** Of these so many by what they begin with: each stands for many terms. */
const MAX_PREFIXES = 64;

export interface BoundedQuery {
  readonly clauses: readonly QueryClause[];
  /** Distinct words that are not searched. */
  readonly leftOut: number;
}

/** The query itself where it is short enough. @throws MnemeError RANGE: too many words that must or must not occur */
export function boundQuery(clauses: readonly QueryClause[], vocabulary: Vocabulary): BoundedQuery {
  // few clauses may be of many words, many clauses of the same few
  const total = clauses.reduce((sum, { words }) => sum + words.length, 0);
  if (total <= MAX_PREFIXES) return { clauses, leftOut: 0 };
  const named = new Set<string>();
  const free = new Map<string, { word: QueryWord; count: number }>();
  for (const { words, role, phrase } of clauses)
    for (const word of words) {
      const key = keyOf(word);
      if (role !== "should" || phrase) named.add(key);
      else {
        const known = free.get(key);
        if (known) known.count++;
        else free.set(key, { word, count: 1 });
      }
    }
  if (named.size > MAX_QUERY_WORDS)
    throw new MnemeError(
      "RANGE",
      `search: the query has ${named.size} words in phrases or that must or must not occur, ${MAX_QUERY_WORDS} at most; ask for fewer`,
    );
  const prefixes = [...free].filter(([, { word }]) => isWide(word)).slice(0, MAX_PREFIXES);
  const plain = [...free].filter(([, { word }]) => !isWide(word));
  const room = MAX_QUERY_WORDS - named.size - prefixes.length;
  const kept = new Set(
    [...prefixes, ...(plain.length <= room ? plain : best(plain, room, vocabulary))].map(([key]) => key),
  );
  const leftOut = free.size - kept.size;
  if (leftOut === 0) return { clauses, leftOut };
  const bounded = clauses.flatMap((clause) => {
    if (clause.role !== "should" || clause.phrase) return [clause];
    const words = clause.words.filter((word) => kept.has(keyOf(word)));
    return words.length > 0 ? [{ ...clause, words }] : [];
  });
  return { clauses: bounded, leftOut };
}

type Counted = readonly [key: string, { readonly word: QueryWord; readonly count: number }];

/** Words that the index has, the most informative first. */
function best(words: readonly Counted[], room: number, vocabulary: Vocabulary): Counted[] {
  const { rowCount } = vocabulary;
  const weighed = words.flatMap((counted) => {
    const [, { word, count }] = counted;
    const frequency = vocabulary.frequency(word.term);
    return frequency > 0 ? [{ counted, weight: count * inverseDocumentFrequency(rowCount, frequency) }] : [];
  });
  weighed.sort((a, b) => b.weight - a.weight);
  return weighed.slice(0, Math.max(0, room)).map(({ counted }) => counted);
}

const isWide = ({ kind }: QueryWord): boolean => kind === "prefix" || kind === "fuzzy";

const keyOf = ({ kind, term }: QueryWord): string => `${kind} ${term}`;
