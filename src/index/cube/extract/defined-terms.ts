/**
 * Terms that a text says it will use: in quotation marks and with a capital, in brackets or behind "called" or "as": (hereinafter "the Contractor"),
 * referred to as “the Blue Train”. In contracts these are what the parties and things are called from there on; questions call them so too.
 */

const WORD = "\\p{Lu}[\\p{L}\\p{N}.&'’-]*";
const QUOTED = new RegExp(`[“"](?:[Tt]he )?(${WORD}(?: (?:(?:of|and|the|&) )?${WORD}){0,4})[”"]`, "gu");
/** What stands before a term: an open bracket, or a word that introduces it. */
const BEFORE = /\([^)]{0,40}$|(?:called|as|known|abbreviated|or|and)[ :,]*(?:an?|the)? ?$/i;
const REACH = 40;

/** Each as often as it is defined. */
export function* definedTerms(text: string): Generator<string> {
  for (const { 1: term, index } of text.matchAll(QUOTED))
    if (BEFORE.test(text.slice(Math.max(0, index - REACH), index))) yield term!;
}
