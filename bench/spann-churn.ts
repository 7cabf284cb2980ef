/**
 * Vectors on disk that come and go: ten rounds in which 5% are deleted and 5% come from other clusters, 100,000 x 128 rows (--scale multiplies, so
 * at 10 a million rows see a million updates), while searches go on without a break. Recall, latency and bytes beside an index built anew.
 * --only rabitq1 has lists of 1-bit codes.
 * With --settings '{"keep": FOLDER, "minutes": 8}' it stops between two rounds after so many, and goes on from there when it is run again.
 */
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setImmediate } from "node:timers/promises";
import { exactNearest } from "../src/eval/exact-nearest.ts";
import { buildSpann, spannBuildDefaults } from "../src/index/vector/spann/build.ts";
import { SpannIndex } from "../src/index/vector/spann/spann.ts";
import { kernels, LazyPool } from "../src/kernels/index.ts";
import { type Matrix, matrix, rowOf } from "../src/linalg/matrix.ts";
import { lmdbStore, type Store } from "../src/storage/index.ts";
import {
  changesOf,
  Live,
  manifoldOf,
  mergePauses,
  noPauses,
  noProgress,
  ownTime,
  type Progress,
  type RoundOfChanges,
  readProgress,
  writeProgress,
} from "./churn-state.ts";
import { type Figure, printFigure, quantile, switches } from "./row.ts";
import { cpuOf } from "./spann-peers.ts";

const BENCH = "spann-churn";
const [ROWS, DIM, QUERIES, K] = [100_000, 128, 500, 10];
const [ROUNDS, SHARE] = [10, 0.05];
/** Of the lists: those of --only, or the default ones. */
const CODES = switches.only ?? spannBuildDefaults.codes;
/** Rows from which on only the last round is compared with an index built anew; the others say what recall is, by fewer queries. */
const COMPARED_ROWS = 200_000;
const FEW_QUERIES = 100;
/** Rows of one call. */
const INSERTED = 1000;
/** Lists are cleaned after a round of whose rows so many were deleted. */
const LEAST_DEAD = 0.2;

const { keep, minutes = 8 } = switches.settings;
const started = performance.now();
const seconds = (): string => `${((performance.now() - started) / 1000).toFixed(0)} s`;

const figure = (figure: Figure): void => printFigure(BENCH, figure);

/** Searches one after the other, each as soon as the thread is free, until it is stopped. */
class Searching {
  /** From the end of one to the end of the next: also what the thread was kept from searching by. */
  readonly pauses = noPauses();
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
    const { clock, work, cpu } = this.pauses;
    let last = performance.now();
    let own = ownTime();
    for (let q = 0; !this.#isOver; q = (q + 1) % queries.rows) {
      await index.search(rowOf(queries, q), { k: K });
      const [now, time] = [performance.now(), ownTime()];
      clock.add(now - last);
      work.add(now - last - (time.waited - own.waited));
      cpu.add(time.cpu - own.cpu);
      [last, own] = [now, time];
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
    const begun = performance.now();
    const hits = await index.search(rowOf(queries, q), { k: K });
    ms.push(performance.now() - begun);
    for (const row of hits.rows) if (known.has(row)) found++;
  }
  const read = (index.counts.lists - lists) / queries.rows;
  return { recall: found / (K * queries.rows), ms, lists: read };
}

/** The changes of a round, but for those that a stopped run has made already. @returns how many there were */
async function change(index: SpannIndex, { dead, first, fresh }: RoundOfChanges): Promise<number> {
  let updates = 0;
  for (let at = 0; at < dead.length; at += INSERTED) {
    const end = Math.min(dead.length, at + INSERTED);
    updates += await index.delete(dead.slice(at, end));
    const from = Math.max(at, Math.min(end, index.about.lastRow + 1 - first));
    const rows = matrix(end - from, DIM, fresh.data.subarray(from * DIM, end * DIM));
    await index.insert(
      rows,
      Uint32Array.from({ length: end - from }, (_, i) => first + from + i),
    );
    updates += end - from;
  }
  await index.clean({ leastDead: LEAST_DEAD });
  return updates;
}

/** One round, under searches. */
async function churn(index: SpannIndex, live: Live, round: number, progress: Progress): Promise<void> {
  const changes = changesOf(live, round, SHARE, DIM);
  const searching = new Searching(index, manifoldOf(round, DIM).queries(QUERIES));
  const [begun, cpu] = [performance.now(), process.cpuUsage()];
  const updates = await change(index, changes);
  const each = Math.max(1, updates);
  const [ms, cpuMs] = [(performance.now() - begun) / each, cpuOf(cpu) / each];
  await searching.stop();
  live.apply(changes);
  progress.updateMs.push(ms);
  progress.updateCpuMs.push(cpuMs);
  mergePauses(progress.pauses, searching.pauses);
  const { clock, work, cpu: own } = searching.pauses;
  const p99 = [clock, work, own].map((times) => times.quantile(0.99).toFixed(1));
  console.log(
    `# round ${round}, ${seconds()}: ${updates} updates, ${ms.toFixed(3)} ms each, ${cpuMs.toFixed(3)} ms of CPU with the ${clock.count} searches beside; ` +
      `pause p99 ${p99[0]} ms, without waits for a core ${p99[1]} ms, CPU of it ${p99[2]} ms, longest ${clock.quantile(1).toFixed(0)} ms, of CPU ${own.quantile(1).toFixed(0)} ms`,
  );
}

