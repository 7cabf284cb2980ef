import { describe, expect, test } from "vitest";
import { type Matrix, matrix, rowOf, rowsOf } from "../../../linalg/index.ts";
import { memoryStore, type Store } from "../../../storage/index.ts";
import { buildSpann } from "./build.ts";
import { exactNearest, MadeUp } from "./made-up.test.support.ts";
import { NAMESPACE } from "./postings.ts";
import { SpannIndex, type SpannOptions } from "./spann.ts";

const DIM = 32;
const K = 10;
const made = new MadeUp(DIM, 4);
const rows = made.rows(3000);
const queries = made.queries(40);
const ALL: SpannOptions = { lists: 4000, pruning: { rule: "none" }, confidence: 3 };

const idsOf = (from: number, to: number): Uint32Array =>
  Uint32Array.from({ length: to - from }, (_, i) => from + i);

async function recallOf(index: SpannIndex, live: Matrix, ids: Uint32Array): Promise<number> {
  const truth = exactNearest(live, queries, K);
  let found = 0;
  for (let q = 0; q < queries.rows; q++) {
    const known = new Set(Array.from(truth.subarray(q * K, (q + 1) * K), (place) => ids[place]!));
    const hits = await index.search(rowOf(queries, q), { k: K });
    for (const row of hits.rows) if (known.has(row)) found++;
  }
  return found / (K * queries.rows);
}

async function grown(codes = "rabitq1"): Promise<{ store: Store; index: SpannIndex }> {
  const store = memoryStore();
  await buildSpann(store, "test", rowsOf(rows, 0, 500), { limit: 32, codes });
  const index = await SpannIndex.open(store, "test", ALL);
  await index.insert(rowsOf(rows, 500, 3000), idsOf(500, 3000));
  return { store, index };
}

const CODES = ["rabitq1", "pq4"];

