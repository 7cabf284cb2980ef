import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { matrix, rowOf } from "../../../linalg/index.ts";
import { memoryStore, type Store } from "../../../storage/index.ts";
import { buildSpann } from "./build.ts";
import { exactNearest, MadeUp } from "./made-up.test.support.ts";
import { PendingRows } from "./pending.ts";
import { NAMESPACE } from "./postings.ts";
import { recordRows } from "./row-log.ts";
import { SpannIndex, type SpannOptions } from "./spann.ts";

const DIM = 40;
const made = new MadeUp(DIM, 11);
const rows = made.rows(1200);
const ALL: SpannOptions = { lists: 4000, pruning: { rule: "none" }, confidence: 3 };
const BUILT = 600;

const some = (from: number, to: number) => matrix(to - from, DIM, rows.data.slice(from * DIM, to * DIM));
const ids = (from: number, to: number) => Uint32Array.from({ length: to - from }, (_, i) => from + i);

async function built(): Promise<Store> {
  const store = memoryStore();
  await buildSpann(store, "test", some(0, BUILT), { limit: 32 });
  return store;
}

async function found(index: SpannIndex, row: number, k = 1): Promise<number[]> {
  return [...(await index.search(rowOf(rows, row), { k })).rows];
}

const recordsOf = (store: Store): number[] =>
  [...store.range(NAMESPACE, { prefix: ["test", "log"] })].map(({ key }) => Number(key.at(-1)));

describe("PendingRows", () => {
  test("says what a map of rows and a map of lists say", () => {
    const step = fc.oneof(
      fc.record({
        kind: fc.constant("add"),
        lists: fc.uniqueArray(fc.nat(5), { minLength: 1, maxLength: 3 }),
      }),
      fc.record({ kind: fc.constant("delete"), place: fc.nat(30) }),
      fc.record({ kind: fc.constant("settle"), list: fc.nat(5) }),
    );
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const pending = new PendingRows(1);
        const known = new Map<number, Set<number>>();
        let next = 0;
        for (const one of steps) {
          if ("lists" in one) {
            pending.add(next, Float32Array.of(next), one.lists);
            known.set(next++, new Set(one.lists));
          } else if ("place" in one) {
            pending.delete(one.place);
            known.delete(one.place);
          } else {
            pending.settle(one.list);
            for (const [id, lists] of known) if (lists.delete(one.list) && lists.size === 0) known.delete(id);
          }
        }
        expect([...pending.ids()]).toEqual([...known.keys()]);
        expect(pending.count).toBe(known.size);
        expect(pending.oldest).toBe([...known.keys()][0]);
        for (const [id, lists] of known) expect(new Set(pending.listsOf(id))).toEqual(lists);
        for (let list = 0; list <= 5; list++) {
          const slots = [...pending.of(list)];
          const expected = [...known].filter(([, lists]) => lists.has(list)).map(([id]) => id);
          expect(slots.map((slot) => pending.id(slot)).sort((a, b) => a - b)).toEqual(expected);
          for (const slot of slots) expect(pending.values(slot)[0]).toBe(pending.id(slot));
        }
      }),
      { seed: 3, numRuns: 200 },
    );
  });
});

