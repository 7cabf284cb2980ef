/**
 * From a run of text to index terms: compatibility forms, case, accents, Arabic letter variants, English stems, parts of camelCase
 * identifiers, pairs of characters in scripts without spaces and in Hangul. A change of the terms of any text is a new `ANALYSER`.
 */
import { visibleOf } from "./segment-words.ts";
import { stemWord } from "./stem-english.ts";

/** Words repeat: a bounded cache from a raw run to its terms. */
const CACHE_ENTRIES = 200_000;
/** Longer runs are data (hashes, base64): indexed by their beginning, so that terms stay small. */
const MAX_TERM_LENGTH = 64;

/** Longer runs with digits in them are data when their parts are shorter on average than the next. */
const LONGEST_IDENTIFIER = 16;
const LEAST_PART = 4;

const cache = new Map<string, readonly string[]>();

/** Terms of one run as `segmentWords` found it; usually one. Owned by the cache: do not change. */
export function termsOf(run: string, unspaced: boolean, plain: boolean): readonly string[] {
  if (unspaced) return makeTerms(run, true, plain);
  const known = cache.get(run);
  if (known) return known;
  const terms = makeTerms(run, false, plain);
  if (cache.size >= CACHE_ENTRIES) cache.clear();
  // a copy: a slice would keep the whole text alive
  cache.set(unsliced(run), terms);
  return terms;
}

/** The same, made anew: for callers that remember runs by themselves. */
export function makeTerms(run: string, unspaced: boolean, plain: boolean): readonly string[] {
  if (unspaced) return pairs(run.normalize("NFKC"));
  if (plain) return plainTerms(run);
  const folded = foldWord(run);
  return folded === "" ? [] : [folded];
}

/** V8 keeps a slice's parent; a round trip through an array of codes does not. */
function unsliced(text: string): string {
  return text.length < 13 ? text : text.split("").join("");
}

function plainTerms(run: string): readonly string[] {
  const cut = run.length > MAX_TERM_LENGTH ? run.slice(0, MAX_TERM_LENGTH) : run;
  const whole = stem(cut.toLowerCase());
  if (!/[a-z][A-Z]/.test(cut)) return [whole];
  const parts = cut.split(/(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])/);
  if (/[0-9][A-Za-z]/.test(cut) && isData(cut.length, parts.length)) return [whole];
  return [...new Set([whole, ...parts.map((part) => stem(part.toLowerCase()))])];
}

/**
 * Whether a run of letters and digits in both cases that has a digit before a letter is data (base64) and no identifier: long, of very short
 * parts. These would be half of what an index of data takes.
 */
export function isData(length: number, parts: number): boolean {
  return length > LONGEST_IDENTIFIER && parts * LEAST_PART > length;
}

/** ASCII letters only reach the stemmer: digits and other scripts have no English endings. */
function stem(word: string): string {
  return /^[a-z][a-z']+$/.test(word) ? stemWord(word) : word;
}

function foldWord(run: string): string {
  return stem(foldRun(run));
}

/** A run as terms have it, but with its ending: what a word begins with has none. */
export function foldRun(run: string): string {
  const lower = visibleOf(run)
    .normalize("NFKC")
    .toLowerCase()
    .slice(0, MAX_TERM_LENGTH)
    .replaceAll("\u2019", "'");
  if (/\p{Script=Arabic}/u.test(lower)) return foldArabic(lower);
  return /[\p{Script=Latin}\p{Script=Greek}\p{Script=Cyrillic}]/u.test(lower) ? foldAccents(lower) : lower;
}

/** Accents are dropped where readers type without them; й and ё-like letters of Cyrillic keep their identity by recomposition. */
function foldAccents(word: string): string {
  if (/\p{Script=Cyrillic}/u.test(word)) return word.replaceAll("ё", "е");
  return word
    .normalize("NFD")
    .replace(/\p{M}+/gu, "")
    .replaceAll("ß", "ss")
    .replaceAll("ø", "o")
    .replaceAll("æ", "ae")
    .replaceAll("ł", "l");
}

function foldArabic(word: string): string {
  return word
    .replace(/[\u0640\u064b-\u065f\u0670]/g, "")
    .replace(/[\u0622\u0623\u0625\u0671]/g, "\u0627")
    .replaceAll("\u0649", "\u064a")
    .replaceAll("\u0629", "\u0647");
}

/** Overlapping pairs; a lone character stands for itself. */
function pairs(run: string): string[] {
  const chars = [...run];
  if (chars.length === 1) return chars;
  const terms = chars.slice(1).map((char, i) => chars[i]! + char);
  return loneBeforeParticle.test(run) ? [...terms, chars[0]!] : terms;
}

/**
 * A Korean noun of one syllable with a particle behind it. Its pairs are other ones before each particle, where longer nouns keep theirs, so
 * the syllable stands for itself too. Pairs of Hangul are what Lucene's CJKAnalyzer indexes; this is not of it.
 */
const loneBeforeParticle =
  /^\p{Script=Hangul}(?:[은는이가을를에의와과도로만]|에서|으로|에게|까지|부터|처럼|보다)$/u;
