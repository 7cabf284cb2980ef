import { mkdtempSync, readFileSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterAll, describe, expect, test } from "vitest";
import { exactRows, exactScore } from "../../../../test/support/exact-rows.ts";
import { nearDirections } from "../../../../test/support/related-rows.ts";
import { kernels, LazyPool } from "../../../kernels/index.ts";
import { type Matrix, matrix, rowOf } from "../../../linalg/matrix.ts";
import { Random } from "../../../linalg/random.ts";
import type { ByteSource } from "../../../storage/byte-source.ts";
import { fileSource } from "../../../storage/file-source.ts";
import { RowSet } from "../../row-set.ts";
import type { Parts } from "../../segment.ts";
import { type FineRows, fineRowsOf } from "../cells/fine-rows.ts";
import { calibrate } from "../graph/calibrate.ts";
import { buildDiskGraph } from "./build.ts";
import { DiskGraph } from "./disk-graph.ts";

const ROWS = 2000;
const K = 10;
const folder = mkdtempSync(join(tmpdir(), "mneme-disk-graph-"));
afterAll(() => rmSync(folder, { recursive: true }));

const clustered = (count: number, dim: number, seed: number): Matrix => nearDirections(count, dim, seed, 0.4);

function random(count: number, dim: number, seed: number): Matrix {
  const next = new Random(seed);
  return matrix(
    count,
    dim,
    Float32Array.from({ length: count * dim }, () => next.gaussian()),
  );
}

interface Asked {
  readonly metric: string;
  readonly all: Matrix;
  readonly queries: Matrix;
}

