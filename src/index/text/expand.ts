/** From query words to dictionary terms with weights: prefixes, typos, and words as they are. */
import { allowedEdits } from "./fuzzy.ts";
import type { QueryWord } from "./query.ts";

/** Told of a term that some part of the index holds, and of how many of its rows do; the bytes are borrowed. */
export type TermVisitor = (term: Uint8Array, frequency: number) => void;

/** What expansion asks of the vocabulary, over all segments and the tail. */
export interface Vocabulary {
  readonly rowCount: number;
  frequency(term: string): number;
  /** Calls `visit` for each term with the prefix, once for every part of the index that holds it. */
  startingWith(prefix: string, visit: TermVisitor): void;
  /** The same for each term within `limit` edits of a word whose first letter is that of the word. */
  near(
    word: string,
    limit: number,
    visit: (term: Uint8Array, frequency: number, edits: number) => void,
  ): void;
}

export interface WeightedTerm {
  readonly term: string;
  readonly weight: number;
}

export interface ExpandOptions {
  /** Correct words that do not occur, unless they have digits. */
  readonly typos: boolean;
}

/** Terms of a prefix or of a misspelt word that are searched, most frequent first. */
const MAX_PREFIX_TERMS = 64;
const MAX_FUZZY_TERMS = 8;
/** A corrected word counts this much per edit. */
const EDIT_WEIGHT = 0.5;

/** With a digit a word is a number or a name: another one near it is not what was meant. */
const HAS_DIGIT = /\p{Nd}/u;

/** Alternatives for one word; empty when nothing fits. */
export function expand(word: QueryWord, vocabulary: Vocabulary, options: ExpandOptions): WeightedTerm[] {
  if (word.kind === "prefix") return prefixTerms(word.term, vocabulary);
  const known = vocabulary.frequency(word.term) > 0;
  if (word.kind === "literal" && !known) return [];
  if (known && word.kind !== "fuzzy") return [{ term: word.term, weight: 1 }];
  const isCorrected = word.kind === "fuzzy" || (options.typos && !HAS_DIGIT.test(word.term));
  return isCorrected ? fuzzyTerms(word.term, vocabulary) : [];
}

/** Terms found by bytes, with frequencies summed over the parts of the index. */
class Found {
  readonly #totals = new Map<string, { frequency: number; edits: number }>();
  readonly #decoder = new TextDecoder();

  add(bytes: Uint8Array, frequency: number, edits: number): void {
    const term = this.#decoder.decode(bytes);
    const known = this.#totals.get(term);
    if (known) known.frequency += frequency;
    else this.#totals.set(term, { frequency, edits });
  }

  /** Fewest edits first, then most frequent. */
  best(count: number): { readonly term: string; readonly edits: number }[] {
    const all = [...this.#totals].map(([term, { frequency, edits }]) => ({ term, frequency, edits }));
    all.sort((a, b) => a.edits - b.edits || b.frequency - a.frequency || (a.term < b.term ? -1 : 1));
    return all.slice(0, count);
  }
}

function prefixTerms(prefix: string, vocabulary: Vocabulary): WeightedTerm[] {
  const found = new Found();
  vocabulary.startingWith(prefix, (term, frequency) => found.add(term, frequency, 0));
  return found.best(MAX_PREFIX_TERMS).map(({ term }) => ({ term, weight: 1 }));
}

/** The first letter is taken as typed: typists get it right, and it cuts the dictionary to a few per cent. */
function fuzzyTerms(word: string, vocabulary: Vocabulary): WeightedTerm[] {
  const limit = allowedEdits(word);
  if (limit === 0) return vocabulary.frequency(word) > 0 ? [{ term: word, weight: 1 }] : [];
  const found = new Found();
  vocabulary.near(word, limit, (term, frequency, edits) => found.add(term, frequency, edits));
  const near = found.best(MAX_FUZZY_TERMS);
  const closest = near[0]?.edits ?? 0;
  return near
    .filter(({ edits }) => edits <= Math.max(1, closest))
    .map(({ term, edits }) => ({ term, weight: EDIT_WEIGHT ** edits }));
}
