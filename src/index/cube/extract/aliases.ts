/**
 * Aliases: what a name is also called, made of its own words: their initials ("UALR" of "University of Arkansas at Little Rock") and the words written
 * together ("AGProjects" of "AG Projects", "Petrolube" of "Petro-Lube") or apart ("Think Tank" of "ThinkTank"), and the terms that the text defines. A question often has such a form where the text has the words; unlike the
 * abbreviations of Schwartz and Hearst (A Simple Algorithm for Identifying Abbreviation Definitions in Biomedical Text, 2003) the text need not say it.
 */
import { wordsTogether } from "../spelling.ts";
import { definedTerms } from "./defined-terms.ts";
import { type Counts, count, type Extractor, noCounts } from "./extractor.ts";

export const ALIAS = "alias";

export const aliasDefaults = {
  /** Words of a run that initials are taken of, at most; more are a heading in capitals. */
  run: 10,
  /** Words that give one alias of initials, at most. */
  initials: 7,
  /** Words written together, at most. */
  together: 3,
} as const;

/** So many initials of what begins a run are an alias; fewer only of what ends it. */
const LEAST_BEGIN = 3;
/** A term that the text defines counts as if it were said so often. */
const DEFINED = 2;
/** What begins a compound whose second part has an initial of its own: "JBF" of "Just Biofiber", "ECG" of "electrocardiogram". */
const COMBINING =
  /^(?:aero|agro|astro|audio|bio|cardio|cosmo|cryo|cyber|dermo|eco|electro|encephalo|endo|ferro|gastro|geo|haemo|hemo|hydro|hyper|hypo|immuno|litho|macro|magneto|meta|micro|mono|multi|nano|neuro|nucleo|opto|ortho|paleo|petro|pharmaco|phono|photo|physio|poly|psycho|pyro|radio|ribo|servo|socio|spectro|stereo|tele|thermo|turbo|ultra|vaso|video)(?=\p{L}{4})/iu;
/** A capital inside a word: "BioFiber". */
const HUMP = /(?<=\p{Ll})\p{Lu}/gu;
/** Words inside names that give an initial or none: "DOE" and "DoIT". */
const INSIDE = new Set("of and the for de la von van der du del al at in on to &".split(" "));
/** What a company's name ends with, which its initials often leave out. */
const COMPANY = new Set("inc llc ltd limited corp corporation co company plc gmbh ag".split(" "));
const NAMEY = /^\p{N}?\p{Lu}[\p{L}\p{N}\p{M}'’]*\.?$/u;
const HYPHENED = /(?<![\p{L}\p{N}-])\p{L}{2,}-\p{L}{2,}(?![\p{L}\p{N}-])/gu;

/** Fills a dimension with aliases of the names in a text. */
export function aliases(dimension = ALIAS): Extractor {
  return {
    dimensions: [dimension],
    extract(text) {
      const counts: Counts = noCounts();
      for (const run of namesIn(text)) {
        for (const alias of new Set(aliasesOf(run))) count(counts, alias);
        for (const alias of [...turnedAround(run), ...run.flatMap(takenApart)]) count(counts, alias);
      }
      for (const term of definedTerms(text))
        for (const alias of [term, ...wholeInitials(term.split(" "))]) count(counts, alias, DEFINED);
      for (const [word] of text.matchAll(HYPHENED)) count(counts, word.replace("-", ""));
      return { [dimension]: counts };
    },
  };
}

/** Runs of words with capitals side by side, small words inside. */
function* namesIn(text: string): Generator<string[]> {
  let run: string[] = [];
  let end = 0;
  for (const { 0: match, index } of text.matchAll(/[\p{L}\p{N}][\p{L}\p{N}\p{M}'’]*\.?|&/gu)) {
    // a full stop behind a long word ends a sentence
    const word = match.endsWith(".") && match.length > 4 ? match.slice(0, -1) : match;
    const isApart = !/^[\s-]*$/.test(text.slice(end, index));
    end = index + word.length;
    if (isApart || !(NAMEY.test(word) || INSIDE.has(word))) {
      yield run;
      run = [];
    }
    if (NAMEY.test(word) || (run.length > 0 && INSIDE.has(word))) run.push(word);
  }
  yield run;
}

/** Aliases of a run of words, of those that begin it and of those that end it or stand before "Inc". */
function* aliasesOf(run: readonly string[]): Generator<string> {
  const named = spoken(run);
  if (named.length < 2 || named.length > aliasDefaults.run) return;
  const all = run.filter((word) => word !== "&");
  for (const words of named.length === all.length ? [named] : [named, all])
    for (let from = 0; from < words.length; from++)
      for (let to = from + 2; to <= Math.min(words.length, from + aliasDefaults.initials); to++) {
        if (isInside(words[from]!) || isInside(words[to - 1]!)) continue;
        const isEnd = to === words.length || COMPANY.has(bare(words[to]!));
        if (from > 0 && !isEnd) continue;
        const some = words.slice(from, to);
        for (const letters of new Set([some.map((word) => word[0]!), some.map(initials)]))
          if (isEnd || letters.join("").length >= LEAST_BEGIN) yield letters.join("");
        if (some.length <= aliasDefaults.together) yield some.join("").replaceAll(".", "");
      }
}

/** "NU" of "University of Nebraska". */
function turnedAround(run: readonly string[]): string[] {
  const of = run.findIndex((word) => word.toLowerCase() === "of");
  const [kinds, names] = [run.slice(0, Math.max(0, of)), run.slice(of + 1)].map(spoken) as [
    string[],
    string[],
  ];
  return kinds.length === 1 && names.length > 0 ? [firstLetters([...names, ...kinds])] : [];
}

/** Of a name that is words written together: "Think Tank" of "ThinkTank", and each of them. */
function takenApart(word: string): string[] {
  const words = wordsTogether(word);
  return words.length > 1 ? [words.join(" "), ...words] : [];
}

function wholeInitials(words: readonly string[]): string[] {
  const named = spoken(words);
  return named.length > 1 ? [firstLetters(named)] : [];
}

const firstLetters = (words: readonly string[]): string => words.map((word) => word[0]!).join("");
const spoken = (words: readonly string[]): string[] => words.filter((word) => !isInside(word));

/** Of a compound those of its parts. */
function initials(word: string): string {
  const [prefix] = COMBINING.exec(word) ?? [];
  if (prefix) return word[0]! + word[prefix.length]!;
  return word[0]! + (word.match(HUMP) ?? []).join("");
}

const bare = (word: string): string => word.toLowerCase().replace(/\.$/, "");
const isInside = (word: string): boolean => INSIDE.has(word.toLowerCase());
