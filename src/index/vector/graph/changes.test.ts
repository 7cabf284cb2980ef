/** A graph under random changes: what it finds is what is there. */
import fc from "fast-check";
import { expect, test } from "vitest";
import { nearDirections } from "../../../../test/support/related-rows.ts";
import { type Matrix, matrix, Random, rowOf, rowsOf } from "../../../linalg/index.ts";
import { RowSet } from "../../row-set.ts";
import { calibrate } from "./calibrate.ts";
import { GraphIndex } from "./graph-index.ts";
import { graphParts, restoreGraph } from "./parts.ts";

const DIM = 24;
const all: Matrix = nearDirections(3000, DIM, 1, 0.3);
const queries = nearDirections(4, DIM, 2, 0.3);

type Change = "append" | "appendMany" | "delete" | "deleteAll" | "consolidate" | "store";
const changes = fc.array(
  fc.constantFrom<Change>(
    "append",
    "append",
    "appendMany",
    "delete",
    "delete",
    "deleteAll",
    "consolidate",
    "store",
  ),
  { minLength: 4, maxLength: 14 },
);

/** Rows that there should be, ascending. */
async function changed(
  index: GraphIndex,
  change: Change,
  live: Set<number>,
  next: number,
  random: Random,
): Promise<GraphIndex> {
  const some = [...live].filter(() => random.uniform() < 0.4);
  switch (change) {
    case "append":
      for (let row = next; row < next + 5; row++) {
        index.append(row, rowOf(all, row));
        live.add(row);
      }
      return index;
    case "appendMany":
      await index.appendMany(
        Uint32Array.from({ length: 40 }, (_, i) => next + i),
        rowsOf(all, next, next + 40),
      );
      for (let row = next; row < next + 40; row++) live.add(row);
      return index;
    case "delete":
    case "deleteAll":
      for (const row of change === "delete" ? some : [...live]) {
        expect(index.delete(row)).toBe(true);
        live.delete(row);
      }
      return index;
    case "consolidate":
      index.consolidate();
      return index;
    case "store": {
      const back = restoreGraph(graphParts(index));
      index[Symbol.dispose]();
      return back;
    }
    default:
      return change satisfies never;
  }
}

test("after any changes it holds what is there, and finds it", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.integer(),
      fc.constantFrom("cosine", "l2", "dot"),
      changes,
      async (seed, metric, list) => {
        const random = new Random(seed);
        const live = new Set(Array.from({ length: 60 }, (_, row) => row));
        let index = await GraphIndex.build(rowsOf(all, 0, 60), { metric });
        let next = 60;
        for (const change of list) {
          index = await changed(index, change, live, next, random);
          next += 40;
        }
        expect(index.size).toBe(live.size);
        const every = [...live].sort((a, b) => a - b);
        const odd = RowSet.from(every.filter((row) => row % 2 === 1));
        let [found, wanted] = [0, 0];
        for (let q = 0; q < queries.rows; q++) {
          const query = rowOf(queries, q);
          const asked = { k: Math.max(1, live.size) + 3 };
          expect([...index.search(query, asked).rows].sort((a, b) => a - b)).toEqual(every);
          expect(index.search(query, { ...asked, filter: odd }).rows).toHaveLength(odd.count);
          const best = new Set(index.scan(query, { k: 10 }).rows);
          wanted += best.size;
          for (const row of index.search(query, { k: 10 }).rows) if (best.has(row)) found++;
        }
        expect(found).toBeGreaterThanOrEqual(0.9 * wanted);
        index[Symbol.dispose]();
      },
    ),
    { seed: 5, numRuns: 40 },
  );
});

test("who cancels a build, or watches it, has no say in rows that come later", async () => {
  const controller = new AbortController();
  let linked = 0;
  using index = await GraphIndex.build(rowsOf(all, 0, 80), {
    signal: controller.signal,
    onLinked: (rows) => {
      linked = rows;
    },
  });
  const before = linked;
  controller.abort();
  await index.appendMany(
    Uint32Array.from({ length: 200 }, (_, i) => 80 + i),
    rowsOf(all, 80, 280),
  );
  expect(linked).toBe(before);
  expect(index.search(rowOf(all, 200), { k: 1 }).rows[0]).toBe(200);
});

test("places are given away, and stored, only when all rows are linked", async () => {
  using index = await GraphIndex.build(rowsOf(all, 0, 100), {});
  const adding = index.appendMany(
    Uint32Array.from({ length: 2800 }, (_, i) => 100 + i),
    rowsOf(all, 100, 2900),
  );
  index.delete(2899);
  expect(() => index.consolidate()).toThrow(/wait for appendMany/);
  expect(() => graphParts(index)).toThrow(/wait for appendMany/);
  await adding;
  expect(index.consolidate().rows).toBe(1);
  expect(index.size).toBe(2899);
});

test("bad numbers stop at the door", async () => {
  using index = await GraphIndex.build(rowsOf(all, 0, 20), {});
  for (const row of [-1, 1.5, Number.NaN, 2 ** 32 - 1, 2 ** 33])
    expect(() => index.append(row, rowOf(all, 30))).toThrow(/row must be a whole number/);
  expect(index.size).toBe(20);
  for (const options of [
    { effort: 0 },
    { effort: Number.NaN },
    { buildEffort: 5000 },
    { degree: 3.5 },
    { alpha: 0.5 },
  ])
    await expect(GraphIndex.build(rowsOf(all, 0, 20), options)).rejects.toThrow(/graph: /);
  for (const k of [0, 2.5, 5000])
    expect(() => calibrate(index, queries, { recall: 0.9, k })).toThrow(/k must be a whole number from 1 to/);
  expect(() => calibrate(index, matrix(0, DIM), { recall: 0.9 })).toThrow(/no queries/);
});
