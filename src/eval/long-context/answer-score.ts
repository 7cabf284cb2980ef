/** Scores of answers, 0 to 1, as the long-context benchmarks give them (RULER 2024; SCBench 2025). Generation must be capped: containment rewards rambling. */

import { readNumbered, sectionsOf } from "./numbered.ts";
import { bleu, rougeLsum } from "./text-similarity.ts";

export const ANSWER_SCORERS = [
  "exact",
  "any",
  "all",
  "f1",
  "characters",
  "number",
  "letter",
  "start",
  "code",
  "rouge",
  "lines",
  "numbered",
  "sections",
] as const;
/**
 * exact: equal but for case, articles, punctuation. any: one of the answers is in it. all: share of the answers in it. f1: of words, the
 * best answer's. characters: the same of characters, for writing without spaces. number: its first number is the answer. letter: the option it names first. start: share of the answer's words, from the
 * first on, that it begins with. code: is its code as good as the answer (BLEU from 0.8 on) and no other function more alike? rouge:
 * ROUGE-Lsum. lines: share of the answers that are lines of it, in their order. numbered: share of the answers, the n-th behind the header
 * "Answer_n". sections: answers are "n: words"; share of those whose words stand behind the header "Section_n".
 */
export type AnswerScorer = (typeof ANSWER_SCORERS)[number];

type Score = (given: string, answers: readonly string[], others: readonly string[]) => number;

const SCORES: Readonly<Record<AnswerScorer, Score>> = {
  exact: (given, answers) => best(answers, (answer) => (plain(given) === plain(answer) ? 1 : 0)),
  any: (given, answers) => best(answers, (answer) => (has(given, answer) ? 1 : 0)),
  all: (given, answers) => answers.filter((answer) => has(given, answer)).length / answers.length,
  f1: (given, answers) => best(answers, (answer) => wordF1(given, answer)),
  characters: (given, answers) =>
    best(answers, (answer) =>
      sharedF1([...plain(given).replaceAll(" ", "")], [...plain(answer).replaceAll(" ", "")]),
    ),
  number: (given, answers) => (answers.includes(firstNumber(given)) ? 1 : 0),
  letter: (given, answers) => (answers.includes(firstLetter(given)) ? 1 : 0),
  start: (given, answers) => best(answers, (answer) => sharedStart(wordsOf(given), wordsOf(answer))),
  code: (given, answers, others) => best(answers, (answer) => codeScore(given, answer, others)),
  rouge: (given, answers) => best(answers, (answer) => rougeLsum(given, answer)),
  lines: linesInOrder,
  numbered: (given, answers) =>
    readNumbered(given, 1, answers).right.filter((one) => one).length / answers.length,
  sections: sectionShare,
};

/**
 * @param answers not empty
 * @param others what else could have been meant; only `code` looks at them
 */
export function scoreAnswer(
  scorer: AnswerScorer,
  given: string,
  answers: readonly string[],
  others: readonly string[] = [],
): number {
  return SCORES[scorer](given, answers, others);
}

const best = (answers: readonly string[], score: (answer: string) => number): number =>
  answers.reduce((most, answer) => Math.max(most, score(answer)), 0);

const has = (given: string, answer: string): boolean => given.toLowerCase().includes(answer.toLowerCase());

const wordsOf = (text: string): string[] => text.split(/\s+/).filter((word) => word !== "");

/** As SQuAD compares (Rajpurkar et al., 2016): lower case, no punctuation, no articles. */
function plain(text: string): string {
  return wordsOf(text.toLowerCase().replace(/[^\p{L}\p{N}\s]/gu, ""))
    .filter((word) => !["a", "an", "the"].includes(word))
    .join(" ");
}

const wordF1 = (given: string, answer: string): number =>
  sharedF1(wordsOf(plain(given)), wordsOf(plain(answer)));

function sharedF1(ours: readonly string[], theirs: readonly string[]): number {
  const left = [...theirs];
  let shared = 0;
  for (const word of ours) {
    const at = left.indexOf(word);
    if (at < 0) continue;
    left.splice(at, 1);
    shared++;
  }
  return shared === 0 ? 0 : (2 * shared) / (ours.length + theirs.length);
}

const firstNumber = (text: string): string => /-?\d+/.exec(text)?.[0] ?? "";

/** A letter that stands alone: not the A of "Answer". */
const firstLetter = (text: string): string => /(?<![\p{L}\p{N}])[A-D](?![\p{L}\p{N}])/u.exec(text)?.[0] ?? "";

function sharedStart(given: readonly string[], wanted: readonly string[]): number {
  let shared = 0;
  while (shared < wanted.length && given[shared] === wanted[shared]) shared++;
  return wanted.length === 0 ? 0 : shared / wanted.length;
}

/** From where code counts as the same (RepoQA, 2024). */
const SAME_CODE = 0.8;

function codeScore(given: string, answer: string, others: readonly string[]): number {
  const code = codeIn(given);
  const alike = bleu(code, answer);
  return alike >= SAME_CODE && others.every((other) => bleu(code, other) <= alike) ? 1 : 0;
}

/** Inside the first fence if there is one, else from the first "function" to the last brace. */
function codeIn(text: string): string {
  const fenced = /```[^\n]*\n([\s\S]*?)```/.exec(text)?.[1];
  if (fenced !== undefined) return fenced;
  const from = text.indexOf("function");
  return from < 0 ? text : text.slice(from, Math.max(from, text.lastIndexOf("}") + 1) || undefined);
}

const oneLine = (text: string): string => wordsOf(text).join(" ");

/** The longest run of answers whose lines come one after the other. */
function linesInOrder(given: string, answers: readonly string[]): number {
  const lines = given.split("\n").map(oneLine);
  const places = answers.map((answer) => lines.indexOf(oneLine(answer)));
  const longest: number[] = [];
  places.forEach((place, i) => {
    const before = places.slice(0, i).map((one, j) => (one >= 0 && one < place ? longest[j]! : 0));
    longest.push(place < 0 ? 0 : 1 + Math.max(0, ...before));
  });
  return Math.max(...longest) / answers.length;
}

function sectionShare(given: string, answers: readonly string[]): number {
  const sections = sectionsOf(given);
  const kept = answers.filter((answer) => {
    const cut = answer.indexOf(": ");
    return has(sections.get(Number(answer.slice(0, cut))) ?? "", answer.slice(cut + 2));
  });
  return kept.length / answers.length;
}
