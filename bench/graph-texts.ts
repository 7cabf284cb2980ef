/** Short texts of the corpus: its sentences, and when those end, windows of its words that overlap. */
import type { Doc } from "./library-data.ts";

const LEAST_WORDS = 4;
/** Lengths of windows, and how far each is from the one before. */
const WINDOWS = [
  { words: 12, step: 5 },
  { words: 24, step: 7 },
  { words: 7, step: 3 },
] as const;

/** Each text once. */
export function* textsOfCorpus(documents: readonly Doc[]): Generator<string, undefined> {
  const seen = new Set<string>();
  for (const { text } of documents) {
    for (const sentence of text.split(/(?<=[.!?])\s+|\n+/)) {
      const trimmed = sentence.trim();
      if (trimmed.split(/\s+/).length < LEAST_WORDS || seen.has(trimmed)) continue;
      seen.add(trimmed);
      yield trimmed;
    }
  }
  for (const { words, step } of WINDOWS) {
    for (const { text } of documents) {
      const all = text.split(/\s+/);
      for (let at = 0; at + words <= all.length; at += step) yield all.slice(at, at + words).join(" ");
    }
  }
  return undefined;
}
