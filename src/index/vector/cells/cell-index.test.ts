import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { exactRows, exactScore } from "../../../../test/support/exact-rows.ts";
import { nearDirections } from "../../../../test/support/related-rows.ts";
import { type Matrix, matrix, rowOf } from "../../../linalg/matrix.ts";
import type { ByteSource } from "../../../storage/byte-source.ts";
import { fileSource } from "../../../storage/file-source.ts";
import { RowSet } from "../../row-set.ts";
import type { Parts } from "../../segment.ts";
import { buildCells } from "./build.ts";
import { calibrateCells } from "./calibrate.ts";
import { CellIndex } from "./cell-index.ts";
import { type FineRows, fineRowsOf } from "./fine-rows.ts";

const ROWS = 2400;
const K = 10;
const ALL = { probes: 1000, kept: 400 };

const vectors = (count: number, dim: number, seed: number): Matrix => nearDirections(count, dim, seed, 0.4);

function recall(
  index: CellIndex,
  metric: string,
  all: Matrix,
  queries: Matrix,
  options: { filter?: RowSet; probes?: number; kept?: number } = {},
): number {
  let [found, wanted] = [0, 0];
  const isAllowed = (row: number): boolean => options.filter?.has(row) ?? true;
  index.searchMany(queries, { k: K, ...options }).forEach(({ rows, scores }, q) => {
    const right = exactRows(metric, all, rowOf(queries, q), isAllowed, K);
    wanted += right.length;
    for (const row of right) if (rows.includes(row)) found++;
    expect(rows.every(isAllowed)).toBe(true);
    expect(new Set(rows).size).toBe(rows.length);
    expect([...scores]).toEqual([...scores].sort((a, b) => b - a));
  });
  return found / wanted;
}

const CASES = [
  { metric: "cosine", dim: 48, bits: 2 },
  { metric: "l2", dim: 60, bits: 1 },
  { metric: "dot", dim: 32, bits: 4 },
  { metric: "l2", dim: 300, bits: 3, dims: 64 },
] as const;

describe.each(CASES)("cells by $metric of $dim values, $bits bits", ({ metric, dim, ...more }) => {
  const all = vectors(ROWS, dim, 3);
  const queries = vectors(25, dim, 4);
  const made = buildCells(all, { metric, cellRows: 40, ...more });

  test("find what an exact search finds", async () => {
    using index = new CellIndex(await made);
    expect(index.size).toBe(ROWS);
    expect(recall(index, metric, all, queries, ALL)).toBeGreaterThan(0.99);
    expect(recall(index, metric, all, queries, { probes: 24, kept: 120 })).toBeGreaterThan(
      metric === "dot" ? 0.8 : 0.93,
    );
  });

  test("scores are those of the vectors", async () => {
    using index = new CellIndex(await made);
    const query = rowOf(queries, 0);
    const { rows, scores } = index.search(query, { k: K, ...ALL });
    rows.forEach((row, i) => {
      const exact = exactScore(metric, query, rowOf(all, row));
      expect(Math.abs(scores[i]! - exact)).toBeLessThan(2e-3 * Math.max(1, Math.abs(exact)));
    });
  });

  test.each([2, 5, 40, 400])("find the best of every %ith row", async (share) => {
    using index = new CellIndex(await made);
    const filter = RowSet.from(Array.from({ length: Math.ceil(ROWS / share) }, (_, i) => i * share));
    expect(recall(index, metric, all, queries, { filter, probes: 30, kept: 200 })).toBeGreaterThan(
      metric === "dot" ? 0.85 : 0.95,
    );
  });
});

