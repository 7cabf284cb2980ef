/** What a question asks for, as weighted terms, and how much of it a text covers. */
import { termsOf } from "../../index/text/normalize.ts";
import { segmentWords } from "../../index/text/segment-words.ts";

const STOP =
  "a an and are as at be been but by can could did do does for from had has have how i if in into is it its may me my no not of on or our shall should so than that the their them then there these they this to us was we were what when where which who whom whose why will with would you your many mani much often".split(
    " ",
  );
/** Words that ask, or speak of the documents asked: they need not stand in an answer. */
export const FRAME: readonly string[] =
  "about tell explain describe say says said know most least documentation document documents docs text library mean means".split(
    " ",
  );
/** Behind "how" they ask for a number: "how large" is answered by a size. */
const MEASURES = /\bhow (large|big|small|long|short|far|old|fast|slow|tall|high|deep|wide|heavy)\b/gi;
const asTerms = (words: readonly string[]): ReadonlySet<string> =>
  new Set(words.flatMap((word) => termsOf(word, false, true)));
/** As terms: the stemmer makes "whi" of "why" and "doe" of "does". */
const STOP_TERMS = new Set([...STOP, ...asTerms(STOP)]);
const FRAME_TERMS = asTerms(FRAME);

/** Terms of a text, as the word index has them. */
export function termsIn(text: string): string[] {
  const terms: string[] = [];
  segmentWords(text, (start, end, unspaced, plain) =>
    terms.push(...termsOf(text.slice(start, end), unspaced, plain)),
  );
  return terms;
}

/** The word that each term of a text comes from, as it is written there. */
export function wordsByTerm(text: string): ReadonlyMap<string, string> {
  const words = new Map<string, string>();
  segmentWords(text, (start, end, unspaced, plain) => {
    const word = text.slice(start, end);
    for (const term of termsOf(word, unspaced, plain)) words.set(term, words.get(term) ?? word);
  });
  return words;
}

/** Terms of a text that say something. */
export function contentTerms(text: string): ReadonlySet<string> {
  return new Set(termsIn(text).filter((term) => !STOP_TERMS.has(term)));
}

/** Terms that a question asks for; none where all its words are stop words. */
export function askedTerms(question: string): readonly string[] {
  const terms = [...contentTerms(question.replace(MEASURES, "how"))];
  const asked = terms.filter((term) => !FRAME_TERMS.has(term));
  return asked.length > 0 ? asked : terms;
}

/** Asked terms with their weights: rare ones weigh more. */
export class Asked {
  readonly weights: ReadonlyMap<string, number>;
  readonly #total: number;

  /** @param weightOf a term: its inverse document frequency, or the like */
  constructor(terms: readonly string[], weightOf: (term: string) => number) {
    this.weights = new Map(terms.map((term) => [term, weightOf(term)]));
    this.#total = this.#weightIn(new Set(terms));
  }

  /** Share of the weight that stands in any of some sets of terms: 0 to 1. */
  cover(...sets: readonly ReadonlySet<string>[]): number {
    return this.#total === 0 ? 0 : this.#weightIn(...sets) / this.#total;
  }

  #weightIn(...sets: readonly ReadonlySet<string>[]): number {
    let sum = 0;
    for (const [term, weight] of this.weights) if (sets.some((terms) => terms.has(term))) sum += weight;
    return sum;
  }
}
