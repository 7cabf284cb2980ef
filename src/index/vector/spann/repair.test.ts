import { describe, expect, test } from "vitest";
import { rowOf } from "../../../linalg/index.ts";
import { memoryStore, type Store } from "../../../storage/index.ts";
import { buildSpann, type SpannBuildOptions } from "./build.ts";
import { MadeUp } from "./made-up.test.support.ts";
import { NAMESPACE } from "./postings.ts";
import { SpannIndex, type SpannOptions } from "./spann.ts";

const DIM = 40;
const ROWS = 1500;
const made = new MadeUp(DIM, 3);
const rows = made.rows(ROWS);
const ALL: SpannOptions = { lists: 4000, pruning: { rule: "none" }, confidence: 3 };

async function built(options: SpannBuildOptions = {}): Promise<Store> {
  const store = memoryStore();
  await buildSpann(store, "test", rows, { limit: 120, ...options });
  return store;
}

/** Row numbers of a list as they lie in the store. */
function idsOf(store: Store, list: number): number[] {
  const value = store.get(NAMESPACE, ["test", "list", list])!;
  const words = new DataView(value.buffer, value.byteOffset, value.byteLength);
  return Array.from({ length: words.getUint32(4, true) }, (_, i) => words.getUint32(8 + i * 4, true));
}

/** A list without its value, one with half of it, one without its first page of fine codes. @returns rows that are nowhere any more */
async function damage(store: Store, lists: number): Promise<number[]> {
  const perPage = Math.floor((4064 - 8) / (DIM + 8));
  const left = new Set<number>();
  for (let list = 3; list < lists; list++) for (const id of idsOf(store, list)) left.add(id);
  for (const id of idsOf(store, 2).slice(perPage)) left.add(id);
  const half = store.get(NAMESPACE, ["test", "list", 1])!.slice(0, 300);
  await store.batch((batch) => {
    batch.delete(NAMESPACE, ["test", "list", 0]);
    batch.put(NAMESPACE, ["test", "list", 1], half);
    batch.delete(NAMESPACE, ["test", "fine", 2, 0]);
  });
  return Array(ROWS)
    .fill(0)
    .map((_, id) => id)
    .filter((id) => !left.has(id));
}

/** All rows that are found, and whether each row that is there finds itself with few lists. */
async function served(index: SpannIndex): Promise<Set<number>> {
  return new Set((await index.search(rowOf(rows, 0), { k: ROWS })).rows);
}

describe("repair", () => {
  test.each([
    ["one copy of each row", { replication: { rule: "single" } }],
    ["two copies", {}],
    ["two copies of product codes", { codes: "pq4" }],
  ] as [string, SpannBuildOptions][])(
    "serves what is left and names what is lost: %s",
    async (name, options) => {
      const store = await built(options);
      using index = await SpannIndex.open(store, "test", ALL);
      const lost = await damage(store, index.about.lists);
      await expect(served(index)).rejects.toThrow(/list [012] (is missing|holds)/);
      const done: number[] = [];
      const { lists } = index.about;
      const repaired = await index.repair({ onProgress: (some) => done.push(some) });
      expect(done).toEqual([0, lists]);
      expect(repaired.lists).toEqual([0, 1, 2]);
      expect([...repaired.lost]).toEqual(lost);
      expect(lost.length > 100).toBe(name.startsWith("one"));
      expect(index.about.rows).toBe(ROWS - lost.length);
      const found = await served(index);
      expect(found.size).toBe(ROWS - lost.length);
      expect(lost.some((id) => found.has(id))).toBe(false);
      expect(await index.delete(lost)).toBe(0);
      using again = await SpannIndex.open(store, "test", ALL);
      expect(again.about).toEqual(index.about);
      expect(await served(again)).toEqual(found);
      expect(await index.repair()).toEqual({ pages: [], lists: [], lost: new Uint32Array(0) });
    },
  );

  test("brings copies back to where they belong: few lists find as much as before", async () => {
    const store = await built();
    const few = { lists: 3, pruning: { rule: "none" } } as const;
    const selfFound = async (index: SpannIndex): Promise<number> => {
      let found = 0;
      for (let row = 0; row < ROWS; row += 3)
        if ((await index.search(rowOf(rows, row), { k: 1, ...few })).rows[0] === row) found++;
      return found;
    };
    using index = await SpannIndex.open(store, "test");
    const before = await selfFound(index);
    const copies = index.about.copies;
    const lost = await damage(store, index.about.lists);
    await index.repair();
    expect(await selfFound(index)).toBeGreaterThan(before - lost.length / 3 - 25);
    expect(index.about.copies).toBeGreaterThan(copies * 0.9);
  });

  test("of another build's list nothing is taken; an aborted repair leaves the index as it was", async () => {
    const store = await built();
    const other = await built({ seed: 9 });
    const key = ["test", "list", 4];
    await store.batch((batch) => batch.put(NAMESPACE, key, other.get(NAMESPACE, key)!));
    using index = await SpannIndex.open(store, "test", ALL);
    const { about } = index;
    await expect(index.repair({ signal: AbortSignal.abort() })).rejects.toThrow("cancel");
    expect(index.about).toEqual(about);
    expect((await index.repair()).lists).toEqual([4]);
    await served(index);
  });
});
