import { mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import {
  averagePrecision,
  evaluate,
  ndcg,
  percentile,
  readTestSet,
  recall,
  reciprocalRank,
} from "./index.ts";

const judged = new Map([
  ["a", 2],
  ["b", 1],
  ["c", 0],
  ["d", 1],
]);

test("metrics worked by hand", () => {
  const ranked = ["x", "b", "a", "c"];
  const ideal = 2 + 1 / Math.log2(3) + 1 / 2;
  expect(ndcg(ranked, judged, 10)).toBeCloseTo((1 / Math.log2(3) + 2 / 2) / ideal, 12);
  expect(ndcg(ranked, judged, 2)).toBeCloseTo(1 / Math.log2(3) / (2 + 1 / Math.log2(3)), 12);
  expect(recall(ranked, judged, 2)).toBeCloseTo(1 / 3, 12);
  expect(averagePrecision(ranked, judged)).toBeCloseTo((1 / 2 + 2 / 3) / 3, 12);
  expect(reciprocalRank(ranked, judged)).toBe(0.5);
  expect(ndcg([], judged, 10)).toBe(0);
  expect(percentile([5, 1, 3, 2, 4], 0.5)).toBe(3);
  expect(percentile([5, 1, 3, 2, 4], 0.99)).toBe(5);
});

test("an id that is ranked twice counts once", () => {
  const twice = ["a", "a", "b", "b", "d", "d"];
  const apart = ["a", "x", "b", "y", "d", "z"];
  for (const k of [1, 2, 3, 6]) {
    expect(recall(twice, judged, k)).toBe(recall(apart, judged, k));
    expect(ndcg(twice, judged, k)).toBe(ndcg(apart, judged, k));
  }
  expect(recall(twice, judged, 6)).toBe(1);
  expect(averagePrecision(twice, judged)).toBeCloseTo((1 + 2 / 3 + 3 / 5) / 3, 12);
});

test("reads the BEIR layout and names what is wrong in it", async () => {
  const folder = mkdtempSync(join(tmpdir(), "mneme-eval-"));
  const file = (name: string, text: string): string => {
    writeFileSync(join(folder, name), text);
    return join(folder, name);
  };
  const corpus = file("corpus.jsonl", '{"_id":"a","title":"T","text":"x"}\n{"_id":1,"text":"y"}\n');
  const queries = file("queries.jsonl", '{"_id":"q","text":"what"}\n{"_id":"unjudged","text":"z"}\n');
  const qrels = file("qrels.tsv", "query-id\tcorpus-id\tscore\nq\ta\t1\nq\t1\t0\n");
  const set = await readTestSet({ corpus, queries, qrels });
  expect(set.documents).toEqual([
    { id: "a", title: "T", text: "x" },
    { id: "1", title: "", text: "y" },
  ]);
  expect(await evaluate(set, async () => ["1", "a"])).toMatchObject({ queries: 1, mrr10: 0.5, recall100: 1 });
  const broken = file("broken.jsonl", '{"_id":"a"}\nnope\n');
  await expect(readTestSet({ corpus: broken, queries, qrels })).rejects.toThrow(/broken.jsonl:2/);
  await expect(readTestSet({ corpus: "nowhere", queries, qrels })).rejects.toMatchObject({
    code: "NOT_FOUND",
  });
  const stray = file("stray.tsv", "h\nmissing\ta\t1\n");
  await expect(readTestSet({ corpus, queries, qrels: stray })).rejects.toThrow(/"missing" is not in/);
});
