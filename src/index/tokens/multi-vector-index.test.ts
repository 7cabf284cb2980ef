import { afterEach, describe, expect, it } from "vitest";
import { matrix, rowsOf } from "../../linalg/matrix.ts";
import { RowSet } from "../row-set.ts";
import { madeUpSets, plainMaxSim } from "./made-up.test.support.ts";
import { MultiVectorIndex } from "./multi-vector-index.ts";
import type { MultiVectorOptions } from "./options.ts";
import { restoreTokens, tokenParts } from "./parts.ts";

const DIM = 24;
const documents = madeUpSets(300, DIM, 12, 5);
const queries = documents.slice(0, 20).map((set) => rowsOf(set, 0, Math.min(set.rows, 5)));
const open: MultiVectorIndex[] = [];
afterEach(() => {
  for (const index of open.splice(0)) index[Symbol.dispose]();
});

function filled(options: Partial<MultiVectorOptions> = {}): MultiVectorIndex {
  const index = new MultiVectorIndex({ dim: DIM, ...options });
  open.push(index);
  documents.forEach((set, row) => index.add(row, set));
  return index;
}

/** Rows by plain MaxSim, best first. */
function plainly(
  query: (typeof queries)[number],
  rows: readonly number[],
  k: number,
): { row: number; score: number }[] {
  const scored = rows.map((row) => ({ row, score: plainMaxSim(query, documents[row]!) }));
  return scored.sort((a, b) => b.score - a.score || a.row - b.row).slice(0, k);
}
const everyRow = documents.map((_, row) => row);

describe("MultiVectorIndex", () => {
  it("scores by MaxSim up to the rounding of its bytes", () => {
    const index = filled({ encoding: false });
    for (const query of queries) {
      const { rows, scores } = index.search(query, { k: 5 });
      const expected = plainly(query, everyRow, 5);
      expect(rows[0]).toBe(expected[0]!.row);
      scores.forEach((score, i) => expect(score).toBeCloseTo(expected[i]!.score, 1));
    }
  });

  it("finds nearly all of them by way of encodings", () => {
    const index = filled();
    let found = 0;
    for (const query of queries) {
      const exact = new Set(index.search(query, { k: 10, candidates: "all" }).rows);
      found += index.search(query, { k: 10, candidates: 60 }).rows.filter((row) => exact.has(row)).length;
    }
    expect(found / (queries.length * 10)).toBeGreaterThan(0.9);
  });

  it.each([false, {}] as const)("keeps to filter, minScore, cursor and deletes (encoding %s)", (encoding) => {
    const index = filled({ encoding });
    const filter = RowSet.from(everyRow.filter((row) => row % 3 === 0));
    for (let row = 0; row < 30; row += 2) expect(index.delete(row)).toBe(true);
    expect(index.delete(2)).toBe(false);
    const query = queries[3]!;
    const all = index.search(query, { k: 300, candidates: "all", filter });
    expect([...all.rows].every((row) => row % 3 === 0 && (row >= 30 || row % 2 === 1))).toBe(true);
    expect(all.rows.length).toBe(100 - 5);
    const after = { score: all.scores[9]!, row: all.rows[9]! };
    const next = index.search(query, { k: 10, candidates: 95, filter, after });
    expect([...next.rows]).toEqual([...all.rows.subarray(10, 20)]);
    const some = index.search(query, { k: 300, candidates: "all", filter, minScore: all.scores[4]! });
    expect([...some.rows]).toEqual([...all.rows.subarray(0, 5)]);
  });

  it("answers the same after compacting, and gives room back", () => {
    const index = filled();
    for (let row = 0; row < 300; row += 2) index.delete(row);
    const before = queries.map((query) => index.search(query, { k: 7, candidates: 50 }));
    const vectors = index.vectors;
    const { rows, bytes } = index.compact();
    expect([rows, index.size]).toEqual([150, 150]);
    expect(bytes).toBeGreaterThan(0);
    expect(index.vectors).toBeLessThan(vectors);
    expect(queries.map((query) => index.search(query, { k: 7, candidates: 50 }))).toEqual(before);
    index.add(0, documents[0]!);
    expect(index.search(queries[0]!, { k: 1 }).rows[0]).toBe(0);
  });

  it("scores rows that others chose", () => {
    const index = filled();
    const scores = index.score(queries[1]!, Uint32Array.of(7, 999, 1));
    expect(scores[1]).toBeNaN();
    expect(scores[2]).toBeCloseTo(plainMaxSim(queries[1]!, documents[1]!), 1);
  });

  it("refuses what it cannot use", () => {
    const index = filled({ space: "model@1 24 C8x32" });
    const query = queries[0]!;
    const bad = matrix(2, DIM);
    bad.data[DIM + 3] = Number.NaN;
    expect(() => index.add(1, documents[1]!)).toThrow(/row 1 is there/);
    expect(() => index.add(400, matrix(0, DIM))).toThrow(/document 400 has no vectors/);
    expect(() => index.add(400, matrix(1, DIM + 1))).toThrow(/rows of 25 values/);
    expect(() => index.add(400, bad)).toThrow(/row 1 holds NaN/);
    expect(() => index.add(-1, documents[1]!)).toThrow(/whole number/);
    expect(() => index.search(matrix(0, DIM), { k: 1 })).toThrow(/without vectors/);
    expect(() => index.search(matrix(1, 3), { k: 1 })).toThrow(/rows of 3 values/);
    expect(() => index.search(query, { k: 0 })).toThrow(/k must be/);
    expect(() => index.search(query, { k: 1, space: "model@1 24 C4x8" })).toThrow(
      /the index of model@1 24 C8x32/,
    );
    expect(() => new MultiVectorIndex({ dim: 0 })).toThrow(/dim must be/);
    expect(() => new MultiVectorIndex({ dim: 8, codec: "pq8x4" })).toThrow(/must be trained/);
    expect(index.size).toBe(300);
  });
});

describe("parts of an index of token vectors", () => {
  it.each([false, { repetitions: 4 }] as const)("come back as they were (encoding %s)", (encoding) => {
    const index = filled({ encoding, space: "a space" });
    index.delete(17);
    const back = restoreTokens(tokenParts(index));
    open.push(back);
    expect(back.options.space).toBe("a space");
    for (const query of queries)
      expect(back.search(query, { k: 9, candidates: 40 })).toEqual(
        index.search(query, { k: 9, candidates: 40 }),
      );
    const again = tokenParts(back);
    for (const [name, bytes] of tokenParts(index))
      expect(Buffer.compare(bytes, again.get(name)!), name).toBe(0);
  });

  it("are refused where they do not fit together", () => {
    const parts = tokenParts(filled());
    const without = (name: string, bytes?: Uint8Array): (() => unknown) => {
      const copy = new Map(parts);
      if (bytes) copy.set(name, bytes);
      else copy.delete(name);
      return () => restoreTokens(copy);
    };
    const swapped = parts.get("offsets")!.slice();
    swapped.copyWithin(4, 8, 12);
    for (const name of ["shape", "rows", "offsets", "codes", "scales", "encodings"])
      expect(without(name), name).toThrow(/missing/);
    expect(without("offsets", swapped)).toThrow(/do not ascend/);
    expect(without("codes", parts.get("codes")!.slice(1))).toThrow(/part codes has/);
    expect(without("rows", new Uint8Array(1200))).toThrow(/names a row twice/);
    expect(without("scales", parts.get("scales")!.slice().fill(255))).toThrow(/no scale/);
    expect(without("shape", new Uint8Array(9))).toThrow(/CORRUPT|no serialised/);
  });
});
