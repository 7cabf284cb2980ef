import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { type Matrix, matrix, rowOf } from "../../../linalg/matrix.ts";
import { Random } from "../../../linalg/random.ts";
import { Budget, lmdbStore, memoryStore, type Store } from "../../../storage/index.ts";
import { type Cursor, isAfter } from "../../hits.ts";
import { RowSet } from "../../row-set.ts";
import { buildSpann, type SpannBuildOptions } from "./build.ts";
import { calibrate } from "./calibrate.ts";
import { closureDefaults } from "./closure.ts";
import { distance, exactNearest, MadeUp } from "./made-up.test.support.ts";
import { NAMESPACE } from "./postings.ts";
import { SpannIndex, type SpannOptions } from "./spann.ts";

const DIM = 40;
const manifold = new MadeUp(DIM, 3);
const rows = manifold.rows(4000);
const queries = manifold.queries(40);
/** Reads every list, and loses hardly a row to its bound. */
const ALL: SpannOptions = { lists: 4000, pruning: { rule: "none" }, confidence: 3 };

async function indexOf(
  options: SpannOptions = ALL,
  build: SpannBuildOptions = {},
  from: Matrix = rows,
): Promise<{ store: Store; index: SpannIndex }> {
  const store = memoryStore();
  await buildSpann(store, "test", from, { limit: 32, ...build });
  return { store, index: await SpannIndex.open(store, "test", options) };
}

/** Share of the true neighbours found. */
async function recallOf(index: SpannIndex, k = 10): Promise<number> {
  const truth = exactNearest(rows, queries, k);
  let found = 0;
  for (let q = 0; q < queries.rows; q++) {
    const hits = await index.search(rowOf(queries, q), { k });
    const wanted = new Set(truth.subarray(q * k, (q + 1) * k));
    found += hits.rows.filter((row) => wanted.has(row)).length;
  }
  return found / (k * queries.rows);
}

