/** The judged collections that retrieval is measured on. */
import { join } from "node:path";
import { readTestSet, type TestSet } from "../src/eval/index.ts";
import { dataFolder } from "./row.ts";

/** Judgements by collection. */
export const JUDGED_SETS = {
  cranfield: "qrels.tsv",
  "npl-vaswani": "qrels.tsv",
  scifact: "qrels-test.tsv",
} as const;

export type JudgedSet = keyof typeof JUDGED_SETS;

export function readJudgedSet(name: JudgedSet): Promise<TestSet> {
  const folder = join(dataFolder(), "retrieval", name);
  return readTestSet({
    corpus: join(folder, "corpus.jsonl.gz"),
    queries: join(folder, "queries.jsonl.gz"),
    qrels: join(folder, JUDGED_SETS[name]),
  });
}
