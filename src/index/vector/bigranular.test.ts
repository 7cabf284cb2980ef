/** Two vectors a row: hits against a plain sum, bounds that spare pages, builds that must belong together, bad input. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { f32, pq } from "../../codecs/index.ts";
import { gatherRows, type Matrix, matrix, rowOf } from "../../linalg/matrix.ts";
import { Random } from "../../linalg/random.ts";
import { lmdbStore, memoryStore } from "../../storage/index.ts";
import { contiguousRows, memorySegment, type Parts } from "../segment.ts";
import { rowsPerPage, storeSegment, writeParts } from "../store-segment.ts";
import { BigranularIndex, buildBigranular, clusterOrder } from "./bigranular.ts";
import { calibrateBound } from "./learned-bound.ts";

const DIM = 64;
const ROWS = 3000;
const random = new Random(11);
const gaussians = (rows: number): Matrix =>
  matrix(
    rows,
    DIM,
    Float32Array.from({ length: rows * DIM }, () => random.gaussian()),
  );
const coarse = gaussians(ROWS);
/** Near the coarse ones, so that their codes say something about them. */
const fine = matrix(
  ROWS,
  DIM,
  coarse.data.map((value) => value + 0.3 * random.gaussian()),
);
const coders = { coarse: pq({ parts: 32, bits: 8 }).fit(coarse), fine: f32().fit(matrix(0, DIM)) };
const queries = gaussians(60);
const queryAt = (q: number) => ({ coarse: rowOf(queries, q), fine: rowOf(queries, q) });

async function indexOf(
  weight: number,
  parts = buildBigranular(coders, coarse, fine),
): Promise<BigranularIndex> {
  const index = new BigranularIndex({ coders, weight });
  await index.attach(memorySegment(1, contiguousRows(0, ROWS), parts));
  return index;
}

/** Scores of all rows, the slow way. */
function finalScores(q: number, weight: number): { final: number[]; short: Float32Array } {
  const decoded = coders.coarse.decode(coders.coarse.encode(coarse), ROWS);
  const dot = (a: Float32Array, b: Float32Array): number => a.reduce((sum, x, i) => sum + x * b[i]!, 0);
  const short = Float32Array.from({ length: ROWS }, (_, r) => dot(rowOf(queries, q), rowOf(decoded, r)));
  const final = Array.from(short, (score, r) => dot(rowOf(queries, q), rowOf(fine, r)) + weight * score);
  return { final, short };
}