describe("a SpannIndex that changes", () => {
  test.each(CODES)("grows to six times its rows, %s: all are found, few lists suffice", async (codes) => {
    const { store, index } = await grown(codes);
    expect(await recallOf(index, rows, idsOf(0, 3000))).toBeGreaterThan(0.95);
    expect(index.about.rows).toBe(3000);
    expect(index.about.lists).toBeGreaterThan(3000 / 32);
    expect(index.about.copies / 3000).toBeGreaterThan(1.5);
    using few = await SpannIndex.open(store, "test", { lists: 32, pruning: { rule: "none" } });
    const fresh = memoryStore();
    await buildSpann(fresh, "test", rows, { limit: 32, codes });
    using built = await SpannIndex.open(fresh, "test", { lists: 32, pruning: { rule: "none" } });
    const anew = await recallOf(built, rows, idsOf(0, 3000));
    expect(await recallOf(few, rows, idsOf(0, 3000))).toBeGreaterThan(anew - 0.05);
  });

  test.each(CODES)(
    "what is stored is what it is in memory, %s, and each row once is found",
    async (codes) => {
      const { store, index } = await grown(codes);
      using again = await SpannIndex.open(store, "test", ALL);
      expect(again.about).toEqual(index.about);
      for (let q = 0; q < 10; q++) {
        const hits = await index.search(rowOf(queries, q), { k: 3000 });
        expect(new Set(hits.rows).size).toBe(hits.rows.length);
        expect(hits.rows.length).toBeGreaterThan(2990);
        // what waits for its lists is scored by its values: not all of it needs to be the same that waits
        const others = await again.search(rowOf(queries, q), { k: 3000 });
        const scores = new Map(Array.from(others.rows, (row, i) => [row, others.scores[i]!]));
        expect(scores.size).toBe(hits.rows.length);
        const apart = Array.from(hits.rows, (row, i) => Math.abs((scores.get(row) ?? 9) - hits.scores[i]!));
        expect(Math.max(...apart)).toBeLessThan(0.01);
      }
    },
  );

  test("rows that are equal by the hundred fill as many lists as they need, and all are found", async () => {
    const { index } = await grown();
    const same = matrix(300, DIM);
    for (let r = 0; r < 300; r++) same.data.set(rowOf(rows, 7), r * DIM);
    for (let at = 0; at < 300; at += 50) {
      await index.insert(rowsOf(same, at, at + 50), idsOf(3000 + at, 3050 + at));
      await index.clean();
    }
    const { rows: found } = await index.search(rowOf(rows, 7), { k: 301 });
    expect([...found].sort((a, b) => a - b)).toEqual([7, ...idsOf(3000, 3300)]);
    expect(await recallOf(index, rows, idsOf(0, 3000))).toBeGreaterThan(0.95);
  });

  test.each(CODES)("shrinks, %s: deleted rows are gone at once, their room after cleaning", async (codes) => {
    const { store, index } = await grown(codes);
    const dead = idsOf(0, 3000).filter((id) => id % 10 !== 0);
    expect(await index.delete([...dead, 1, 9999])).toBe(2700);
    const live = idsOf(0, 300).map((i) => i * 10);
    const left = matrix(300, DIM);
    live.forEach((id, i) => left.data.set(rowOf(rows, id), i * DIM));
    expect(await recallOf(index, left, live)).toBeGreaterThan(0.95);
    const before = { ...index.about };
    await index.clean();
    expect(await recallOf(index, left, live)).toBeGreaterThan(0.95);
    expect(index.about.copies).toBeLessThan(before.copies / 5);
    using again = await SpannIndex.open(store, "test", ALL);
    expect(await recallOf(again, left, live)).toBeGreaterThan(0.95);
    const lists = [...store.range(NAMESPACE, { prefix: ["test", "list"] })].length;
    expect(lists).toBeLessThan(before.lists / 2);
    await index.insert(rowsOf(rows, 0, 50), idsOf(3000, 3050));
    const hits = await index.search(rowOf(rows, 7), { k: 1 });
    expect([...hits.rows]).toEqual([3007]);
  });

  test("searches asked for meanwhile see whole changes", async () => {
    const { index } = await grown();
    const query = rowOf(rows, 5);
    const before = index.search(query, { k: 1 });
    const gone = index.delete([5]);
    const after = index.search(query, { k: 1 });
    expect((await before).rows[0]).toBe(5);
    expect(await gone).toBe(1);
    expect((await after).rows[0]).not.toBe(5);
  });

  test("searches go on while rows come, and see whole lists", async () => {
    const { index } = await grown();
    const adding = index.insert(rowsOf(made.rows(4500), 3000, 4500), idsOf(3000, 4500));
    let isAdding = true;
    adding.finally(() => (isAdding = false)).catch(() => {});
    let searches = 0;
    for (; isAdding; searches++) {
      const row = (searches * 37) % 3000;
      expect((await index.search(rowOf(rows, row), { k: 3 })).rows[0]).toBe(row);
    }
    await adding;
    expect(searches).toBeGreaterThan(20);
    expect(index.about.rows).toBe(4500);
    expect((await index.search(rowOf(rows, 9), { k: 4500 })).rows.length).toBe(4500);
  });

  test("closed while rows come, it says so", async () => {
    const { store, index } = await grown();
    const adding = index.insert(rowsOf(made.rows(4500), 3000, 4500), idsOf(3000, 4500));
    await index.search(rowOf(rows, 1), { k: 1 });
    index[Symbol.dispose]();
    await expect(adding).rejects.toThrow("closed meanwhile");
    await expect(index.search(rowOf(rows, 1), { k: 1 })).rejects.toThrow("closed");
    using again = await SpannIndex.open(store, "test", ALL);
    expect(again.about.rows).toBeLessThan(4500);
    expect(await recallOf(again, rows, idsOf(0, 3000))).toBeGreaterThan(0.9);
  });

  test("a failed commit is told, and nothing more is changed until it is opened again", async () => {
    const { store, index } = await grown();
    const batch = store.batch.bind(store);
    store.batch = () => Promise.reject(new Error("no space"));
    await expect(index.insert(rowsOf(rows, 0, 3), idsOf(3000, 3003))).rejects.toThrow("no space");
    store.batch = batch;
    await expect(index.search(rowOf(rows, 0), { k: 1 })).rejects.toThrow("open the index again");
    await expect(index.insert(rowsOf(rows, 0, 3), idsOf(3000, 3003))).rejects.toThrow("open the index again");
    using again = await SpannIndex.open(store, "test", ALL);
    expect(again.about.rows).toBe(3000);
    expect(await recallOf(again, rows, idsOf(0, 3000))).toBeGreaterThan(0.95);
    await again.insert(rowsOf(rows, 0, 3), idsOf(3000, 3003));
  });

  test("deleting what is not there changes nothing: ids never used, or deleted before", async () => {
    const store = memoryStore();
    const ids = idsOf(0, 500).map((i) => 7 * i);
    await buildSpann(store, "test", rowsOf(rows, 0, 500), { limit: 32, ids });
    using index = await SpannIndex.open(store, "test", ALL);
    expect(await index.delete([1, 6, 3494, 100_000])).toBe(0);
    expect(await index.delete([7, 7, 8])).toBe(1);
    expect(await index.delete([7])).toBe(0);
    expect(index.about.rows).toBe(499);
    using again = await SpannIndex.open(store, "test", ALL);
    expect(await again.delete([7, 14])).toBe(1);
  });

  test("refuses numbers that are used, rows that are none", async () => {
    const { index } = await grown();
    const one = rowsOf(rows, 0, 1);
    await expect(index.insert(one, Uint32Array.of(2999))).rejects.toThrow("never used again");
    await expect(index.insert(one, Uint32Array.of(4000, 4001))).rejects.toThrow("an id each");
    await expect(index.insert(matrix(1, DIM), Uint32Array.of(4000))).rejects.toThrow("zero");
    const bad = matrix(1, DIM, new Float32Array(DIM).fill(Number.NaN));
    await expect(index.insert(bad, Uint32Array.of(4000))).rejects.toThrow("not finite");
    await expect(index.delete([1, -4])).rejects.toThrow("id -4");
    await expect(index.delete([0.5])).rejects.toThrow("id 0.5");
  });
});
