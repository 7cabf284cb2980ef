import { describe, expect, test } from "vitest";
import { exactRows } from "../../../../test/support/exact-rows.ts";
import { madeVectors } from "../../../../test/support/made-vectors.ts";
import type { Metric } from "../../../codecs/codec.ts";
import { int8, rabitq } from "../../../codecs/index.ts";
import { type Matrix, matrix } from "../../../linalg/matrix.ts";
import { RowSet } from "../../row-set.ts";
import { contiguousRows, memorySegment, type SegmentSource } from "../../segment.ts";
import { FlatIndex } from "../flat.ts";
import { buildIndex, hasIndex, openIndex } from "../kinds.ts";
import { FINE, type VectorCoders, vectorsKind } from "../vectors-kind.ts";
import { diskGraphBytes } from "./segment-disk-graph.ts";

const FIRST = 1000;
const K = 10;

interface Made {
  readonly source: SegmentSource;
  readonly coders: VectorCoders;
}

async function segmentOf(vectors: readonly Float32Array[], metric: Metric): Promise<Made> {
  const dim = vectors[0]!.length;
  const sample = wholeOf(vectors, dim);
  const coders = {
    coarse: rabitq({ bits: 1 }).fit(sample, { seed: 1 }),
    fine: int8().fit(sample, { seed: 1 }),
  };
  const parts = vectorsKind(coders).build(vectors);
  const built = await buildIndex("disk-graph", parts.get(FINE)!, coders, { metric });
  const source = memorySegment(1, contiguousRows(FIRST, vectors.length), new Map([...parts, ...built]));
  return { source, coders };
}

function wholeOf(vectors: readonly Float32Array[], dim: number): Matrix {
  const whole = matrix(vectors.length, dim);
  vectors.forEach((vector, i) => {
    whole.data.set(vector, i * dim);
  });
  return whole;
}

describe.each([
  { metric: "cosine", dim: 48, rows: 3000 },
  { metric: "dot", dim: 30, rows: 1500 },
  { metric: "l2", dim: 300, rows: 700 },
] as const)("the disk graph of a segment by $metric, $rows rows of $dim values", ({ metric, dim, rows }) => {
  const vectors = madeVectors(rows, dim, 1);
  const queries = madeVectors(20, dim, 2);
  const made = segmentOf(vectors, metric);

  async function recall(filter?: RowSet): Promise<number> {
    const { source, coders } = await made;
    using index = new FlatIndex({ coders, metric, finder: (one) => openIndex("disk-graph", one) });
    await index.attach(source);
    const all = wholeOf(vectors, dim);
    let found = 0;
    for (const query of queries) {
      const isAllowed = (row: number): boolean => filter?.has(FIRST + row) ?? true;
      const right = exactRows(metric, all, query, isAllowed, K);
      const hits = await index.search(query, { k: K, ...(filter ? { filter } : {}) });
      expect(hits.rows.every((row) => isAllowed(row - FIRST))).toBe(true);
      found += right.filter((row) => hits.rows.includes(FIRST + row)).length;
    }
    return found / (queries.length * K);
  }

  test("names the rows that an exact search finds, all and those that a filter lets through", async () => {
    expect(await recall()).toBeGreaterThan(0.92);
    for (const share of [2, 10, 40])
      expect(
        await recall(RowSet.from(vectors.flatMap((_, i) => (i % share === 0 ? [FIRST + i] : [])))),
      ).toBeGreaterThan(0.92);
  });

  test("holds what the plan says, and no fine rows", async () => {
    const { source } = await made;
    expect(hasIndex(source, "disk-graph")).toBe(true);
    expect(hasIndex(source, "graph")).toBe(false);
    using finder = await openIndex("disk-graph", source);
    finder.find(queries[0]!, { k: K, matching: rows });
    const held = finder.memory().reduce((sum, { bytes }) => sum + bytes, 0);
    expect(held / diskGraphBytes(rows, dim)).toBeGreaterThan(0.9);
    expect(held / diskGraphBytes(rows, dim)).toBeLessThan(1.05);
  });
});

test("a segment of one row, of equal ones and of some that are zero", async () => {
  const [one] = madeVectors(1, 40, 1);
  for (const vectors of [
    [one!],
    Array.from({ length: 60 }, () => one!),
    [one!, new Float32Array(40), one!],
  ]) {
    const { source } = await segmentOf(vectors, "cosine");
    using finder = await openIndex("disk-graph", source);
    const found = (await finder.find(one!, { k: vectors.length, matching: vectors.length }))!;
    expect([...found].sort((a, b) => a - b)).toEqual(vectors.map((_, i) => i));
  }
});

test("building stops when it is told to", async () => {
  const stop = new AbortController();
  const vectors = madeVectors(2000, 32, 1);
  const whole = wholeOf(vectors, 32);
  const coders = {
    coarse: rabitq({ bits: 1 }).fit(whole, { seed: 1 }),
    fine: int8().fit(whole, { seed: 1 }),
  };
  const fine = coders.fine.encode(whole);
  const built = buildIndex("disk-graph", fine, coders, {
    metric: "cosine",
    signal: stop.signal,
    onBuilt: (rows) => rows > 300 && stop.abort(),
  });
  await expect(built).rejects.toMatchObject({ code: "CANCELLED" });
});
