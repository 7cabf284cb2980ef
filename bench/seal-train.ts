/**
 * Teaches the bundled model to write n-grams of passages, for `bench seal --settings '{"model": FOLDER}'`: by training questions of scifact that `bench seal`
 * does not choose weights by, and by parts of the passages of both sets (a title, or a sentence, asks for spans of the rest). No test
 * question is seen. --to FOLDER, --device webgpu for a GPU, --settings JSON of `trainSubstrings`, and of `to`.
 */
import { parseArgs } from "node:util";
import { MnemeError } from "../src/errors.ts";
import { Random } from "../src/linalg/random.ts";
import { type QuestionPassage, trainSubstrings } from "../src/train/substrings.ts";
import { switches } from "./row.ts";
import { readSets, type SealSet } from "./seal-data.ts";

/** Of what is drawn, what training questions are where a set has some. */
const ASKED_SHARE = 0.3;
/** Sentences of a passage that ask for the rest. */
const SENTENCES = 1;
/** A sentence of fewer characters asks for nothing. */
const LEAST_SENTENCE = 30;

function pairsOf({ passages, training }: SealSet, random: Random): QuestionPassage[] {
  const byId = new Map(passages.map((passage) => [passage.id, passage]));
  const parts = passages.flatMap(({ title, text }): QuestionPassage[] => {
    const sentences = text.split(/(?<=[.!?])\s+/u).filter(({ length }) => length >= LEAST_SENTENCE);
    const asking = random.shuffle(sentences).slice(0, SENTENCES);
    return [
      { question: title, text },
      ...asking.map((question) => ({ question, text: `${title}. ${text.replace(question, () => "")}` })),
    ];
  });
  const asked = training.flatMap(({ text: question, judged }) =>
    [...judged.keys()].map((id) => ({ question, text: byId.get(id)!.text })),
  );
  const weight = (ASKED_SHARE * parts.length) / ((1 - ASKED_SHARE) * asked.length);
  return [...parts, ...asked.map((pair) => ({ ...pair, weight }))];
}

async function main(): Promise<void> {
  const { values } = parseArgs({ options: { to: { type: "string" } }, strict: false });
  const { to = values.to, ...settings } = switches.settings;
  if (typeof to !== "string")
    throw new MnemeError(
      "ARGUMENT",
      `bench: seal-train writes a model to a folder; name it by --settings '{"to": "FOLDER"}'`,
    );
  const random = new Random(5);
  const sets = await readSets(undefined, Number.MAX_SAFE_INTEGER);
  const pairs = sets.flatMap((set) => pairsOf(set, random));
  const started = performance.now();
  const seconds = (): string => `${((performance.now() - started) / 1000).toFixed(0)} s`;
  const { spans, loss } = await trainSubstrings(pairs, to, {
    device: switches.device,
    ...settings,
    onPair: (done, total) => done % 4000 === 0 && console.error(`${done} of ${total} pairs, ${seconds()}`),
    onStep: (step, now) =>
      step % 10 === 0 && console.error(`step ${step}: ${now.toFixed(3)} nats a token, ${seconds()}`),
  });
  console.log(
    `${spans} spans of ${pairs.length} pairs, ${seconds()}: ${loss.toFixed(3)} nats a token; ${to}`,
  );
}

void main();
