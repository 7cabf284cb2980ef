/**
 * Evidence: the passages that a question is answered from, those first that cover most of what it asks for, and whether any covers
 * enough: a question about something that is not in the library finds passages too, but none with its rare words.
 */
import type { Hit } from "../types.ts";
import { Asked, askedTerms, contentTerms, wordsByTerm } from "./cover.ts";

export interface Passage {
  readonly hit: Hit;
  /** Title and headings above it, outermost first, each once. */
  readonly headings: readonly string[];
  readonly text: string;
  /** Share of the question's weight that stands in it or above it. */
  readonly cover: number;
  /** By which passages are ordered: the cover, what the retriever said, and whether the headings name what is asked for. */
  readonly score: number;
}

export interface Evidence {
  /** The best first. */
  readonly passages: readonly Passage[];
  /** Why these passages cannot answer the question; undefined where they may. */
  readonly weakness: string | undefined;
}

export const evidenceDefaults = {
  /** A passage that covers this share may answer: nine of ten questions that a library can answer have one, one of ten of others. */
  cover: 0.5,
  /** One that is close in meaning (cosine) may with this share: the question says it in other words. */
  closeCover: 0.34,
  close: 0.45,
} as const;

/** What counts beside the cover: the retriever's score, and headings that name all that is asked for and nothing else. */
const RETRIEVED = 0.1;
const NAMED = 0.5;

/** @param weightOf a term, by its rarity in the library */
export function gatherEvidence(
  question: string,
  hits: readonly Hit[],
  weightOf: (term: string) => number,
): Evidence {
  const terms = askedTerms(question);
  if (terms.length === 0) return { passages: [], weakness: "the question has no word to look for" };
  const asked = new Asked(terms, weightOf);
  const best = Math.max(...hits.map(({ score }) => score), Number.MIN_VALUE);
  const passages = hits.flatMap((hit) => passageOf(hit, hit.score / best, asked, weightOf));
  if (passages.length === 0)
    return { passages, weakness: "not in the library: nothing in it matches the question" };
  passages.sort((a, b) => b.score - a.score);
  const fits = passages.some(mayAnswer);
  return { passages, weakness: fits ? undefined : weaknessOf(question, asked, passages[0]!) };
}

function mayAnswer({ cover, hit }: Passage): boolean {
  const meaning = hit.reasons.find(({ by }) => by === "meaning")?.score ?? 0;
  const { cover: enough, closeCover, close } = evidenceDefaults;
  return cover >= enough || (cover >= closeCover && meaning >= close);
}

/** Headings alone answer nothing: such a hit is no passage. @param share of the best hit's score */
function passageOf(hit: Hit, share: number, asked: Asked, weightOf: (term: string) => number): Passage[] {
  const body = hit.snippet.replace(/^#{1,6} .*$/gm, "").trim();
  if (contentTerms(body).size === 0) return [];
  const headings = [...new Set([hit.title, ...hit.place.headings])].filter((heading) => heading !== "");
  const inside = [...hit.snippet.matchAll(/^#{1,6} (.*)$/gm)].map((match) => match[1]!);
  const above = contentTerms([...headings, ...inside].join("\n"));
  const cover = asked.cover(above, contentTerms(hit.snippet));
  const named = asked.cover(above) ** 2 * askedShare(above, asked, weightOf);
  const score = cover + RETRIEVED * share + NAMED * named;
  return [{ hit, headings, text: hit.snippet, cover, score }];
}

/** Share of the weight of some terms that is asked for. */
function askedShare(terms: ReadonlySet<string>, asked: Asked, weightOf: (term: string) => number): number {
  let [all, shared] = [0, 0];
  for (const term of terms) {
    const weight = weightOf(term);
    all += weight;
    if (asked.weights.has(term)) shared += weight;
  }
  return all === 0 ? 0 : shared / all;
}

function weaknessOf(question: string, asked: Asked, { text, headings }: Passage): string {
  const there = contentTerms([...headings, text].join("\n"));
  const words = wordsByTerm(question);
  const missing = [...asked.weights]
    .filter(([term]) => !there.has(term))
    .sort((a, b) => b[1] - a[1])
    .map(([term]) => JSON.stringify(words.get(term) ?? term));
  const shown = [...new Set(missing)].slice(0, 3).join(", ");
  return `not in the library: no passage has enough of the question; the best one lacks ${shown}`;
}
