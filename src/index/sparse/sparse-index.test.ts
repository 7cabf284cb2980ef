import fc from "fast-check";
import { expect, test } from "vitest";
import { Random } from "../../linalg/random.ts";
import { RowSet } from "../row-set.ts";
import { contiguousRows, memorySegment, rowIdsOf } from "../segment.ts";
import { SparseIndex } from "./sparse-index.ts";
import { sparseKind } from "./sparse-kind.ts";
import { checkSparse, SPARSE_STEP, type SparseVector } from "./weights.ts";

/** Tokens of a Zipf-like vocabulary, so that some lists have many blocks. */
function vectors(count: number, seed: number): SparseVector[] {
  const random = new Random(seed);
  const token = (): string => `t${Math.floor(300 ** random.uniform())}`;
  return Array.from({ length: count }, () =>
    Object.fromEntries(Array.from({ length: 1 + random.integer(12) }, () => [token(), 5 * random.uniform()])),
  );
}

const quantised = (weight: number): number => Math.round(weight / SPARSE_STEP) * SPARSE_STEP;

/** Slow and obvious. */
function reference(rows: readonly SparseVector[], query: SparseVector): number[] {
  return rows.map((row) =>
    Object.entries(query).reduce((sum, [token, weight]) => sum + weight * quantised(row[token] ?? 0), 0),
  );
}

function best(scores: readonly number[], k: number): number[] {
  const order = scores.map((_, row) => row).filter((row) => scores[row]! > 0);
  return order.sort((a, b) => Math.fround(scores[b]!) - Math.fround(scores[a]!) || a - b).slice(0, k);
}

test("segments, tail and filters rank as every inner product would", async () => {
  const rows = vectors(3000, 1);
  using index = new SparseIndex();
  await index.attach(memorySegment(2, contiguousRows(1000, 1000), sparseKind.build(rows.slice(1000, 2000))));
  await index.attach(memorySegment(1, contiguousRows(0, 1000), sparseKind.build(rows.slice(0, 1000))));
  for (let row = 2000; row < 3000; row++) index.append(row, rows[row]!);
  const filter = RowSet.from(rows.map((_, row) => row).filter((row) => row % 3 === 0));
  for (const query of vectors(20, 2)) {
    const scores = reference(rows, query);
    const { rows: found, scores: own } = await index.search(query, { k: 10 });
    expect([...found].map((row) => scores[row]!.toFixed(4))).toEqual(
      best(scores, 10).map((row) => scores[row]!.toFixed(4)),
    );
    own.forEach((score, i) => expect(score).toBeCloseTo(scores[found[i]!]!, 4));
    const filtered = await index.search(query, { k: 10, filter });
    const few = best(
      scores.map((score, row) => (row % 3 === 0 ? score : 0)),
      10,
    );
    expect([...filtered.rows].map((row) => scores[row]!.toFixed(4))).toEqual(
      few.map((row) => scores[row]!.toFixed(4)),
    );
    const asked = Uint32Array.of(0, 7, 999, 1500, 2500, 2999);
    (await index.score(query, asked)).forEach((score, i) => expect(score).toBeCloseTo(scores[asked[i]!]!, 4));
  }
  index.detach(1);
  index.trimTail(2998);
  const { rows: left } = await index.search({ t1: 1, t2: 1, t3: 1 }, { k: 5000 });
  expect([...left].every((row) => (row >= 1000 && row < 2000) || row === 2999)).toBe(true);
});

test("merging is building what is left, also beside segments without vectors", () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 0, max: 1000 }),
      fc.array(fc.boolean(), { minLength: 60, maxLength: 60 }),
      (seed, kept) => {
        const rows = [...vectors(40, seed), ...new Array<undefined>(20)];
        const live = RowSet.from(kept.flatMap((keep, row) => (keep ? [row] : [])));
        const merged = sparseKind.merge(
          [
            { rows: contiguousRows(0, 20), parts: sparseKind.build(rows.slice(0, 20)) },
            {
              rows: rowIdsOf(Array.from({ length: 20 }, (_, i) => 20 + i)),
              parts: sparseKind.build(rows.slice(20, 40)),
            },
            { rows: contiguousRows(40, 20), parts: sparseKind.build(rows.slice(40)) },
          ],
          live,
        );
        const left = rows.filter((_, row) => kept[row]);
        if (left.some((row) => row)) expect(merged).toEqual(sparseKind.build(left));
      },
    ),
    { seed: 55, numRuns: 30 },
  );
  expect(sparseKind.build([undefined, undefined]).size).toBe(0);
});

test("what is no sparse vector is refused by its token", () => {
  const refused: [unknown, string, RegExp][] = [
    [[1, 2], "ARGUMENT", /an object \{ token: weight \}, got \[1,2\]/],
    [null, "ARGUMENT", /got null/],
    [{ a: "1" }, "ARGUMENT", /token "a": weight must be a number, got string/],
    [{ a: Number.NaN }, "NOT_FINITE", /token "a"/],
    [{ a: -1 }, "RANGE", /from 0 to 511, got -1/],
    [{ a: 1e6 }, "RANGE", /token "a"/],
    [{ "": 1 }, "RANGE", /1 to 256 bytes/],
    [{ ["x".repeat(300)]: 1 }, "RANGE", /1 to 256 bytes/],
    [{}, "ZERO_VECTOR", /no token/],
    [{ a: 0.001 }, "ZERO_VECTOR", /scale the weights/],
  ];
  for (const [vector, code, message] of refused) {
    expect(() => checkSparse(vector, "add")).toThrow(message);
    expect(() => checkSparse(vector, "add")).toThrow(expect.objectContaining({ code }));
  }
  checkSparse({ a: 1, b: 0 }, "add");
});
