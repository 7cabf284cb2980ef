/** Lists under random changes, closed and opened in between: what a search that looks everywhere finds is what an exact one finds. */
import fc from "fast-check";
import { expect, test } from "vitest";
import { type Matrix, matrix, rowOf, rowsOf } from "../../../linalg/index.ts";
import { memoryStore, type Store } from "../../../storage/index.ts";
import type { Hits } from "../../hits.ts";
import { RowSet } from "../../row-set.ts";
import { buildSpann } from "./build.ts";
import { gaussian, MadeUp } from "./made-up.test.support.ts";
import { blocksAt, NAMESPACE } from "./postings.ts";
import { SpannIndex, type SpannOptions } from "./spann.ts";

const DIM = 20;
const LIMIT = 24;
const BUILT = 150;
const ROWS = 3000;
const clustered = new MadeUp(DIM, 9).rows(ROWS);
const scattered = gaussian(ROWS, DIM, 4);
const queries = new MadeUp(DIM, 9).queries(3);
const ALL: SpannOptions = { lists: 4000, pruning: { rule: "none" }, confidence: 4 };

const step = fc.oneof(
  fc.record({
    kind: fc.constant("insert" as const),
    count: fc.integer({ min: 1, max: 250 }),
    isSame: fc.boolean(),
  }),
  fc.record({ kind: fc.constant("delete" as const), share: fc.constantFrom(2, 3, 7) }),
  fc.constant({ kind: "empty" as const }),
  fc.record({ kind: fc.constant("clean" as const), leastDead: fc.constantFrom(0, 0.3) }),
  fc.constant({ kind: "open" as const }),
);

/** Copies of a row in two lists are coded by two centres: its score is that of the copy that is met first. */
const NOISE = 0.1;
const scoreOf = ({ rows, scores }: Hits, row: number): number => scores[rows.indexOf(row)]!;

/** Distances of all live rows, the slow way; nearest first. */
function exactly(
  rows: Matrix,
  live: ReadonlySet<number>,
  query: Float32Array,
): { row: number; far: number }[] {
  const scored = [...live].map((row) => ({
    row,
    far: rowOf(rows, row).reduce((sum, value, i) => sum + (value - query[i]!) ** 2, 0),
  }));
  return scored.sort((a, b) => a.far - b.far || a.row - b.row);
}

/** Rows of each list as they are stored. */
function listSizes(store: Store): number[] {
  return [...store.range(NAMESPACE, { prefix: ["test", "list"] })].map(({ value }) => {
    const rows = new DataView(value.buffer, value.byteOffset).getUint32(4, true);
    expect(value.length).toBeGreaterThan(blocksAt(rows));
    return rows;
  });
}

async function checked(
  index: SpannIndex,
  store: Store,
  rows: Matrix,
  live: ReadonlySet<number>,
): Promise<void> {
  expect(index.about.rows).toBe(live.size);
  for (const held of listSizes(store)) expect(held).toBeLessThanOrEqual(LIMIT);
  const odd = RowSet.from([...live].filter((row) => row % 2 === 1));
  for (let q = 0; q < queries.rows; q++) {
    const query = rowOf(queries, q);
    const right = exactly(rows, live, query);
    const every = await index.search(query, { k: ROWS });
    expect([...every.rows].sort((a, b) => a - b)).toEqual([...live].sort((a, b) => a - b));
    expect((await index.search(query, { k: ROWS, filter: odd })).rows).toHaveLength(odd.count);
    const best = new Set(right.slice(0, 10).map(({ row }) => row));
    const { rows: near, scores } = await index.search(query, { k: 10 });
    let found = 0;
    near.forEach((row, i) => {
      // equal rows and int8 codes: as near is right too
      const far = right.find((one) => one.row === row)!.far;
      expect(scores[i]).toBeCloseTo(-far, 0);
      if (best.has(row) || far <= right[best.size - 1]!.far * 1.02 + 0.02) found++;
    });
    expect(found).toBe(best.size);
    const minScore = every.scores[Math.floor(every.scores.length / 2)] ?? 0;
    const range = await index.search(query, { k: ROWS, minScore });
    const inside = every.rows.filter((_, i) => every.scores[i]! >= minScore + NOISE);
    for (const row of inside) expect(range.rows).toContain(row);
    for (const row of range.rows) expect(scoreOf(every, row)).toBeGreaterThan(minScore - NOISE);
    if (every.rows.length < 12) continue;
    const after = { score: every.scores[5]!, row: every.rows[5]! };
    const page = await index.search(query, { k: 6, after });
    expect(page.rows).toHaveLength(6);
    expect(page.rows).not.toContain(after.row);
    for (const row of page.rows) expect(scoreOf(every, row)).toBeLessThan(after.score + NOISE);
    expect(page.scores[5]).toBeGreaterThan(every.scores[11]! - NOISE);
  }
}

test.each([
  ["clustered", clustered, "rabitq1"],
  ["scattered", scattered, "pq4"],
] as const)("%s rows come and go", async (_, rows, codes) => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(step, { minLength: 2, maxLength: 9 }),
      fc.constantFrom(0, 60, undefined),
      async (steps, pendingRows) => {
        const own = matrix(ROWS, DIM, rows.data.slice());
        const store = memoryStore();
        await buildSpann(store, "test", rowsOf(own, 0, BUILT), { metric: "l2", limit: LIMIT, codes });
        const options = { ...ALL, ...(pendingRows === undefined ? {} : { pendingRows }) };
        let index = await SpannIndex.open(store, "test", options);
        const live = new Set(Array.from({ length: BUILT }, (_, row) => row));
        let next = BUILT;
        for (const one of steps) {
          switch (one.kind) {
            case "insert": {
              const ids = Uint32Array.from({ length: one.count }, (_, i) => next + i);
              if (one.isSame) for (const id of ids) own.data.set(rowOf(own, 3), id * DIM);
              await index.insert(rowsOf(own, next, next + one.count), ids);
              for (const id of ids) live.add(id);
              next += one.count;
              break;
            }
            case "delete":
            case "empty": {
              const gone = [...live].filter((row) => one.kind === "empty" || row % one.share === 1);
              expect(await index.delete([...gone, ...gone])).toBe(gone.length);
              for (const row of gone) live.delete(row);
              break;
            }
            case "clean":
              await index.clean({ leastDead: one.leastDead });
              break;
            case "open":
              index[Symbol.dispose]();
              index = await SpannIndex.open(store, "test", options);
              break;
            default:
              one satisfies never;
          }
        }
        await checked(index, store, own, live);
        index[Symbol.dispose]();
        using again = await SpannIndex.open(store, "test", options);
        await checked(again, store, own, live);
      },
    ),
    { seed: 6, numRuns: 15 },
  );
});
