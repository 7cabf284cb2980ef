import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterAll, beforeAll, expect, test } from "vitest";
import { rowOf, rowsOf } from "../../../linalg/index.ts";
import { Budget, lmdbStore, memoryStore, type Store } from "../../../storage/index.ts";
import type { Hits } from "../../hits.ts";
import { RowSet } from "../../row-set.ts";
import { buildSpann } from "./build.ts";
import { MadeUp } from "./made-up.test.support.ts";
import { NAMESPACE } from "./postings.ts";
import { SpannIndex, type SpannSearchOptions } from "./spann.ts";

const DIM = 24;
const ROWS = 2000;
const made = new MadeUp(DIM, 5);
const queries = made.queries(300);
const folder = mkdtempSync(join(tmpdir(), "mneme-search-threads-"));
let store: Store;

beforeAll(async () => {
  store = await lmdbStore(folder);
  await buildSpann(store, "test", made.rows(ROWS), { limit: 24 });
});
afterAll(async () => {
  await store.close();
  rmSync(folder, { recursive: true });
});

async function oneByOne(index: SpannIndex, count: number, options: SpannSearchOptions): Promise<Hits[]> {
  const hits: Hits[] = [];
  for (let q = 0; q < count; q++) hits.push(await index.search(rowOf(queries, q), options));
  return hits;
}

const threadBytes = (index: SpannIndex): number =>
  index.memory().find(({ name }) => name === "spann: threads")!.bytes;

test("threads find what each query finds alone, and follow what comes and goes", async () => {
  using index = await SpannIndex.open(store, "test", { threads: 1, pendingRows: 64 });
  expect(threadBytes(index)).toBe(0);
  const alone = await index.searchMany(rowsOf(queries, 0, 100), { k: 5 });
  expect(threadBytes(index)).toBe(0);
  expect(alone).toEqual(await oneByOne(index, 100, { k: 5 }));
  expect(await index.searchMany(queries, { k: 5 })).toEqual(await oneByOne(index, 300, { k: 5 }));
  expect(threadBytes(index)).toBeGreaterThan(10_000);
  let next = ROWS;
  const asked = fc.record({
    count: fc.integer({ min: 128, max: 300 }),
    k: fc.integer({ min: 1, max: 30 }),
    lists: fc.integer({ min: 1, max: 120 }),
    keep: fc.constantFrom(1, 3),
    minScore: fc.constantFrom(undefined, 0.5),
    comes: fc.integer({ min: 0, max: 100 }),
    isCleaned: fc.boolean(),
  });
  await fc.assert(
    fc.asyncProperty(asked, async ({ count, k, lists, keep, minScore, comes, isCleaned }) => {
      await index.insert(
        rowsOf(queries, 0, comes),
        Uint32Array.from({ length: comes }, (_, i) => next + i),
      );
      await index.delete([next, next - 7, 3]);
      next += comes;
      if (isCleaned) await index.clean();
      const filter = RowSet.from(Array.from(Array(next).keys()).filter((row) => row % keep === 0));
      const options = {
        k,
        lists,
        ...(keep > 1 ? { filter } : {}),
        ...(minScore === undefined ? {} : { minScore }),
      };
      expect(await index.searchMany(rowsOf(queries, 0, count), options)).toEqual(
        await oneByOne(index, count, options),
      );
    }),
    { seed: 17, numRuns: 4, endOnFailure: true },
  );
});

test("changes beside many queries are seen whole or not at all", async () => {
  await buildSpann(store, "changed", made.rows(ROWS), { limit: 24 });
  using index = await SpannIndex.open(store, "changed", { threads: 1 });
  const { lastRow } = index.about;
  const ids = Uint32Array.from({ length: 40 }, (_, i) => lastRow + 1 + i);
  const changing = (async () => {
    for (let at = 0; at < 40; at += 10)
      await index.insert(rowsOf(queries, at, at + 10), ids.slice(at, at + 10));
  })();
  for (let turn = 0; turn < 4; turn++)
    for (const { rows } of await index.searchMany(queries, { k: 5 })) expect(rows.length).toBe(5);
  await changing;
  await index.clean();
  const found = await index.searchMany(queries, { k: 1 });
  expect(found.slice(0, 40).map(({ rows: [row] }) => row)).toEqual([...ids]);
});

test("errors of a thread are those of a search; what cannot be is refused", async () => {
  await expect(SpannIndex.open(store, "test", { threads: -1 })).rejects.toMatchObject({ code: "RANGE" });
  const inRam = memoryStore();
  await buildSpann(inRam, "test", made.rows(200));
  await expect(SpannIndex.open(inRam, "test", { threads: 1 })).rejects.toMatchObject({ code: "ARGUMENT" });
  await buildSpann(store, "damaged", made.rows(ROWS), { limit: 24 });
  const index = await SpannIndex.open(store, "damaged", {
    threads: 1,
    pruning: { rule: "none" },
    lists: 400,
  });
  await store.batch((batch) => batch.delete(NAMESPACE, ["damaged", "list", 0]));
  await expect(index.searchMany(queries, { k: 3 })).rejects.toMatchObject({ code: "CORRUPT" });
  const signal = AbortSignal.abort();
  await expect(index.searchMany(queries, { k: 3, signal })).rejects.toMatchObject({ code: "CANCELLED" });
  const closing = index.searchMany(queries, { k: 3 });
  index[Symbol.dispose]();
  await expect(closing).rejects.toMatchObject({ code: expect.stringMatching(/DISPOSED|CORRUPT/) });
  await expect(index.searchMany(queries, { k: 3 })).rejects.toMatchObject({ code: "DISPOSED" });
});

test("what a thread holds is claimed from the budget, and where it does not fit there is none", async () => {
  const budget = new Budget(1 << 25);
  using index = await SpannIndex.open(store, "test", { threads: 1, budget, cacheBytes: 200_000 });
  const alone = budget.usedBytes;
  const found = await index.searchMany(queries, { k: 3 });
  expect(budget.usedBytes).toBeGreaterThan(alone * 1.5);
  expect(budget.usedBytes).toBe(index.memory().reduce((sum, { bytes }) => sum + bytes, 0));
  const tight = { threads: 1, budget: new Budget(alone + 100_000), cacheBytes: 200_000 };
  using less = await SpannIndex.open(store, "test", tight);
  expect(await less.searchMany(queries, { k: 3 })).toEqual(found);
  expect(threadBytes(less)).toBe(0);
});
