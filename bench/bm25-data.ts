/** Data of the words benchmark: the English corpus cut to passages of about 1 KB, and the three judged query sets. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import { dataFolder } from "./row.ts";

type Line = Readonly<Record<string, string>>;

function readLines(path: string): Line[] {
  const text = gunzipSync(readFileSync(path)).toString("utf8");
  return text
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => JSON.parse(line) as Line);
}

/** Passages of about `size` characters, cut at white space. */
export function corpusPassages(size = 1024): string[] {
  const folder = join(dataFolder(), "corpus");
  const passages: string[] = [];
  for (const file of readdirSync(folder).filter((name) => name.endsWith(".jsonl.gz"))) {
    for (const { text } of readLines(join(folder, file))) {
      for (let start = 0; start < text!.length; ) {
        let end = Math.min(text!.length, start + size);
        const space = text!.lastIndexOf(" ", end);
        if (end < text!.length && space > start + size / 2) end = space + 1;
        passages.push(text!.slice(start, end));
        start = end;
      }
    }
  }
  // owned flat strings, as a reader of files would hand them over
  return passages.map((passage) => Buffer.from(passage, "utf8").toString("utf8"));
}

export interface Judged {
  readonly name: string;
  readonly ids: readonly string[];
  readonly texts: readonly string[];
  readonly queries: readonly { readonly id: string; readonly text: string }[];
  /** query id -> document id -> grade */
  readonly qrels: ReadonlyMap<string, ReadonlyMap<string, number>>;
}

const QRELS = { cranfield: "qrels.tsv", "npl-vaswani": "qrels.tsv", scifact: "qrels-test.tsv" } as const;

export function judgedSets(): Judged[] {
  return Object.entries(QRELS).map(([name, file]) => {
    const folder = join(dataFolder(), "retrieval", name);
    const documents = readLines(join(folder, "corpus.jsonl.gz"));
    const qrels = new Map<string, Map<string, number>>();
    for (const line of readFileSync(join(folder, file), "utf8").split("\n").slice(1)) {
      const [query, document, grade] = line.split("\t");
      if (!query || !document) continue;
      const judged = qrels.get(query) ?? new Map<string, number>();
      judged.set(document, Number(grade));
      qrels.set(query, judged);
    }
    return {
      name,
      ids: documents.map(({ _id }) => _id!),
      texts: documents.map(({ title, text }) => `${title} ${text}`),
      queries: readLines(join(folder, "queries.jsonl.gz")).map(({ _id, text }) => ({
        id: _id!,
        text: text!,
      })),
      qrels,
    };
  });
}

/** Normalised discounted cumulative gain of the first 10, linear gains. */
export function ndcg10(ranked: readonly string[], judged: ReadonlyMap<string, number>): number {
  const gain = (grades: readonly number[]): number =>
    grades.slice(0, 10).reduce((sum, grade, i) => sum + Math.max(0, grade) / Math.log2(i + 2), 0);
  const ideal = gain([...judged.values()].sort((a, b) => b - a));
  return ideal === 0 ? 0 : gain(ranked.map((id) => judged.get(id) ?? 0)) / ideal;
}

export function percentile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.ceil(share * sorted.length) - 1)] ?? 0;
}
