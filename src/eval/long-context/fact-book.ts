/** A book of made-up facts: who lives where, makes what, since when. Questions are worded unlike the sentences that answer them. */
import type { Random } from "../../linalg/random.ts";
import { haystack } from "./haystack.ts";
import { type LongTask, type LongTurn, longTask } from "./task.ts";
import { ADJECTIVES, different, NOUNS, nameOf, numberOf, pick } from "./vocabulary.ts";

interface Attribute {
  /** NAME and VALUE stand for themselves. */
  readonly sentences: readonly string[];
  readonly question: string;
  value(random: Random): string;
}

const ATTRIBUTES: readonly Attribute[] = [
  {
    sentences: [
      "NAME has lived in VALUE for many years.",
      "The home of NAME is in VALUE.",
      "Visitors find NAME in VALUE, where the house has always stood.",
      "Letters to NAME go to VALUE.",
      "NAME came back to VALUE and stayed.",
    ],
    question: "Where does NAME live?",
    value: nameOf,
  },
  {
    sentences: [
      "NAME earns a living with VALUE.",
      "People know NAME for VALUE.",
      "In the workshop of NAME one sees VALUE everywhere.",
      "NAME sells VALUE at the market.",
      "What NAME makes best is VALUE.",
    ],
    question: "What does NAME make?",
    value: (random) => `${pick(random, ADJECTIVES)} ${pick(random, NOUNS)}s`,
  },
  {
    sentences: [
      "NAME was born in the year VALUE.",
      "The year of NAME's birth was VALUE.",
      "In VALUE NAME came into the world.",
      "The records give VALUE as the year in which NAME was born.",
      "NAME's life began in VALUE.",
    ],
    question: "When was NAME born?",
    value: (random) => `1${numberOf(random, 3)}`,
  },
];

interface Fact {
  readonly name: string;
  readonly sentence: string;
  readonly question: string;
  readonly value: string;
  /** Values of the same kind that others have. */
  readonly wrong: readonly string[];
}

/** Tokens of a sentence at most, about. */
const SENTENCE_TOKENS = 26;

function factsOf(random: Random, people: number): Fact[] {
  const names = different(people, () => nameOf(random));
  return ATTRIBUTES.flatMap(({ sentences, question, value }) => {
    const values = different(people, () => value(random));
    return names.map((name, i) => {
      const filled = (text: string): string => text.replace("NAME", name).replace("VALUE", values[i]!);
      return {
        name,
        sentence: filled(pick(random, sentences)),
        question: filled(question),
        value: values[i]!,
        wrong: random.shuffle(values.filter((_, j) => j !== i)).slice(0, 3),
      };
    });
  });
}

export interface FactBookOptions {
  readonly turns?: number;
  /** Four options and their letters. */
  readonly choice?: boolean;
  /** Share of the context that is facts. */
  readonly density?: number;
}

export function factBookTask(
  name: string,
  { turns = 1, choice = false, density = 0.5 }: FactBookOptions = {},
): LongTask {
  return longTask(
    name,
    "semantic",
    16 * SENTENCE_TOKENS,
    (random, { tokens, countTokens, filler, phrasing }) => {
      const people = Math.max(4, Math.floor((density * tokens) / (SENTENCE_TOKENS * ATTRIBUTES.length)));
      const quotes = phrasing === "mneme-lm" && !choice;
      const all = factsOf(random, people);
      // who is asked for a sentence by a name needs names that stand in one
      const facts = random.shuffle(
        quotes ? all.filter((_, i) => Math.floor(i / people) === i % ATTRIBUTES.length) : all,
      );
      const asked = facts.slice(0, turns);
      const hidden = random.shuffle([...facts]).map(({ sentence }) => sentence);
      const options = { random, countTokens, kind: "sentences", filler } as const;
      if (quotes) {
        const passages = passagesOf(
          hidden,
          (texts, room) => haystack(texts, { ...options, tokens: room }),
          tokens,
          random,
        );
        return {
          context: passages.join("\n\n"),
          turns: asked.map((fact) => quoteOf(fact, passages)),
          scorer: "any",
        };
      }
      const intro = "Answer the question based on the given text.\n";
      const context = intro + haystack(hidden, { ...options, tokens: tokens - countTokens(intro) });
      if (choice) return { context, turns: asked.map((fact) => choiceOf(fact, random)), scorer: "letter" };
      return { context, turns: asked.map(turnOf), scorer: "any" };
    },
  );
}

/** Facts in numbered passages, as mneme-lm quotes and cites them. */
function passagesOf(
  sentences: readonly string[],
  fill: (texts: readonly string[], tokens: number) => string,
  tokens: number,
  random: Random,
): string[] {
  const count = Math.max(2, Math.min(12, Math.floor(tokens / 90)));
  const homes = sentences.map(() => random.integer(count));
  const room = Math.floor(tokens / count) - 8;
  return Array.from({ length: count }, (_, p) => {
    const own = sentences.filter((_, i) => homes[i] === p);
    // a passage that happened to get many sentences is longer, the others no shorter: the whole stays near its size
    return `[${p + 1}] ${fill(own, Math.max(room, own.length * SENTENCE_TOKENS)).replaceAll("\n", " ")}`;
  });
}

const turnOf = ({ question, value }: Fact): LongTurn => ({ question, answers: [value], reply: value });

/** Words of a question at most, and letters that each has at least. */
const QUOTED_WORDS = 3;
const LONG_WORD = 5;

/** mneme-lm quotes the sentence that has some words, and cites its passage. */
function quoteOf({ name, sentence, value }: Fact, passages: readonly string[]): LongTurn {
  const words = sentence.replace(value, " ").match(/[A-Za-z]+/g)!;
  const told = words.filter((word) => word === name || word.length >= LONG_WORD).slice(0, QUOTED_WORDS);
  const asked = told.includes(name) ? told : [...told.slice(0, -1), name];
  const at = passages.findIndex((passage) => passage.includes(sentence));
  return {
    question: `Which sentence mentions ${asked.join(" ")}?`,
    answers: [value],
    reply: `${sentence} [${at + 1}]`,
  };
}

function choiceOf({ question, value, wrong }: Fact, random: Random): LongTurn {
  const options = random.shuffle([value, ...wrong]);
  const letter = "ABCD"[options.indexOf(value)]!;
  const lines = options.map((option, i) => `${"ABCD"[i]}. ${option}`);
  return {
    question: `${question}\n${lines.join("\n")}\nAnswer with the letter.`,
    answers: [letter],
    reply: letter,
  };
}