/** Recall of an index as it is. */
async function look(index: SpannIndex, live: Live, round: number): Promise<void> {
  const queries = manifoldOf(round, DIM).queries(FEW_QUERIES);
  const { rows, ids } = live;
  const truth = exactNearest(rows, queries, K).map((place) => ids[place]!);
  const { recall, lists } = await measure(index, queries, truth);
  console.log(
    `# round ${round}, ${seconds()}: recall ${recall.toFixed(3)}, lists a query ${lists.toFixed(1)}`,
  );
}

/** The same rows in an index that is built anew, in a store of its own. */
async function anew(
  live: Live,
  queries: Matrix,
): Promise<{ fresh: Measured; truth: Uint32Array; bytes: number }> {
  const { rows, ids } = live;
  const truth = exactNearest(rows, queries, K).map((place) => ids[place]!);
  return inFolder(async (folder) => {
    await using store = await lmdbStore(folder, { commitThread: true });
    await using pool = new LazyPool(kernels(), 2);
    await buildSpann(store, "anew", rows, { ids, pool, codes: CODES });
    using index = await SpannIndex.open(store, "anew");
    const fresh = await measure(index, queries, truth);
    await store.compact();
    return { fresh, truth, bytes: store.stats().bytes };
  });
}

async function inFolder<T>(work: (folder: string) => Promise<T>): Promise<T> {
  const folder = mkdtempSync(join(tmpdir(), "mneme-churn-"));
  try {
    return await work(folder);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** Recall and latency of a round beside those of an index built anew. @returns its bytes */
async function compare(index: SpannIndex, live: Live, round: number): Promise<number> {
  const queries = manifoldOf(round, DIM).queries(QUERIES);
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

function report({ pauses, updateMs, updateCpuMs }: Progress, rows: number): void {
  const updates = Math.round(2 * ROUNDS * SHARE * rows);
  const note = `${pauses.clock.count} searches beside ${updates} updates`;
  const pause = { unit: "ms", better: "less" } as const;
  const mean = (some: readonly number[]): number => some.reduce((a, b) => a + b, 0) / some.length;
  const of = (metric: string): string => `pause of searches under updates, ${metric}`;
  figure({ ...pause, metric: of("median"), ours: pauses.clock.quantile(0.5), note });
  figure({ ...pause, metric: of("p99"), ours: pauses.clock.quantile(0.99), atMost: 50 });
  figure({ ...pause, metric: of("p99 without waits for a core"), ours: pauses.work.quantile(0.99) });
  figure({ ...pause, metric: of("p99 of the thread's CPU"), ours: pauses.cpu.quantile(0.99) });
  figure({ ...pause, metric: of("longest"), ours: pauses.clock.quantile(1) });
  figure({ ...pause, metric: of("longest of the thread's CPU"), ours: pauses.cpu.quantile(1) });
  figure({ ...pause, metric: "an update under searches", ours: mean(updateMs) });
  figure({
    ...pause,
    metric: "CPU of an update",
    ours: mean(updateCpuMs),
    note: "all threads, with the searches beside",
  });
}

/** @returns whether all rounds are over */
async function rounds(store: Store, path: string, isKept: boolean): Promise<boolean> {
  const progress = readProgress(path) ?? noProgress();
  const start = manifoldOf(0, DIM).rows(Math.round(ROWS * switches.scale));
  const isNew = store.generation() === 0;
  if (isNew) await buildSpann(store, "changed", start, { codes: CODES });
  console.log(`# ${start.rows} rows, ${seconds()}: ${isNew ? "built" : `after round ${progress.round}`}`);
  const { rows: all } = start;
  const live = new Live(start);
  for (let round = 1; round <= progress.round; round++) live.apply(changesOf(live, round, SHARE, DIM));
  using index = await SpannIndex.open(store, "changed");
  while (progress.round < ROUNDS) {
    const round = progress.round + 1;
    await churn(index, live, round, progress);
    if (all <= COMPARED_ROWS || round === ROUNDS) progress.freshBytes = await compare(index, live, round);
    else await look(index, live, round);
    progress.round = round;
    writeProgress(path, progress);
    if (isKept && round < ROUNDS && performance.now() - started > Number(minutes) * 60_000) {
      console.log(`# ${seconds()}: stopped after round ${round} of ${ROUNDS}; run it again to go on`);
      return false;
    }
  }
  await index.clean();
  await store.compact();
  report(progress, all);
  figure({
    system: "built anew",
    metric: "disk after compaction",
    unit: "MB",
    ours: store.stats().bytes / 1e6,
    baseline: progress.freshBytes / 1e6,
    better: "less",
    atLeast: 1 / 1.3,
  });
  const { lists, copies, limit } = index.about;
  figure({ metric: "longest list over the mean", unit: "", ours: limit / (copies / lists), better: "less" });
  return true;
}

async function main(folder: string, isKept: boolean): Promise<void> {
  mkdirSync(folder, { recursive: true });
  await using store = await lmdbStore(join(folder, "store"), { commitThread: true });
  await rounds(store, join(folder, "progress.json"), isKept);
}

if (typeof keep === "string") await main(keep, true);
else await inFolder((folder) => main(folder, false));
