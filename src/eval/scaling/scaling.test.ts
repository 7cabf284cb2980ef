/** Studies of store sizes: thinned lists against stores that are really smaller, filters, figures and their growth, bad input. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterAll, describe, expect, test } from "vitest";
import { f32, int8, parseCodec } from "../../codecs/index.ts";
import { matrix } from "../../linalg/matrix.ts";
import { Random } from "../../linalg/random.ts";
import { codedStore, someRows } from "./coded-store.ts";
import { documentCoin } from "./coin.ts";
import { datastoreScaling } from "./datastore.ts";
import { growthOf } from "./log-fit.ts";
import { mergedStore } from "./merge.ts";
import { isAlike, jaccard, longestSharedRun, shingled } from "./overlap.ts";
import { type Datastore, depthFor, type ScalingQuery } from "./plan.ts";
import { readQueryLog } from "./query-log.ts";
import { Filter, type Found } from "./selection.ts";

const scratch = mkdtempSync(join(tmpdir(), "mneme-scaling-"));
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

const FRACTIONS = [0.01, 0.05, 0.1, 0.25, 0.5, 0.75, 1];
const SEEDS = [1, 2, 3];
const DIM = 16;
const DOCUMENTS = 1500;
const words = ["harbour", "lamp", "tower", "river", "stone", "cloud", "engine", "garden", "winter", "letter"];

/** Documents of one or two passages around some centres; queries near them. Every tenth document is a copy of the one before. */
function madeUp(seed: number) {
  const random = new Random(seed);
  const ids = Array.from({ length: DOCUMENTS }, (_, i) => `doc-${i}`);
  const documentOf = Uint32Array.from(ids.flatMap((_, i) => (i % 3 === 0 ? [i, i] : [i])));
  const vectors = matrix(documentOf.length, DIM);
  for (let i = 0; i < vectors.data.length; i++) vectors.data[i] = random.gaussian();
  const texts = new Map<string, string>();
  ids.forEach((id, i) => {
    const made = Array.from({ length: 30 }, () => words[random.integer(words.length)]).join(" ");
    texts.set(id, i % 10 === 9 ? texts.get(ids[i - 1]!)! : made);
  });
  const embed = async (query: string): Promise<Float32Array> => {
    const own = new Random(Number(query.split(" ")[1]));
    return Float32Array.from({ length: DIM }, () => own.gaussian());
  };
  const text = async ({ id }: Found): Promise<string | undefined> => texts.get(id);
  return { ids, documentOf, vectors, embed, text, texts };
}

const queriesOf = (count: number): ScalingQuery[] =>
  Array.from({ length: count }, (_, q) => ({
    id: `q${q}`,
    text: `query ${q}`,
    judged: new Map(Array.from({ length: 20 }, (__, i) => [`doc-${(q * 37 + i * 71) % DOCUMENTS}`, 1])),
  }));

describe("a thinned list", () => {
  test.each(["f32", "int8", "rabitq1"])(
    "is that of a store of %s built smaller, at all sizes and seeds",
    async (codec) => {
      const all = madeUp(1);
      const coder = parseCodec(codec).fit(matrix(0, DIM));
      const whole = codedStore({ ...all, coder });
      for (const fraction of FRACTIONS)
        for (const seed of SEEDS) {
          const kept = (id: string): boolean => documentCoin(id, seed) < fraction;
          const smaller = codedStore({ ...all, ...someRows(all, kept), coder });
          for (let q = 0; q < 6; q++) {
            const list = await whole.retrieve(`query ${q}`, depthFor(fraction, 8));
            const thinned = list.filter(({ id }) => kept(id)).slice(0, 8);
            const built = await smaller.retrieve(`query ${q}`, 8);
            expect(built).toHaveLength(8);
            expect(thinned).toEqual(built);
            const chosen = async (candidates: readonly Found[]): Promise<readonly Found[]> =>
              (await new Filter(all.text).select(candidates, 3, shingled(""))).kept;
            expect(await chosen(thinned)).toEqual(await chosen(built));
          }
        }
    },
  );

  test("coins are even, nested over sizes, and others for another seed", () => {
    const ids = Array.from({ length: 20_000 }, (_, i) => `document/${i}.md`);
    for (const seed of [0, 1, 2, 2 ** 31, -5]) {
      const buckets = new Array<number>(20).fill(0);
      for (const id of ids) buckets[Math.floor(documentCoin(id, seed) * 20)]!++;
      // 19 degrees of freedom: above 50 once in 10 000 times
      const chi = buckets.reduce((sum, count) => sum + (count - 1000) ** 2 / 1000, 0);
      expect(chi).toBeLessThan(50);
    }
    const both = ids.filter((id) => documentCoin(id, 1) < 0.1 && documentCoin(id, 2) < 0.1).length;
    expect(Math.abs(both - 200)).toBeLessThan(60);
    expect(documentCoin("a", 1)).not.toBe(documentCoin("b", 1));
    expect(documentCoin("", 1)).toBeGreaterThanOrEqual(0);
  });

  test("is deep enough by depthFor", () => {
    const random = new Random(4);
    for (const [fraction, k] of [
      [0.01, 3],
      [0.01, 10],
      [0.1, 10],
      [0.5, 1],
    ] as const) {
      const depth = depthFor(fraction, k);
      let short = 0;
      for (let i = 0; i < 2000; i++) {
        let kept = 0;
        for (let j = 0; j < depth; j++) if (random.uniform() < fraction) kept++;
        if (kept < k) short++;
      }
      expect(short).toBeLessThanOrEqual(8);
    }
    expect(depthFor(1, 10)).toBe(10);
  });
});

