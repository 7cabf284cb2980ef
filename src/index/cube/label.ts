/** Labels: what a document is filed under in a dimension. Two spellings of one label have one key. */
import { stemWord } from "../text/stem-english.ts";

const ARTICLE = /^(?:the|a|an) /;
const POSSESSIVE = /['’]s?(?= |$)/g;
/** Longer ones are sentences, not labels. */
const MOST_WORDS = 12;

/** Words of a label as they are compared: compatibility forms, small letters, no article in front, English stems. "" where nothing is left. */
export function labelKey(label: string): string {
  const words = label
    .normalize("NFKC")
    .toLowerCase()
    .replace(POSSESSIVE, "")
    .split(/[^\p{L}\p{N}.%$€£+/'-]+/u)
    .map(trimmed)
    .filter((word) => word !== "");
  const kept = words.join(" ").replace(ARTICLE, "").split(" ");
  return kept.length > MOST_WORDS ? "" : kept.map(stemmed).join(" ");
}

/** Signs belong to numbers, not to the ends of words. */
function trimmed(word: string): string {
  return word.replace(/^[.'/+-]+(?!\d)|[.'/+-]+$/g, "");
}

function stemmed(word: string): string {
  return /^[a-z][a-z']+$/.test(word) ? stemWord(word) : word;
}

/** Numbers and dates are near one another in meaning and are not the same: they match exactly or not at all. */
export function isNumeric(key: string): boolean {
  return /\d/.test(key);
}
