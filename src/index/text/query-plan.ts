/** A query resolved against the vocabulary: weighted terms to score, groups of alternatives that must or must not occur, phrases. */
import { type ExpandOptions, expand, type Vocabulary, type WeightedTerm } from "./expand.ts";
import { boundQuery } from "./long-query.ts";
import { parseQuery, type QueryWord } from "./query.ts";

export interface QueryPlan {
  /** Term -> weight in the score. */
  readonly terms: ReadonlyMap<string, number>;
  /** A row must have one term of each group. */
  readonly required: readonly (readonly string[])[];
  /** A row must not have all groups of any of these. */
  readonly excluded: readonly (readonly (readonly string[])[])[];
  /** Terms that must stand next to each other. */
  readonly phrases: readonly (readonly string[])[];
  /** Distinct words that are not searched, of a query with too many. */
  readonly leftOut: number;
}

/** @throws MnemeError RANGE: too many words that must or must not occur */
export function planQuery(text: string, vocabulary: Vocabulary, options: ExpandOptions): QueryPlan {
  const terms = new Map<string, number>();
  const required: string[][] = [];
  const excluded: string[][][] = [];
  const phrases: string[][] = [];
  const known = new Map<string, WeightedTerm[]>();
  // a word may come again, and looking for what it may mean takes long
  const expandOnce = (word: QueryWord, typos: boolean): WeightedTerm[] => {
    const key = `${typos} ${word.kind} ${word.term}`;
    const found = known.get(key) ?? expand(word, vocabulary, { typos });
    known.set(key, found);
    return found;
  };
  const { clauses, leftOut } = boundQuery(parseQuery(text), vocabulary);
  for (const clause of clauses) {
    // what shall be kept out is taken at its word: a correction would keep out what nobody named
    const typos = options.typos && clause.role !== "not";
    const alternatives = clause.words.map((word) => expandOnce(word, typos));
    const groups = alternatives.map((group) => group.map(({ term }) => term));
    if (clause.role === "not") {
      excluded.push(groups);
      continue;
    }
    for (const { term, weight } of alternatives.flat()) terms.set(term, (terms.get(term) ?? 0) + weight);
    if (clause.role === "must" || clause.phrase) required.push(...groups);
    if (clause.phrase) phrases.push(clause.words.map(({ term }) => term));
  }
  return { terms, required, excluded, phrases, leftOut };
}

/** Every term whose postings the plan reads. */
export function termsToRead(plan: QueryPlan): string[] {
  return [...new Set([...plan.terms.keys(), ...plan.required.flat(), ...plan.excluded.flat(2)])];
}