describe("a study", () => {
  test("grows with the store, and tells its documents and bytes", async () => {
    const all = madeUp(2);
    const coder = int8().fit(matrix(0, DIM));
    const seen: string[] = [];
    const store = codedStore({ ...all, coder });
    const counted: Datastore = {
      ...store,
      retrieve(...given) {
        seen.push(given[0]);
        return store.retrieve(...given);
      },
    };
    const queries = await Promise.all(
      queriesOf(20).map(async (query) => {
        const best = await store.retrieve(query.text, 20);
        return { ...query, judged: new Map(best.map(({ id }, i) => [id, i < 5 ? 2 : 1])) };
      }),
    );
    const result = await datastoreScaling(counted, queries, { seeds: SEEDS, filter: false });
    expect(seen).toEqual(queries.map(({ text }) => text));
    const means = result.points.map(({ metrics }) => metrics.ndcg!.mean);
    expect(means).toEqual([...means].sort((a, b) => a - b));
    expect(means.at(-1)).toBe(1);
    expect(result.points.at(-1)).toMatchObject({
      documents: DOCUMENTS,
      bytes: all.documentOf.length * coder.blockBytes!,
      underfilled: 0,
    });
    const [first, last] = [
      result.points[2]!.metrics.ndcg!.interval,
      result.points.at(-1)!.metrics.ndcg!.interval,
    ];
    expect(first[1]).toBeLessThan(last[0]);
    expect(result.fits.ndcg!.bInterval[0]).toBeGreaterThan(0);
    expect(result.fits.exact).toBeUndefined();
    expect(await datastoreScaling(store, queries, { seeds: SEEDS, filter: false })).toEqual(result);
  });

  test("answers from the best documents, once where they are the same", async () => {
    const all = madeUp(3);
    const store = codedStore({ ...all, coder: f32().fit(matrix(0, DIM)) });
    const best = await store.retrieve("query 1", 1);
    const asked: string[] = [];
    const queries = [{ id: "a", text: "query 1", answers: ["The Harbour."] }];
    const result = await datastoreScaling(store, queries, {
      fractions: [0.5, 1],
      seeds: [1, 2],
      evidence: 1,
      filter: false,
      answer: async (_, [document]) => {
        asked.push(document!.id);
        return document!.id === best[0]!.id ? "harbour" : "lamp";
      },
    });
    expect(new Set(asked).size).toBe(asked.length);
    expect(result.points.at(-1)!.metrics.exact!.mean).toBe(1);
    expect(result.points.at(-1)!.metrics.found!.mean).toBe(
      all.texts.get(best[0]!.id)!.includes("harbour.") ? 1 : 0,
    );
    expect(result.points.at(-1)!.metrics.ndcg).toBeUndefined();
  });

  test("leaves out what holds the question, copies and scraps", async () => {
    const long =
      "a question of so many words that it can be recognised wherever somebody has copied it into a document";
    const other = "one two three four five six seven eight nine ten eleven twelve thirteen fourteen";
    const texts = new Map([
      ["question", long],
      ["scrap", "few words"],
      ["first", `${other} fifteen`],
      ["copy", `${other.toUpperCase()}, fifteen!`],
      ["second", "another document that says something else in as many words as it takes to be one here"],
    ]);
    const store: Datastore = {
      documents: [...texts.keys()].map((id) => ({ id, bytes: 1 })),
      retrieve: async () => [...texts.keys()].map((id, i) => ({ id, score: -i })),
      text: async ({ id }) => texts.get(id),
    };
    const queries = [{ id: "a", text: long, judged: new Map([["second", 1]]) }];
    const options = { fractions: [0.5, 1], seeds: [6], k: 2 };
    const filtered = await datastoreScaling(store, queries, options);
    expect(filtered.points.at(-1)).toMatchObject({ leftOut: { contaminated: 1, short: 1, duplicate: 1 } });
    expect(filtered.points.at(-1)!.metrics.recall!.mean).toBe(1);
    const plain = await datastoreScaling(store, queries, { ...options, filter: false });
    expect(plain.points.at(-1)!.metrics.recall!.mean).toBe(0);
    await expect(
      datastoreScaling({ ...store, text: async () => undefined }, queries, options),
    ).rejects.toMatchObject({ code: "CORRUPT", message: expect.stringContaining("has no text") });
  });

  test("refuses what cannot be studied", async () => {
    const all = madeUp(5);
    const store = codedStore({ ...all, coder: f32().fit(matrix(0, DIM)) });
    const study = (options: object, queries = queriesOf(3), of: Datastore = store) =>
      expect(datastoreScaling(of, queries, { filter: false, ...options })).rejects;
    await study({ fractions: [0, 1] }).toMatchObject({ code: "RANGE" });
    await study({ fractions: [0.5, 1.1] }).toMatchObject({ code: "RANGE" });
    await study({ fractions: [1] }).toMatchObject({ code: "RANGE" });
    await study({ fractions: [1e-6, 1] }).toThrow(/none is left at 0.000001/);
    await study({ seeds: [1, 1] }).toMatchObject({ code: "RANGE" });
    await study({ k: 11, depth: 10 }).toMatchObject({ code: "RANGE" });
    await study({ depth: 20 }).toMatchObject({ code: "INSUFFICIENT_DATA", details: { fraction: 0.01 } });
    await study({}, [{ id: "a", text: " " }]).toMatchObject({ code: "RANGE" });
    await study({}, [{ id: "a", text: "query 1" }]).toMatchObject({ code: "INSUFFICIENT_DATA" });
    await study({ signal: AbortSignal.abort() }).toMatchObject({ code: "CANCELLED" });
    const list = (scores: unknown[]): Datastore => ({
      ...store,
      retrieve: async () => scores.map((score, i) => ({ id: `doc-${i}`, score: score as number })),
    });
    await study({}, queriesOf(1), list(["9.9", "10.1"])).toMatchObject({ code: "NOT_FINITE" });
    await study({}, queriesOf(1), list([Number.NaN])).toMatchObject({ code: "NOT_FINITE" });
    await study({}, queriesOf(1), list([9.9, 10.1])).toMatchObject({ code: "RANGE" });
    const { text: _, ...bare } = store;
    await study({ filter: {} }, queriesOf(1), bare).toMatchObject({ code: "ARGUMENT" });
  });

  test("merges stores by score, and refuses those of other spaces", async () => {
    const all = madeUp(6);
    const coder = f32().fit(matrix(0, DIM));
    const half = (keep: (id: string) => boolean) => ({
      ...codedStore({ ...all, ...someRows(all, keep), coder }),
      space: "one",
    });
    const even = (id: string): boolean => Number(id.slice(4)) % 2 === 0;
    const shards = [half(even), half((id) => !even(id))];
    const whole = codedStore({ ...all, coder });
    expect(await mergedStore(shards).retrieve("query 3", 50)).toEqual(await whole.retrieve("query 3", 50));
    expect(() => mergedStore([shards[0]!, { ...shards[1]!, space: "other" }])).toThrow(/cannot be compared/);
    expect(() => mergedStore([shards[0]!, shards[0]!])).toThrow(/two stores/);
  });
});

