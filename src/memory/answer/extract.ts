/**
 * Answers by extraction: the sentences of the found passages that cover most of the question's rare words, of the kind that was asked
 * for, in prose, and not twice the same.
 */
import { sentences } from "../ingest/sentences.ts";
import { isWithinLetter } from "../within-letter.ts";
import { Asked, askedTerms, termsIn } from "./cover.ts";

export interface AnswerPassage {
  readonly text: string;
  /** Of the retriever, larger is better. */
  readonly score: number;
  /** Title and headings above the text: what it is about, although its sentences need not say so. */
  readonly headings?: readonly string[];
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
/** A sentence with less of the best one's score adds nothing. */
const LEAST_SHARE = 0.7;
/** How much the passage's score counts for: the best sentence is most often in the best passage. */
const PRIOR = 0.75;
/** What a term is worth that stands above a sentence and not in it. */
const ABOVE = 0.8;

interface Candidate {
  readonly text: string;
  readonly passage: number;
  readonly terms: ReadonlySet<string>;
  /** Of the headings above it. */
  readonly above: ReadonlySet<string>;
  readonly order: number;
  score: number;
  coverage: number;
}

export interface ExtractOptions {
  readonly sentences: number;
  /** Weight of a term; default: the rarer among the passages' sentences the more. */
  readonly weightOf?: (term: string) => number;
}

export function extractAnswer(
  question: string,
  passages: readonly AnswerPassage[],
  options: ExtractOptions,
): Extraction {
  const terms = askedTerms(question);
  if (terms.length === 0)
    return { answered: false, reason: "the question has no word to look for", sentences: [] };
  const candidates = passages.flatMap(candidatesOf);
  const asked = new Asked(terms, options.weightOf ?? rarityAmong(candidates));
  const best = Math.max(...passages.map(({ score }) => score), 1e-9);
  for (const candidate of candidates) {
    const own = asked.cover(candidate.terms);
    candidate.coverage = own + ABOVE * (asked.cover(candidate.terms, candidate.above) - own);
    const prior = Math.max(0, passages[candidate.passage]!.score / best);
    candidate.score =
      candidate.coverage * (1 - PRIOR + PRIOR * prior) * proseFactor(candidate.text) +
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

/** Code and lists of links answer nobody: text with many signs counts for less. 1 for prose. */
export function proseFactor(sentence: string): number {
  const signs = sentence.match(/[^\p{L}\p{N}\s.,;:'"()!?-]/gu)?.length ?? 0;
  const links = sentence.match(/\]\(/g)?.length ?? 0;
  if (links > 1) return 0.25;
  return signs > sentence.length * 0.06 ? 0.5 : 1;
}

/** The sentences of a passage, each with the headings that it stands under. */
function candidatesOf({ text, headings = [] }: AnswerPassage, passage: number): Candidate[] {
  const found: Candidate[] = [];
  const outer = new Set(termsIn(headings.join("\n")));
  const inner: string[] = [];
  let above: ReadonlySet<string> = outer;
  for (const [start, end] of sentences(text)) {
    const heading = /^(#{1,6}) (.*)/.exec(text.slice(start, end));
    if (heading) {
      inner.length = Math.min(inner.length, heading[1]!.length - 1);
      inner[heading[1]!.length - 1] = heading[2]!;
      above = new Set([...outer, ...termsIn(inner.join("\n"))]);
    }
    const sentence = text.slice(start, cutAt(text, start, end)).replace(/\s+/g, " ");
    const terms = new Set(termsIn(sentence));
    if (heading || terms.size < 3 || /^[#|`\-=*\s]*$/.test(sentence)) continue;
    const order = passage * 1e6 + start;
    found.push({ text: sentence, passage, terms, above, order, score: 0, coverage: 0 });
  }
  return found;
}

/** The end of a sentence or of what is shown of it, never inside a surrogate pair. */
function cutAt(text: string, start: number, end: number): number {
  const stop = Math.min(end, start + MAX_SENTENCE);
  return stop < end && isWithinLetter(text, stop) ? stop - 1 : stop;
}

/** Rare among the candidates weighs more. */
function rarityAmong(candidates: readonly Candidate[]): (term: string) => number {
  return (term) => {
    const having = candidates.filter(({ terms }) => terms.has(term)).length;
    return Math.log(1 + (candidates.length + 1) / (having + 0.5));
  };
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
    if (chosen.length === count || candidate.score < candidates[0]!.score * LEAST_SHARE) break;
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
