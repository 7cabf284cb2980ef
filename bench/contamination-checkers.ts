/** What a benchmark is usually checked for contamination with: plain searches of all windows, and shared runs of 13 words. */
import { WIDTH } from "./contamination-data.ts";

/** Starts of windows: words. */
export const windowsOf = (text: string): number[] =>
  [...text.matchAll(/\S+/g)].map(({ index }) => index).filter((start) => start + WIDTH <= text.length);

/** By the definition: for each window a search through all documents. @returns windows found, by example */
export function byIndexOf(examples: readonly string[], documents: readonly string[]): number[] {
  return examples.map(
    (text) =>
      windowsOf(text).filter((start) => {
        const window = text.slice(start, start + WIDTH);
        return documents.some((document) => document.includes(window));
      }).length,
  );
}

/** Every stretch of every document looked up in a set of all windows. @returns windows found, by example */
export function byHashSet(examples: readonly string[], documents: readonly string[]): number[] {
  const windows = new Map<string, boolean>();
  for (const text of examples)
    for (const start of windowsOf(text)) windows.set(text.slice(start, start + WIDTH), false);
  for (const document of documents)
    for (let at = 0; at + WIDTH <= document.length; at++) {
      const stretch = document.slice(at, at + WIDTH);
      if (windows.get(stretch) === false) windows.set(stretch, true);
    }
  return examples.map(
    (text) => windowsOf(text).filter((start) => windows.get(text.slice(start, start + WIDTH))).length,
  );
}

const WORDS = 13;

/** Words in small letters without signs, as the checkers of language models take them (GPT-3, 2020). */
const wordsOf = (text: string): string[] => text.toLowerCase().match(/[\p{L}\p{N}]+/gu) ?? [];

/** @returns by example whether it shares a run of 13 words with any document; nothing where it has fewer words */
export function byWords(examples: readonly string[], documents: readonly string[]): (boolean | undefined)[] {
  const runs = new Map<string, boolean>();
  const runsOf = (text: string): string[] => {
    const words = wordsOf(text);
    return words.slice(WORDS - 1).map((_, i) => words.slice(i, i + WORDS).join(" "));
  };
  const own = examples.map(runsOf);
  for (const run of own.flat()) runs.set(run, false);
  for (const document of documents)
    for (const run of runsOf(document)) if (runs.get(run) === false) runs.set(run, true);
  return own.map((some) => (some.length === 0 ? undefined : some.some((run) => runs.get(run))));
}