describe("a cell index", () => {
  const all = vectors(ROWS, 40, 5);
  const queries = vectors(30, 40, 6);
  const made = buildCells(all, { metric: "l2", bits: 2, cellRows: 40 });

  test("is the same whenever it is built", async () => {
    const again = await buildCells(all, { metric: "l2", bits: 2, cellRows: 40 });
    for (const [name, bytes] of await made) expect(again.get(name), name).toEqual(bytes);
  });

  test("reads the rows that it scores again from a file, and holds a part of the bytes", async () => {
    const folder = mkdtempSync(join(tmpdir(), "mneme-cells-"));
    try {
      const parts = await made;
      const path = join(folder, "fine");
      writeFileSync(path, parts.get("fine")!);
      using inMemory = new CellIndex(parts);
      const fine = fineRowsOf(fileSource(path) as ByteSource & Required<Pick<ByteSource, "readInto">>);
      using onDisk = new CellIndex(new Map([...parts].filter(([name]) => name !== "fine")), { fine });
      const options = { k: K, probes: 20, kept: 80 };
      expect(onDisk.searchMany(queries, options)).toEqual(inMemory.searchMany(queries, options));
      const bytesOf = (index: CellIndex): number =>
        index.memory().reduce((sum, { name, bytes }) => sum + (name === "cells: scratch" ? 0 : bytes), 0);
      expect(bytesOf(onDisk)).toBeLessThan(bytesOf(inMemory) - 0.9 * parts.get("fine")!.byteLength);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  test("scores fewer rows again where the others are too far off", async () => {
    const parts = await made;
    let read = 0;
    const bytes = parts.get("fine")!;
    const fine: FineRows = {
      bytes: bytes.byteLength,
      size: bytes.byteLength,
      location: "rows",
      near: 0,
      read(start, out) {
        read += out.length;
        out.set(bytes.subarray(start, start + out.length));
      },
      [Symbol.dispose]() {},
    };
    using index = new CellIndex(parts, { fine });
    for (let q = 0; q < queries.rows; q++) index.search(rowOf(queries, q), { k: K, ...ALL });
    const rowsRead = read / (bytes.length / ROWS);
    expect(rowsRead / queries.rows).toBeLessThan(ALL.kept / 3);
    expect(recall(index, "l2", all, queries, ALL)).toBeGreaterThan(0.98);
  });

  test("does not find deleted rows", async () => {
    using index = new CellIndex(await made);
    const left = RowSet.range(0, ROWS);
    for (let row = 0; row < ROWS; row += 3) {
      expect(index.delete(row)).toBe(true);
      left.delete(row);
    }
    expect(index.delete(0)).toBe(false);
    expect(index.delete(ROWS + 5)).toBe(false);
    expect(index.size).toBe(left.count);
    for (const { rows } of index.searchMany(queries, { k: K, ...ALL }))
      expect(rows.every((row) => left.has(row))).toBe(true);
    expect(index.scan(rowOf(queries, 0), { k: ROWS }).rows.every((row) => left.has(row))).toBe(true);
  });

  test("goes on after a cursor, and leaves out low scores", async () => {
    using index = new CellIndex(await made);
    const query = rowOf(queries, 1);
    const whole = index.search(query, { k: 20, ...ALL });
    const [score, row] = [whole.scores[7]!, whole.rows[7]!];
    const rest = index.search(query, { k: 12, after: { score, row }, ...ALL });
    expect([...rest.rows]).toEqual([...whole.rows.subarray(8)].slice(0, rest.rows.length));
    const high = index.search(query, { k: 20, minScore: score, ...ALL });
    expect([...high.rows]).toEqual([...whole.rows.subarray(0, 8)]);
  });

  test("finds as many as are wanted, however few cells it looks into first", async () => {
    using index = new CellIndex(await made);
    const query = rowOf(queries, 3);
    expect(index.search(query, { k: 900, probes: 1, kept: 10 }).rows).toHaveLength(900);
    const filter = RowSet.from(Array.from({ length: 200 }, (_, i) => i * 11));
    expect(index.search(query, { k: 200, filter, probes: 1, kept: 10 }).rows).toHaveLength(200);
  });

  test("pages of hits go on until all rows have come, each once", async () => {
    using index = new CellIndex(await made);
    const query = rowOf(queries, 3);
    const every = index.search(query, { k: ROWS + 1 });
    expect([...every.rows].sort((a, b) => a - b)).toEqual([...Array(ROWS).keys()]);
    expect(index.scan(query, { k: ROWS })).toEqual(every);
    const [rows, k] = [[] as number[], 40];
    for (let after: { score: number; row: number } | undefined; ; ) {
      const page = index.search(query, { k, ...ALL, ...(after ? { after } : {}) });
      rows.push(...page.rows);
      if (page.rows.length < k) break;
      after = { score: page.scores.at(-1)!, row: page.rows.at(-1)! };
    }
    expect(new Set(rows).size).toBe(rows.length);
    expect(rows.length).toBeGreaterThan(0.9 * ROWS);
  });

  test("keeps the ids that it is given", async () => {
    const ids = Uint32Array.from({ length: 300 }, (_, i) => 5 * i + 3);
    const some = matrix(300, 40, all.data.slice(0, 300 * 40));
    using index = new CellIndex(await buildCells(some, { metric: "l2", cellRows: 30 }, ids));
    const found = index.search(rowOf(some, 17), { k: 1, ...ALL });
    expect([...found.rows]).toEqual([ids[17]]);
  });

  test("finds an effort that reaches a recall", async () => {
    using index = new CellIndex(await made);
    const { probes, kept, recall: reached } = calibrateCells(index, queries, { recall: 0.95 });
    expect(reached).toBeGreaterThanOrEqual(0.95);
    expect(index.effort).toEqual({ probes, kept });
    expect(probes).toBeLessThan(index.cells);
    expect(recall(index, "l2", all, vectors(60, 40, 9))).toBeGreaterThan(0.9);
  });

  test("copies of one row, and a single row, are found", async () => {
    const same = matrix(200, 8, new Float32Array(1600).fill(2));
    using index = new CellIndex(await buildCells(same, { cellRows: 10 }));
    expect(index.search(rowOf(same, 0), { k: 5, ...ALL }).rows).toHaveLength(5);
    using one = new CellIndex(await buildCells(matrix(1, 3, Float32Array.of(1, 2, 3))));
    expect([...one.search(Float32Array.of(3, 2, 1), { k: 5 }).rows]).toEqual([0]);
  });

  test("refuses what does not fit", async () => {
    using index = new CellIndex(await made);
    expect(() => index.search(new Float32Array(39), { k: 1 })).toThrow(
      expect.objectContaining({ code: "DIMENSION" }),
    );
    expect(() => index.search(new Float32Array(40).fill(Number.NaN), { k: 1 })).toThrow(
      expect.objectContaining({ code: "NOT_FINITE" }),
    );
    expect(() => index.search(new Float32Array(40), { k: 1, probes: 0 })).toThrow(
      expect.objectContaining({ code: "RANGE" }),
    );
    await expect(buildCells(matrix(0, 4))).rejects.toMatchObject({ code: "INSUFFICIENT_DATA" });
    await expect(buildCells(matrix(1, 4))).rejects.toMatchObject({ code: "ZERO_VECTOR" });
    await expect(buildCells(all, { bits: 5 as 4 })).rejects.toMatchObject({ code: "RANGE" });
    await expect(buildCells(all, { dims: 12 })).rejects.toMatchObject({ code: "RANGE" });
    await expect(buildCells(all, { signal: AbortSignal.abort() })).rejects.toMatchObject({
      code: "CANCELLED",
    });
  });

  test("refuses parts that do not fit together", async () => {
    const parts = await made;
    const changed = (name: string, change: (bytes: Uint8Array) => Uint8Array | undefined): Parts => {
      const copy = new Map(parts);
      const bytes = change(parts.get(name)!.slice());
      if (bytes) copy.set(name, bytes);
      else copy.delete(name);
      return copy;
    };
    for (const name of [
      "blocks",
      "fine",
      "ranges",
      "factors",
      "addends",
      "rows",
      "centres",
      "links",
      "starts",
      "shape",
    ]) {
      const shorter = changed(name, (bytes) => bytes.slice(0, -4));
      expect(() => new CellIndex(shorter), name).toThrow();
      expect(() => new CellIndex(changed(name, () => undefined)), name).toThrow(
        expect.objectContaining({ code: "CORRUPT" }),
      );
    }
    const twice = changed("rows", (bytes) => bytes.copyWithin(0, 4, 8));
    expect(() => new CellIndex(twice)).toThrow(/names a row twice/);
    const far = changed("links", (bytes) => bytes.fill(1, 0, 4));
    expect(() => new CellIndex(far)).toThrow(expect.objectContaining({ code: "CORRUPT" }));
  });
});

test("codes are as wide as rows vary, and find as much", async () => {
  const [few, asked] = [vectors(ROWS, 64, 3), vectors(25, 64, 4)];
  for (const { data } of [few, asked])
    for (let i = 0; i < data.length; i++) if (i % 64 >= 20) data[i]! *= 0.01;
  using narrow = new CellIndex(await buildCells(few, { metric: "l2", cellRows: 40 }));
  using told = new CellIndex(await buildCells(few, { metric: "l2", cellRows: 40, dims: 64 }));
  const bytesOf = (index: CellIndex): number => index.memory().reduce((sum, { bytes }) => sum + bytes, 0);
  expect(bytesOf(narrow)).toBeLessThan(bytesOf(told) - ROWS * 8); // 6 bytes a row of codes, not 16
  const options = { probes: 24, kept: 120 };
  expect(recall(narrow, "l2", few, asked, options)).toBeGreaterThan(
    recall(told, "l2", few, asked, options) - 0.02,
  );
});
