/** Question sets with cubes: documents, questions with the documents that answer them where they are known, and the cubes given. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import { CubeIndex, dimensionsOf, type Extractor, extractAll, type Labels } from "../src/index/cube/index.ts";
import { dataFolder } from "./row.ts";

export interface CubeQuestion {
  readonly question: string;
  /** Ordinals of the documents that answer it; empty where nobody says. */
  readonly relevant: ReadonlySet<number>;
  /** Words of the answer; empty for verdicts. */
  readonly answer: string;
}

export interface CubeSet {
  readonly documents: readonly string[];
  readonly questions: readonly CubeQuestion[];
  readonly given: CubeIndex;
}

const read = (...path: string[]): string =>
  gunzipSync(readFileSync(join(dataFolder(), ...path))).toString("utf8");
const linesOf = (text: string): string[] => text.trimEnd().split("\n");

interface StoredQuestion {
  readonly question: string;
  readonly answer?: string;
  readonly answers?: readonly string[];
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
  const questions = (JSON.parse(read(folder, "qa.json.gz")) as StoredQuestion[]).map(
    ({ question, answer, answers, relevant_doc }) => ({
      question,
      relevant: new Set(relevant_doc?.map((line) => line - first)),
      answer: name === "scifact" ? "" : (answer ?? answers?.join(" ") ?? ""),
    }),
  );
  return { documents, questions, given: givenCube(folder, documents.length) };
}

function givenCube(folder: string, documents: number): CubeIndex {
  const files = readdirSync(join(dataFolder(), folder)).filter((file) => file.startsWith("cube-"));
  const dimensions = files.map((file) => file.slice("cube-".length, -".txt.gz".length));
  const labels = files.map((file) =>
    linesOf(read(folder, file)).map((line) => JSON.parse(line) as Labels[string]),
  );
  const cube = new CubeIndex(dimensions);
  for (let row = 0; row < documents; row++)
    cube.add(row, Object.fromEntries(dimensions.map((dimension, d) => [dimension, labels[d]![row] ?? {}])));
  return cube;
}

export async function ownCube(
  extractors: readonly Extractor[],
  documents: readonly string[],
): Promise<CubeIndex> {
  const cube = new CubeIndex(dimensionsOf(extractors));
  for (const [row, text] of documents.entries()) cube.add(row, await extractAll(extractors, text));
  return cube;
}