describe("growth", () => {
  test("finds the line it was made from", () => {
    const sizes = [10, 100, 1000, 10_000];
    const random = new Random(8);
    const values = sizes.map((size) =>
      SEEDS.map(() =>
        Float64Array.from({ length: 400 }, () => 0.1 + 0.05 * Math.log(size) + 0.1 * random.gaussian()),
      ),
    );
    const { fit, means, intervals } = growthOf(sizes, values);
    expect(fit.b).toBeCloseTo(0.05, 2);
    expect(fit.bInterval[0]).toBeLessThan(fit.b);
    expect(fit.bInterval[1]).toBeGreaterThan(fit.b);
    expect(fit.perDoubling).toBeCloseTo(0.05 * Math.LN2, 2);
    expect(fit.r2).toBeGreaterThan(0.98);
    means.forEach((mean, i) => expect(intervals[i]![0] <= mean && mean <= intervals[i]![1]).toBe(true));
    expect(() => growthOf([5, 5], values)).toThrow(/two different/);
  });
});

describe("overlap", () => {
  /** Slow and plain. */
  function runOf(a: readonly string[], b: readonly string[]): number {
    let longest = 0;
    for (let i = 0; i < a.length; i++)
      for (let j = 0; j < b.length; j++) {
        let run = 0;
        while (i + run < a.length && j + run < b.length && a[i + run] === b[j + run]) run++;
        longest = Math.max(longest, run);
      }
    return longest;
  }
  const some = fc.array(fc.constantFrom(...words.slice(0, 3)), { maxLength: 40 });

  test("is that of the words", () => {
    fc.assert(
      fc.property(some, some, (a, b) => {
        const [x, y] = [shingled(a.join(" ")), shingled(b.join(", "))];
        expect(longestSharedRun(x, y)).toBe(runOf(a, b));
        const of = (list: readonly string[]): Set<string> =>
          new Set(list.flatMap((_, i) => (i + 13 <= list.length ? [list.slice(i, i + 13).join(" ")] : [])));
        const [s, t] = [of(a), of(b)];
        const both = [...s].filter((one) => t.has(one)).length;
        const union = new Set([...s, ...t]).size;
        const share = union === 0 ? 0 : both / union;
        expect(jaccard(x, y)).toBeCloseTo(share, 12);
        for (const limit of [0.21, 0.51, 0.81]) expect(isAlike(x, y, limit)).toBe(share > limit);
      }),
      { seed: 5, numRuns: 200 },
    );
  });
});

