/** Passages and judged questions of `bench seal`: two public sets, and the n-gram check that knows nothing of the index. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import { readQrels, readTestSet } from "../src/eval/beir.ts";
import type { Judgements } from "../src/eval/metrics.ts";
import { Random } from "../src/linalg/random.ts";
import { dataFolder } from "./row.ts";

export interface Passage {
  readonly id: string;
  readonly title: string;
  readonly text: string;
}

export interface Asked {
  readonly text: string;
  readonly judged: Judgements;
}

export interface SealSet {
  readonly name: string;
  readonly passages: readonly Passage[];
  readonly questions: readonly Asked[];
  /** Questions that a model may be taught by. */
  readonly training: readonly Asked[];
}

const HELD_OUT = 200;
const HELD_OUT_SEED = 23;

const linesOf = (path: string): Record<string, unknown>[] =>
  gunzipSync(readFileSync(path))
    .toString("utf8")
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => JSON.parse(line) as Record<string, unknown>);

/** Questions whose answer takes several paragraphs; those that it takes are relevant. */
function musique(): SealSet {
  const folder = join(dataFolder(), "rag", "musique-100");
  const passages = linesOf(join(folder, "corpus.jsonl.gz")).map(({ _id, title, text }) => ({
    id: String(_id),
    title: String(title),
    text: String(text),
  }));
  const questions = linesOf(join(folder, "questions.jsonl.gz")).map(({ question, supporting }) => ({
    text: String(question),
    judged: new Map((supporting as string[]).map((id) => [id, 1])),
  }));
  return { name: "musique-100", passages, questions, training: [] };
}

/** @param heldOut for training questions that no model is taught by, by which settings are chosen, in place of the test's */
async function scifact(heldOut: boolean): Promise<SealSet> {
  const folder = join(dataFolder(), "retrieval", "scifact");
  const paths = { corpus: join(folder, "corpus.jsonl.gz"), queries: join(folder, "queries.jsonl.gz") };
  const { documents, queries } = await readTestSet({ ...paths, qrels: join(folder, "qrels-test.tsv") });
  const train = await readTestSet({ ...paths, qrels: join(folder, "qrels-train.tsv") });
  const tested = await readQrels(join(folder, "qrels-test.tsv"));
  const asked = new Random(HELD_OUT_SEED).shuffle(train.queries.filter(({ id }) => !tested.has(id)));
  return {
    name: heldOut ? "validate" : "scifact",
    passages: documents,
    questions: heldOut ? asked.slice(0, HELD_OUT) : queries,
    training: asked.slice(HELD_OUT),
  };
}

/** @param most questions of each list, drawn by a seed */
export async function readSets(only: string | undefined, most: number): Promise<SealSet[]> {
  const sets: SealSet[] = [];
  for (const [name, read] of [
    ["musique-100", musique],
    ["scifact", () => scifact(false)],
    ["validate", () => scifact(true)],
  ] as const) {
    if (only ? only !== name : name === "validate") continue;
    const set = await read();
    const drawn = (list: readonly Asked[]): Asked[] => new Random(17).shuffle([...list]).slice(0, most);
    sets.push({ ...set, questions: drawn(set.questions) });
  }
  return sets;
}

/** Looks n-grams up in the documents themselves. */
export class NGramCheck {
  readonly #documents: readonly ArrayLike<number>[];
  /** Token -> document, place, document, place ... */
  readonly #places = new Map<number, number[]>();

  constructor(documents: readonly ArrayLike<number>[]) {
    this.#documents = documents;
    for (const [d, document] of documents.entries())
      for (let at = 0; at < document.length; at++) {
        const places = this.#places.get(document[at]!) ?? [];
        places.push(d, at);
        this.#places.set(document[at]!, places);
      }
  }

  occurs(tokens: readonly number[]): boolean {
    let [rarest, fewest] = [0, Number.POSITIVE_INFINITY];
    for (const [i, token] of tokens.entries()) {
      const { length } = this.#places.get(token) ?? [];
      if (length < fewest) [rarest, fewest] = [i, length];
    }
    const places = this.#places.get(tokens[rarest]!) ?? [];
    for (let p = 0; p < places.length; p += 2) {
      const [document, from] = [this.#documents[places[p]!]!, places[p + 1]! - rarest];
      if (tokens.every((token, i) => document[from + i] === token)) return true;
    }
    return false;
  }
}