describe("BigranularIndex", () => {
  test("a search verifies the segment that it began with, whatever is attached meanwhile", async () => {
    using index = await indexOf(0.3);
    const right = await index.search(queryAt(0), { k: 20 });
    const searching = index.search(queryAt(0), { k: 20 });
    const turned = clusterOrder(Uint32Array.from({ length: ROWS }, (_, row) => ROWS - row));
    const other = buildBigranular(coders, gatherRows(coarse, turned), gatherRows(fine, turned));
    await index.attach(memorySegment(2, contiguousRows(0, ROWS), other));
    expect(await searching).toEqual(right);
    for (const count of [0, -1, 1.5, Number.NaN])
      expect(() => index.candidates(rowOf(queries, 0), count)).toThrow(/whole number from 1/);
  });

  test.each([0, 0.3, 2])("ranks the candidates by fine + %f x coarse", async (weight) => {
    using index = await indexOf(weight);
    for (let q = 0; q < 5; q++) {
      const { final, short } = finalScores(q, weight);
      const order = [...short.keys()].sort((a, b) => short[b]! - short[a]!);
      for (const candidates of [40, ROWS]) {
        const expected = order.slice(0, candidates).sort((a, b) => final[b]! - final[a]!);
        const hits = await index.search(queryAt(q), { k: 10, candidates });
        expect([...hits.rows]).toEqual(expected.slice(0, 10));
        hits.scores.forEach((score, i) => expect(score).toBeCloseTo(final[expected[i]!]!, 3));
      }
      expect([...index.candidates(rowOf(queries, q), 25).rows]).toEqual(order.slice(0, 25));
    }
  });

  test("reads fewer pages under a bound, for the same hits", async () => {
    const weight = 0.3;
    using index = await indexOf(weight);
    const seen = Array.from({ length: 30 }, (_, q) => {
      const { final, short } = finalScores(q, weight);
      return { coarse: short, fine: Float32Array.from(final, (score, r) => score - weight * short[r]!) };
    });
    const bound = calibrateBound(seen, { k: 10, weight, share: 1 });
    let [read, all] = [0, 0];
    for (let q = 0; q < 60; q++) {
      const full = await index.search(queryAt(q), { k: 10 });
      const pruned = await index.search(queryAt(q), { k: 10, bound });
      // the bound holds for all it was learned from
      if (q < 30) expect(pruned.rows).toEqual(full.rows);
      expect(pruned.candidatePages).toBe(full.pages);
      read += pruned.pages;
      all += full.pages;
    }
    expect(read).toBeLessThan(all / 2);
  });

  test("rows of a cluster follow each other", async () => {
    const order = clusterOrder(Uint32Array.of(2, 0, 1, 0, 2));
    expect([...order]).toEqual([1, 3, 2, 0, 4]);
    expect(rowOf(gatherRows(fine, order), 2)).toEqual(rowOf(fine, 2));
    expect(rowOf(gatherRows(fine, order), 0)).toEqual(rowOf(fine, 1));
  });

  test("refuses codes and vectors of different builds, wrong sizes, and wrong searches", async () => {
    const parts = buildBigranular(coders, coarse, fine);
    const other = buildBigranular(coders, fine, fine);
    const mixed: Parts = new Map([
      ...parts,
      ["coarse", other.get("coarse")!],
      ["coarse-build", other.get("coarse-build")!],
    ]);
    await expect(indexOf(1, mixed)).rejects.toMatchObject({ code: "VERSION" });
    await expect(indexOf(1, new Map([...parts].slice(0, 2)))).rejects.toMatchObject({ code: "VERSION" });
    const short: Parts = new Map([...parts, ["fine", parts.get("fine")!.subarray(4)]]);
    await expect(indexOf(1, short)).rejects.toMatchObject({ code: "CORRUPT" });
    using index = await indexOf(1);
    await expect(index.search(queryAt(0), { k: 11, candidates: 10 })).rejects.toMatchObject({
      code: "RANGE",
    });
    await expect(index.search(queryAt(0), { k: 0 })).rejects.toMatchObject({ code: "RANGE" });
    const bad = Float32Array.from(rowOf(queries, 0));
    bad[3] = Number.NaN;
    await expect(index.search({ ...queryAt(0), coarse: bad }, { k: 1 })).rejects.toMatchObject({
      code: "NOT_FINITE",
    });
    await expect(index.search({ ...queryAt(0), fine: bad }, { k: 1 })).rejects.toMatchObject({
      code: "NOT_FINITE",
    });
    await expect(index.search({ ...queryAt(0), fine: new Float32Array(3) }, { k: 1 })).rejects.toMatchObject({
      code: "DIMENSION",
    });
    using empty = new BigranularIndex({ coders });
    await expect(empty.search(queryAt(0), { k: 1 })).rejects.toMatchObject({ code: "STATE" });
    expect(() => new BigranularIndex({ coders, weight: -1 })).toThrow(/weight/);
    expect(() => buildBigranular(coders, coarse, gaussians(3))).toThrow(/3 fine/);
    expect(() => calibrateBound([], { k: 1, weight: 0 })).toThrow(/two or more/);
    expect(() => calibrateBound([], { k: 1, weight: 0, share: 2 })).toThrow(/share/);
  });

  test.each(["memory", "disk"])("searches a store in %s, and says which row is damaged", async (tier) => {
    const folder = mkdtempSync(join(tmpdir(), "mneme-bigranular-"));
    const store = tier === "disk" ? await lmdbStore(folder) : memoryStore();
    try {
      const parts = buildBigranular(coders, coarse, fine);
      const place = { namespace: "test", key: ["segment"], strides: { coarse: 32, fine: DIM * 4 } };
      await store.batch((batch) => writeParts(batch, place, parts));
      const sizes = Object.fromEntries([...parts].map(([part, bytes]) => [part, bytes.length]));
      const info = { ...place, id: 1, rows: contiguousRows(0, ROWS), sizes };
      using index = new BigranularIndex({ coders, weight: 0.3 });
      await index.attach(storeSegment(store, info));
      using plain = await indexOf(0.3);
      for (let q = 0; q < 5; q++)
        expect(await index.search(queryAt(q), { k: 10 })).toEqual(await plain.search(queryAt(q), { k: 10 }));
      const page = Math.floor((await plain.search(queryAt(0), { k: 1 })).rows[0]! / rowsPerPage(DIM * 4));
      await store.batch((batch) => batch.delete("test", ["segment", "fine", page]));
      await expect(index.search(queryAt(0), { k: 10 })).rejects.toMatchObject({
        code: "CORRUPT",
        details: { part: "fine", page, row: page * rowsPerPage(DIM * 4) },
      });
      const short = storeSegment(store, { ...info, sizes: { ...sizes, fine: 0 } });
      await expect(new BigranularIndex({ coders }).attach(short)).rejects.toMatchObject({ code: "CORRUPT" });
    } finally {
      await store.close();
      rmSync(folder, { recursive: true, force: true });
    }
  });

  test("holds the codes and little else in RAM", async () => {
    using index = await indexOf(0.3);
    await index.search(queryAt(0), { k: 5 });
    const bytes = index.memory().reduce((sum, { bytes: some }) => sum + some, 0);
    expect(bytes).toBeGreaterThanOrEqual(ROWS * 32);
    expect(bytes).toBeLessThan(ROWS * DIM * 4);
  });
});
