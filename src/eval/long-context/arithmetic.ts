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

/** @param steps that change the amount. The answer is a whole number from 1 to 10,000. */
export function wordProblem(random: Random, steps: number): WordProblem {
  const who = nameOf(random);
  const things = `${pick(random, NOUNS)}s`;
  const said = (text: string, n: number): string =>
    text.replaceAll("WHO", who).replaceAll("THINGS", things).replace(/\bN\b/, String(n));
  let amount = 5 + random.integer(60);
  const text = [`${who} has ${amount} ${things}.`];
  const solution = [`${who} starts with ${amount} ${things}.`];
  for (let step = 0; step < steps; step++) {
    const [operation, n] = stepFrom(random, amount);
    const next = applied(operation, amount, n);
    text.push(said(pick(random, WORDINGS[operation]), n));
    solution.push(`${amount} ${operation} ${n} = ${next}.`);
    amount = next;
  }
  return {
    question: `${text.join(" ")} How many ${things} does ${who} have at the end?`,
    answer: amount,
    solution: `${solution.join(" ")} The answer is ${amount}.`,
  };
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
