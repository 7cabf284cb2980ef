/** The BEIR layout (Thakur et al., BEIR, 2021): corpus.jsonl, queries.jsonl, qrels.tsv; each plain or gzipped. */
import { readFile } from "node:fs/promises";
import { promisify } from "node:util";
import { gunzip } from "node:zlib";
import { MnemeError } from "../errors.ts";
import type { Judgements } from "./metrics.ts";

export interface CorpusDocument {
  readonly id: string;
  readonly title: string;
  readonly text: string;
}

export interface TestSet {
  readonly documents: readonly CorpusDocument[];
  /** Only judged ones. */
  readonly queries: readonly { readonly id: string; readonly text: string; readonly judged: Judgements }[];
}

export interface TestSetPaths {
  readonly corpus: string;
  readonly queries: string;
  readonly qrels: string;
}

/** @throws MnemeError NOT_FOUND, FORMAT naming file and line. */
export async function readTestSet(paths: TestSetPaths): Promise<TestSet> {
  const documents = (await readLines(paths.corpus)).map((line) => ({
    id: idOf(line),
    title: text(line.title),
    text: text(line.text),
  }));
  return { documents, queries: await readQueries(paths) };
}

/** Judged queries alone. @throws MnemeError NOT_FOUND, FORMAT naming file and line. */
export async function readQueries(
  paths: Pick<TestSetPaths, "queries" | "qrels">,
): Promise<TestSet["queries"]> {
  const texts = new Map((await readLines(paths.queries)).map((line) => [idOf(line), text(line.text)]));
  const judgements = await readQrels(paths.qrels);
  return [...judgements].map(([id, judged]) => {
    const query = texts.get(id);
    if (query === undefined)
      throw new MnemeError(
        "FORMAT",
        `${paths.qrels}: query ${JSON.stringify(id)} is not in ${paths.queries}`,
      );
    return { id, text: query, judged };
  });
}

interface Line {
  readonly _id?: unknown;
  readonly id?: unknown;
  readonly title?: unknown;
  readonly text?: unknown;
}

const text = (value: unknown): string => (typeof value === "string" ? value : "");
const idOf = ({ _id, id }: Line): string => String(_id ?? id);

/** A file's text, gunzipped where it is packed. @throws MnemeError NOT_FOUND */
export async function readText(path: string): Promise<string> {
  const bytes = await readFile(path).catch((cause: unknown) => {
    throw new MnemeError(
      "NOT_FOUND",
      `${path}: cannot be read; name a file of queries, judgements or documents in the BEIR layout`,
      { cause },
    );
  });
  const plain = bytes[0] === 0x1f && bytes[1] === 0x8b ? await promisify(gunzip)(bytes) : bytes;
  return plain.toString("utf8");
}

async function readLines(path: string): Promise<Line[]> {
  const lines = (await readText(path)).split("\n");
  const parsed: Line[] = [];
  lines.forEach((line, i) => {
    if (line.trim() === "") return;
    try {
      const value = JSON.parse(line) as Line;
      if (value._id === undefined && value.id === undefined) throw new Error("no _id");
      parsed.push(value);
    } catch (cause) {
      throw new MnemeError("FORMAT", `${path}:${i + 1}: not a JSON object with _id and text`, { cause });
    }
  });
  return parsed;
}

/** query id, document id, grade, tab-separated, under a header line. @throws MnemeError NOT_FOUND, FORMAT naming the line */
export async function readQrels(path: string): Promise<Map<string, Map<string, number>>> {
  const judgements = new Map<string, Map<string, number>>();
  (await readText(path)).split("\n").forEach((line, i) => {
    if (i === 0 || line.trim() === "") return;
    const [query, document, grade] = line.split("\t");
    if (query === undefined || document === undefined || !Number.isFinite(Number(grade))) {
      throw new MnemeError(
        "FORMAT",
        `${path}:${i + 1}: expected query id, document id and grade, tab-separated`,
      );
    }
    const judged = judgements.get(query) ?? new Map<string, number>();
    judged.set(document, Number(grade));
    judgements.set(query, judged);
  });
  return judgements;
}
