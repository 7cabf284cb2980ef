/**
 * Many questions in one prompt, answered in one long text (Liu et al., LongGenBench: Long-context Generation Benchmark, 2024): the prompts,
 * a strict reading of what comes back, and its scores by place. Differs from the reference scripts, which cut at blank lines and pair what
 * they find with the questions in order: `lenientScore` does so, to show what that is worth.
 */
import { MnemeError } from "../../errors.ts";
import { Random } from "../../linalg/random.ts";
import { choiceProblem, wordProblem } from "./arithmetic.ts";
import { letterIn, numberIn, readNumbered } from "./numbered.ts";
import { byQuarter, mean, positionSlope } from "./position-score.ts";

export interface LongAnswerOptions {
  readonly seed: number;
  /** Questions of a prompt. */
  readonly questions: number;
  /** Prompts; no question comes twice. */
  readonly prompts: number;
  /** Worked ones before them; default 4. */
  readonly examples?: number;
  /** Four options for each, and their letters as answers; default false. */
  readonly choice?: boolean;
}

interface Asked {
  readonly question: string;
  readonly answer: number | string;
  readonly solution: string;
}

export interface LongAnswerPrompt {
  readonly system: string;
  readonly user: string;
  /** Number of the first question that is asked, as the answer has to give it. */
  readonly first: number;
  /** Numbers, or letters from A to D. */
  readonly answers: readonly (number | string)[];
  /** Each question by itself, behind the same examples. */
  readonly single: readonly string[];
}

const SYSTEM =
  'Answer each question in order, step by step. Begin each answer with its header, such as "Answer_5", and end it with "The answer is" and the number, or the letter where there are options. Do not repeat the questions.';

/** @throws MnemeError RANGE */
export function longAnswerPrompts({
  seed,
  questions,
  prompts,
  examples = 4,
  choice = false,
}: LongAnswerOptions): LongAnswerPrompt[] {
  for (const [name, value, least] of [
    ["questions", questions, 1],
    ["prompts", prompts, 1],
    ["examples", examples, 0],
  ] as const) {
    if (!(Number.isInteger(value) && value >= least))
      throw new MnemeError(
        "RANGE",
        `long answers: ${name} is ${value}; expected a whole number from ${least}`,
      );
  }
  const random = new Random(seed);
  const seen = new Set<string>();
  const make = choice ? choiceProblem : wordProblem;
  const fresh = (): Asked => {
    for (;;) {
      const problem = make(random, 2 + random.integer(4));
      if (seen.has(problem.question)) continue;
      seen.add(problem.question);
      return problem;
    }
  };
  const worked = Array.from({ length: examples }, fresh);
  return Array.from({ length: prompts }, () => promptOf(worked, Array.from({ length: questions }, fresh)));
}

function promptOf(worked: readonly Asked[], asked: readonly Asked[]): LongAnswerPrompt {
  const before = [
    ...worked.map(({ question }, i) => `Question_${i + 1}: ${question}`),
    ...worked.map(({ solution }, i) => `Answer_${i + 1}: ${solution}`),
  ];
  const first = worked.length + 1;
  return {
    system: SYSTEM,
    user: [...before, ...asked.map(({ question }, i) => `Question_${first + i}: ${question}`)].join("\n"),
    first,
    answers: asked.map(({ answer }) => answer),
    single: asked.map(({ question }) => [...before, `Question_${first}: ${question}`].join("\n")),
  };
}

export interface LongAnswerScore {
  /** Share of all questions that are right; what is missing is wrong. */
  readonly accuracy: number;
  /** Share of all questions that have an answer. */
  readonly answered: number;
  /** Answers that nobody asked for, to a question. */
  readonly extra: number;
  /** Accuracy of the first, second, third and last quarter. */
  readonly byQuarter: readonly number[];
  /** Of being right against the place: see `positionSlope`. */
  readonly slope: number;
}

/** @throws MnemeError RANGE without questions */
export function scoreLongAnswer(
  text: string,
  { first, answers }: Pick<LongAnswerPrompt, "first" | "answers">,
): LongAnswerScore {
  if (answers.length === 0)
    throw new MnemeError("RANGE", "long answers: a prompt without questions has no score");
  const { right, answered, extra } = readNumbered(text, first, answers);
  return {
    accuracy: mean(right.map(Number)),
    answered: mean(answered.map(Number)),
    extra: extra.length / answers.length,
    byQuarter: byQuarter(right),
    slope: positionSlope(right),
  };
}

/** As the reference scripts score: pieces between blank lines, paired with the questions in order, the longer list cut. Overrates texts that stop early. */
export function lenientScore(text: string, answers: readonly (number | string)[]): number {
  const pieces = text.split(/\n\s*\n/).filter((piece) => piece.trim() !== "");
  const found = pieces.map((piece) => (typeof answers[0] === "string" ? letterIn(piece) : numberIn(piece)));
  const paired = answers.slice(0, found.length);
  return mean(paired.map((answer, i) => (found[i] === answer ? 1 : 0)));
}
