/**
 * Themes and words: what a document speaks of. Themes are runs of content words, small ones inside allowed ("freedom of speech"), and words that it says
 * more than once; words are all of them. Nothing is left out for being said once here: which phrases are worth a label the corpus decides, when a
 * segment is filed; what stands at the beginning counts more. (A fixed number of best phrases a document, after Rose et al., Automatic Keyword Extraction from Individual Documents, 2010, was
 * measured: what a question asks for is too often not among them.)
 */
import { count, type Extractor, noCounts } from "./extractor.ts";

export const themeDefaults = {
  /** Words of a label, at most. */
  words: 4,
  /** Words at the beginning of a text, title and headings among them, that count as if they were said so often. */
  lead: 40,
  leadTimes: 3,
} as const;

/** The dimension of phrases; those that one passage says once are dropped when many are filed together. */
export const THEME = "theme";
export const WORD = "word";

const SMALL = new Set(
  "a an the of in on at to for from by with without and or nor not no is are was were be been being am do does did done doing has have had having can could may might must shall should will would that this these those it its they them their theirs he him his she her hers we us our ours you your yours i me my mine what which who whom whose when where why how how much many more most some any all each both few other others another such only own same so than too very just into onto about between among through during before after above below up down out off over under again further then once if because as until while also there here however thus therefore hence although though whereas per via et al eg ie e.g i.e etc within upon toward towards against across along around since like unlike near one two three first second new well either neither whether yet still even ever never often now already been least less".split(
    " ",
  ),
);

interface Token {
  readonly text: string;
  readonly isSmall: boolean;
  /** Whether more than white space or a hyphen stands before it. */
  readonly isApart: boolean;
}

export function themes(
  options: { readonly theme?: string; readonly word?: string; readonly words?: number } = {},
): Extractor {
  const { theme = THEME, word = WORD, words = themeDefaults.words } = options;
  return {
    dimensions: [theme, word],
    extract(text) {
      const [phrases, single] = [noCounts(), noCounts()];
      const again = new Set<string>();
      const tokens = tokensOf(text);
      for (let from = 0; from < tokens.length; from++) {
        if (tokens[from]!.isSmall) continue;
        const times = from < themeDefaults.lead ? themeDefaults.leadTimes : 1;
        const { text: first } = tokens[from]!;
        if (/\p{L}/u.test(first)) {
          if (single[first] !== undefined) again.add(first);
          count(single, first, times);
        }
        phrasesFrom(tokens, from, words, (label) => count(phrases, label, times));
      }
      for (const label of again) phrases[label] = single[label]!;
      return { [theme]: phrases, [word]: single };
    },
  };
}

/** Phrases of two or more words that begin at a token and end with a content word. */
function phrasesFrom(
  tokens: readonly Token[],
  from: number,
  words: number,
  take: (label: string) => void,
): void {
  let label = tokens[from]!.text;
  for (let at = from + 1; at < Math.min(tokens.length, from + words); at++) {
    const { text, isSmall, isApart } = tokens[at]!;
    if (isApart) return;
    label += ` ${text}`;
    if (!isSmall) take(label);
  }
}

/** Words in small letters. */
function tokensOf(text: string): Token[] {
  let end = 0;
  return [...text.matchAll(/[\p{L}\p{N}][\p{L}\p{N}\p{M}'’/-]*/gu)].map(({ 0: match, index }) => {
    const isApart = !/^[\s-]*$/.test(text.slice(end, index));
    end = index + match.length;
    const small = match.toLowerCase();
    return { text: small, isSmall: SMALL.has(small), isApart };
  });
}
