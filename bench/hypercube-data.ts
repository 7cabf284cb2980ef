/**
 * Question sets with cubes: documents, questions with the documents that answer them, and the cubes given. Of two sets nobody says which document
 * answers: there it is the one that the words of the answer, without those of the question, tell from all others by a margin; questions whose answers
 * tell none are left out.
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
  return { documents, questions, given: givenCube(folder, documents.length), unjudged };
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
  // as a segment of a library
  cube.dropOnce(THEME);
  return cube;
}
