/**
 * Many questions in one prompt, answered in one long text (Liu et al., LongGenBench: Long-context Generation Benchmark, 2024): the prompts,
 * a strict reading of what comes back, and its scores by place. Differs from the reference scripts, which cut at blank lines and pair what
 * they find with the questions in order: `lenientScore` does so, to show what that is worth.
 */
import { MnemeError } from "../../errors.ts";
import { Random } from "../../linalg/random.ts";
import { type WordProblem, wordProblem } from "./arithmetic.ts";

export interface LongAnswerOptions {
  readonly seed: number;
  /** Questions of a prompt. */
  readonly questions: number;
  /** Prompts; no question comes twice. */
  readonly prompts: number;
  /** Worked ones before them; default 4. */
  readonly examples?: number;
}

export interface LongAnswerPrompt {
  readonly system: string;
  readonly user: string;
  /** Number of the first question that is asked, as the answer has to give it. */
  readonly first: number;
  readonly answers: readonly number[];
  /** Each question by itself, behind the same examples. */
  readonly single: readonly string[];
}

const SYSTEM =
  'Answer each question in order, step by step. Begin each answer with its header, such as "Answer_5", and end it with "The answer is" and the number. Do not repeat the questions.';

/** @throws MnemeError RANGE */
export function longAnswerPrompts({
  seed,
  questions,
  prompts,
  examples = 4,
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
  const fresh = (): WordProblem => {
    for (;;) {
      const problem = wordProblem(random, 2 + random.integer(4));
      if (seen.has(problem.question)) continue;
      seen.add(problem.question);
      return problem;
    }
  };
  const worked = Array.from({ length: examples }, fresh);
  return Array.from({ length: prompts }, () => promptOf(worked, Array.from({ length: questions }, fresh)));
}

function promptOf(worked: readonly WordProblem[], asked: readonly WordProblem[]): LongAnswerPrompt {
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

export interface ReadAnswers {
  /** By the question's number; the first block of a number counts. */
  readonly values: ReadonlyMap<number, number | undefined>;
  /** Numbers that nobody asked for. */
  readonly extra: readonly number[];
}

const HEADER = /^[ \t*#]*Answer_(\d+)\b[ \t*]*:?/gm;

/** Text from a header at the start of a line to the next one is the answer of that number. */
export function readAnswers(text: string, first: number, count: number): ReadAnswers {
  const values = new Map<number, number | undefined>();
  const extra: number[] = [];
  const headers = [...text.matchAll(HEADER)];
  headers.forEach((header, i) => {
    const number = Number(header[1]);
    const block = text.slice(header.index + header[0].length, headers[i + 1]?.index);
    if (number < first || number >= first + count) extra.push(number);
    else if (!values.has(number)) values.set(number, numberIn(block));
  });
  return { values, extra };
}

const NUMBER = /-?\$?\d[\d,]*(?:\.\d+)?/g;

/** The number behind the last "The answer is"; without the phrase the last one. */
export function numberIn(block: string): number | undefined {
  const phrase = block.toLowerCase().lastIndexOf("the answer is");
  const found = phrase >= 0 ? block.slice(phrase).match(NUMBER)?.[0] : block.match(NUMBER)?.at(-1);
  return found === undefined ? undefined : Number(found.replace(/[$,]/g, ""));
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
}

/** @throws MnemeError RANGE without questions */
export function scoreLongAnswer(
  text: string,
  { first, answers }: Pick<LongAnswerPrompt, "first" | "answers">,
): LongAnswerScore {
  if (answers.length === 0)
    throw new MnemeError("RANGE", "long answers: a prompt without questions has no score");
  const { values, extra } = readAnswers(text, first, answers.length);
  const right = answers.map((answer, i) => (values.get(first + i) === answer ? 1 : 0));
  return {
    accuracy: mean(right),
    answered: [...values.values()].filter((value) => value !== undefined).length / answers.length,
    extra: extra.length / answers.length,
    byQuarter: [0, 1, 2, 3].map((quarter) =>
      mean(right.filter((_, i) => Math.floor((4 * i) / answers.length) === quarter)),
    ),
  };
}

/** As the reference scripts score: pieces between blank lines, paired with the questions in order, the longer list cut. Overrates texts that stop early. */
export function lenientScore(text: string, answers: readonly number[]): number {
  const found = text
    .split(/\n\s*\n/)
    .filter((piece) => piece.trim() !== "")
    .map(numberIn);
  const paired = answers.slice(0, found.length);
  return mean(paired.map((answer, i) => (found[i] === answer ? 1 : 0)));
}

const mean = (values: readonly number[]): number =>
  values.length === 0 ? 0 : values.reduce((sum, value) => sum + value, 0) / values.length;
