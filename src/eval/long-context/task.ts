/**
 * Tasks over long contexts as data: a context, and questions about it with their answers. Made from seeds, so that nothing is downloaded
 * and no model can have seen them.
 */
import { MnemeError } from "../../errors.ts";
import { Random } from "../../linalg/random.ts";
import type { AnswerScorer } from "./answer-score.ts";

/** What a task tests: finding strings, understanding, seeing the whole, several of them, or writing long answers. */
export const TASK_FAMILIES = [
  "string retrieval",
  "semantic",
  "global",
  "multi-task",
  "long answers",
] as const;
export type TaskFamily = (typeof TASK_FAMILIES)[number];

/** How things are said: as the benchmarks do, or as mneme-lm learnt it. */
export const PHRASINGS = ["benchmark", "mneme-lm"] as const;
export type Phrasing = (typeof PHRASINGS)[number];

export interface LongTurn {
  readonly question: string;
  /** What the scorer looks for. */
  readonly answers: readonly string[];
  /** A right answer in full: what stands in the conversation when the next question is asked. */
  readonly reply: string;
  /** What could be taken for the answer: the scorer `code` wants the answer to be the one that is most alike. */
  readonly others?: readonly string[];
  /** What the answer begins with, given to the model; absent: nothing. */
  readonly lead?: string;
  /** Where turns of one example are scored differently. */
  readonly scorer?: AnswerScorer;
}

export interface LongExample {
  readonly context: string;
  /** Each can also be asked alone. */
  readonly turns: readonly LongTurn[];
  readonly scorer: AnswerScorer;
}

export interface MakeOptions {
  readonly seed: number;
  /** Of the context, at most. */
  readonly tokens: number;
  /** Examples. */
  readonly count: number;
  /** Tokens of a text; may be roughly right. */
  readonly countTokens: (text: string) => number;
  readonly phrasing?: Phrasing;
  /** Text to hide things in; default: made-up sentences. */
  readonly filler?: string;
}

export interface LongTask {
  readonly name: string;
  readonly family: TaskFamily;
  /** The same options, the same examples. @throws MnemeError RANGE where the context has no room for the task */
  make(options: MakeOptions): Iterable<LongExample>;
}

/** What makes one example; `random` is its own. */
export type MakeOne = (
  random: Random,
  options: Required<Omit<MakeOptions, "filler">> & MakeOptions,
) => LongExample;

/** @param least tokens below which there is no room. @throws make: MnemeError RANGE naming the option */
export function longTask(name: string, family: TaskFamily, least: number, makeOne: MakeOne): LongTask {
  return {
    name,
    family,
    make(options) {
      check(name, options, least);
      const whole = { phrasing: PHRASINGS[0], ...options };
      return (function* () {
        for (let i = 0; i < options.count; i++)
          yield checked(name, i, makeOne(new Random(Math.imul(options.seed, 0x10001) + i), whole));
      })();
    },
  };
}

function check(name: string, { seed, tokens, count, phrasing }: MakeOptions, least: number): void {
  if (!Number.isInteger(seed))
    throw new MnemeError("RANGE", `${name}: seed is ${seed}; expected a whole number`);
  if (!(Number.isInteger(tokens) && tokens >= least))
    throw new MnemeError("RANGE", `${name}: tokens is ${tokens}; expected a whole number from ${least}`);
  if (!(Number.isInteger(count) && count >= 1))
    throw new MnemeError("RANGE", `${name}: count is ${count}; expected a whole number from 1`);
  if (phrasing !== undefined && !PHRASINGS.includes(phrasing))
    throw new MnemeError(
      "RANGE",
      `${name}: phrasing is ${phrasing}; expected one of ${PHRASINGS.join(", ")}`,
    );
}

function checked(name: string, i: number, example: LongExample): LongExample {
  if (
    example.turns.length === 0 ||
    example.turns.some(({ answers }) => answers.length === 0 || answers.includes(""))
  )
    throw new MnemeError("INTERNAL", `${name}: example ${i} has a turn without an answer`);
  return example;
}

/** Takes pieces while they fit; what joins them is counted with them. */
export function takeWhileFits(
  pieces: Iterable<string>,
  tokens: number,
  countTokens: (text: string) => number,
): string[] {
  const taken: string[] = [];
  let used = 0;
  for (const piece of pieces) {
    used += countTokens(piece);
    if (used > tokens) break;
    taken.push(piece);
  }
  return taken;
}

/** "a, b, and c" */
export function listed(words: readonly string[]): string {
  if (words.length < 2) return words[0] ?? "";
  return `${words.slice(0, -1).join(", ")}, and ${words.at(-1)}`;
}
