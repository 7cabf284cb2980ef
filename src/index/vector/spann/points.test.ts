import { describe, expect, test } from "vitest";
import { type Matrix, matrix, Random, rowOf, rowsOf } from "../../../linalg/index.ts";
import { memoryStore } from "../../../storage/index.ts";
import type { SlowRowSource } from "../row-source.ts";
import { type BuildProgress, buildSpann } from "./build.ts";
import { exactNearest, gaussian, MadeUp } from "./made-up.test.support.ts";
import { SpannIndex, type SpannOptions } from "./spann.ts";

const DIM = 40;
const K = 10;
const made = new MadeUp(DIM, 3);
const rows = made.rows(3000);
const queries = made.queries(40);
const ALL: SpannOptions = { lists: 4000, pruning: { rule: "none" }, confidence: 3 };

/** Rows in blocks that are overwritten by the next, as a file's reader has them. */
function sourceOf(from: Matrix, asked: number[] = []): SlowRowSource {
  const room = new Float32Array(from.data.length);
  return {
    rows: from.rows,
    cols: from.cols,
    async read(first, count) {
      asked.push(count);
      room.set(from.data.subarray(first * from.cols, (first + count) * from.cols));
      return room.subarray(0, count * from.cols);
    },
  };
}

async function recallOf(index: SpannIndex, truth: Uint32Array): Promise<number> {
  let found = 0;
  for (let q = 0; q < queries.rows; q++) {
    const known = new Set(truth.subarray(q * K, (q + 1) * K));
    const hits = await index.search(rowOf(queries, q), { k: K });
    for (const row of hits.rows) if (known.has(row)) found++;
  }
  return found / (K * queries.rows);
}

describe("buildSpann from a source", () => {
  test("in blocks of a fraction of it: as many rows are found as of the same rows in memory", async () => {
    const store = memoryStore();
    const asked: number[] = [];
    const progress: BuildProgress[] = [];
    const memoryBytes = 400 * DIM * 4;
    const about = await buildSpann(store, "source", sourceOf(rows, asked), {
      limit: 32,
      memoryBytes,
      onProgress: (one) => progress.push(one),
    });
    expect(Math.max(...asked)).toBe(100);
    expect(about.rows).toBe(3000);
    for (const phase of ["centres", "assign", "write"]) {
      const done = progress.filter((one) => one.phase === phase).map((one) => one.done);
      expect(done).toEqual(done.slice().sort((a, b) => a - b));
      expect(done.at(-1)).toBe(phase === "write" ? about.lists : 3000);
    }
    await buildSpann(store, "memory", rows, { limit: 32 });
    const truth = exactNearest(rows, queries, K);
    using all = await SpannIndex.open(store, "source", ALL);
    expect(await recallOf(all, truth)).toBeGreaterThan(0.97);
    const few = { lists: 16, pruning: { rule: "none" } } as const;
    using source = await SpannIndex.open(store, "source", few);
    using memory = await SpannIndex.open(store, "memory", few);
    expect(await recallOf(source, truth)).toBeGreaterThan((await recallOf(memory, truth)) - 0.05);
  });

  test("refuses what a matrix is refused for, by its row; ends when it is told to", async () => {
    const store = memoryStore();
    const build = (source: SlowRowSource, options = {}): Promise<unknown> =>
      buildSpann(store, "x", source, { memoryBytes: 400 * DIM * 4, ...options });
    const bad = matrix(3000, DIM, rows.data.slice());
    bad.data[2500 * DIM + 3] = Number.NaN;
    await expect(build(sourceOf(bad))).rejects.toThrow("row 2500 holds NaN");
    bad.data.fill(0, 2500 * DIM, 2501 * DIM);
    await expect(build(sourceOf(bad))).rejects.toThrow("row 2500 is zero");
    const short = { rows: 9, cols: DIM, read: () => new Float32Array(5) };
    await expect(build(short)).rejects.toThrow("came as 5 values, expected 9 x 40");
    const abort = new AbortController();
    const onProgress = ({ phase }: BuildProgress): void => {
      if (phase === "assign") abort.abort();
    };
    await expect(build(sourceOf(rows), { signal: abort.signal, onProgress })).rejects.toThrow("cancel");
    await expect(SpannIndex.open(store, "x")).rejects.toThrow("no such index");
  });
});

describe("the inner product", () => {
  const long = gaussian(2000, DIM, 8);
  const random = new Random(4);
  for (let r = 0; r < long.rows; r++) {
    const by = 0.3 + random.uniform();
    for (let i = 0; i < DIM; i++) long.data[r * DIM + i]! *= by;
  }
  const product = (a: Float32Array, b: Float32Array): number => a.reduce((sum, x, i) => sum + x * b[i]!, 0);

  test.each(["matrix", "source"])("finds the largest, with their products as scores: %s", async (kind) => {
    const store = memoryStore();
    const from = kind === "matrix" ? long : sourceOf(long);
    await buildSpann(store, "dot", from, { metric: "dot", limit: 32, memoryBytes: 1 << 20 });
    using index = await SpannIndex.open(store, "dot", ALL);
    let found = 0;
    for (let q = 0; q < queries.rows; q++) {
      const query = rowOf(queries, q);
      const scores = Float32Array.from({ length: long.rows }, (_, r) => product(query, rowOf(long, r)));
      const best = [...scores.keys()].sort((a, b) => scores[b]! - scores[a]!).slice(0, K);
      const hits = await index.search(query, { k: K });
      for (const row of hits.rows) if (best.includes(row)) found++;
      hits.rows.forEach((row, i) => expect(hits.scores[i]! - scores[row]!).toBeLessThan(0.1));
      const minScore = hits.scores[4]!;
      const some = await index.search(query, { k: K, minScore });
      expect(some.rows.length).toBeGreaterThan(3);
      expect(Math.min(...some.scores)).toBeGreaterThanOrEqual(minScore);
    }
    expect(found / (K * queries.rows)).toBeGreaterThan(0.93);
  });

  test("takes rows that are no longer than the longest, which may be given", async () => {
    const store = memoryStore();
    const longer = matrix(
      1,
      DIM,
      rowOf(long, 0).map((value) => value * 9),
    );
    await buildSpann(store, "dot", long, { metric: "dot", limit: 32 });
    using index = await SpannIndex.open(store, "dot", ALL);
    await expect(index.insert(longer, Uint32Array.of(2000))).rejects.toThrow("the longest may be");
    await index.insert(rowsOf(long, 3, 4), Uint32Array.of(2000));
    await buildSpann(store, "roomy", long, { metric: "dot", limit: 32, longest: 200 });
    using roomy = await SpannIndex.open(store, "roomy", ALL);
    await roomy.insert(longer, Uint32Array.of(2000));
    expect((await roomy.search(longer.data, { k: 1 })).rows[0]).toBe(2000);
    await expect(buildSpann(store, "x", long, { metric: "dot", longest: 1 })).rejects.toThrow(
      "the longest may be 1",
    );
  });
});
