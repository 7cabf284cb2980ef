/** The words index of a library, whose posting lists give way to others of its budget. */
import { WordsIndex, type WordsOptions } from "../index/text/words-index.ts";
import type { Budget, Claim } from "../storage/budget.ts";

/** At most this share of the budget holds posting lists. */
const LISTS_SHARE = 0.2;

export function libraryWords(
  budget: Budget,
  textOf: NonNullable<WordsOptions["textOf"]>,
  threads: NonNullable<WordsOptions["threads"]>,
): { readonly words: WordsIndex; readonly lists: Claim } {
  const lists = budget.claim("words: lists", { shrink: () => words.dropLists() });
  const words = new WordsIndex({
    textOf,
    threads,
    listBytes: Math.floor(budget.limitBytes * LISTS_SHARE),
    listsResized: (bytes) => lists.hold(bytes),
  });
  return { words, lists };
}
