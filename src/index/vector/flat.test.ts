import fc from "fast-check";
import { describe, expect, test, vi } from "vitest";
import { f32, pq, rabitq } from "../../codecs/index.ts";
import { kernels, LazyPool } from "../../kernels/index.ts";
import { matrix, rowOf } from "../../linalg/matrix.ts";
import { Random } from "../../linalg/random.ts";
import { RowSet } from "../row-set.ts";
import { contiguousRows, memorySegment, type Parts, type RowIds, rowIdsOf } from "../segment.ts";
import { Shortlist } from "../shortlist.ts";
import { FlatIndex } from "./flat.ts";
import { vectorsKind } from "./vectors-kind.ts";

const DIM = 32;

function vectors(count: number, seed: number): Float32Array[] {
  const random = new Random(seed);
  return Array.from({ length: count }, () => Float32Array.from({ length: DIM }, () => random.gaussian()));
}

const coders = {
  coarse: rabitq({ bits: 1 }).fit(matrix(0, DIM)),
  fine: f32().fit(matrix(0, DIM)),
};

/** Two segments, one of them with gaps in its rows, and a tail; everything is re-scored, so results are exact. */
async function indexOf(all: readonly Float32Array[]): Promise<{ index: FlatIndex; rows: number[] }> {
  const index = new FlatIndex({ coders, minRescore: 10_000 });
  const third = Math.floor(all.length / 3);
  const gaps = Array.from({ length: third }, (_, i) => third + 3 * i + 1);
  const parts = (some: readonly Float32Array[]): Parts => vectorsKind(coders).build(some);
  const attach = (id: number, ids: RowIds, some: readonly Float32Array[]): Promise<void> =>
    index.attach(memorySegment(id, ids, parts(some)));
  await attach(2, rowIdsOf(gaps), all.slice(third, 2 * third));
  await attach(1, contiguousRows(0, third), all.slice(0, third));
  const rows = [...Array.from({ length: third }, (_, i) => i), ...gaps];
  for (const vector of all.slice(2 * third)) {
    rows.push((rows.at(-1) ?? -1) + 2);
    index.append(rows.at(-1)!, vector);
  }
  return { index, rows };
}

const cosine = (a: Float32Array, b: Float32Array): number => {
  const [ab, aa, bb] = [dot(a, b), dot(a, a), dot(b, b)];
  return ab / Math.sqrt(aa * bb);
};
const dot = (a: Float32Array, b: Float32Array): number => a.reduce((sum, x, i) => sum + x * b[i]!, 0);

describe("FlatIndex", () => {
  test.each([
    ["every row", undefined],
    ["most rows", (row: number) => row % 4 !== 0],
    ["few rows", (row: number) => row % 40 === 3],
    ["no row", () => false],
  ])("finds the nearest of %s, in order, and goes on after a cursor", async (_, allows) => {
    const all = vectors(600, 5);
    const { index, rows } = await indexOf(all);
    const filter = allows && RowSet.from(rows.filter(allows));
    for (const query of vectors(5, 6)) {
      const expected = rows
        .map((row, i) => ({ row, score: cosine(query, all[i]!) }))
        .filter(({ row }) => !filter || filter.has(row))
        .sort((a, b) => b.score - a.score);
      const options = filter ? { filter } : {};
      const hits = await index.search(query, { k: 12, ...options });
      expect([...hits.rows]).toEqual(expected.slice(0, 12).map(({ row }) => row));
      hits.scores.forEach((score, i) => expect(score).toBeCloseTo(expected[i]!.score, 4));
      if (hits.rows.length < 12) continue;
      const after = { score: hits.scores[11]!, row: hits.rows[11]! };
      const next = await index.search(query, { k: 5, after, ...options });
      expect([...next.rows]).toEqual(expected.slice(12, 17).map(({ row }) => row));
    }
  });

  test("finds all rows of a score, also under a filter", async () => {
    const all = vectors(900, 15);
    const { index, rows } = await indexOf(all);
    const filter = RowSet.from(rows.filter((row) => row % 3 !== 0));
    for (const query of vectors(3, 16)) {
      for (const minScore of [0.9, 0.3, 0, -1]) {
        for (const more of [{}, { filter }]) {
          const expected = rows
            .map((row, i) => ({ row, score: cosine(query, all[i]!) }))
            .filter(({ row, score }) => score >= minScore && (more.filter?.has(row) ?? true));
          const hits = await index.range(query, { minScore, ...more });
          expect([...hits.rows].sort((a, b) => a - b)).toEqual(
            expected.map(({ row }) => row).sort((a, b) => a - b),
          );
        }
      }
    }
  });

  test("taken vectors score as a search does, and rows that are not there are NaN", async () => {
    const all = vectors(90, 7);
    const { index, rows } = await indexOf(all);
    const [query] = vectors(1, 8);
    const wanted = Uint32Array.from([rows[0]!, rows[1]!, rows[29]! + 1, rows[40]!, rows[89]!]).sort();
    const taken = await index.take(wanted);
    const scores = taken.score(query!);
    wanted.forEach((row, i) => {
      const at = rows.indexOf(row);
      if (at < 0) expect(scores[i]).toBeNaN();
      else {
        expect(scores[i]).toBeCloseTo(cosine(query!, all[at]!), 4);
        expect([...taken.vector(i)]).toEqual([...all[at]!]);
      }
    });
  });

  test("detached segments and a trimmed tail are no longer found; their memory is given back", async () => {
    const all = vectors(90, 9);
    const { index, rows } = await indexOf(all);
    index.detach(1);
    index.trimTail(rows.at(-1)!);
    const hits = await index.search(all[0]!, { k: 90 });
    expect([...hits.rows].sort((a, b) => a - b)).toEqual(rows.slice(30, 60));
    index.detach(2);
    expect(index.memory().find(({ name }) => name === "vectors: tail")!.bytes).toBe(0);
  });
});

