/**
 * Answers by extraction: the sentences of the found passages that cover most of the question's rare words, of the kind that was asked
 * for, in prose, and not twice the same.
 */
import { termsOf } from "../../index/text/normalize.ts";
import { segmentWords } from "../../index/text/segment-words.ts";
import { sentences } from "../ingest/sentences.ts";

export interface AnswerPassage {
  readonly text: string;
  /** Of the retriever, larger is better. */
  readonly score: number;
}

export interface ExtractedSentence {
  readonly text: string;
  /** Index of its passage. */
  readonly passage: number;
  readonly score: number;
}

export interface Extraction {
  readonly answered: boolean;
  readonly reason?: string;
  readonly sentences: readonly ExtractedSentence[];
}

/** Share of the question's weight that the best sentence must cover. */
const MIN_COVERAGE = 0.34;
/** Two sentences that share more of their words say the same. */
const MAX_OVERLAP = 0.6;
const MAX_SENTENCE = 500;
const STOP = new Set(
  "a an and are as at be been but by can could did do does for from had has have how i if in into is it its may me my no not of on or our shall should so than that the their them then there these they this to us was we were what when where which who whom whose why will with would you your many mani much often".split(
    " ",
  ),
);
/** As terms: the stemmer makes "whi" of "why" and "doe" of "does". */
const STOP_TERMS = new Set([...STOP].flatMap((word) => termsOf(word, false, true)));

interface Candidate {
  readonly text: string;
  readonly passage: number;
  readonly terms: ReadonlySet<string>;
  readonly order: number;
  score: number;
  coverage: number;
}

export function extractAnswer(
  question: string,
  passages: readonly AnswerPassage[],
  options: { readonly sentences: number },
): Extraction {
  const asked = [...new Set(termsIn(question))].filter((term) => !STOP_TERMS.has(term));
  if (asked.length === 0)
    return { answered: false, reason: "the question has no word to look for", sentences: [] };
  const candidates = passages.flatMap((passage, i) => candidatesOf(passage.text, i));
  const weights = weigh(asked, candidates);
  const total = [...weights.values()].reduce((sum, weight) => sum + weight, 0);
  const best = Math.max(...passages.map(({ score }) => score), 1e-9);
  for (const candidate of candidates) {
    candidate.coverage = coverageOf(candidate.terms, weights) / total;
    const prior = Math.max(0, passages[candidate.passage]!.score / best);
    candidate.score =
      candidate.coverage * (0.75 + 0.25 * prior) * proseFactor(candidate.text) +
      (candidate.coverage > 0 ? kindBonus(question, candidate.text) : 0);
  }
  const able = candidates.filter(({ coverage }) => coverage >= MIN_COVERAGE);
  if (able.length === 0) {
    return {
      answered: false,
      reason: "no sentence in the library covers enough of the question",
      sentences: [],
    };
  }
  able.sort((a, b) => b.score - a.score || a.order - b.order);
  return { answered: true, sentences: inReadingOrder(choose(able, options.sentences)) };
}

/** Code and lists of links answer nobody: text with many signs counts for less. */
function proseFactor(sentence: string): number {
  const signs = sentence.match(/[^\p{L}\p{N}\s.,;:'"()!?-]/gu)?.length ?? 0;
  const links = sentence.match(/\]\(/g)?.length ?? 0;
  if (links > 1) return 0.25;
  return signs > sentence.length * 0.06 ? 0.5 : 1;
}

function termsIn(text: string): string[] {
  const terms: string[] = [];
  segmentWords(text, (start, end, unspaced, plain) =>
    terms.push(...termsOf(text.slice(start, end), unspaced, plain)),
  );
  return terms;
}

function candidatesOf(text: string, passage: number): Candidate[] {
  return sentences(text).flatMap(([start, end]) => {
    const sentence = text.slice(start, cutAt(text, start, end)).replace(/\s+/g, " ");
    const terms = new Set(termsIn(sentence));
    if (terms.size < 3 || /^[#|`\-=*\s]*$/.test(sentence)) return [];
    return [{ text: sentence, passage, terms, order: passage * 1e6 + start, score: 0, coverage: 0 }];
  });
}

/** The end of a sentence or of what is shown of it, never inside a surrogate pair. */
function cutAt(text: string, start: number, end: number): number {
  const stop = Math.min(end, start + MAX_SENTENCE);
  const code = text.charCodeAt(stop);
  return stop < end && code >= 0xdc00 && code < 0xe000 ? stop - 1 : stop;
}

/** Rare among the candidates weighs more. */
function weigh(asked: readonly string[], candidates: readonly Candidate[]): Map<string, number> {
  return new Map(
    asked.map((term) => {
      const having = candidates.filter(({ terms }) => terms.has(term)).length;
      return [term, Math.log(1 + (candidates.length + 1) / (having + 0.5))];
    }),
  );
}

function coverageOf(terms: ReadonlySet<string>, weights: ReadonlyMap<string, number>): number {
  let sum = 0;
  for (const [term, weight] of weights) if (terms.has(term)) sum += weight;
  return sum;
}

/** A small plus for sentences that hold the kind of thing that was asked for. */
function kindBonus(question: string, sentence: string): number {
  const asked = question.toLowerCase();
  if (
    /\b(when|what year|what date)\b/.test(asked) &&
    /\b(1\d{3}|20\d{2})\b|\b(january|february|march|april|may|june|july|august|september|october|november|december)\b/i.test(
      sentence,
    )
  )
    return 0.08;
  if (
    /\bhow (many|much|long|large|big|fast|often|old|far)\b/.test(asked) &&
    /\d|\b(one|two|three|four|five|six|seven|eight|nine|ten|hundred|thousand|million)\b/i.test(sentence)
  )
    return 0.08;
  if (/\b(who|whom|whose)\b/.test(asked) && /(?<!^)\b[A-Z][a-z]+ [A-Z][a-z]+/.test(sentence)) return 0.06;
  if (/\bwhere\b/.test(asked) && /\b(in|at|near|from) [A-Z][a-z]+/.test(sentence)) return 0.06;
  return /\bwhy\b/.test(asked) && /\b(because|since|due to|so that)\b/i.test(sentence) ? 0.06 : 0;
}

/** Best first, skipping what repeats a chosen one, and what is far weaker than the best. */
function choose(candidates: readonly Candidate[], count: number): Candidate[] {
  const chosen: Candidate[] = [];
  for (const candidate of candidates) {
    if (chosen.length === count || candidate.score < candidates[0]!.score * 0.5) break;
    if (chosen.every((one) => overlap(one.terms, candidate.terms) <= MAX_OVERLAP)) chosen.push(candidate);
  }
  return chosen;
}

function overlap(a: ReadonlySet<string>, b: ReadonlySet<string>): number {
  let shared = 0;
  for (const term of a) if (b.has(term)) shared++;
  return shared / Math.min(a.size, b.size);
}

/** Passages by their best sentence, sentences as they stand. */
function inReadingOrder(chosen: readonly Candidate[]): ExtractedSentence[] {
  const passages = [...new Set(chosen.map(({ passage }) => passage))];
  return [...chosen]
    .sort((a, b) => passages.indexOf(a.passage) - passages.indexOf(b.passage) || a.order - b.order)
    .map(({ text, passage, score }) => ({ text, passage, score }));
}