describe("rows that wait for their lists", () => {
  test("are found at once, after opening again, and when they are in their lists", async () => {
    const store = await built();
    using index = await SpannIndex.open(store, "test", ALL);
    const { copies } = index.about;
    await index.insert(some(BUILT, 700), ids(BUILT, 700));
    expect(index.about.copies).toBe(copies);
    expect(recordsOf(store)).toHaveLength(Math.ceil(100 / recordRows(DIM)));
    for (let row = BUILT; row < 700; row += 9) expect(await found(index, row)).toEqual([row]);
    await index.delete([650, 651]);
    expect(await found(index, 650)).not.toEqual([650]);
    using again = await SpannIndex.open(store, "test", ALL);
    expect(again.about).toEqual(index.about);
    const all = await found(index, 3, 1200);
    expect(all).toHaveLength(698);
    expect(await found(again, 3, 1200)).toEqual(all);
    await again.clean();
    expect(recordsOf(store)).toEqual([]);
    expect(again.about.copies).toBeGreaterThan(copies + 98);
    expect(new Set(await found(again, 3, 1200))).toEqual(new Set(all));
  });

  test("are bounded, and so is the log", async () => {
    const store = await built();
    using index = await SpannIndex.open(store, "test", ALL);
    const bytes = () => index.memory().find(({ name }) => name.includes("wait"))!.bytes;
    for (let row = BUILT; row < 1200; row += 50) await index.insert(some(row, row + 50), ids(row, row + 50));
    expect(bytes()).toBeGreaterThan(0);
    expect(bytes()).toBeLessThan(256 * (DIM * 4 + 220));
    expect(recordsOf(store).length).toBeLessThan(20);
    const { first, end } = index.about.log;
    expect(recordsOf(store)).toEqual([...ids(first, end)]);
    expect(first).toBeGreaterThan(0);
    expect(await found(index, 3, 2000)).toHaveLength(1200);
  });

  test("as few as one likes: none is in RAM or in the log when an insert is over", async () => {
    const store = await built();
    using index = await SpannIndex.open(store, "test", { ...ALL, pendingRows: 0 });
    const { copies } = index.about;
    await index.insert(some(BUILT, 700), ids(BUILT, 700));
    expect(recordsOf(store)).toEqual([]);
    expect(index.about.copies).toBeGreaterThan(copies + 100);
    expect(await found(index, 650)).toEqual([650]);
    await expect(SpannIndex.open(store, "test", { pendingRows: -1 })).rejects.toThrow("pendingRows");
  });

  test("a damaged record is refused by its name; served without it, its rows are lost and named", async () => {
    const store = await built();
    {
      using index = await SpannIndex.open(store, "test", ALL);
      for (const [from, to] of [
        [600, 640],
        [640, 680],
      ] as const)
        await index.insert(some(from, to), ids(from, to));
    }
    await store.batch((batch) => batch.delete(NAMESPACE, ["test", "log", 0]));
    await expect(SpannIndex.open(store, "test", ALL)).rejects.toThrow(/record 0 of its log is missing/);
    using index = await SpannIndex.open(store, "test", { ...ALL, serveDamaged: true });
    expect(index.damage.pages).toEqual(["log record 0"]);
    await expect(index.delete([1])).rejects.toThrow("log record 0");
    expect(await found(index, 660)).toEqual([660]);
    const { lost } = await index.repair();
    expect([...lost]).toEqual([...ids(600, 640)]);
    expect(index.about.rows).toBe(640);
    await index.clean();
    using again = await SpannIndex.open(store, "test", ALL);
    expect(await found(again, 3, 2000)).toHaveLength(640);
  });

  test("come and go for many rounds: recall stays that of an index built anew, and no list outgrows its limit", async () => {
    const [all, limit, each] = [made.rows(2400), 32, 100];
    const store = memoryStore();
    await buildSpann(store, "test", matrix(800, DIM, all.data.slice(0, 800 * DIM)), { limit });
    const few: SpannOptions = { lists: 12, pruning: { rule: "none" } };
    using index = await SpannIndex.open(store, "test", few);
    for (let first = 800; first < 2400; first += each) {
      await index.delete(ids(first - 800, first - 800 + each));
      const coming = all.data.slice(first * DIM, (first + each) * DIM);
      await index.insert(matrix(each, DIM, coming), ids(first, first + each));
      if (first % 400 === 0) await index.clean({ leastDead: 0.25 });
    }
    const left = matrix(800, DIM, all.data.slice(1600 * DIM));
    const fresh = memoryStore();
    await buildSpann(fresh, "test", left, { limit, ids: ids(1600, 2400) });
    using anew = await SpannIndex.open(fresh, "test", few);
    const queries = made.queries(100);
    const truth = exactNearest(left, queries, 10).map((place) => place + 1600);
    const recall = async (one: SpannIndex): Promise<number> => {
      let sum = 0;
      for (let q = 0; q < queries.rows; q++) {
        const known = new Set(truth.subarray(q * 10, (q + 1) * 10));
        for (const row of (await one.search(rowOf(queries, q), { k: 10 })).rows) if (known.has(row)) sum++;
      }
      return sum / truth.length;
    };
    expect(await recall(index)).toBeGreaterThan((await recall(anew)) - 0.03);
    expect(index.about.rows).toBe(800);
    for (const { value } of store.range(NAMESPACE, { prefix: ["test", "list"] }))
      expect(new DataView(value.buffer, value.byteOffset).getUint32(4, true)).toBeLessThanOrEqual(limit);
    await index.clean();
    expect(index.about.copies).toBeLessThanOrEqual(1600);
  });
});
