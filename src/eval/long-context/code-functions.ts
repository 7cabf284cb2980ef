/** Small functions drawn from seeds: what each does is told in words that do not stand in its code. */
import type { Random } from "../../linalg/random.ts";
import { different, nameOf, pick } from "./vocabulary.ts";

export interface CodeFunction {
  readonly name: string;
  readonly source: string;
  /** One line; numbers are written out. */
  readonly description: string;
}

interface Step {
  readonly code: string;
  readonly said: string;
}

const STEPS: readonly ((n: number) => Step)[] = [
  (n) => ({ code: `if (X <= ${n}) continue;`, said: `keeps what exceeds ${inWords(n)}` }),
  (n) => ({ code: `if (X >= ${n}) continue;`, said: `keeps what lies under ${inWords(n)}` }),
  (n) => ({ code: `if (X % ${n} !== 0) continue;`, said: `keeps what ${inWords(n)} divides` }),
  (n) => ({ code: `if (X === ${n}) continue;`, said: `drops every ${inWords(n)}` }),
  (n) => ({ code: `X = X * ${n};`, said: `multiplies by ${inWords(n)}` }),
  (n) => ({ code: `X = X + ${n};`, said: `raises by ${inWords(n)}` }),
  (n) => ({ code: `X = X - ${n};`, said: `lowers by ${inWords(n)}` }),
  (n) => ({ code: `X = X ** 2 + ${n};`, said: `squares and then raises by ${inWords(n)}` }),
];

interface Ending extends Step {
  readonly start: string;
}

const ENDINGS: readonly Ending[] = [
  { start: "0", code: "OUT += X;", said: "adds everything up" },
  { start: "1", code: "OUT *= X;", said: "takes the product" },
  { start: "0", code: "OUT++;", said: "counts the rest" },
  { start: "-Infinity", code: "OUT = X > OUT ? X : OUT;", said: "takes the largest" },
  { start: "Infinity", code: "OUT = X < OUT ? X : OUT;", said: "takes the smallest" },
  { start: "[]", code: "OUT.unshift(X);", said: "reverses the order" },
];

const ONES =
  "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen eighteen nineteen".split(
    " ",
  );
const TENS = "twenty thirty forty fifty sixty seventy eighty ninety".split(" ");

/** @param n 0 to 99 */
function inWords(n: number): string {
  if (n < 20) return ONES[n]!;
  const tens = TENS[Math.floor(n / 10) - 2]!;
  return n % 10 === 0 ? tens : `${tens}-${ONES[n % 10]}`;
}

/** Without end; no name and no description comes twice. */
export function* codeFunctions(random: Random): Generator<CodeFunction, never> {
  const seen = new Set<string>();
  for (;;) {
    const name = `${nameOf(random)}${nameOf(random)}`.toLowerCase();
    const steps = Array.from({ length: 2 + random.integer(2) }, () =>
      pick(random, STEPS)(2 + random.integer(98)),
    );
    const ending = pick(random, ENDINGS);
    const description = `It ${[...steps, ending].map(({ said }) => said).join(", then ")}.`;
    if (seen.has(name) || seen.has(description)) continue;
    seen.add(name).add(description);
    yield { name, description, source: sourceOf(random, name, steps, ending) };
  }
}

function sourceOf(random: Random, name: string, steps: readonly Step[], ending: Ending): string {
  const [list, x, i, out] = different(4, () => nameOf(random).toLowerCase());
  const walk =
    random.uniform() < 0.5
      ? `for (let ${i} = 0; ${i} < ${list}.length; ${i}++) {`
      : `let ${i} = 0;\n  while (${i} < ${list}.length) {`;
  const at = walk.startsWith("for") ? i : `${i}++`;
  const body = [...steps, ending].map(({ code }) => `    ${code}`).join("\n");
  const lines = body.replace(/\bX\b/g, x!).replace(/\bOUT\b/g, out!);
  return `function ${name}(${list}) {\n  let ${out} = ${ending.start};\n  ${walk}\n    let ${x} = ${list}[${at}];\n${lines}\n  }\n  return ${out};\n}`;
}
