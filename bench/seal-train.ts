/**
 * Teaches the bundled model to write n-grams of passages, for `bench seal --model FOLDER`: by the training questions of scifact, and by
 * parts of the passages of both sets (a title, or a sentence, asks for a span of the rest). No test question is seen.
 * --to FOLDER, --scale N for N times 1500 pairs.
 */
import { parseArgs } from "node:util";
import { Random } from "../src/linalg/random.ts";
import { type QuestionPassage, trainSubstrings } from "../src/train/substrings.ts";
import { switches } from "./row.ts";
import { readSets, type SealSet } from "./seal-data.ts";

const PAIRS = 1500;

/** Half of a set's pairs by its training questions where it has some. */
function pairsOf({ passages, training }: SealSet, count: number, random: Random): QuestionPassage[] {
  const byId = new Map(passages.map((passage) => [passage.id, passage]));
  const asked = training.flatMap(({ text: question, judged }) =>
    [...judged.keys()].map((id) => ({ question, text: byId.get(id)!.text })),
  );
  const drawn = random.shuffle([...passages]).map(({ title, text }, i): QuestionPassage => {
    const sentences = text.split(/(?<=[.!?])\s+/u);
    const sentence = sentences[random.integer(sentences.length)]!;
    return i % 2 === 0 || sentence.length < 30
      ? { question: title, text }
      : { question: sentence, text: `${title}. ${text.replace(sentence, () => "")}` };
  });
  const supervised = asked.slice(0, count / 2);
  return [...supervised, ...drawn.slice(0, count - supervised.length)];
}

async function main(): Promise<void> {
  const { values } = parseArgs({ options: { to: { type: "string" } }, strict: false });
  if (typeof values.to !== "string") throw new Error("seal-train: name a folder with --to");
  const random = new Random(5);
  const sets = await readSets(undefined, Number.MAX_SAFE_INTEGER);
  const count = Math.round((PAIRS * switches.scale) / sets.length);
  const pairs = random.shuffle(sets.flatMap((set) => pairsOf(set, count, random)));
  const started = performance.now();
  const seconds = (): string => `${((performance.now() - started) / 1000).toFixed(0)} s`;
  const { spans } = await trainSubstrings(pairs, values.to, {
    onPair: (done, total) => done % 320 === 0 && console.error(`${done} of ${total} pairs, ${seconds()}`),
    onStep: (step, loss) => console.error(`step ${step}: ${loss.toFixed(3)}, ${seconds()}`),
  });
  console.log(`${spans} spans of ${pairs.length} pairs, ${seconds()}: ${values.to}`);
}

void main();
