import { describe, expect, test } from "vitest";
import { type Matrix, matrix, rowOf, rowsOf } from "../../../linalg/index.ts";
import { memoryStore, type Store } from "../../../storage/index.ts";
import { GRAPH_FROM, GraphHeads } from "./graph-heads.ts";
import { encodeHeads, type Heads, ScannedHeads } from "./heads.ts";
import { exactNearest, MadeUp } from "./made-up.test.support.ts";
import { NAMESPACE } from "./postings.ts";

const DIM = 72;
const made = new MadeUp(DIM, 6);
const centres = made.rows(5000);
const queries = made.queries(30);
const K = 20;

function scanned(rows: Matrix): ScannedHeads {
  const { coder, mean, radius, coarse, fine } = encodeHeads(rows, 1);
  return new ScannedHeads(coder, mean, radius, coarse, fine);
}

/** Share of the K nearest of `rows` that are found; list i is rows[names[i]]. */
function recallOf(heads: Heads, rows: Matrix, lists?: readonly number[]): number {
  const truth = exactNearest(rows, queries, K);
  let found = 0;
  for (let q = 0; q < queries.rows; q++) {
    const places = truth.subarray(q * K, (q + 1) * K);
    const known = new Set(lists ? Array.from(places, (place) => lists[place]!) : places);
    const near = heads.nearest(rowOf(queries, q), K);
    near.distances.forEach((distance, i) => {
      if (i > 0) expect(distance).toBeGreaterThanOrEqual(near.distances[i - 1]!);
    });
    for (const list of near.lists) if (known.has(list)) found++;
  }
  return found / (K * queries.rows);
}

async function written(heads: GraphHeads, store: Store): Promise<void> {
  await store.batch((batch) => heads.write(batch, "test"));
}

/** The heads as they are, with the graph that is stored. */
async function reopened(heads: GraphHeads, store: Store): Promise<GraphHeads> {
  const { coder, mean, radius } = encodeHeads(centres, 1);
  const { coarse, fine } = heads.codes;
  const same = new ScannedHeads(coder, mean, radius, coarse.slice(), fine.slice());
  return GraphHeads.open(store, "test", same);
}

describe("GraphHeads", () => {
  test("finds no less than a scan, and few heads are scanned", async () => {
    using scan = scanned(centres);
    using heads = new GraphHeads(scanned(centres));
    expect(heads.lacksGraph).toBe(true);
    await heads.relink({ seed: 1 });
    expect(heads.lacksGraph).toBe(false);
    expect(heads.bytes).toBeGreaterThan(scan.bytes);
    expect(recallOf(heads, centres)).toBeGreaterThan(Math.max(0.97, recallOf(scan, centres) - 0.01));
    const query = rowOf(queries, 0);
    expect(heads.nearest(query, 5000)).toEqual(scan.nearest(query, 5000));
    using few = new GraphHeads(scanned(rowsOf(centres, 0, GRAPH_FROM - 1)));
    await few.relink({ seed: 1 });
    expect(few.isGraph).toBe(false);
  });

  test("follows centres that come, move and go; and so does what is stored", async () => {
    const store = memoryStore();
    const start = rowsOf(centres, 0, 4500);
    const { coder, mean, radius, ...codes } = encodeHeads(start, 1);
    using heads = new GraphHeads(new ScannedHeads(coder, mean, radius, codes.coarse, codes.fine));
    await heads.relink({ seed: 1 });
    await written(heads, store);
    // those that come lie at the places of 4500 and up, those that move at places of rows that are no centres yet
    const moved = made.rows(5400);
    const rows = new Map<number, Float32Array>();
    for (let list = 0; list < 4500; list++) rows.set(list, rowOf(centres, list));
    for (let list = 4500; list < 4700; list++) rows.set(list, rowOf(centres, list));
    for (let list = 0; list < 200; list++) rows.set(list, rowOf(moved, 5000 + list));
    for (let list = 200; list < 400; list++) rows.delete(list);
    for (const [list, row] of rows) if (list < 200 || list >= 4500) heads.put(list, heads.coded(row));
    for (let list = 200; list < 400; list++) heads.remove(list);
    await written(heads, store);
    const lists = [...rows.keys()];
    const all = matrix(lists.length, DIM);
    lists.forEach((list, i) => all.data.set(rows.get(list)!, i * DIM));
    expect(recallOf(heads, all, lists)).toBeGreaterThan(0.95);
    const bytes = heads.codes;
    const same = new ScannedHeads(coder, mean, radius, bytes.coarse.slice(), bytes.fine.slice());
    using stored = await GraphHeads.open(store, "test", same);
    expect(stored.isGraph).toBe(true);
    expect(recallOf(stored, all, lists)).toBeGreaterThan(0.95);
  });

  test("of which a page is gone, heads are scanned until it is made anew", async () => {
    const store = memoryStore();
    using heads = new GraphHeads(scanned(centres));
    await heads.relink({ seed: 1 });
    await written(heads, store);
    await store.batch((batch) => batch.delete(NAMESPACE, ["test", "heads", "links", 1]));
    using again = await reopened(heads, store);
    expect(again.lacksGraph).toBe(true);
    expect(recallOf(again, centres)).toBeGreaterThan(0.8);
    await again.relink({ seed: 1 });
    await written(again, store);
    using third = await reopened(heads, store);
    expect(third.isGraph).toBe(true);
  });

  test("opened again it finds what it found", async () => {
    const store = memoryStore();
    using heads = new GraphHeads(scanned(centres));
    await heads.relink({ seed: 1 });
    await written(heads, store);
    using again = await reopened(heads, store);
    for (let q = 0; q < queries.rows; q++)
      expect(again.nearest(rowOf(queries, q), K)).toEqual(heads.nearest(rowOf(queries, q), K));
  });
});
