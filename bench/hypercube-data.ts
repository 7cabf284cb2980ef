/**
 * Question sets with cubes: documents, questions with the documents that answer them, and the cubes given. Of two sets nobody says which document
 * answers: there it is the one that the words of the answer, without those of the question, tell from all others by a margin; questions whose answers
 * tell none are left out. Some labels given do not stand in their documents but in the questions asked of them (`repeats` tells): a second cube
 * has only those that the documents say.
 */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import {
  CubeIndex,
  dimensionsOf,
  type Extractor,
  extractAll,
  type Labels,
  labelKey,
  THEME,
} from "../src/index/cube/index.ts";
import { ReferenceBm25 } from "./reference-bm25.ts";
import { dataFolder } from "./row.ts";

export interface CubeQuestion {
  readonly question: string;
  /** Ordinals of the documents that answer it. */
  readonly relevant: ReadonlySet<number>;
}

export interface CubeSet {
  readonly documents: readonly string[];
  readonly questions: readonly CubeQuestion[];
  readonly given: CubeIndex;
  /** The labels given that their documents say. */
  readonly said: CubeIndex;
  /** Questions left out. */
  readonly unjudged: number;
}

/** The first document for an answer's own words scores so many times as much as the second. */
const MARGIN = 1.3;

const read = (...path: string[]): string =>
  gunzipSync(readFileSync(join(dataFolder(), ...path))).toString("utf8");
const linesOf = (text: string): string[] => text.trimEnd().split("\n");

interface StoredQuestion {
  readonly question: string;
  readonly answer?: string;
  readonly relevant_doc?: readonly number[];
}

export const CUBE_SETS = ["legalbench", "scifact", "hurricane", "geography"] as const;

export function cubeSet(name: (typeof CUBE_SETS)[number]): CubeSet {
  const folder = `rag/hypercube-${name}`;
  const documents =
    name === "scifact"
      ? linesOf(read("retrieval/scifact/corpus.jsonl.gz")).map((line) => {
          const { title, text } = JSON.parse(line) as { title: string; text: string };
          return `${title}\n${text}`;
        })
      : linesOf(read(folder, "corpus.txt.gz"));
  // line numbers of scifact begin at 1
  const first = name === "scifact" ? 1 : 0;
  const stored = JSON.parse(read(folder, "qa.json.gz")) as StoredQuestion[];
  const told = documentTold(documents);
  const questions = stored
    .map(({ question, answer = "", relevant_doc }) => ({
      question,
      relevant: new Set(relevant_doc?.map((line) => line - first) ?? told(question, answer)),
    }))
    .filter(({ relevant }) => relevant.size > 0);
  const unjudged = stored.length - questions.length;
  const labels = givenLabels(folder, documents.length);
  const said = labels.map((ofIt, row) => saidIn(documents[row]!, ofIt));
  return { documents, questions, given: cubeOf(labels), said: cubeOf(said), unjudged };
}

/** The document that an answer's own words tell, or none. */
function documentTold(documents: readonly string[]): (question: string, answer: string) => number[] {
  let bm25: ReferenceBm25 | undefined;
  const wordsOf = (text: string): string[] => text.toLowerCase().match(/[\p{L}\p{N}]{3,}/gu) ?? [];
  return (question, answer) => {
    bm25 ??= new ReferenceBm25(documents);
    const asked = new Set(wordsOf(question));
    const own = wordsOf(answer).filter((word) => !asked.has(word));
    const [best, second] = [...bm25.scored(own.join(" "))].sort((a, b) => b[1] - a[1]);
    return best && second && best[1] >= MARGIN * second[1] ? [best[0]] : [];
  };
}

function givenLabels(folder: string, documents: number): Labels[] {
  const files = readdirSync(join(dataFolder(), folder)).filter((file) => file.startsWith("cube-"));
  const dimensions = files.map((file) => file.slice("cube-".length, -".txt.gz".length));
  const labels = files.map((file) =>
    linesOf(read(folder, file)).map((line) => JSON.parse(line) as Labels[string]),
  );
  return Array.from({ length: documents }, (_, row) =>
    Object.fromEntries(dimensions.map((dimension, d) => [dimension, labels[d]![row] ?? {}])),
  );
}

function cubeOf(labels: readonly Labels[]): CubeIndex {
  const cube = new CubeIndex(Object.keys(labels[0]!));
  labels.forEach((ofIt, row) => cube.add(row, ofIt));
  return cube;
}

/** Stems of words without signs. */
const wordKeys = (text: string): string =>
  ` ${(text.toLowerCase().match(/[\p{L}\p{N}]+/gu) ?? []).map(labelKey).join(" ")} `;

function saidIn(text: string, labels: Labels): Labels {
  const words = wordKeys(text);
  const said = (label: string): boolean => words.includes(wordKeys(label));
  return Object.fromEntries(
    Object.entries(labels).map(([dimension, ofIt]) => [
      dimension,
      Object.fromEntries(Object.entries(ofIt).filter(([label]) => said(label))),
    ]),
  );
}

/** Whether a label given repeats a word of a question that its document, of which the label should tell, does not say. */
export function repeats({ documents, given }: CubeSet): (question: string, row: number) => boolean {
  const labels = documents.map((): string[] => []);
  for (const dimension of given.dimensions)
    for (const key of given.keys(dimension))
      given.each(dimension, key, (row) => labels[row]!.push(given.labelOf(dimension, key)!));
  return (question, row) => {
    const asked = wordKeys(question);
    const words = wordKeys(documents[row]!);
    const ofLabels = wordKeys(labels[row]!.join(" ")).trim().split(" ");
    return ofLabels.some((word) => asked.includes(` ${word} `) && !words.includes(` ${word} `));
  };
}

export async function ownCube(
  extractors: readonly Extractor[],
  documents: readonly string[],
): Promise<CubeIndex> {
  const cube = new CubeIndex(dimensionsOf(extractors));
  for (const [row, text] of documents.entries()) cube.add(row, await extractAll(extractors, text));
  // as a segment of a library
  cube.dropOnce(THEME);
  return cube;
}
