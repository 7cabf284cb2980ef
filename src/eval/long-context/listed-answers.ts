/** Tasks whose one answer is a list: problems, choices, facts, sums, keys looked up (after LongGenBench: Liu et al., 2024). */
import { choiceProblem, wordProblem } from "./arithmetic.ts";
import { factBookTask } from "./fact-book.ts";
import { type LongTask, longTask, takeWhileFits } from "./task.ts";
import { nameOf, numberOf } from "./vocabulary.ts";

const ORDER =
  'Answer each question in order. Begin each answer on a new line with its header, such as "Answer_5:", and end it with "The answer is" and';

const numberedTurn = (what: string, answers: readonly string[], solutions: readonly string[]) => ({
  question: `${ORDER} ${what}. Do not repeat the questions.`,
  answers,
  reply: solutions.map((solution, i) => `Answer_${i + 1}: ${solution}`).join("\n"),
});

interface Listed {
  readonly question: string;
  readonly answer: string;
  readonly solution: string;
}

/** No more than so many are asked; before them stand others that are solved, as many as fit. */
function askedAndSolved(
  questions: number,
  tokens: number,
  countTokens: (text: string) => number,
  make: () => Listed,
): { asked: Listed[]; context: string } {
  const asked: Listed[] = [];
  const made = (function* () {
    while (asked.length < questions) {
      asked.push(make());
      yield `Question_${asked.length}: ${asked.at(-1)!.question}\n`;
    }
  })();
  const lines = takeWhileFits(made, tokens, countTokens);
  const used = lines.reduce((sum, line) => sum + countTokens(line), 0);
  const solved = (function* () {
    for (;;) {
      const { question, solution } = make();
      yield `Example: ${question}\nIts answer: ${solution}\n`;
    }
  })();
  const before = takeWhileFits(solved, tokens - used, countTokens);
  return { asked: asked.slice(0, lines.length), context: [...before, ...lines].join("").trimEnd() };
}

export interface ListedOptions {
  /** Questions at most, which sets the length of the answer; short contexts have fewer. */
  readonly questions?: number;
}

/** Word problems; with `choice` each has four options, the wrong ones made by typical slips. */
export function listedProblemsTask(
  name: string,
  { questions = 35, choice = false }: ListedOptions & { readonly choice?: boolean } = {},
): LongTask {
  return longTask(name, "long answers", 240, (random, { tokens, countTokens }) => {
    const make = choice ? choiceProblem : wordProblem;
    const { asked, context } = askedAndSolved(questions, tokens, countTokens, () => {
      const { answer, ...problem } = make(random, 2 + random.integer(3));
      return { ...problem, answer: String(answer) };
    });
    const turn = numberedTurn(
      choice ? "the letter" : "the number",
      asked.map(({ answer }) => answer),
      asked.map(({ solution }) => solution),
    );
    return { context, turns: [turn], scorer: "numbered" };
  });
}

/** Questions about a book of facts, each with four options, all of them in one prompt: reading and long writing together. */
export function listedFactsTask(name: string, { questions = 8 }: ListedOptions = {}): LongTask {
  const book = factBookTask(name, { turns: questions, choice: true });
  return longTask(name, "long answers", 416, (random, options) => {
    const [example] = book.make({ ...options, seed: random.u32(), count: 1 });
    const { context, turns } = example!;
    const asked = turns.map(({ question }, i) => `Question_${i + 1}: ${question.replace(/\n[^\n]*$/, "")}`);
    const letters = turns.map(({ answers }) => answers[0]!);
    const turn = numberedTurn(
      "the letter",
      letters,
      letters.map((letter) => `The answer is (${letter}).`),
    );
    return {
      context,
      turns: [{ ...turn, question: `${turn.question}\n${asked.join("\n")}` }],
      scorer: "numbered",
    };
  });
}

/** Sums of two numbers below 100, answered by lines "n: sum" in order. */
export function listedSumsTask(name: string, { questions = 64 }: ListedOptions = {}): LongTask {
  return longTask(name, "long answers", 64, (random, { tokens, countTokens }) => {
    const { asked, context } = askedAndSolved(questions, tokens, countTokens, () => {
      const [a, b] = [random.integer(100), random.integer(100)];
      return { question: `${a}+${b}`, answer: String(a + b), solution: String(a + b) };
    });
    const answers = asked.map(({ answer }, i) => `${i + 1}: ${answer}`);
    const question =
      'Write the sums of all questions in order, one a line: the number of the question, a colon, the sum, such as "5: 71".';
    return { context, turns: [{ question, answers, reply: answers.join("\n") }], scorer: "lines" };
  });
}

/** Records of key and value; a list of keys comes, the answer repeats each with its value, in the order of the list. */
export function listedKeysTask(name: string, { asked = 12 } = {}): LongTask {
  return longTask(name, "long answers", 16 * asked, (random, { tokens, countTokens }) => {
    const values = new Map<string, string>();
    const made = (function* () {
      for (;;) {
        const key = nameOf(random);
        if (values.has(key)) continue;
        values.set(key, numberOf(random, 7));
        yield `${key}: ${values.get(key)}\n`;
      }
    })();
    const lines = takeWhileFits(made, tokens, countTokens).map((line) => line.trimEnd());
    const answers = random.shuffle(random.sample(lines.length, asked)).map((i) => lines[i]!);
    const keys = answers.map((line) => line.slice(0, line.indexOf(":")));
    return {
      context: lines.join("\n"),
      turns: [
        {
          question: `Write these keys in this order, each on its own line as key: value. ${keys.join(", ")}`,
          answers,
          reply: answers.join("\n"),
        },
      ],
      scorer: "lines",
    };
  });
}