test("a log of queries is read with its judgements, and refused by line", async () => {
  const log = join(scratch, "log.jsonl");
  const qrels = join(scratch, "qrels.tsv");
  writeFileSync(
    log,
    [
      { query: "first", relevant: ["a", "b"], answer: "yes" },
      { _id: "x", text: "second", relevant: { a: 2 } },
      { id: 7, query: "third", answers: ["one", "two"] },
    ]
      .map((line) => JSON.stringify(line))
      .join("\n"),
  );
  writeFileSync(qrels, "query-id\tcorpus-id\tscore\nx\tc\t3\n");
  expect(await readQueryLog(log, qrels)).toEqual([
    {
      id: "1",
      text: "first",
      judged: new Map([
        ["a", 1],
        ["b", 1],
      ]),
      answers: ["yes"],
    },
    { id: "x", text: "second", judged: new Map([["c", 3]]) },
    { id: "7", text: "third", answers: ["one", "two"] },
  ]);
  for (const [bad, code] of [
    ["no json", "FORMAT"],
    ["[]", "FORMAT"],
    ['{"id":1}', "FORMAT"],
    ['{"query":"a","relevant":3}', "FORMAT"],
    ['{"query":"a","relevant":{"b":"much"}}', "FORMAT"],
    ['{"query":"a","answers":[""]}', "FORMAT"],
    ['{"id":1,"query":"a"}\n{"id":1,"query":"b"}', "EXISTS"],
  ]) {
    writeFileSync(log, bad!);
    await expect(readQueryLog(log)).rejects.toMatchObject({ code });
  }
  await expect(readQueryLog(join(scratch, "none"))).rejects.toMatchObject({ code: "NOT_FOUND" });
});
