/**
 * Questions of `bench ask`: made from the headings of sections that no training saw, and questions that the library cannot answer, half
 * of them about the world, half about things that nobody has made. Seeded; the development set shares no section and no question with the test.
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import { Random } from "../src/linalg/random.ts";
import type { Item } from "../src/memory/types.ts";

export interface Question {
  readonly text: string;
  /** Id of the item that answers it; none answers an unanswerable one. */
  readonly answer?: string;
}

export interface QuestionSet {
  readonly answerable: readonly Question[];
  /** Made from a sentence of the section rather than its heading. */
  readonly fromText: readonly Question[];
  readonly unanswerable: readonly Question[];
}

interface Query {
  readonly kind: "heading path" | "heading alone" | "question";
  readonly query: string;
  readonly section: number;
}

const ANSWERABLE = 100;
const UNANSWERABLE = 50;
/** Sections and facts of each set lie in a part of their own. */
const PARTS = { test: 0, development: 1 } as const;
export type Part = keyof typeof PARTS;

const ABOUT = [
  "What is said about {h}?",
  "What does the documentation say about {h}?",
  "Tell me about {h}.",
  "What should I know about {h}?",
  "Explain {h}.",
  "{h}?",
] as const;

/** Forms that people use; synthetic keyword questions ("enter Chart?") are left out. */
const NATURAL =
  /^(How (do|to|can) (I )?|What happens (if|when) |What if |What (is|are) (?!said about)|What does the \S+ \w+ do)/;

const SYLLABLES = "bra cho dri fen gul hob jex kli mor nup oll pru quo ras sti tam urb vex wol zan".split(
  " ",
);

/** Asked of made-up names: of the form of real questions, about nothing. */
const INVENTED = [
  "How do I configure the {n} driver?",
  "What does the `{n}_{m}` function return?",
  "What is the default timeout of the {n} scheduler?",
  "How do I migrate from {n} to {m}?",
  "What is said about {n} {m} replication?",
  "Which port does the {n} daemon listen on?",
  "Why does {n} reject a {m} certificate?",
  "Who maintains the {n} plugin?",
] as const;

const WORLD = [
  "How many moons does Jupiter have?",
  "Who painted the ceiling of the Sistine Chapel?",
  "What do penguins eat in winter?",
  "Which river flows through Vienna?",
  "How long does it take to boil an ostrich egg?",
  "When did the Western Roman Empire fall?",
  "What is the boiling point of gallium?",
  "Who wrote The Brothers Karamazov?",
  "How tall is Mount Kilimanjaro?",
  "Which vitamin prevents scurvy?",
  "What is the capital of Mongolia?",
  "How do bees make honey?",
  "Who won the football World Cup in 1966?",
  "Why do leaves turn red in autumn?",
  "Which composer became deaf?",
  "How is Parmesan cheese aged?",
  "What is the lifespan of a giant tortoise?",
  "Who discovered penicillin?",
  "How deep is the Mariana Trench?",
  "What are the rules of sumo wrestling?",
  "Which gas makes up most of the atmosphere of Mars?",
  "When was the Eiffel Tower built?",
  "How do I knead sourdough bread?",
  "What causes a lunar eclipse?",
  "Who was the first woman to fly across the Atlantic?",
  "Which muscles does rowing train?",
  "How do I prune a rose bush?",
  "What language is spoken in Suriname?",
  "Why is the Dead Sea so salty?",
  "Who invented the bassoon?",
  "How fast can a cheetah run?",
  "What is the plot of Madame Butterfly?",
  "Which spices are in garam masala?",
  "When did dinosaurs become extinct?",
  "How are violins varnished?",
  "What is the half-life of plutonium?",
  "Who ruled Egypt after Tutankhamun?",
  "Which islands belong to the Azores?",
  "How do glaciers form?",
  "What is the offside rule?",
  "Who composed The Four Seasons?",
  "How many bones has a human hand?",
  "What do wombats feed on?",
  "Which wine goes with oysters?",
  "Why does the tide rise twice a day?",
  "When was the battle of Hastings?",
  "How is saffron harvested?",
  "What is the wingspan of an albatross?",
  "Who built the Taj Mahal?",
  "Which planet has the shortest day?",
] as const;

const linesOf = <T>(text: string): T[] =>
  text
    .split("\n")
    .filter(Boolean)
    .map((line) => JSON.parse(line) as T);

/** The sections as items: under their heading where it is known, as a Markdown file would have it, or the bare text of all. */
export function sectionItems(folder: string, headings: boolean): Item[] {
  const packed = readFileSync(join(folder, "sections.jsonl.gz"));
  const sections = linesOf<{ id: number; text: string }>(gunzipSync(packed).toString());
  const paths = headings ? headingPaths(folder) : new Map<number, readonly string[]>();
  return sections.map(({ id, text }) => {
    const path = paths.get(id);
    if (!path) return { id: String(id), text };
    const above = path.map((heading, level) => `${"#".repeat(Math.min(level + 1, 6))} ${heading}`);
    return { id: String(id), title: path[0]!, text: `${above.join("\n\n")}\n\n${text}` };
  });
}

function headingPaths(folder: string): Map<number, readonly string[]> {
  const paths = queriesOf(folder).filter(({ kind }) => kind === "heading path");
  return new Map(paths.map(({ query, section }) => [section, query.split(" > ")]));
}

function queriesOf(folder: string): Query[] {
  return linesOf<Query>(readFileSync(join(folder, "queries.jsonl"), "utf8"));
}

export function questionsOf(folder: string, part: Part): QuestionSet {
  const random = new Random(11 + PARTS[part]);
  const queries = new Random(5)
    .shuffle(queriesOf(folder))
    .filter(({ section }) => section % 2 === PARTS[part]);
  const answerable = queries
    .filter(({ kind, query }) => kind === "heading path" && isTelling(query))
    .slice(0, ANSWERABLE)
    .map(({ query, section }) => ({ text: aboutHeading(query, random), answer: String(section) }));
  const fromText = queries
    .filter(({ kind, query }) => kind === "question" && NATURAL.test(query))
    .slice(0, ANSWERABLE)
    .map(({ query, section }) => ({ text: query, answer: String(section) }));
  const world = new Random(6).shuffle([...WORLD]).filter((_, i) => i % 2 === PARTS[part]);
  const invented = Array.from({ length: UNANSWERABLE - world.length }, () =>
    pick(random, INVENTED).replace("{n}", name(random)).replace("{m}", name(random)),
  );
  return { answerable, fromText, unanswerable: [...world, ...invented].map((text) => ({ text })) };
}

/** "Parameters" alone names no section. */
function isTelling(path: string): boolean {
  return path.split(" > ").length > 1 && path.split(/\s+/).length >= 4;
}

/** The document and the section, as somebody who knows both would name them. */
function aboutHeading(path: string, random: Random): string {
  const steps = path.split(" > ");
  const [first, last] = [steps[0]!, steps.at(-1)!];
  const named = random.uniform() < 0.5 ? `${last} of ${first}` : `${first}: ${last}`;
  return pick(random, ABOUT).replace("{h}", () => named);
}

function name(random: Random): string {
  const word = Array.from({ length: 3 }, () => pick(random, SYLLABLES)).join("");
  return random.uniform() < 0.5 ? word : word[0]!.toUpperCase() + word.slice(1);
}

function pick<T>(random: Random, values: readonly T[]): T {
  return values[random.integer(values.length)]!;
}
