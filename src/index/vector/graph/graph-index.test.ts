import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { nearDirections } from "../../../../test/support/related-rows.ts";
import { kernels, LazyPool } from "../../../kernels/index.ts";
import { type Matrix, matrix, rowOf } from "../../../linalg/matrix.ts";
import { RowSet } from "../../row-set.ts";
import { calibrate } from "./calibrate.ts";
import { GraphIndex } from "./graph-index.ts";
import type { GraphOptions } from "./options.ts";
import { graphParts, restoreGraph } from "./parts.ts";

const ROWS = 1600;

const vectors = (count: number, dim: number, seed: number): Matrix => nearDirections(count, dim, seed, 0.3);

function exactScore(metric: string, a: Float32Array, b: Float32Array): number {
  const [product, distance] = [
    a.reduce((s, x, i) => s + x * b[i]!, 0),
    a.reduce((s, x, i) => s + (x - b[i]!) ** 2, 0),
  ];
  if (metric === "dot") return product;
  return metric === "l2" ? -distance : product / (Math.hypot(...a) * Math.hypot(...b));
}

/** Share of the k best allowed rows by the vectors themselves that hits name. */
function recall(
  index: GraphIndex,
  all: Matrix,
  queries: Matrix,
  k: number,
  isAllowed: (row: number) => boolean = () => true,
  options: { filter?: RowSet; effort?: number } = {},
): number {
  let found = 0;
  let wanted = 0;
  index.searchMany(queries, { k, ...options }).forEach(({ rows }, q) => {
    const scored = Array.from({ length: all.rows }, (_, row) => row)
      .filter(isAllowed)
      .map((row) => ({ row, score: exactScore(index.shape.metric, rowOf(queries, q), rowOf(all, row)) }))
      .sort((a, b) => b.score - a.score)
      .slice(0, k);
    wanted += scored.length;
    for (const { row } of scored) if (rows.includes(row)) found++;
    expect(rows.every(isAllowed)).toBe(true);
    expect(new Set(rows).size).toBe(rows.length);
  });
  return found / wanted;
}

const METRICS: [NonNullable<GraphOptions["metric"]>, number][] = [
  ["cosine", 40],
  ["l2", 230],
  ["dot", 64],
];

describe.each(METRICS)("by %s, %i values", (metric, dim) => {
  const all = vectors(ROWS, dim, 1);
  const queries = vectors(12, dim, 2);

  test("finds the nearest rows, all, allowed or what is left of them", async () => {
    using index = await GraphIndex.build(all, { metric });
    expect(recall(index, all, queries, 10)).toBeGreaterThan(0.95);
    const third = (row: number): boolean => row % 3 === 1;
    const filter = RowSet.from(Array.from({ length: ROWS }, (_, i) => i).filter(third));
    expect(recall(index, all, queries, 10, third, { filter })).toBeGreaterThan(0.95);
    const few = (row: number): boolean => row % 60 === 7;
    const small = RowSet.from(Array.from({ length: ROWS }, (_, i) => i).filter(few));
    expect(recall(index, all, queries, 10, few, { filter: small })).toBeGreaterThan(0.9);
    for (let row = 0; row < ROWS; row += 4) expect(index.delete(row)).toBe(true);
    const isLive = (row: number): boolean => row % 4 !== 0;
    expect(recall(index, all, queries, 10, isLive)).toBeGreaterThan(0.95);
    expect(index.consolidate().rows).toBe(ROWS / 4);
    expect(index.size).toBe((ROWS * 3) / 4);
    expect(recall(index, all, queries, 10, isLive)).toBeGreaterThan(0.95);
    for (let row = 0; row < 400; row += 4) index.append(row, rowOf(all, row));
    expect(recall(index, all, queries, 10, (row) => row < 400 || isLive(row))).toBeGreaterThan(0.95);
    expect(index.size).toBe((ROWS * 3) / 4 + 100);
  });

  test("comes back from its parts, without deleted rows, and finds the same", async () => {
    using index = await GraphIndex.build(all, { metric, effort: 40, alpha: 1.1, buildEffort: 90 });
    for (const row of [5, 6, 7, ROWS - 1]) index.delete(row);
    const parts = graphParts(index);
    // as views of one file's bytes, at any place
    const file = Buffer.concat([Buffer.alloc(1), ...parts.values()]);
    let at = 1;
    const views = [...parts].map(([name, { length }]): [string, Uint8Array] => {
      at += length;
      return [name, file.subarray(at - length, at)];
    });
    using back = restoreGraph(new Map(views));
    expect(back.size).toBe(ROWS - 4);
    expect(back.effort).toBe(40);
    expect(back.growth).toEqual({ alpha: 1.1, buildEffort: 90 });
    expect(back.searchMany(queries, { k: 10 })).toEqual(index.searchMany(queries, { k: 10 }));
    back.append(5, rowOf(all, 5));
    if (metric !== "dot") expect([...back.search(rowOf(all, 5), { k: 1 }).rows]).toEqual([5]);
  });

  test("finds the rows within a range", async () => {
    using index = await GraphIndex.build(all, { metric });
    const filter = RowSet.from(Array.from({ length: ROWS / 2 }, (_, i) => 2 * i));
    for (const more of [{}, { filter }]) {
      const query = rowOf(queries, 2);
      const every = index.scan(query, { k: ROWS, ...more });
      for (const count of [3, 200, every.rows.length]) {
        const minScore = every.scores[count - 1]!;
        const { rows, scores } = index.range(query, { minScore, ...more });
        expect(scores.every((score) => score >= minScore)).toBe(true);
        expect(new Set(rows).size).toBe(rows.length);
        const right = new Set(every.rows.subarray(0, count));
        expect(rows.filter((row) => right.has(row)).length).toBeGreaterThanOrEqual(0.95 * count);
      }
    }
    expect(index.range(rowOf(queries, 2), { minScore: 1e9 }).rows).toHaveLength(0);
  });

  test("rows that are appended are found as those that were there", async () => {
    const first = matrix(500, dim, all.data.subarray(0, 500 * dim));
    using index = await GraphIndex.build(first, { metric });
    await index.appendMany(
      Uint32Array.from({ length: ROWS - 600 }, (_, i) => 500 + i),
      matrix(ROWS - 600, dim, all.data.subarray(500 * dim, (ROWS - 100) * dim)),
    );
    for (let row = ROWS - 100; row < ROWS; row++) index.append(row, rowOf(all, row));
    expect(recall(index, all, queries, 10)).toBeGreaterThan(0.95);
    const scores = index.score(rowOf(queries, 0), Uint32Array.of(3, ROWS - 50, 7777));
    expect(scores[1]).toBeCloseTo(exactScore(metric, rowOf(queries, 0), rowOf(all, ROWS - 50)), -1);
    expect(scores[2]).toBeNaN();
  });
});

