/**
 * Vectors on disk that come and go: ten rounds in which 5% are deleted and 5% come from other clusters, 100,000 x 128 rows (--scale multiplies, so
 * at 10 a million rows see a million updates), while searches go on without a break. Recall, latency and bytes beside an index built anew.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setImmediate } from "node:timers/promises";
import { exactNearest } from "../src/eval/exact-nearest.ts";
import { Manifold } from "../src/eval/synth-manifold.ts";
import { buildSpann } from "../src/index/vector/spann/build.ts";
import { SpannIndex } from "../src/index/vector/spann/spann.ts";
import { type Matrix, matrix, rowOf } from "../src/linalg/matrix.ts";
import { Random } from "../src/linalg/random.ts";
import { lmdbStore, type Store } from "../src/storage/index.ts";
import { type Figure, printFigure, quantile, switches } from "./row.ts";
import { cpuOf } from "./spann-peers.ts";

const BENCH = "spann-churn";
const [ROWS, DIM, QUERIES, K] = [100_000, 128, 500, 10];
const [ROUNDS, SHARE] = [10, 0.05];
/** Clusters that rows of a round come from, further on in each. */
const SHIFT = 7;
/** Rows from which on only every so many rounds are compared with an index built anew. */
const [COMPARED_ROWS, FEW] = [200_000, 5];
/** Rows of one call. */
const INSERTED = 1000;

const figure = (figure: Figure): void => printFigure(BENCH, figure);

/** Rows that are there: where each lies in one matrix, by id. A million views of it would be what the collector stops searches for. */
class Live {
  readonly #places = new Map<number, number>();
  readonly #rows: Matrix;

  /** @param rows owned, those of ids from 0 on */
  constructor(rows: Matrix) {
    this.#rows = rows;
    for (let r = 0; r < rows.rows; r++) this.#places.set(r, r);
  }

