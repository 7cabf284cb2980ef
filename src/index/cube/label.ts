/** Labels: what a document is filed under in a dimension. Two spellings of one label have one key. */
import { stemWord } from "../text/stem-english.ts";
import { american, plainLetters } from "./spelling.ts";

/** Grows when labels have other keys than before. */
export const LABEL_VERSION = 2;

const ARTICLES = new Set(["the", "a", "an"]);
/** "post-natal" and "post natal" are one label. */
const HYPHEN = /(?<=\p{L}\p{N}*)-(?=\p{L})/gu;
const POSSESSIVE = /['’]s?(?= |$)/g;
/** Longer ones are sentences, not labels. */
const MOST_WORDS = 12;

/** Labels of plain letters are most: their words are looked up. */
const PLAIN = /^[a-zA-Z0-9]+(?: [a-zA-Z0-9]+)*$/;
const stems = new Map<string, string>();
const MOST_STEMS = 50_000;

/** Words of a label as they are compared: compatibility forms, small letters in one spelling, no article in front, English stems. "" where nothing is left. */
export function labelKey(label: string): string {
  if (PLAIN.test(label)) return keyOfWords(label.toLowerCase().split(" "));
  const words = plainLetters(label.normalize("NFKC").toLowerCase())
    .replace(POSSESSIVE, "")
    .replace(HYPHEN, " ")
    .split(/[^\p{L}\p{N}.%$€£+/'-]+/u)
    .map(trimmed)
    .filter((word) => word !== "");
  return keyOfWords(words.join(" ").split(" "));
}

function keyOfWords(words: readonly string[]): string {
  const kept = words.length > 1 && ARTICLES.has(words[0]!) ? words.slice(1) : words;
  return kept.length > MOST_WORDS ? "" : kept.map(stemmed).join(" ");
}

/** Signs belong to numbers, not to the ends of words. */
function trimmed(word: string): string {
  return word.replace(/^[.'/+-]+(?!\d)|[.'/+-]+$/g, "");
}

function stemmed(word: string): string {
  let stem = stems.get(word);
  if (stem !== undefined) return stem;
  stem = /^[a-z][a-z']+$/.test(word) ? stemWord(american(word)) : word;
  if (stems.size >= MOST_STEMS) stems.clear();
  stems.set(word, stem);
  return stem;
}

/** Numbers and dates are near one another in meaning and are not the same: they match exactly or not at all. */
export function isNumeric(key: string): boolean {
  return /\d/.test(key);
}