describe("one graph", () => {
  const all = vectors(1800, 32, 3);
  const queries = vectors(30, 32, 4);

  test("is the same from the same seed, on any number of threads, and asked by one or many", async () => {
    await using pool = new LazyPool(kernels());
    using alone = await GraphIndex.build(all);
    while (!pool.pool) await new Promise((resolve) => setTimeout(resolve, 5));
    using shared = await GraphIndex.build(all, { pool });
    expect([...graphParts(shared)]).toEqual([...graphParts(alone)]);
    const many = shared.searchMany(queries, { k: 7 });
    many.forEach((hits, q) => expect(alone.search(rowOf(queries, q), { k: 7 })).toEqual(hits));
  });

  test("goes on after a cursor, and drops low scores", async () => {
    using index = await GraphIndex.build(all, { effort: 200 });
    for (let q = 0; q < 5; q++) {
      const query = rowOf(queries, q);
      const whole = index.scan(query, { k: 1800 });
      expect(whole.rows.length).toBe(1800);
      let after: { score: number; row: number } | undefined;
      const paged: number[] = [];
      for (let page = 0; page < 5; page++) {
        const hits = index.search(query, { k: 6, ...(after ? { after } : {}) });
        paged.push(...hits.rows);
        after = { score: hits.scores[5]!, row: hits.rows[5]! };
      }
      const expected = new Set(whole.rows.subarray(0, 30));
      expect(new Set(paged).size).toBe(30);
      expect(paged.filter((row) => expected.has(row)).length).toBeGreaterThan(27);
      const last = { score: whole.scores[1795]!, row: whole.rows[1795]! };
      expect([...index.search(query, { k: 10, after: last }).rows]).toEqual([...whole.rows.subarray(1796)]);
      const minScore = whole.scores[3]!;
      expect([...index.search(query, { k: 10, minScore }).rows]).toEqual([...whole.rows.subarray(0, 4)]);
    }
  });

  test("takes the effort that a wanted recall needs", async () => {
    using index = await GraphIndex.build(all);
    const low = calibrate(index, queries, { recall: 0.7 });
    expect(index.effort).toBe(low.effort);
    const high = calibrate(index, queries, { recall: 0.99 });
    expect(high.recall).toBeGreaterThanOrEqual(0.99);
    expect(high.effort).toBeGreaterThanOrEqual(low.effort);
    expect(() => calibrate(index, queries, { recall: 2 })).toThrow(/recall/);
    expect(() => calibrate(index, matrix(0, 32), { recall: 0.9 })).toThrow(/no queries/);
  });

  test("counts the bytes that it holds, and gives them back", async () => {
    const before = kernels().arena.bytes;
    const index = await GraphIndex.build(all);
    index.search(rowOf(queries, 0), { k: 3 });
    const held = index.memory().filter(({ name }) => name !== "graph: rows");
    const counted = held.reduce((sum, { bytes }) => sum + bytes, 0);
    expect(Math.abs(kernels().arena.bytes - before - counted)).toBeLessThan(16 * 64);
    index[Symbol.dispose]();
    expect(kernels().arena.bytes).toBe(before);
  });
});

