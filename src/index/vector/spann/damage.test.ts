import { describe, expect, test } from "vitest";
import { matrix, rowOf } from "../../../linalg/index.ts";
import { memoryStore, type Store } from "../../../storage/index.ts";
import { buildSpann } from "./build.ts";
import { MadeUp } from "./made-up.test.support.ts";
import { NAMESPACE } from "./postings.ts";
import { orderBySpread } from "./row-order.ts";
import { SpannIndex, type SpannOptions } from "./spann.ts";

const DIM = 40;
const ROWS = 2500;
const rows = new MadeUp(DIM, 3).rows(ROWS);
const ALL: SpannOptions = { lists: 4000, pruning: { rule: "none" }, confidence: 3 };

/** Of so many lists that the fine codes of their centres take two pages. */
async function built(codes = "rabitq1"): Promise<Store> {
  const store = memoryStore();
  await buildSpann(store, "test", rows, { limit: 10, codes });
  return store;
}

async function lose(store: Store, ...key: (string | number)[]): Promise<void> {
  await store.batch((batch) => batch.delete(NAMESPACE, ["test", ...key]));
}

async function served(index: SpannIndex): Promise<number[]> {
  return Array.from((await index.search(rowOf(rows, 0), { k: ROWS })).rows).sort((a, b) => a - b);
}

describe("a damaged page of", () => {
  test.each([
    ["the heads' coarse codes", ["heads", "coarse", 0]],
    ["the rows of lists", ["heads", "counts", 0]],
    ["the radii of lists", ["heads", "radii", 0]],
    ["the mean of the centres", ["heads", "mean", 0]],
    ["the radii of lists of product codes", ["heads", "radii", 0], "pq4"],
    ["what product codes were trained to", ["codes", 0], "pq4"],
  ] as const)("%s follows from the rest", async (_, key, codes?: string) => {
    const store = await built(codes);
    // codes are read whole
    const page = key[0] === "codes" ? "codes" : `${key.slice(0, -1).join("/")} page 0`;
    await lose(store, ...key);
    await expect(SpannIndex.open(store, "test")).rejects.toThrow(/serveDamaged/);
    using index = await SpannIndex.open(store, "test", { ...ALL, serveDamaged: true });
    expect(index.damage).toEqual({ pages: [page], lists: [], rows: [] });
    expect((await served(index)).length).toBe(ROWS);
    await expect(index.insert(matrix(1, DIM, rows.data.slice(0, DIM)), Uint32Array.of(ROWS))).rejects.toThrow(
      /repair/,
    );
    const repaired = await index.repair();
    expect(repaired).toEqual({ pages: [page], lists: [], lost: new Uint32Array(0) });
    expect(index.damage.pages).toEqual([]);
    using again = await SpannIndex.open(store, "test", ALL);
    expect(again.about).toEqual(index.about);
    for (let row = 0; row < ROWS; row += 50)
      expect((await again.search(rowOf(rows, row), { k: 1, lists: 8 })).rows[0]).toBe(row);
  });

  test("the heads' fine codes: the others are served, and lists get centres from their rows", async () => {
    const store = await built();
    await lose(store, "heads", "fine", 0);
    using index = await SpannIndex.open(store, "test", { ...ALL, serveDamaged: true });
    expect(index.damage.pages).toEqual(["heads/fine page 0"]);
    expect(index.damage.lists.length).toBeGreaterThan(300);
    const before = (await served(index)).length;
    expect(before).toBeGreaterThan(ROWS / 3);
    expect(before).toBeLessThan(ROWS);
    const { lost } = await index.repair();
    expect(lost.length).toBeLessThan(ROWS / 100);
    expect((await served(index)).length).toBe(ROWS - lost.length);
    using again = await SpannIndex.open(store, "test");
    let found = 0;
    for (let row = 0; row < ROWS; row += 10)
      if ((await again.search(rowOf(rows, row), { k: 1, lists: 8 })).rows[0] === row) found++;
    expect(found).toBeGreaterThan((ROWS / 10) * 0.97);
  });

  test("the rows that are there: none is served, and all that lie in lists come back", async () => {
    const store = await built();
    {
      using index = await SpannIndex.open(store, "test", ALL);
      await index.delete([3, 4, 5]);
      await index.clean();
    }
    await lose(store, "rows", 0);
    using index = await SpannIndex.open(store, "test", { ...ALL, serveDamaged: true });
    expect(index.damage).toEqual({ pages: ["rows page 0"], lists: [], rows: [[0, ROWS]] });
    expect(await served(index)).toEqual([]);
    expect((await index.repair()).lost.length).toBe(0);
    const left = await served(index);
    expect(left.length).toBe(ROWS - 3);
    expect(left.includes(4)).toBe(false);
    using again = await SpannIndex.open(store, "test", ALL);
    expect(again.about.rows).toBe(ROWS - 3);
    expect(await served(again)).toEqual(left);
  });

  test.each([
    ["the mean", ["heads", "mean"], ["heads", "mean copy"]],
    ["product codes", ["codes"], ["codes copy"]],
  ])("%s and its copy leave nothing to serve", async (_, key, copy) => {
    const store = await built("pq4");
    await lose(store, ...key, 0);
    await lose(store, ...copy, 0);
    await expect(SpannIndex.open(store, "test", { serveDamaged: true })).rejects.toThrow(copy.at(-1)!);
  });
});

test("rows of a list are ordered along the direction of their greatest spread", () => {
  const centre = Float32Array.of(1, 1, 1);
  const along = [4, -7, 1, 9, -2, 0];
  const values = Float32Array.from(along.flatMap((far, i) => [1 + far, 1 - 2 * far, 1 + 0.01 * i]));
  const order = Array.from(orderBySpread(values, centre), (place) => along[place]!);
  const sorted = along.slice().sort((a, b) => a - b);
  expect(order[0]! < order[1]! ? order : order.reverse()).toEqual(sorted);
  expect(Array.from(orderBySpread(new Float32Array(6).fill(1), Float32Array.of(1, 1)))).toEqual([0, 1, 2]);
});
