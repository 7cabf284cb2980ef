/** Phrases are verified on the text: positions are not stored. */
import { termsOf } from "./normalize.ts";
import { segmentWords } from "./segment-words.ts";

/** Whether the terms stand next to each other, in order. A run with several terms (camelCase) holds one place for each. */
export function hasPhrase(text: string, phrase: readonly string[]): boolean {
  const terms: string[] = [];
  segmentWords(text, (start, end, unspaced, plain) => {
    terms.push(...termsOf(text.slice(start, end), unspaced, plain));
  });
  return terms.some((term, at) => term === phrase[0] && phrase.every((one, i) => terms[at + i] === one));
}