  get ids(): Uint32Array {
    return Uint32Array.from(this.#places.keys());
  }

  /** Row `id` comes in the place of row `gone`. */
  replace(gone: number, id: number, values: Float32Array): void {
    const place = this.#places.get(gone)!;
    this.#places.delete(gone);
    this.#places.set(id, place);
    rowOf(this.#rows, place).set(values);
  }

  get(id: number): Float32Array {
    return rowOf(this.#rows, this.#places.get(id)!);
  }
}

/** Searches one after the other, each as soon as the thread is free, until it is stopped. */
class Searching {
  /** From the end of one to the end of the next: also what the thread was kept from searching by. */
  readonly gaps: number[] = [];
  /** The process's CPU of the same spans, milliseconds: what of a pause is its own work, whoever else runs. */
  readonly cpuMs: number[] = [];
  readonly #done: Promise<void>;
  #isOver = false;

  constructor(index: SpannIndex, queries: Matrix) {
    this.#done = this.#search(index, queries);
  }

  async stop(): Promise<void> {
    this.#isOver = true;
    await this.#done;
  }

  async #search(index: SpannIndex, queries: Matrix): Promise<void> {
    let last = performance.now();
    let cpu = process.cpuUsage();
    for (let q = 0; !this.#isOver; q = (q + 1) % queries.rows) {
      await index.search(rowOf(queries, q), { k: K });
      const now = performance.now();
      this.gaps.push(now - last);
      this.cpuMs.push(cpuOf(cpu));
      cpu = process.cpuUsage();
      last = now;
      await setImmediate();
    }
  }
}

interface Measured {
  readonly recall: number;
  readonly ms: readonly number[];
  readonly lists: number;
}

async function measure(index: SpannIndex, queries: Matrix, truth: Uint32Array): Promise<Measured> {
  const ms: number[] = [];
  let found = 0;
  const { lists } = index.counts;
  for (let q = 0; q < queries.rows; q++) {
    const known = new Set(truth.subarray(q * K, (q + 1) * K));
    const started = performance.now();
    const hits = await index.search(rowOf(queries, q), { k: K });
    ms.push(performance.now() - started);
    for (const row of hits.rows) if (known.has(row)) found++;
  }
  const read = (index.counts.lists - lists) / queries.rows;
  return { recall: found / (K * queries.rows), ms, lists: read };
}

/** One round. @returns milliseconds for each update */
async function churn(index: SpannIndex, live: Live, round: number, random: Random): Promise<number> {
  const { ids } = live;
  const count = Math.round(ids.length * SHARE);
  const dead = random.shuffle(random.sample(ids.length, count).map((place) => ids[place]!));
  const first = index.about.lastRow + 1;
  const fresh = matrix(count, DIM);
  new Manifold(DIM, { shift: SHIFT * round }).fill(first, fresh.data);
  const started = performance.now();
  for (let at = 0; at < count; at += INSERTED) {
    const some = Math.min(INSERTED, count - at);
    await index.delete(dead.slice(at, at + some));
    const rows = matrix(some, DIM, fresh.data.subarray(at * DIM, (at + some) * DIM));
    await index.insert(
      rows,
      Uint32Array.from({ length: some }, (_, i) => first + at + i),
    );
  }
  await index.clean();
  const ms = (performance.now() - started) / (2 * count);
  dead.forEach((id, i) => live.replace(id, first + i, rowOf(fresh, i)));
  return ms;
}

/** The same rows in an index that is built anew, in a store of its own. */
async function anew(
  live: Live,
  queries: Matrix,
): Promise<{ fresh: Measured; truth: Uint32Array; bytes: number }> {
  const { ids } = live;
  const rows = matrix(ids.length, DIM);
  ids.forEach((id, i) => rows.data.set(live.get(id), i * DIM));
  const truth = exactNearest(rows, queries, K).map((place) => ids[place]!);
  return withStore(async (store) => {
    await buildSpann(store, "anew", rows, { ids });
    using index = await SpannIndex.open(store, "anew");
    const fresh = await measure(index, queries, truth);
    await store.compact();
    return { fresh, truth, bytes: store.stats().bytes };
  });
}

async function withStore<T>(work: (store: Store) => Promise<T>): Promise<T> {
  const folder = mkdtempSync(join(tmpdir(), "mneme-churn-"));
  const store = await lmdbStore(folder, { commitThread: true });
  try {
    return await work(store);
  } finally {
    await store.close();
    rmSync(folder, { recursive: true });
  }
}

/** Recall and latency of a round beside those of an index built anew. @returns its bytes */
async function compare(index: SpannIndex, live: Live, round: number): Promise<number> {
  const queries = new Manifold(DIM, { shift: SHIFT * round }).queries(QUERIES);
  const { fresh, truth, bytes } = await anew(live, queries);
  const changed = await measure(index, queries, truth);
  figure({
    metric: `recall lost, round ${round}`,
    unit: "points",
    ours: 100 * (fresh.recall - changed.recall),
    better: "less",
    atMost: 1,
    note: `${changed.recall.toFixed(3)} beside ${fresh.recall.toFixed(3)}, lists a query ${changed.lists.toFixed(1)} beside ${fresh.lists.toFixed(1)}, median ${quantile(changed.ms, 0.5).toFixed(2)} ms beside ${quantile(fresh.ms, 0.5).toFixed(2)}`,
  });
  return bytes;
}

async function main(store: Store): Promise<void> {
  const start = new Manifold(DIM).rows(Math.round(ROWS * switches.scale));
  await buildSpann(store, "changed", start);
  const live = new Live(start);
  using index = await SpannIndex.open(store, "changed");
  const random = new Random(5);
  const gaps: number[] = [];
  const cpuMs: number[] = [];
  const updateMs: number[] = [];
  let bytes = 0;
  for (let round = 1; round <= ROUNDS; round++) {
    const searching = new Searching(index, new Manifold(DIM, { shift: SHIFT * round }).queries(QUERIES));
    updateMs.push(await churn(index, live, round, random));
    await searching.stop();
    for (const gap of searching.gaps) gaps.push(gap);
    for (const ms of searching.cpuMs) cpuMs.push(ms);
    console.log(
      `# round ${round}: ${updateMs.at(-1)!.toFixed(2)} ms an update, ${searching.gaps.length} searches, pause p99 ${quantile(searching.gaps, 0.99).toFixed(1)} ms, CPU of it ${quantile(searching.cpuMs, 0.99).toFixed(1)} ms, longest ${quantile(searching.gaps, 1).toFixed(0)} ms`,
    );
    if (round % (start.rows > COMPARED_ROWS ? FEW : 1) === 0) bytes = await compare(index, live, round);
  }
  await store.compact();
  const updates = Math.round(2 * ROUNDS * SHARE * start.rows);
  const note = `${gaps.length} searches beside ${updates} updates`;
  const pause = { unit: "ms", better: "less" } as const;
  figure({ ...pause, metric: "pause of searches under updates, median", ours: quantile(gaps, 0.5), note });
  figure({
    ...pause,
    metric: "pause of searches under updates, p99",
    ours: quantile(gaps, 0.99),
    atMost: 50,
  });
  figure({
    ...pause,
    metric: "CPU of a pause, p99",
    ours: quantile(cpuMs, 0.99),
    note: "all threads of the process",
  });
  figure({ ...pause, metric: "pause of searches under updates, longest", ours: quantile(gaps, 1) });
  figure({
    ...pause,
    metric: "an update under searches",
    ours: updateMs.reduce((a, b) => a + b, 0) / ROUNDS,
  });
  figure({
    system: "built anew",
    metric: "disk after compaction",
    unit: "MB",
    ours: store.stats().bytes / 1e6,
    baseline: bytes / 1e6,
    better: "less",
    atLeast: 1 / 1.3,
  });
  const { lists, copies, limit } = index.about;
  figure({ metric: "longest list over the mean", unit: "", ours: limit / (copies / lists), better: "less" });
}

void withStore(main);