test("any appends and deletes leave exactly the rows that they should", async () => {
  const all = vectors(120, 16, 6);
  const steps = fc.array(
    fc.record({ row: fc.nat({ max: 119 }), act: fc.constantFrom("add", "add", "delete", "consolidate") }),
    { maxLength: 80 },
  );
  await fc.assert(
    fc.asyncProperty(steps, async (plan) => {
      using index = await GraphIndex.build(matrix(2, 16, all.data.subarray(0, 32)), {
        degree: 6,
        forward: 3,
      });
      const live = new Set([0, 1]);
      for (const { row, act } of plan) {
        if (act === "consolidate") index.consolidate();
        else if (act === "delete") expect(index.delete(row)).toBe(live.delete(row));
        else if (!live.has(row)) {
          index.append(row, rowOf(all, row));
          live.add(row);
        }
      }
      expect(index.size).toBe(live.size);
      const { rows } = index.search(rowOf(all, 60), { k: 200 });
      expect([...rows].sort((a, b) => a - b)).toEqual([...live].sort((a, b) => a - b));
      const walked = index.search(rowOf(all, 60), { k: 1, effort: 8 });
      expect([...walked.rows].every((row) => live.has(row))).toBe(true);
    }),
    { seed: 5, numRuns: 40 },
  );
});

test("bad input is refused by name", async () => {
  const all = vectors(50, 8, 1);
  const build = (m: Matrix, options: GraphOptions = {}, ids?: Uint32Array): Promise<GraphIndex> =>
    GraphIndex.build(m, options, ids);
  await expect(build(matrix(0, 8))).rejects.toMatchObject({ code: "INSUFFICIENT_DATA" });
  await expect(build(matrix(2, 8))).rejects.toMatchObject({ code: "ZERO_VECTOR" });
  await expect(build(all, { coarseDims: 12 })).rejects.toMatchObject({ code: "RANGE" });
  await expect(build(all, { degree: 8, forward: 9 })).rejects.toMatchObject({ code: "RANGE" });
  await expect(build(all, {}, new Uint32Array(50))).rejects.toMatchObject({ code: "RANGE" });
  await expect(build(all, {}, new Uint32Array(3))).rejects.toMatchObject({ code: "DIMENSION" });
  using index = await build(all);
  const query = rowOf(all, 0);
  expect(() => index.search(new Float32Array(9).fill(1), { k: 1 })).toThrow(/9 values/);
  expect(() => index.search(new Float32Array(8).fill(Number.NaN), { k: 1 })).toThrow(/NaN/);
  expect(() => index.search(new Float32Array(8), { k: 1 })).toThrow(/zero/);
  expect(() => index.search(query, { k: 0 })).toThrow(/k must be/);
  expect(() => index.search(query, { k: 1, effort: 0.5 })).toThrow(/effort/);
  expect(() => index.append(3, query)).toThrow(/row 3 is there/);
  expect(index.delete(1000)).toBe(false);
});

test("parts that do not fit together are refused by name", async () => {
  using index = await GraphIndex.build(vectors(60, 8, 1));
  const damaged = (
    name: string,
    change: (bytes: Uint8Array) => Uint8Array | undefined,
  ): (() => GraphIndex) => {
    const parts = new Map(graphParts(index));
    const changed = change(parts.get(name)!.slice());
    if (changed) parts.set(name, changed);
    else parts.delete(name);
    return () => restoreGraph(parts);
  };
  for (const name of ["shape", "coarse", "fine", "links", "rows", "entries"])
    expect(damaged(name, () => undefined)).toThrow(new RegExp(`part ${name} is missing`));
  for (const name of ["coarse", "fine", "links", "rows"])
    expect(damaged(name, (bytes) => bytes.subarray(4))).toThrow(new RegExp(`part ${name} has .* bytes`));
  const far = (bytes: Uint8Array): Uint8Array => {
    bytes[0] = 200;
    return bytes;
  };
  expect(damaged("links", far)).toThrow(/links leads to row/);
  expect(damaged("entries", far)).toThrow(/entries leads to row/);
  expect(damaged("entries", () => new Uint8Array(0))).toThrow(/entries names 0/);
  expect(damaged("rows", (bytes) => bytes.fill(1))).toThrow(/twice/);
  expect(damaged("shape", (bytes) => bytes.subarray(0, 20))).toThrow(/no serialised/);
  const renamed = (from: string, to: string) => (bytes: Uint8Array) =>
    new Uint8Array(Buffer.from(Buffer.from(bytes).toString("latin1").replace(from, to), "latin1"));
  expect(damaged("shape", renamed('"version":1', '"version":9'))).toThrow(/version 9/);
  expect(damaged("shape", renamed('"id":"graph"', '"id":"grapi"'))).toThrow(/grapi/);
  expect(damaged("shape", renamed('"metric":"cosine"', '"metric":"cosinx"'))).toThrow(/cosinx/);
  expect(damaged("shape", renamed('"alpha":1.05', '"alpha":0.05'))).toThrow(/alpha is 0.05/);
  expect(damaged("shape", renamed('"fineBits":4', '"fineBits":5'))).toThrow(/5 bits/);
});