test("closed while a segment is attached, it keeps no kernel memory", async () => {
  const parts = vectorsKind(coders).build(vectors(500, 3));
  const segment = memorySegment(1, contiguousRows(0, 500), parts);
  const before = kernels().arena.bytes;
  const index = new FlatIndex({ coders });
  const attaching = index.attach({ ...segment, read: async (ranges) => segment.read(ranges) });
  index[Symbol.dispose]();
  await expect(attaching).rejects.toMatchObject({ code: "DISPOSED" });
  expect(kernels().arena.bytes).toBe(before);
});

test("takes vectors wherever they lie: rows of the tail may come before those of a segment", async () => {
  const all = vectors(12, 8);
  const index = new FlatIndex({ coders });
  const parts = vectorsKind(coders).build(all.slice(4, 8));
  await index.attach(memorySegment(1, contiguousRows(4, 4), parts));
  for (const row of [1, 2, 9]) index.append(row, all[row]!);
  const rows = Uint32Array.of(1, 2, 3, 5, 6, 9);
  using taken = await index.take(rows);
  const scores = taken.score(all[0]!);
  rows.forEach((row, place) => {
    if (row === 3) expect(scores[place]).toBeNaN();
    else expect(scores[place]).toBeCloseTo(cosine(all[0]!, all[row]!), 5);
    expect([...taken.vector(place)]).toEqual(row === 3 ? new Array(DIM).fill(0) : [...all[row]!]);
  });
});

test.each([rabitq({ bits: 1 }), pq({ parts: 10, bits: 4 })])(
  "other threads scan what this one would: %o",
  async (codec) => {
    await using pool = new LazyPool(kernels());
    const all = vectors(20_000, 9);
    const sample = matrix(1000, DIM);
    all.slice(0, 1000).forEach((vector, r) => sample.data.set(vector, r * DIM));
    const coders = { coarse: codec.fit(sample), fine: f32().fit(sample) };
    const make = async (own?: LazyPool): Promise<FlatIndex> => {
      const index = new FlatIndex({ coders, ...(own ? { pool: own } : {}) });
      let first = 0;
      for (const [id, rows] of [17_000, 1000, 1900].entries()) {
        const parts = vectorsKind(coders).build(all.slice(first, first + rows));
        await index.attach(memorySegment(id, contiguousRows(first, rows), parts));
        first += rows;
      }
      all.slice(first).forEach((vector, i) => index.append(first + i, vector));
      return index;
    };
    using alone = await make();
    using shared = await make(pool);
    const fork = vi.spyOn(await vi.waitUntil(() => pool.pool), "fork");
    const queries = vectors(20, 10);
    const begun = shared.begin(queries[0]!, { k: 5 });
    for (const query of queries) {
      const expected = await alone.search(query, { k: 30 });
      expect(await shared.search(query, { k: 30 })).toEqual(expected);
    }
    expect(await begun.finish()).toEqual(await alone.search(queries[0]!, { k: 5 }));
    begun[Symbol.dispose]();
    expect(fork.mock.results.filter(({ value }) => value !== undefined).length).toBeGreaterThan(0);
    // begun, never finished: its threads are waited for before anything is freed
    shared.begin(queries[1]!, { k: 5 })[Symbol.dispose]();
    for (const query of queries)
      expect(await shared.search(query, { k: 7 })).toEqual(await alone.search(query, { k: 7 }));
  },
);

describe("the scan layout of 1-bit codes", () => {
  test.each(["dot", "cosine", "l2"] as const)("scores %s as row codes do, whatever the width", (metric) => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 200 }),
        fc.integer({ min: 1, max: 80 }),
        fc.integer(),
        (dim, rows, seed) => {
          const random = new Random(seed);
          const data = matrix(rows, dim);
          data.data.forEach((_, i) => {
            data.data[i] = random.gaussian();
          });
          const coder = rabitq({ bits: 1 }).fit(matrix(0, dim));
          const codes = coder.encode(data);
          const scorer = coder.scorer(rowOf(data, 0), metric);
          const expected = new Float32Array(rows);
          scorer.score(codes, 0, rows, expected);
          const { scan } = coder;
          const got = new Float32Array(Math.ceil(rows / scan!.rows) * scan!.rows);
          scorer.scoreBlocks!(scan!.arrange(codes, rows), got);
          expected.forEach((score, i) => expect(got[i]).toBeCloseTo(score, 3));
        },
      ),
      { seed: 12, numRuns: 60 },
    );
  });
});

test("a shortlist keeps the best of a stream", () => {
  fc.assert(
    fc.property(
      fc.array(fc.integer({ min: 0, max: 500 }), { maxLength: 400 }),
      fc.integer({ min: 1, max: 30 }),
      (scores, capacity) => {
        const list = new Shortlist(capacity);
        scores.forEach((score, place) => list.push(score, place));
        const places = list.finish();
        const best = [...scores].sort((a, b) => b - a).slice(0, capacity);
        expect(Array.from(places, (place) => scores[place]!).sort((a, b) => b - a)).toEqual(best);
        expect([...places]).toEqual([...places].sort((a, b) => a - b));
      },
    ),
    { seed: 13, numRuns: 500 },
  );
});
