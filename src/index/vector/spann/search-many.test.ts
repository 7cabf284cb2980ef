import fc from "fast-check";
import { expect, test } from "vitest";
import { matrix, rowOf, rowsOf } from "../../../linalg/index.ts";
import { Budget, memoryStore, type ReadableStore } from "../../../storage/index.ts";
import type { Hits } from "../../hits.ts";
import { RowSet } from "../../row-set.ts";
import { buildSpann } from "./build.ts";
import { MadeUp } from "./made-up.test.support.ts";
import { NAMESPACE } from "./postings.ts";
import { SpannIndex, type SpannSearchOptions } from "./spann.ts";

const DIM = 24;
const made = new MadeUp(DIM, 3);
const rows = made.rows(2000);
const queries = made.queries(300);

async function built(codes = "rabitq1"): Promise<ReturnType<typeof memoryStore>> {
  const store = memoryStore();
  await buildSpann(store, "test", rows, { limit: 24, codes });
  return store;
}

async function oneByOne(index: SpannIndex, count: number, options: SpannSearchOptions): Promise<Hits[]> {
  const hits: Hits[] = [];
  for (let q = 0; q < count; q++) hits.push(await index.search(rowOf(queries, q), options));
  return hits;
}

test("many queries find what each finds alone, whatever is kept, asked for and waits for its list", async () => {
  for (const codes of ["rabitq1", "pq4"]) {
    const store = await built(codes);
    await fc.assert(
      fc.asyncProperty(
        fc.record({
          count: fc.integer({ min: 1, max: 300 }),
          k: fc.integer({ min: 1, max: 40 }),
          cacheBytes: fc.constantFrom(1, 300_000, 8 << 20),
          lists: fc.integer({ min: 1, max: 120 }),
          most: fc.constantFrom(1.05, 1.2, 3),
          keep: fc.constantFrom(1, 3, 50),
        }),
        async ({ count, k, cacheBytes, lists, most, keep }) => {
          using index = await SpannIndex.open(store, "test", { cacheBytes });
          const filter = RowSet.from(Array.from(Array(2000).keys()).filter((row) => row % keep === 0));
          const options = {
            k,
            lists,
            pruning: { rule: "kth", most },
            ...(keep > 1 ? { filter } : {}),
          } as const;
          expect(await index.searchMany(rowsOf(queries, 0, count), options)).toEqual(
            await oneByOne(index, count, options),
          );
        },
      ),
      { seed: 17, numRuns: 12 },
    );
  }
});

test("rows that came and went meanwhile count, and changes go on between blocks of queries", async () => {
  const store = await built();
  using index = await SpannIndex.open(store, "test");
  const changing = (async () => {
    await index.insert(
      rowsOf(queries, 0, 100),
      Uint32Array.from({ length: 100 }, (_, i) => 3000 + i),
    );
    await index.delete([3007]);
  })();
  await index.searchMany(queries, { k: 5 });
  await changing;
  const found = await index.searchMany(queries, { k: 1 });
  expect(found.slice(0, 100).map(({ rows: [row] }) => row! - 3000)).toEqual(
    Array.from({ length: 100 }, (_, q) => (q === 7 ? found[7]!.rows[0]! - 3000 : q)),
  );
  expect(found[7]!.rows[0]).not.toBe(3007);
  expect(found).toEqual(await oneByOne(index, 300, { k: 1 }));
});

test("a list that several queries need is read once", async () => {
  const store = await built();
  const same = matrix(64, DIM);
  for (let q = 0; q < 64; q++) same.data.set(rowOf(queries, q % 16), q * DIM);
  using alone = await SpannIndex.open(store, "test", { cacheBytes: 60_000 });
  using many = await SpannIndex.open(store, "test", { cacheBytes: 60_000 });
  for (let q = 0; q < 64; q++) await alone.search(rowOf(same, q), { k: 5 });
  await many.searchMany(same, { k: 5 });
  expect(many.counts.readPages * 2).toBeLessThan(alone.counts.readPages);
  expect(many.counts.rescored).toBe(alone.counts.rescored);
});

test("is cancelled, refuses what a search refuses, and leaves the index as it was", async () => {
  const store = await built();
  using index = await SpannIndex.open(store, "test");
  const ask = (options: SpannSearchOptions): Promise<Hits[]> => index.searchMany(queries, options);
  await expect(ask({ k: 3, signal: AbortSignal.abort() })).rejects.toThrow("cancel");
  await expect(ask({ k: -1 })).rejects.toThrow("k must be");
  await expect(index.searchMany(matrix(2, 3), { k: 1 })).rejects.toThrow("24");
  await expect(index.searchMany(matrix(2, DIM), { k: 1 })).rejects.toThrow("query is zero");
  expect(await index.searchMany(matrix(0, DIM), { k: 1 })).toEqual([]);
  expect((await ask({ k: 0 })).every(({ rows: some }) => some.length === 0)).toBe(true);
  const stop = new AbortController();
  const reads: Pick<ReadableStore, "getMany"> = { getMany: store.getMany.bind(store) };
  let batches = 0;
  const watched = Object.assign(Object.create(store), {
    visitMany: undefined,
    getMany: (...args: Parameters<ReadableStore["getMany"]>) => {
      if (++batches === 12) stop.abort();
      return reads.getMany(...args);
    },
  }) as ReadableStore;
  using slow = await SpannIndex.open(watched, "test", { cacheBytes: 60_000 });
  await expect(slow.searchMany(queries, { k: 3, signal: stop.signal })).rejects.toThrow("cancel");
  expect(await slow.searchMany(rowsOf(queries, 0, 20), { k: 3 })).toEqual(
    await oneByOne(index, 20, { k: 3 }),
  );
});

test("a damaged list is told, and the queries that do not need it are served after", async () => {
  const store = await built();
  await store.batch((batch) => batch.delete(NAMESPACE, ["test", "list", 0]));
  using index = await SpannIndex.open(store, "test", { lists: 2, pruning: { rule: "none" } });
  const sound: number[] = [];
  for (let q = 0; q < 300; q++)
    await index.search(rowOf(queries, q), { k: 1 }).then(
      () => sound.push(q),
      () => {},
    );
  expect(sound.length).toBeLessThan(300);
  await expect(index.searchMany(queries, { k: 1 })).rejects.toThrow("list 0 is missing");
  const left = matrix(sound.length, DIM);
  sound.forEach((q, i) => left.data.set(rowOf(queries, q), i * DIM));
  expect((await index.searchMany(left, { k: 1 })).length).toBe(sound.length);
});

test("what goes side by side is claimed from the budget while it goes, as much as fits", async () => {
  const store = await built();
  const wide = new Budget(1 << 24);
  using index = await SpannIndex.open(store, "test", { budget: wide, cacheBytes: 1 });
  const alone = wide.usedBytes;
  const asking = index.searchMany(queries, { k: 3 });
  expect(wide.usedBytes).toBeGreaterThan(alone);
  const found = await asking;
  expect(wide.usedBytes).toBe(index.memory().reduce((sum, { bytes }) => sum + bytes, 0));
  using tight = await SpannIndex.open(store, "test", { budget: new Budget(alone + 1000), cacheBytes: 1 });
  expect(await tight.searchMany(queries, { k: 3 })).toEqual(found);
});
