/** What an index does at the edges: bad numbers, more hits than rows, failures half way. */
import { expect, test } from "vitest";
import { kernels } from "../../../kernels/index.ts";
import { matrix, rowOf, rowsOf } from "../../../linalg/index.ts";
import { Budget } from "../../../storage/budget.ts";
import { memoryStore, type Store } from "../../../storage/index.ts";
import { buildSpann } from "./build.ts";
import { calibrate } from "./calibrate.ts";
import { MadeUp } from "./made-up.test.support.ts";
import { NAMESPACE } from "./postings.ts";
import { SpannIndex, type SpannOptions } from "./spann.ts";

const DIM = 24;
const LIMIT = 32;
const made = new MadeUp(DIM, 5);
const rows = made.rows(1000);
const ALL: SpannOptions = { lists: 4000, pruning: { rule: "none" }, confidence: 3 };

async function built(count = 600): Promise<Store> {
  const store = memoryStore();
  await buildSpann(store, "test", rowsOf(rows, 0, count), { limit: LIMIT });
  return store;
}

test("numbers that are none are refused, not searched with", async () => {
  const store = await built();
  for (const lists of [0, -1, Number.NaN]) {
    await expect(SpannIndex.open(store, "test", { lists })).rejects.toMatchObject({ code: "RANGE" });
    using index = await SpannIndex.open(store, "test");
    await expect(index.search(rowOf(rows, 0), { k: 1, lists })).rejects.toMatchObject({ code: "RANGE" });
    await expect(index.searchMany(rows, { k: 1, lists })).rejects.toMatchObject({ code: "RANGE" });
  }
  for (const options of [{ leafRows: 0 }, { leafRows: Number.NaN }, { memoryBytes: Number.NaN }])
    await expect(buildSpann(store, "bad", rows, options)).rejects.toMatchObject({ code: "RANGE" });
});

test("more hits than rows are all rows, and take no more memory", async () => {
  const store = await built();
  using index = await SpannIndex.open(store, "test", ALL);
  const { rows: found } = await index.search(rowOf(rows, 1), { k: 2 ** 40 });
  expect([...found].sort((a, b) => a - b)).toEqual([...Array(600).keys()]);
  const [one] = await index.searchMany(rowsOf(rows, 1, 2), { k: 2 ** 40 });
  expect(one!.rows).toEqual(found);
});

test("fewer rows than hits are no loss of recall", async () => {
  const store = await built(5);
  using index = await SpannIndex.open(store, "test");
  const { recall } = await calibrate(index, made.queries(8), { k: 10, recall: 0.99 });
  expect(recall).toBe(1);
  await expect(calibrate(index, rows, { truth: new Uint32Array(3) })).rejects.toMatchObject({
    code: "DIMENSION",
  });
});

test("where opening fails no kernel memory is kept", async () => {
  const store = await built();
  {
    using index = await SpannIndex.open(store, "test", { pendingRows: 1000 });
    await index.insert(
      rowsOf(rows, 600, 700),
      Uint32Array.from({ length: 100 }, (_, i) => 600 + i),
    );
  }
  await store.batch((batch) => batch.delete(NAMESPACE, ["test", "log", 0]));
  const before = kernels().arena.bytes;
  await expect(SpannIndex.open(store, "test")).rejects.toMatchObject({ code: "CORRUPT" });
  expect(kernels().arena.bytes).toBe(before);
  const budget = new Budget(1000);
  const other = await built();
  const held = kernels().arena.bytes;
  await expect(SpannIndex.open(other, "test", { budget })).rejects.toMatchObject({ code: "BUDGET" });
  expect(kernels().arena.bytes).toBe(held);
});

test("what a change adds is claimed, what it gives back is not", async () => {
  const store = await built();
  const budget = new Budget(64 << 20);
  using index = await SpannIndex.open(store, "test", { budget, pendingRows: 1000 });
  const held = (): number => index.memory().reduce((sum, { bytes }) => sum + bytes, 0);
  await index.insert(
    rowsOf(rows, 600, 1000),
    Uint32Array.from({ length: 400 }, (_, i) => 600 + i),
  );
  expect(budget.usedBytes).toBe(held());
  await index.clean();
  expect(budget.usedBytes).toBe(held());
  await index.delete([...Array(500).keys()]);
  await index.clean();
  expect(budget.usedBytes).toBe(held());
});

test("a repair that ends half way leaves no list longer than its limit", async () => {
  const store = await built();
  using index = await SpannIndex.open(store, "test", { ...ALL, pendingRows: 1000 });
  const near = matrix(200, DIM);
  for (let r = 0; r < near.rows; r++)
    rowOf(near, r).forEach((_, i) => (near.data[r * DIM + i] = rows.data[i]! + 1e-3 * Math.sin(r * DIM + i)));
  await index.insert(
    near,
    Uint32Array.from({ length: 200 }, (_, i) => 600 + i),
  );
  const { lists } = index.about;
  await store.batch((batch) => {
    for (let list = 0; list < lists; list++) batch.delete(NAMESPACE, ["test", "fine", list, 0]);
  });
  const stop = new AbortController();
  const onProgress = (done: number, all: number): void => {
    if (done === all) stop.abort();
  };
  await expect(index.repair({ signal: stop.signal, onProgress })).rejects.toMatchObject({
    code: "CANCELLED",
  });
  const there = new Set((await index.search(rowOf(rows, 0), { k: 1000 })).rows);
  for (let id = 600; id < 800; id++) expect(there.has(id)).toBe(true);
  for (const { key, value } of store.range(NAMESPACE, { prefix: ["test", "list"] })) {
    const held = new DataView(value.buffer, value.byteOffset).getUint32(4, true);
    expect(held, `list ${key.at(-1)}`).toBeLessThanOrEqual(LIMIT);
  }
  await index.repair();
  using again = await SpannIndex.open(store, "test", ALL);
  expect(new Set((await again.search(rowOf(rows, 0), { k: 1000 })).rows)).toEqual(there);
});

test("a search that an index is closed under ends with an error", async () => {
  const store = await built();
  let reads = 0;
  const index = await SpannIndex.open(
    {
      ...store,
      location: "slow",
      writable: false,
      getMany: async (namespace, keys) => {
        const values = (await store.getMany(namespace, keys)).map((value) => value?.slice());
        if (keys[0]?.[1] === "list" && reads++ === 1) index[Symbol.dispose]();
        return values;
      },
      range: () => [],
      generation: () => 0,
      stats: () => store.stats(),
      close: async () => {},
      [Symbol.asyncDispose]: async () => {},
    },
    "test",
    { ...ALL, cacheBytes: 1 },
  );
  await expect(index.search(rowOf(rows, 0), { k: 300 })).rejects.toMatchObject({ code: "DISPOSED" });
});