describe("SpannIndex", () => {
  test.each([
    ["soar", {}],
    ["closure", { replication: closureDefaults }],
    ["single", { replication: { rule: "single" } }],
    ["l2", { metric: "l2" }],
    ["given limits", { limit: 200 }],
    ["product codes", { codes: "pq4" }],
    ["product codes, fewer and turned", { codes: "pq4x10-opq", metric: "l2" }],
  ] as [string, SpannBuildOptions][])("%s: all lists read, it finds what a scan finds", async (_, build) => {
    const { index } = await indexOf(ALL, build);
    expect(await recallOf(index)).toBeGreaterThan(0.97);
    index[Symbol.dispose]();
  });

  test("few lists find most, and the more the better", async () => {
    const { store } = await indexOf();
    const recalls: number[] = [];
    for (const lists of [2, 16, 64]) {
      using index = await SpannIndex.open(store, "test", { lists, pruning: { rule: "none" } });
      recalls.push(await recallOf(index));
    }
    expect(recalls[0]!).toBeLessThan(recalls[1]!);
    expect(recalls[2]!).toBeGreaterThan(0.95);
  });

  test("pruning reads fewer lists for nearly the same hits", async () => {
    const { store } = await indexOf();
    using whole = await SpannIndex.open(store, "test", { lists: 64, pruning: { rule: "none" } });
    const full = await recallOf(whole);
    for (const pruning of [
      { rule: "kth", most: 1.25 },
      { rule: "ratio", most: 1.6 },
    ] as const) {
      using index = await SpannIndex.open(store, "test", { lists: 64, pruning });
      expect(await recallOf(index)).toBeGreaterThan(full - 0.05);
      expect(index.counts.lists).toBeLessThan(whole.counts.lists);
    }
  });

  test("hits are different rows, best first, with scores near the true ones", async () => {
    for (const metric of ["cosine", "l2"] as const) {
      const { index } = await indexOf(ALL, { metric });
      const hits = await index.search(rowOf(queries, 1), { k: 50 });
      expect(new Set(hits.rows).size).toBe(50);
      hits.rows.forEach((row, i) => {
        const square = distance(rowOf(rows, row), rowOf(queries, 1));
        expect(hits.scores[i]).toBeCloseTo(metric === "cosine" ? 1 - square / 2 : -square, 2);
        if (i > 0) expect(hits.scores[i]).toBeLessThanOrEqual(hits.scores[i - 1]!);
      });
      index[Symbol.dispose]();
    }
  });

  test("a length changes no cosine", async () => {
    const random = new Random(5);
    const longer = matrix(rows.rows, DIM, rows.data.slice());
    for (let r = 0; r < rows.rows; r++) {
      const by = 0.5 + random.uniform();
      for (let i = 0; i < DIM; i++) longer.data[r * DIM + i]! *= by;
    }
    const { index } = await indexOf(ALL, {}, longer);
    expect(await recallOf(index)).toBeGreaterThan(0.97);
    const query = rowOf(queries, 0);
    const hits = await index.search(query, { k: 5 });
    expect(
      (
        await index.search(
          query.map((x) => x * 7),
          { k: 5 },
        )
      ).rows,
    ).toEqual(hits.rows);
  });

  test.each([
    ["all lists", ALL, 3900],
    ["a few lists and those that are needed for more", { lists: 4 }, 2500],
  ] as [string, SpannOptions, number][])(
    "a cursor goes on where a page of hits ended: %s",
    async (_, options, least) => {
      const { index } = await indexOf(options);
      const query = rowOf(queries, 2);
      const seen = new Set<number>();
      let pages = 0;
      for (let after: Cursor | undefined; ; pages++) {
        const hits = await index.search(query, { k: 500, ...(after ? { after } : {}) });
        if (hits.rows.length === 0) break;
        if (after) expect(isAfter(after, hits.scores[0]!, hits.rows[0]!)).toBe(true);
        for (const row of hits.rows) seen.add(row);
        after = { score: hits.scores.at(-1)!, row: hits.rows.at(-1)! };
        if (seen.size < 2000) expect(hits.rows.length).toBe(500);
      }
      expect(seen.size).toBeGreaterThan(least);
      expect(seen.size).toBeGreaterThan((pages - 1) * 500);
    },
  );

  test("a filter lets few rows through and still k are found", async () => {
    const { index } = await indexOf({ lists: 8 });
    const filter = RowSet.from(Array.from({ length: 40 }, (_, i) => i * 100 + 7));
    const hits = await index.search(rowOf(queries, 3), { k: 40, filter });
    expect(new Set(hits.rows)).toEqual(new Set(filter));
    expect((await index.search(rowOf(queries, 3), { k: 5, filter: new RowSet() })).rows.length).toBe(0);
  });

  test("no hit below the least score", async () => {
    const { index } = await indexOf();
    const query = rowOf(queries, 4);
    const all = await index.search(query, { k: 100 });
    const minScore = all.scores[30]!;
    const some = await index.search(query, { k: 100, minScore });
    expect(some.rows.length).toBeGreaterThan(28);
    expect(Math.min(...some.scores)).toBeGreaterThanOrEqual(minScore);
  });

  test("what is kept changes what is read, not what is found; searches may overlap", async () => {
    const { store } = await indexOf();
    using small = await SpannIndex.open(store, "test", { ...ALL, cacheBytes: 1 });
    using large = await SpannIndex.open(store, "test", { ...ALL, cacheBytes: 64 << 20 });
    const ask = (index: SpannIndex): Promise<unknown> =>
      Promise.all([0, 1, 2, 0].map((q) => index.search(rowOf(queries, q), { k: 20 })));
    expect(await ask(small)).toEqual(await ask(large));
    const before = large.counts.readPages;
    await ask(large);
    expect(large.counts.readPages).toBe(before);
    expect(small.counts.readPages).toBeGreaterThan(2 * before);
    const bytes = (index: SpannIndex): number => index.memory().reduce((sum, part) => sum + part.bytes, 0);
    expect(bytes(small)).toBeLessThan(bytes(large));
  });

  test("given ids are what is found", async () => {
    const ids = Uint32Array.from({ length: 4000 }, (_, i) => 9_000_000 - i);
    const [{ index: a }, { index: b }] = [await indexOf(), await indexOf(ALL, { ids })];
    const query = rowOf(queries, 6);
    const hits = await a.search(query, { k: 7 });
    expect((await b.search(query, { k: 7 })).rows).toEqual(hits.rows.map((row) => 9_000_000 - row));
  });

  test("one seed, one build; in memory as on disk", async () => {
    const folder = mkdtempSync(join(tmpdir(), "mneme-spann-"));
    try {
      await using disk = await lmdbStore(folder);
      const about = await buildSpann(disk, "test", rows, { limit: 32 });
      const { index } = await indexOf();
      expect(index.about).toEqual(about);
      using stored = await SpannIndex.open(disk, "test", ALL);
      const query = rowOf(queries, 5);
      expect(await stored.search(query, { k: 9 })).toEqual(await index.search(query, { k: 9 }));
      const again = await buildSpann(disk, "test", rows, { limit: 32, seed: 2 });
      expect(again.build).not.toBe(about.build);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  test("lists are even: none is over its limit, most are near the mean", async () => {
    const { index } = await indexOf();
    const { copies, lists, limit } = index.about;
    expect(limit).toBeLessThanOrEqual((2 * copies) / lists);
    expect(copies).toBeGreaterThan(4000 * 1.8);
  });

  test.each([
    [1, "rabitq1"],
    [2, "pq4"],
    [3, "rabitq1"],
  ])("%i rows are an index too, of %s", async (count, codes) => {
    const { index } = await indexOf({}, { codes }, matrix(count, DIM, rows.data.slice(0, count * DIM)));
    const hits = await index.search(rowOf(rows, 0), { k: 5 });
    expect(hits.rows.length).toBe(count);
    expect(hits.rows[0]).toBe(0);
  });
});

test("what is held is claimed from a budget, and given back", async () => {
  const { store } = await indexOf();
  const budget = new Budget(1 << 24);
  const index = await SpannIndex.open(store, "test", { budget });
  const held = (): number => index.memory().reduce((sum, part) => sum + part.bytes, 0);
  expect(budget.usedBytes).toBe(held());
  await index.insert(matrix(1, DIM, rows.data.slice(0, DIM)), Uint32Array.of(5000));
  expect(budget.usedBytes).toBe(held());
  index[Symbol.dispose]();
  expect(budget.usedBytes).toBe(0);
  const small = SpannIndex.open(store, "test", { budget: new Budget(1000) });
  const refused = await small.catch((error: Error & { details: { least: number } }) => error);
  expect(String(refused)).toMatch(/exceed the budget of 1000.*the least/);
  const { least } = (refused as { details: { least: number } }).details;
  const cacheBytes = 1;
  using fits = await SpannIndex.open(store, "test", { budget: new Budget(least), cacheBytes });
  expect((await fits.search(rowOf(rows, 3), { k: 1 })).rows[0]).toBe(3);
  const budgetBelow = new Budget(least - 1);
  await expect(SpannIndex.open(store, "test", { budget: budgetBelow, cacheBytes })).rejects.toThrow(
    "the least",
  );
  expect(budgetBelow.usedBytes).toBe(0);
});

test("after a slow batch the next ones are read ahead, several at once", async () => {
  const { store, index } = await indexOf(ALL);
  const asked: number[] = [];
  store.visitMany = (namespace, keys, visit) => {
    const values = store.getMany(namespace, keys);
    for (const until = performance.now() + keys.length; performance.now() < until; );
    values.forEach(visit);
  };
  store.readAhead = async (_, keys) => {
    asked.push(keys.length);
  };
  using slow = await SpannIndex.open(store, "test", { ...ALL, cacheBytes: 1 });
  const query = rowOf(queries, 8);
  expect(await slow.search(query, { k: 9 })).toEqual(await index.search(query, { k: 9 }));
  expect(Math.max(...asked)).toBeGreaterThan(8);
});

test("calibrate finds how far to look for a wanted recall", async () => {
  const { store } = await indexOf();
  using index = await SpannIndex.open(store, "test", { confidence: 3 });
  const sample = manifold.rows(30);
  const half = await calibrate(index, sample, { recall: 0.7 });
  const most = await calibrate(index, sample, { recall: 0.99 });
  expect(half.recall).toBeGreaterThanOrEqual(0.7);
  expect(most.recall).toBeGreaterThanOrEqual(0.99);
  expect(half.most).toBeLessThan(most.most);
  const never = new Uint32Array(300).fill(5000);
  expect(await calibrate(index, sample, { truth: never })).toEqual({ most: 2, lists: 256, recall: 0 });
  await expect(calibrate(index, matrix(0, DIM))).rejects.toThrow("no queries");
  await expect(calibrate(index, sample, { recall: 0 })).rejects.toThrow("recall must");
});

describe("a SpannIndex refuses", () => {
  test("rows and queries that are none", async () => {
    const store = memoryStore();
    const bad = rows.data.slice(0, DIM * 3);
    bad[50] = Number.NaN;
    await expect(buildSpann(store, "x", matrix(3, DIM, bad))).rejects.toThrow("row 1 holds NaN");
    await expect(buildSpann(store, "x", matrix(3, DIM))).rejects.toThrow("zero");
    await expect(buildSpann(store, "x", matrix(0, DIM))).rejects.toThrow("no rows");
    await expect(buildSpann(store, "x", rows, { limit: 1 })).rejects.toThrow("limit");
    for (const codes of ["pq8x4", "pq4x41", "rabitq2", "pq4x8-odd"])
      await expect(buildSpann(store, "x", rows, { codes })).rejects.toThrow(`codes "${codes}"`);
    await expect(buildSpann(store, "x", rows, { ids: new Uint32Array(3) })).rejects.toThrow("3 ids");
    const twice = Uint32Array.from({ length: 4000 }, (_, i) => i % 3999);
    await expect(buildSpann(store, "x", rows, { ids: twice })).rejects.toThrow("id 0 comes twice");
    await expect(SpannIndex.open(store, "x")).rejects.toThrow("no such index");
    const { index } = await indexOf();
    await expect(index.search(new Float32Array(3), { k: 1 })).rejects.toThrow("40");
    await expect(index.search(new Float32Array(DIM), { k: 1 })).rejects.toThrow("query is zero");
    await expect(index.search(new Float32Array(DIM).fill(Number.NaN), { k: 1 })).rejects.toThrow("finite");
    await expect(index.search(rowOf(rows, 0), { k: -1 })).rejects.toThrow("k must be");
    await expect(index.search(rowOf(rows, 0), { k: 1, signal: AbortSignal.abort() })).rejects.toThrow(
      "cancel",
    );
  });

  test("a missing or short list by its name, and serves the others", async () => {
    const { store, index } = await indexOf({ lists: 3, pruning: { rule: "none" } });
    index[Symbol.dispose]();
    await store.batch((batch) => {
      batch.delete(NAMESPACE, ["test", "list", 0]);
      batch.put(NAMESPACE, ["test", "list", 1], new Uint8Array(3));
    });
    using damaged = await SpannIndex.open(store, "test", { lists: 3, pruning: { rule: "none" } });
    let served = 0;
    const errors = new Set<string>();
    for (let r = 0; r < 1000; r++) {
      await damaged.search(rowOf(rows, r), { k: 3 }).then(
        () => served++,
        (error: Error & { code: string }) =>
          errors.add(`${error.code} ${/list \d+/.exec(error.message)?.[0]}`),
      );
    }
    expect(errors).toEqual(new Set(["CORRUPT list 0", "CORRUPT list 1"]));
    expect(served).toBeGreaterThan(900);
  });

  test("lists of another build", async () => {
    const { store } = await indexOf();
    const other = memoryStore();
    await buildSpann(other, "test", rows, { limit: 32, seed: 9 });
    const key = ["test", "list", 0];
    await store.batch((batch) => batch.put(NAMESPACE, key, other.get(NAMESPACE, key)!));
    using index = await SpannIndex.open(store, "test", ALL);
    await expect(index.search(rowOf(queries, 0), { k: 1 })).rejects.toThrow("list 0 is of build");
  });
});
