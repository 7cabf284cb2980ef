/** Scores of answers, 0 to 1, as the long-context benchmarks give them (RULER 2024; SCBench 2025). Generation must be capped: containment rewards rambling. */

export const ANSWER_SCORERS = ["exact", "any", "all", "f1", "number", "letter", "start"] as const;
/**
 * exact: equal but for case, articles, punctuation. any: one of the answers is in it. all: share of the answers in it. f1: of words, the
 * best answer's. number: its first number is the answer. letter: the option it names first. start: share of the answer's words, from the
 * first on, that it begins with.
 */
export type AnswerScorer = (typeof ANSWER_SCORERS)[number];

const SCORES: Readonly<Record<AnswerScorer, (given: string, answers: readonly string[]) => number>> = {
  exact: (given, answers) => best(answers, (answer) => (plain(given) === plain(answer) ? 1 : 0)),
  any: (given, answers) => best(answers, (answer) => (has(given, answer) ? 1 : 0)),
  all: (given, answers) => answers.filter((answer) => has(given, answer)).length / answers.length,
  f1: (given, answers) => best(answers, (answer) => wordF1(given, answer)),
  number: (given, answers) => (answers.includes(firstNumber(given)) ? 1 : 0),
  letter: (given, answers) => (answers.includes(firstLetter(given)) ? 1 : 0),
  start: (given, answers) => best(answers, (answer) => sharedStart(wordsOf(given), wordsOf(answer))),
};

/** @param answers not empty */
export function scoreAnswer(scorer: AnswerScorer, given: string, answers: readonly string[]): number {
  return SCORES[scorer](given, answers);
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

function wordF1(given: string, answer: string): number {
  const [ours, theirs] = [wordsOf(plain(given)), wordsOf(plain(answer))];
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
