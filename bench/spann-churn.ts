/**
 * Vectors on disk that come and go: rounds of 10% deleted and 10% added from other clusters, 30,000 x 128 rows (--scale multiplies). Recall and
 * latency beside an index that is built anew from the same rows.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { exactNearest } from "../src/eval/exact-nearest.ts";
import { Manifold } from "../src/eval/synth-manifold.ts";
import { buildSpann } from "../src/index/vector/spann/build.ts";
import { SpannIndex } from "../src/index/vector/spann/spann.ts";
import { type Matrix, matrix, rowOf } from "../src/linalg/matrix.ts";
import { Random } from "../src/linalg/random.ts";
import { lmdbStore } from "../src/storage/index.ts";
import { printFigure, quantile, switches } from "./row.ts";

const BENCH = "spann-churn";
const [ROWS, DIM, QUERIES, K] = [30_000, 128, 300, 10];
const [ROUNDS, SHARE] = [5, 0.1];
/** Clusters that rows of a round come from, further on in each. */
const SHIFT = 7;

interface Live {
  readonly ids: number[];
  readonly rows: Map<number, Float32Array>;
}

interface Measured {
  readonly recall: number;
  readonly p99: number;
  readonly lists: number;
}

async function measure(
  index: SpannIndex,
  queries: Matrix,
  truth: Uint32Array,
  ids: readonly number[],
): Promise<Measured> {
  const ms: number[] = [];
  let found = 0;
  const { lists } = index.counts;
  for (let q = 0; q < queries.rows; q++) {
    const known = new Set(Array.from(truth.subarray(q * K, (q + 1) * K), (place) => ids[place]!));
    const started = performance.now();
    const hits = await index.search(rowOf(queries, q), { k: K });
    ms.push(performance.now() - started);
    for (const row of hits.rows) if (known.has(row)) found++;
  }
  return {
    recall: found / (K * queries.rows),
    p99: quantile(ms, 0.99),
    lists: (index.counts.lists - lists) / queries.rows,
  };
}

function rowsOfLive({ ids, rows }: Live): Matrix {
  const all = matrix(ids.length, DIM);
  ids.forEach((id, i) => all.data.set(rows.get(id)!, i * DIM));
  return all;
}

/** One round. @returns milliseconds that a row took to add */
async function churn(index: SpannIndex, live: Live, round: number, random: Random): Promise<number> {
  const count = Math.round(live.ids.length * SHARE);
  const dead = random.shuffle([...live.ids]).slice(0, count);
  await index.delete(dead);
  for (const id of dead) live.rows.delete(id);
  const first = index.about.lastRow + 1;
  const fresh = matrix(count, DIM);
  new Manifold(DIM, { shift: SHIFT * round }).fill(first, fresh.data);
  const started = performance.now();
  await index.insert(
    fresh,
    Uint32Array.from({ length: count }, (_, i) => first + i),
  );
  const ms = (performance.now() - started) / count;
  await index.clean();
  for (let i = 0; i < count; i++) live.rows.set(first + i, rowOf(fresh, i));
  live.ids.splice(0, live.ids.length, ...live.rows.keys());
  return ms;
}

async function main(): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), "mneme-churn-"));
  const store = await lmdbStore(folder);
  try {
    const start = new Manifold(DIM).rows(Math.round(ROWS * switches.scale));
    const live: Live = { ids: [], rows: new Map() };
    for (let r = 0; r < start.rows; r++) live.rows.set(r, rowOf(start, r));
    live.ids.push(...live.rows.keys());
    await buildSpann(store, "changed", start);
    using index = await SpannIndex.open(store, "changed");
    const random = new Random(5);
    const added: number[] = [];
    for (let round = 1; round <= ROUNDS; round++) added.push(await churn(index, live, round, random));
    const queries = new Manifold(DIM, { shift: SHIFT * ROUNDS }).queries(QUERIES);
    const rows = rowsOfLive(live);
    const truth = exactNearest(rows, queries, K);
    await buildSpann(store, "anew", rows, { ids: Uint32Array.from(live.ids) });
    using anew = await SpannIndex.open(store, "anew");
    const fresh = await measure(anew, queries, truth, live.ids);
    const changed = await measure(index, queries, truth, live.ids);
    print(index, changed, fresh, added);
  } finally {
    await store.close();
    rmSync(folder, { recursive: true });
  }
}

function print(index: SpannIndex, changed: Measured, fresh: Measured, added: readonly number[]): void {
  const system = "built anew";
  const less = { system, better: "less" } as const;
  printFigure(BENCH, {
    system,
    metric: `recall@10 after ${ROUNDS} rounds`,
    unit: "",
    ours: changed.recall,
    baseline: fresh.recall,
    better: "more",
    atLeast: 0.99,
  });
  printFigure(BENCH, {
    ...less,
    metric: "p99",
    unit: "ms",
    ours: changed.p99,
    baseline: fresh.p99,
    atLeast: 1 / 1.5,
  });
  printFigure(BENCH, {
    ...less,
    metric: "lists a query",
    unit: "",
    ours: changed.lists,
    baseline: fresh.lists,
  });
  const { about } = index;
  printFigure(BENCH, {
    metric: "copies of a row",
    unit: "",
    ours: about.copies / about.rows,
    better: "less",
    note: `${about.lists} heads, ${about.rows} rows`,
  });
  printFigure(BENCH, { metric: "adding a row", unit: "ms", ours: quantile(added, 0.5), better: "less" });
}

void main();
