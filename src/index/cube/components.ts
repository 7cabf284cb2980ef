/** From a question to its components: parts that name a label of some dimension. Rules: the longest runs of words that labels are known by. */
import { isNumeric, labelKey } from "./label.ts";
import { wordsTogether } from "./spelling.ts";
import type { CubeView } from "./view.ts";

/** A part of a question, and the dimensions it is looked up in. */
export interface Component {
  readonly text: string;
  readonly dimensions: readonly string[];
  /** Dimensions in which some of its words are looked up beside the whole; default none. */
  readonly parts?: readonly string[];
  /** Whether it is written as names are: with a capital letter where no sentence begins. */
  readonly isName?: boolean;
}

/** The longest label that is looked for, in words. */
const MOST_WORDS = 8;
/** Words that alone name nothing, whatever labels there are. */
const EMPTY_WORDS = new Set(
  "a an the of in on at to for from by with and or not no is are was were be been being do does did done have has had can could may might must shall should will would that this these those it its they them their he she his her we our you your i my what which who whom whose when where why how many much more most some any all each both few other such only own same so than too very into about between through during before after above below up down out off over under again further then once if because as until while also there here use used using show shown indicate state mention document agreement study paper result results increase increased decrease decreased associate associated relate related lead leads cause causes effect effects affect affects".split(
    " ",
  ),
);

interface Word {
  readonly text: string;
  readonly start: number;
  readonly end: number;
}

function wordsOf(question: string): Word[] {
  return [...question.matchAll(/[\p{L}\p{N}][\p{L}\p{N}.'’%/+-]*/gu)].map(({ 0: text, index }) => ({
    text,
    start: index,
    end: index + text.length,
  }));
}

/**
 * Components of a question, in its order. A run of words that is a label of one or more dimensions is one component; what is left between them, without
 * words that name nothing, are components too, to be matched by meaning in `open` dimensions. Of a name that is no label the words that it is written of are
 * looked up: "ResConnect".
 */
export function decompose(cube: CubeView, question: string, open: readonly string[] = []): Component[] {
  const words = wordsOf(question);
  const components: Component[] = [];
  let rest: Word[] = [];
  const flush = (): void => {
    if (open.length > 0)
      for (const text of phrasesOf(rest, question)) components.push({ text, dimensions: open });
    rest = [];
  };
  for (let at = 0; at < words.length; ) {
    const found = longestLabel(cube, question, words, at);
    if (!found) {
      const inside = partsOf(words[at]!);
      if (inside.length > 1) words.splice(at, 1, ...inside);
      else rest.push(words[at++]!);
      continue;
    }
    flush();
    components.push(found.component);
    at += found.words;
  }
  flush();
  return components.map((component) =>
    isNamed(question, component.text) ? { ...component, isName: true } : component,
  );
}

/** Words written together, which are no label so. */
function partsOf({ text, start }: Word): Word[] {
  let at = start;
  return wordsTogether(text).map((part) => {
    const from = at;
    at += part.length;
    return { text: part, start: from, end: at };
  });
}

/** The first letter of a sentence says nothing; those behind it do. */
function isNamed(question: string, text: string): boolean {
  const begins = /(?:^|[.;:?!]\s+)\P{L}*$/u.test(question.slice(0, Math.max(0, question.indexOf(text))));
  return /\p{Lu}/u.test(begins ? text.slice(1) : text);
}

function longestLabel(
  cube: CubeView,
  question: string,
  words: readonly Word[],
  at: number,
): { component: Component; words: number } | undefined {
  for (let count = Math.min(MOST_WORDS, words.length - at); count > 0; count--) {
    const last = words[at + count - 1]!;
    if (isEmpty(words[at]!) || isEmpty(last)) continue;
    const text = question.slice(words[at]!.start, last.end);
    const key = labelKey(text);
    const dimensions =
      key === "" ? [] : cube.dimensions.filter((dimension) => cube.count(dimension, key) > 0);
    if (dimensions.length > 0)
      return {
        component: { text, dimensions, ...(count > 1 ? { parts: cube.dimensions } : {}) },
        words: count,
      };
  }
  return undefined;
}

const isEmpty = ({ text }: Word): boolean => EMPTY_WORDS.has(text.toLowerCase());

/** Runs of words that name something. */
function phrasesOf(words: readonly Word[], question: string): string[] {
  const phrases: string[] = [];
  let first: Word | undefined;
  let last: Word | undefined;
  const end = (): void => {
    if (first && last) phrases.push(question.slice(first.start, last.end));
    first = undefined;
  };
  for (const word of words) {
    const isFar = last && !/^[\s-]*$/.test(question.slice(last.end, word.start));
    if (isEmpty(word) || isFar) end();
    if (!isEmpty(word)) {
      first ??= word;
      last = word;
    }
  }
  end();
  return phrases.filter((text) => !isNumeric(text) && labelKey(text) !== "");
}
