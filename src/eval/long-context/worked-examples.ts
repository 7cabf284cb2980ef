/** Many worked examples of one kind of puzzle, then new ones (SCBench's in-context learning, after BIG-Bench Hard: Suzgun et al., 2022). */
import { MnemeError } from "../../errors.ts";
import type { Random } from "../../linalg/random.ts";
import { type LongTask, listed, longTask, takeWhileFits } from "./task.ts";
import { ADJECTIVES, different, NOUNS, nameOf, pick } from "./vocabulary.ts";

interface Puzzle {
  readonly question: string;
  readonly options: readonly string[];
  readonly right: string;
}

/** dates: a day some days before or after one. objects: who holds what after swaps. odd-word: the word that is no thing. */
export const PUZZLE_KINDS = ["dates", "objects", "odd-word"] as const;
export type PuzzleKind = (typeof PUZZLE_KINDS)[number];

const PUZZLES: Readonly<Record<PuzzleKind, (random: Random) => Puzzle>> = {
  dates: datePuzzle,
  objects: objectPuzzle,
  "odd-word": oddWordPuzzle,
};

/** Tokens of one example at most, about. */
const EXAMPLE_TOKENS = 200;

/** The answer is the letter of an option in parentheses. @throws MnemeError ARGUMENT naming the kinds */
export function workedExamplesTask(name: string, kind: PuzzleKind, { turns = 4 } = {}): LongTask {
  if (!PUZZLE_KINDS.includes(kind))
    throw new MnemeError("ARGUMENT", `${name}: kind is ${kind}; expected one of ${PUZZLE_KINDS.join(", ")}`);
  return longTask(name, "global", 2 * EXAMPLE_TOKENS, (random, { tokens, countTokens }) => {
    const seen = new Set<string>();
    const fresh = (): [question: string, answer: string] => {
      for (;;) {
        const { question, options, right } = PUZZLES[kind](random);
        const letters = options.map((option, i) => `(${letterOf(i)}) ${option}`);
        const text = `${question}\n${letters.join("\n")}`;
        if (seen.has(text)) continue;
        seen.add(text);
        return [text, `(${letterOf(options.indexOf(right))})`];
      }
    };
    const intro = "Learn from the examples how to answer.\n\n";
    const made = (function* () {
      for (;;) {
        const [text, answer] = fresh();
        yield `Example: ${text}\nAnswer: ${answer}\n\n`;
      }
    })();
    const pieces = takeWhileFits(made, tokens - countTokens(intro), countTokens);
    return {
      context: intro + pieces.join("").trimEnd(),
      turns: Array.from({ length: turns }, () => {
        const [question, answer] = fresh();
        return { question, answers: [answer], reply: answer };
      }),
      scorer: "any",
    };
  });
}

const letterOf = (i: number): string => String.fromCharCode(65 + i);

const DAY_MS = 86_400_000;
const FIRST_DAY = Date.UTC(1950, 0, 1) / DAY_MS;
const DAYS = 25_000;

function datePuzzle(random: Random): Puzzle {
  const today = FIRST_DAY + random.integer(DAYS);
  const shift = 2 + random.integer(40);
  const after = random.uniform() < 0.5;
  const right = dateOf(today + (after ? shift : -shift));
  const wrong = different(5, () => dateOf(today + random.integer(121) - 60)).filter((date) => date !== right);
  return {
    question: `Today is ${dateOf(today)}. Which date ${after ? `comes ${shift} days later` : `was ${shift} days ago`}?`,
    options: random.shuffle([right, ...wrong.slice(0, 3)]),
    right,
  };
}

/** Month, day and year, as American texts write them. */
function dateOf(day: number): string {
  const [year, month, date] = new Date(day * DAY_MS).toISOString().slice(0, 10).split("-");
  return `${month}/${date}/${year}`;
}

const HOLDERS = 7;
const SWAPS = 7;

function objectPuzzle(random: Random): Puzzle {
  const people = different(HOLDERS, () => nameOf(random));
  const things = random.shuffle([...NOUNS]).slice(0, HOLDERS);
  const held = [...things];
  const swaps = Array.from({ length: SWAPS }, () => {
    const [a, b] = random.sample(HOLDERS, 2) as unknown as [number, number];
    [held[a], held[b]] = [held[b]!, held[a]!];
    return `${people[a]} and ${people[b]} swap.`;
  });
  const asked = random.integer(HOLDERS);
  const start = listed(people.map((person, i) => `${person} the ${things[i]}`));
  return {
    question: `These hold something: ${start}. ${swaps.join(" ")} What has ${people[asked]} at the end?`,
    options: random.shuffle([...things]),
    right: held[asked]!,
  };
}

function oddWordPuzzle(random: Random): Puzzle {
  const things = different(3, () => pick(random, NOUNS));
  const right = pick(
    random,
    ADJECTIVES.filter((word) => !NOUNS.includes(word)),
  );
  return { question: "Which word is the odd one?", options: random.shuffle([...things, right]), right };
}
