/** Word problems about one amount that changes step by step; the program of steps is drawn first, the text says it. */
import type { Random } from "../../linalg/random.ts";
import { NOUNS, nameOf, pick } from "./vocabulary.ts";

export interface WordProblem {
  readonly question: string;
  readonly answer: number;
  /** The solution in words, a sentence a step. */
  readonly solution: string;
}

type Operation = "+" | "-" | "*" | "/";

/** WHO, N and THINGS stand for themselves. */
const WORDINGS: Readonly<Record<Operation, readonly string[]>> = {
  "+": [
    "WHO buys N more THINGS.",
    "A friend gives WHO N THINGS.",
    "WHO finds N THINGS on the way.",
    "N further THINGS arrive for WHO by post.",
    "WHO makes N new THINGS.",
    "WHO wins N THINGS at the fair.",
  ],
  "-": [
    "WHO sells N of the THINGS.",
    "WHO gives N THINGS away.",
    "N of the THINGS break.",
    "WHO loses N THINGS.",
    "N THINGS are sent back.",
    "WHO lends N THINGS to a neighbour, who keeps them.",
  ],
  "*": [
    "By hard work WHO multiplies the number of THINGS by N.",
    "After a good year there are N times as many THINGS.",
    "A sponsor raises the number of THINGS to N times what it was.",
    "In the next month WHO has N times as many THINGS as before.",
    "The THINGS of WHO become N times as many.",
    "A wizard makes N THINGS out of each one.",
  ],
  "/": [
    "WHO shares the THINGS equally among N people and keeps one share.",
    "WHO packs the THINGS into N equal boxes and keeps one box.",
    "Only one in N of the THINGS is kept.",
    "WHO splits the THINGS into N equal heaps and takes one heap.",
    "The THINGS are divided by N, and WHO keeps that part.",
    "WHO cuts the number of THINGS to one part in N.",
  ],
};

const LARGEST = 10_000;

type Step = readonly [operation: Operation, n: number];

interface Program {
  readonly start: number;
  readonly steps: readonly Step[];
}

/** @param steps that change the amount. The answer is a whole number from 1 to 10,000. */
export const wordProblem = (random: Random, steps: number): WordProblem => programmed(random, steps).problem;

export interface ChoiceProblem {
  /** Ends with the options, (A) to (D). */
  readonly question: string;
  readonly answer: string;
  readonly solution: string;
}

/** The same with four options: the wrong ones come from a missed step, a wrong operation, or counting one off. */
export function choiceProblem(random: Random, steps: number): ChoiceProblem {
  const { problem, program } = programmed(random, steps);
  const options = random.shuffle([problem.answer, ...slips(random, program, problem.answer)]);
  const letter = "ABCD"[options.indexOf(problem.answer)]!;
  return {
    question: `${problem.question} ${options.map((option, i) => `(${"ABCD"[i]}) ${option}`).join(" ")}`,
    answer: letter,
    solution: problem.solution.replace(/The answer is .*$/, `The answer is (${letter}).`),
  };
}

const INVERSE: Readonly<Record<Operation, Operation>> = { "+": "-", "-": "+", "*": "/", "/": "*" };

/** Three wrong amounts, all different. */
function slips(random: Random, { start, steps }: Program, answer: number): number[] {
  const run = (program: readonly Step[]): number =>
    program.reduce((amount, [operation, n]) => applied(operation, amount, n), start);
  const missed = steps.map((_, i) => run(steps.filter((_, j) => j !== i)));
  const turned = steps.map((_, i) =>
    run(steps.map(([operation, n], j) => [j === i ? INVERSE[operation] : operation, n])),
  );
  const likely = random.shuffle([...missed, ...turned, answer - 1, answer + 1]);
  const wrong = [...likely, answer + 2, answer + 3, answer + 10].filter(
    (amount) => Number.isInteger(amount) && amount > 0 && amount !== answer,
  );
  return [...new Set(wrong)].slice(0, 3);
}

function programmed(random: Random, steps: number): { problem: WordProblem; program: Program } {
  const who = nameOf(random);
  const things = `${pick(random, NOUNS)}s`;
  const said = (text: string, n: number): string =>
    text.replaceAll("WHO", who).replaceAll("THINGS", things).replace(/\bN\b/, String(n));
  const start = 5 + random.integer(60);
  const program: Step[] = [];
  let amount = start;
  const text = [`${who} has ${amount} ${things}.`];
  const solution = [`${who} starts with ${amount} ${things}.`];
  for (let step = 0; step < steps; step++) {
    const [operation, n] = stepFrom(random, amount);
    const next = applied(operation, amount, n);
    program.push([operation, n]);
    text.push(said(pick(random, WORDINGS[operation]), n));
    solution.push(`${amount} ${operation} ${n} = ${next}.`);
    amount = next;
  }
  const problem = {
    question: `${text.join(" ")} How many ${things} does ${who} have at the end?`,
    answer: amount,
    solution: `${solution.join(" ")} The answer is ${amount}.`,
  };
  return { problem, program: { start, steps: program } };
}

function stepFrom(random: Random, amount: number): [Operation, number] {
  const divisors = [2, 3, 4, 5, 6].filter((n) => amount % n === 0 && amount / n >= 1);
  const factors = [2, 3, 4, 5].filter((n) => amount * n <= LARGEST);
  const kinds: [Operation, number][] = [["+", 1 + random.integer(90)]];
  if (amount > 2) kinds.push(["-", 1 + random.integer(amount - 2)]);
  if (divisors.length > 0) kinds.push(["/", pick(random, divisors)]);
  if (factors.length > 0) kinds.push(["*", pick(random, factors)]);
  const fitting = kinds.filter(([operation, n]) => applied(operation, amount, n) <= LARGEST);
  return pick(random, fitting);
}

function applied(operation: Operation, amount: number, n: number): number {
  switch (operation) {
    case "+":
      return amount + n;
    case "-":
      return amount - n;
    case "*":
      return amount * n;
    case "/":
      return amount / n;
    default:
      return operation satisfies never;
  }
}