function recall(
  index: DiskGraph,
  { metric, all, queries }: Asked,
  options: { filter?: RowSet; effort?: number } = {},
  isLive: (row: number) => boolean = () => true,
): number {
  let [found, wanted] = [0, 0];
  const isAllowed = (row: number): boolean => isLive(row) && (options.filter?.has(row) ?? true);
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

let files = 0;
/** The fine rows in a file, and the other parts. */
function toFile(parts: Parts): { path: string; rest: Parts } {
  const path = join(folder, `fine-${files++}`);
  writeFileSync(path, parts.get("fine")!);
  return { path, rest: new Map([...parts].filter(([name]) => name !== "fine")) };
}

const fromFile = (path: string): FineRows =>
  fineRowsOf(fileSource(path) as ByteSource & Required<Pick<ByteSource, "readInto">>);

const every = (share: number): RowSet =>
  RowSet.from(Array.from({ length: Math.ceil(ROWS / share) }, (_, i) => i * share));

describe.each([
  { metric: "cosine", dim: 60, of: clustered, least: 0.97 },
  { metric: "l2", dim: 300, of: clustered, least: 0.97, fineBits: 8 },
  { metric: "dot", dim: 64, of: clustered, least: 0.9 },
  { metric: "l2", dim: 20, of: random, least: 0.97 },
  { metric: "cosine", dim: 290, of: random, least: 0.75, dims: 128 },
] as const)("a disk graph by $metric of $dim values", ({ metric, dim, of, least, ...more }) => {
  const all = of(ROWS, dim, 3);
  const queries = of(20, dim, 4);
  const asked = { metric, all, queries };
  const made = buildDiskGraph(all, { metric, effort: 100, ...more });

  test("finds the nearest rows, all and those that a filter lets through", async () => {
    const { path, rest } = toFile(await made);
    using index = new DiskGraph(rest, { fine: fromFile(path) });
    expect(index.size).toBe(ROWS);
    expect(recall(index, asked)).toBeGreaterThan(least);
    expect(recall(index, asked, { effort: ROWS })).toBeGreaterThan(of === random ? 0.98 : 0.99);
    for (const share of [2, 5, 40, 400])
      expect(recall(index, asked, { filter: every(share), effort: 200 })).toBeGreaterThan(least);
  });

  test("scores are those of the vectors", async () => {
    using index = new DiskGraph(await made);
    const query = rowOf(queries, 0);
    const { rows, scores } = index.search(query, { k: K });
    rows.forEach((row, i) => {
      const exact = exactScore(metric, query, rowOf(all, row));
      expect(Math.abs(scores[i]! - exact)).toBeLessThan(1e-2 * Math.max(1, Math.abs(exact)));
    });
  });

  test("deleted rows are never found, the others as before", async () => {
    using index = new DiskGraph(await made);
    for (let row = 0; row < ROWS; row += 3) expect(index.delete(row)).toBe(true);
    expect(index.delete(0)).toBe(false);
    expect(index.delete(ROWS)).toBe(false);
    expect(index.size).toBe(ROWS - Math.ceil(ROWS / 3));
    const isLive = (row: number): boolean => row % 3 !== 0;
    expect(recall(index, asked, {}, isLive)).toBeGreaterThan(least);
    expect(recall(index, asked, { filter: every(4) }, isLive)).toBeGreaterThan(least);
  });
});

describe("a disk graph", () => {
  const all = clustered(ROWS, 40, 5);
  const queries = clustered(30, 40, 6);
  const made = buildDiskGraph(all, { metric: "l2" });

  test("holds links and codes of 4 bits, and no fine rows", async () => {
    const { path, rest } = toFile(await made);
    using index = new DiskGraph(rest, { fine: fromFile(path) });
    const held = new Map(index.memory().map(({ name, bytes }) => [name, bytes]));
    expect(held.get("disk graph: fine rows")).toBe(0);
    expect(held.get("disk graph: codes")! / ROWS).toBeLessThan(64 / 2 + 8 + 8);
    using inMemory = new DiskGraph(await made);
    expect(index.searchMany(queries, { k: K })).toEqual(inMemory.searchMany(queries, { k: K }));
  });

  test("without fine rows it orders rows by codes, and finds nearly the same", async () => {
    const bare = await buildDiskGraph(all, { metric: "l2", fineBits: 0 });
    expect([...bare.keys()].sort()).toEqual(["codes", "entries", "links", "rows", "shape"]);
    for (const [name, bytes] of bare)
      if (name !== "shape") expect((await made).get(name), name).toEqual(bytes);
    using index = new DiskGraph(bare);
    const asked = { metric: "l2", all, queries };
    expect(recall(index, asked)).toBeGreaterThan(0.75);
    index.searchMany(queries, { k: 100 }).forEach(({ rows }, q) => {
      const right = exactRows("l2", all, rowOf(queries, q), () => true, K);
      expect(right.filter((row) => rows.includes(row)).length).toBeGreaterThan(K - 2);
    });
  });

  test("names rows by their ids, and is the same whenever it is built", async () => {
    const ids = Uint32Array.from({ length: ROWS }, (_, i) => 3 * i + 7);
    const named = await buildDiskGraph(all, { metric: "l2" }, ids);
    for (const [name, bytes] of await made) if (name !== "rows") expect(named.get(name), name).toEqual(bytes);
    using index = new DiskGraph(named);
    using plain = new DiskGraph(await made);
    index.searchMany(queries, { k: K }).forEach(({ rows }, q) => {
      const before = plain.search(rowOf(queries, q), { k: K }).rows;
      expect([...rows]).toEqual([...before].map((row) => 3 * row + 7));
    });
  });

  test("finds the same on any number of threads", async () => {
    await using pool = new LazyPool(kernels());
    using alone = new DiskGraph(await made);
    while (!pool.pool) await new Promise((resolve) => setTimeout(resolve, 5));
    const shared = await buildDiskGraph(all, { metric: "l2", pool });
    expect([...shared]).toEqual([...(await made)]);
    using index = new DiskGraph(shared, { pool });
    expect(index.searchMany(queries, { k: K })).toEqual(alone.searchMany(queries, { k: K }));
  });

  test("goes on after a cursor, and drops low scores", async () => {
    using index = new DiskGraph(await made, { effort: 300 });
    const query = rowOf(queries, 1);
    const whole = index.search(query, { k: 60 });
    const after = { row: whole.rows[29]!, score: whole.scores[29]! };
    expect([...index.search(query, { k: 30, after }).rows]).toEqual([...whole.rows.subarray(30)]);
    const minScore = whole.scores[4]!;
    expect([...index.search(query, { k: 60, minScore }).rows]).toEqual([...whole.rows.subarray(0, 5)]);
  });

  test("is calibrated as a graph in RAM is", async () => {
    using index = new DiskGraph(await made);
    const { effort, recall: found } = calibrate(index, queries, { recall: 0.95 });
    expect(found).toBeGreaterThanOrEqual(0.95);
    expect(index.effort).toBe(effort);
    expect(recall(index, { metric: "l2", all, queries })).toBeGreaterThan(0.9);
  });

  test("a search with a long list finds what an exact one does, whatever is deleted and let through", async () => {
    const parts = await made;
    await fc.assert(
      fc.asyncProperty(
        fc.uniqueArray(fc.nat(ROWS - 1), { maxLength: 200 }),
        fc.uniqueArray(fc.nat(ROWS - 1), { minLength: 1, maxLength: 300 }),
        fc.nat(29),
        async (deleted, allowed, q) => {
          using index = new DiskGraph(parts);
          for (const row of deleted) index.delete(row);
          const filter = RowSet.from(allowed.sort((a, b) => a - b));
          const query = rowOf(queries, q);
          const { rows } = index.search(query, { k: K, effort: 400, filter });
          const gone = new Set(deleted);
          const right = exactRows("l2", all, query, (row) => filter.has(row) && !gone.has(row), K);
          expect(rows.filter((row) => right.includes(row)).length).toBeGreaterThanOrEqual(right.length - 1);
          expect(rows).toHaveLength(right.length);
        },
      ),
      { seed: 11, numRuns: 20 },
    );
  });

  test("one row, and none that is left", async () => {
    using index = new DiskGraph(await buildDiskGraph(clustered(1, 8, 1)));
    expect([...index.search(Float32Array.of(1, 0, 0, 0, 0, 0, 0, 0), { k: 5 }).rows]).toEqual([0]);
    index.delete(0);
    expect(index.search(Float32Array.of(1, 0, 0, 0, 0, 0, 0, 0), { k: 5 }).rows).toHaveLength(0);
  });
});

describe("refuses", () => {
  const all = clustered(300, 24, 7);
  const made = buildDiskGraph(all);
  const query = rowOf(all, 3);

  test("an effort of none, and keeps no memory of what it did not open", async () => {
    const parts = await buildDiskGraph(clustered(64, 32, 5));
    const before = kernels().arena.bytes;
    expect(() => new DiskGraph(parts, { effort: 0.5 })).toThrow(expect.objectContaining({ code: "RANGE" }));
    expect(kernels().arena.bytes).toBe(before);
  });

  test("fine rows that are too short, by name", async () => {
    const { path, rest } = toFile(await made);
    truncateSync(path, readFileSync(path).length - 1);
    expect(() => new DiskGraph(rest, { fine: fromFile(path) })).toThrow(new RegExp(`${path}.*300 fine rows`));
  });

  test("fine rows that became shorter or are damaged, by name", async () => {
    const { path, rest } = toFile(await made);
    using index = new DiskGraph(rest, { fine: fromFile(path) });
    const bytes = readFileSync(path);
    writeFileSync(path, bytes.map((_, i) => (i % 4 < 2 ? 0xff : bytes[i]!)).fill(0xff));
    expect(() => index.search(query, { k: K })).toThrow(new RegExp(`${path}.*damaged`));
    truncateSync(path, 0);
    expect(() => index.search(query, { k: K })).toThrow(path);
  });

  test("a single flipped bit, wherever it is, by row", async () => {
    const { path, rest } = toFile(await made);
    using index = new DiskGraph(rest, { fine: fromFile(path), effort: 300 });
    const bytes = readFileSync(path);
    const stride = bytes.length / 300;
    fc.assert(
      fc.property(fc.nat(bytes.length - 1), fc.nat(7), (at, bit) => {
        writeFileSync(
          path,
          bytes.map((byte, i) => (i === at ? byte ^ (1 << bit) : byte)),
        );
        const row = Math.floor(at / stride);
        expect(() => index.search(query, { k: 300 })).toThrow(
          expect.objectContaining({
            code: "CORRUPT",
            message: expect.stringContaining(`${path}: fine row ${row}, from byte ${row * stride} on`),
          }),
        );
      }),
      { seed: 5, numRuns: 30 },
    );
    writeFileSync(path, bytes);
    expect(index.search(query, { k: 300 }).rows).toHaveLength(300);
  });

  test.each([
    ["shape", 0, /CORRUPT|no serialised|shape/],
    ["codes", 1, /part codes/],
    ["links", 4, /part links/],
    ["rows", 4, /part rows/],
  ])("a part %s that was cut", async (name, bytes, message) => {
    const parts = new Map(await made);
    parts.set(name, parts.get(name)!.subarray(0, bytes));
    expect(() => new DiskGraph(parts)).toThrow(message);
    parts.delete(name);
    expect(() => new DiskGraph(parts)).toThrow(`part ${name} is missing`);
  });

  test("links and entries that lead nowhere, and rows named twice", async () => {
    const nowhere = new Uint8Array(Uint32Array.of(1000).buffer);
    for (const name of ["links", "entries"]) {
      const parts = new Map(await made);
      const bytes = parts.get(name)!.slice();
      bytes.set(nowhere);
      expect(() => new DiskGraph(parts.set(name, bytes))).toThrow(`part ${name}`);
    }
    const parts = new Map(await made);
    const rows = parts.get("rows")!.slice();
    rows.set(rows.subarray(0, 4), 4);
    expect(() => new DiskGraph(parts.set("rows", rows))).toThrow("names a row twice");
  });

  test("vectors and settings that it cannot take", async () => {
    await expect(buildDiskGraph(matrix(0, 8))).rejects.toThrow("no vectors");
    await expect(buildDiskGraph(matrix(2, 8))).rejects.toThrow("zero");
    await expect(buildDiskGraph(all, { dims: 40 })).rejects.toThrow("multiple of 32");
    await expect(buildDiskGraph(all, { fineBits: 4 as 8 })).rejects.toThrow("fineBits");
    using index = new DiskGraph(await made);
    expect(() => index.search(new Float32Array(5), { k: 1 })).toThrow("disk graph");
    expect(() => index.search(query, { k: 0 })).toThrow("k must be");
    expect(() => new DiskGraph(new Map(), {})).toThrow("part shape is missing");
  });
});
