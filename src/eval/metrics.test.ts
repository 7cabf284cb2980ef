import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { expect, onTestFinished, test } from "vitest";
import {
  averagePrecision,
  evaluate,
  type Judgements,
  ndcg,
  percentile,
  readTestSet,
  recall,
  reciprocalRank,
} from "./index.ts";
import { f1At } from "./metrics.ts";

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

const ids = [..."abcdefgh"];

/** By the definitions, rank by rank, on rankings without repeated ids. */
function byDefinition(ranked: readonly string[], judged: Judgements, k: number) {
  const gradeAt = (rank: number): number => Math.max(0, judged.get(ranked[rank - 1] ?? "") ?? 0);
  const relevant = [...judged.keys()].filter((id) => judged.get(id)! > 0);
  const foundIn = (most: number): number =>
    relevant.filter((id) => ranked.slice(0, most).includes(id)).length;
  let gain = 0;
  for (let rank = 1; rank <= k; rank++) gain += gradeAt(rank) / Math.log2(rank + 1);
  // the best ranking is found by trying: each rank gets the largest grade that is left
  const left = relevant.map((id) => judged.get(id)!);
  let ideal = 0;
  for (let rank = 1; rank <= k && left.length > 0; rank++)
    ideal += left.splice(left.indexOf(Math.max(...left)), 1)[0]! / Math.log2(rank + 1);
  let precisions = 0;
  for (const id of relevant) {
    const rank = ranked.indexOf(id) + 1;
    if (rank > 0) precisions += foundIn(rank) / rank;
  }
  const first = Math.min(...relevant.map((id) => ranked.indexOf(id) + 1).filter((rank) => rank > 0));
  return {
    ndcg: ideal > 0 ? gain / ideal : 0,
    recall: relevant.length > 0 ? foundIn(k) / relevant.length : 0,
    averagePrecision: relevant.length > 0 ? precisions / relevant.length : 0,
    reciprocalRank: Number.isFinite(first) ? 1 / first : 0,
  };
}

test("metrics are what their definitions say, of any grades", () => {
  fc.assert(
    fc.property(
      fc.shuffledSubarray(ids),
      // grades below 0 are there in collections: documents that were pulled in by spam
      fc.dictionary(fc.constantFrom(...ids, "z"), fc.integer({ min: -2, max: 3 })),
      fc.integer({ min: 1, max: 10 }),
      (ranked, grades, k) => {
        const of = new Map(Object.entries(grades));
        const wanted = byDefinition(ranked, of, k);
        expect(ndcg(ranked, of, k)).toBeCloseTo(wanted.ndcg, 12);
        expect(recall(ranked, of, k)).toBeCloseTo(wanted.recall, 12);
        expect(averagePrecision(ranked, of)).toBeCloseTo(wanted.averagePrecision, 12);
        expect(reciprocalRank(ranked, of)).toBeCloseTo(wanted.reciprocalRank, 12);
      },
    ),
    { seed: 23, numRuns: 500 },
  );
});

test("F1 counts a repeated answer once", () => {
  expect(f1At(["a", "b"], ["a", "c"], 2)).toBe(0.5);
  expect(f1At(["a", "a"], ["a"], 2)).toBeCloseTo(2 / 3, 12);
  expect(f1At([], ["a"], 2)).toBe(0);
});

test("percentiles are the nearest ranks, whatever the share times the count rounds to", () => {
  const values = Array.from({ length: 100 }, (_, i) => i + 1);
  for (let rank = 1; rank <= 100; rank++) expect(percentile(values, rank / 100)).toBe(rank);
  expect([percentile(values, 0), percentile(values, 1), percentile([], 0.5)]).toEqual([1, 100, 0]);
});

test("reads the BEIR layout and names what is wrong in it", async () => {
  const folder = mkdtempSync(join(tmpdir(), "mneme-eval-"));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
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
