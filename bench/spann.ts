/**
 * Vectors on disk by SPANN: 100,000 x 128 rows of the manifold generator, --scale 10 for a million. With 3% of the raw bytes in RAM: recall@10,
 * latency, lists and pages read; what pruning, closure and SOAR save at equal recall over the same centres; and graphs in RAM beside it.
 * --only costs, batches, codes, copies, curves or peers; curves are drawn to docs/images.
 */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { buildSpann } from "../src/index/vector/spann/build.ts";
import { closureDefaults, type Replication, soarDefaults } from "../src/index/vector/spann/closure.ts";
import type { ReadCounts } from "../src/index/vector/spann/list-reader.ts";
import { SpannIndex, type SpannSearchOptions } from "../src/index/vector/spann/spann.ts";
import { kernels, LazyPool } from "../src/kernels/index.ts";
import { rowOf } from "../src/linalg/matrix.ts";
import { lmdbStore, type Store } from "../src/storage/index.ts";
import { printFigure, quantile, repository, switches } from "./row.ts";
import { batches } from "./spann-batches.ts";
import { codesOf } from "./spann-codes.ts";
import {
  BENCH,
  type Built,
  calibrated,
  DIM,
  held,
  K,
  type Measured,
  measure,
  openWithin,
  pagesOf,
  QUERIES,
  RAM_SHARE,
  ROWS,
  WANTED,
} from "./spann-measure.ts";
import { cpuOf, hnswlibIndex, type PeerIndex, usearchIndex } from "./spann-peers.ts";
import { type Curve, curves } from "./svg.ts";
import { manifoldData, recallAt, type VectorData } from "./vector-data.ts";

/** Rows that a centre is chosen for, in the comparison of rules over the same centres. */
const LEAF_ROWS = 64;
const PAGE_VALUE = 4064;

/** The fewest lists for each query at which recall is reached without pruning. */
async function fixedLists(index: SpannIndex, data: VectorData, recall: number): Promise<Measured> {
  let lists = 4;
  for (;;) {
    const measured = await measure(index, data, { lists, pruning: { rule: "none" } });
    if (measured.recall >= recall || lists >= 512) return measured;
    lists = Math.ceil(lists * 1.05);
  }
}

async function costs(store: Store, data: VectorData, built: Built): Promise<number> {
  const raw = data.rows.data.byteLength;
  using index = await openWithin(store, "soar", raw * RAM_SHARE);
  const { most, lists: bound } = await calibrated(index, data);
  const options = { lists: bound, pruning: { rule: "kth", most } } as const;
  const { recall, ms, cpuMs, counts } = await measure(index, data, options);
  const figure = (metric: string, unit: string, ours: number, claim: object = {}): void =>
    printFigure(BENCH, { metric, unit, ours, better: "less", ...claim });
  figure("RAM held", "%", (100 * held(index)) / raw, { atMost: 3 });
  figure("recall@10", "", recall, { better: "more", least: WANTED });
  figure("median", "ms", quantile(ms, 0.5), { atMost: 2 });
  figure("p99", "ms", quantile(ms, 0.99), { atMost: 10 });
  figure("CPU a query, median", "ms", quantile(cpuMs, 0.5));
  figure("CPU a query, p99", "ms", quantile(cpuMs, 0.99));
  figure("lists a query", "", counts.lists, { note: `kth rule at ${most.toFixed(2)}, ${bound} at most` });
  figure("rows scanned", "", counts.rows);
  figure("rows scored again", "", counts.rescored);
  figure("pages asked for", "4 KiB", pagesOf(counts));
  figure("pages read past what is kept", "4 KiB", counts.readPages);
  const { lists, copies, limit } = index.about;
  figure("longest list over the mean", "", limit / (copies / lists), { atMost: 2 });
  figure("build", "s", built.ms / 1000, { note: `${lists} lists, CPU ${(built.cpuMs / 1000).toFixed(0)} s` });
  await pruning(index, data, recall, counts);
  floats(index, counts);
  return recall;
}

async function pruning(
  index: SpannIndex,
  data: VectorData,
  recall: number,
  counts: ReadCounts,
): Promise<void> {
  const fixed = await fixedLists(index, data, recall);
  const figure = { system: "no pruning", unit: "", better: "less" } as const;
  printFigure(BENCH, {
    ...figure,
    metric: "lists, equal recall",
    ours: counts.lists,
    baseline: fixed.counts.lists,
  });
  printFigure(BENCH, {
    ...figure,
    metric: "pages, equal recall",
    ours: pagesOf(counts),
    baseline: pagesOf(fixed.counts),
    note: `with the fixed number of lists that reaches it, ${fixed.recall.toFixed(3)}`,
  });
  const all = await measure(index, data, { lists: 96, pruning: { rule: "none" } });
  printFigure(BENCH, {
    ...figure,
    metric: "pages, 96 lists when not pruned",
    ours: pagesOf(counts),
    baseline: pagesOf(all.counts),
    atLeast: 2,
    note: `recall then ${all.recall.toFixed(3)}`,
  });
  for (let most = 1.05; most < 3; most *= 1.04) {
    const ratio = await measure(index, data, { lists: 256, pruning: { rule: "ratio", most } });
    if (ratio.recall < recall) continue;
    const metric = "lists, kth rule beside the paper's";
    printFigure(BENCH, {
      ...figure,
      system: "ratio rule",
      metric,
      ours: counts.lists,
      baseline: ratio.counts.lists,
    });
    return;
  }
}

/** What the same lists would be with f32 rows in place of codes. */
function floats(index: SpannIndex, counts: ReadCounts): void {
  const rows = counts.rows / counts.lists;
  const pages = counts.lists * Math.ceil((8 + rows * (4 + index.about.dim * 4)) / PAGE_VALUE);
  printFigure(BENCH, {
    system: "f32 postings",
    metric: "pages, codes beside floats",
    unit: "4 KiB",
    ours: pagesOf(counts),
    baseline: pages,
    better: "less",
    atLeast: 4,
    note: "the floats' pages are worked out from the rows",
  });
}

/** Pages and time of a query by the recall that they buy, for each rule of when to stop. */
async function curvesOf(store: Store, data: VectorData): Promise<void> {
  using index = await openWithin(store, "soar", data.rows.data.byteLength * RAM_SHARE);
  const steps = [0.02, 0.05, 0.09, 0.14, 0.2, 0.27, 0.35, 0.45];
  const rules: [string, Partial<SpannSearchOptions>[]][] = [
    ["k-th row", steps.map((step) => ({ lists: 256, pruning: { rule: "kth", most: 1 + step } }))],
    ["nearest centre", steps.map((step) => ({ lists: 256, pruning: { rule: "ratio", most: 1 + 2 * step } }))],
    ["fixed lists", [6, 9, 13, 19, 28, 42, 64, 96].map((lists) => ({ lists, pruning: { rule: "none" } }))],
  ];
  const [pages, times]: [Curve[], Curve[]] = [[], []];
  for (const [label, settings] of rules) {
    const measured: Measured[] = [];
    for (const setting of settings) measured.push(await measure(index, data, setting));
    pages.push({ label, points: measured.map(({ recall, counts }) => ({ x: pagesOf(counts), y: recall })) });
    times.push({
      label,
      points: measured.map(({ recall, ms }) => ({ x: 1000 * quantile(ms, 0.5), y: recall })),
    });
  }
  const rows = data.rows.rows.toLocaleString("en");
  for (const [name, xName, all] of [
    ["pages", "pages of 4 KiB a query", pages],
    ["latency", "median, microseconds", times],
  ] as const) {
    const title = `Recall@10 of ${rows} vectors on disk, by when a search stops`;
    writeFileSync(
      join(repository, `docs/images/spann-${name}.svg`),
      curves(title, xName, "recall@10", 0.8, all),
    );
  }
}

/** Lists read at recall 0.95 by each rule of replication, over the same centres, without pruning. */
async function copies(store: Store, data: VectorData, pool: LazyPool): Promise<void> {
  const rules: [string, Replication][] = [
    ["single", { rule: "single" }],
    ["closure", closureDefaults],
    ["closure, wide", { ...closureDefaults, angle: 1.5 }],
    ["SOAR", soarDefaults],
  ];
  let single: number | undefined;
  for (const [name, replication] of rules) {
    await buildSpann(store, "rule", data.rows, {
      replication,
      leafRows: LEAF_ROWS,
      limit: 4 * LEAF_ROWS,
      pool,
    });
    using index = await SpannIndex.open(store, "rule");
    const { counts } = await fixedLists(index, data, WANTED);
    const { about } = index;
    printFigure(BENCH, {
      system: "IVF",
      metric: `lists at recall 0.95, ${name}`,
      unit: "",
      ours: counts.lists,
      ...(single === undefined ? {} : { baseline: single }),
      better: "less",
      ...(name === "SOAR" ? { atLeast: 1 / 0.55 } : {}),
      note: `${(about.copies / about.rows).toFixed(2)} copies, ${counts.rows.toFixed(0)} rows scanned`,
    });
    single ??= counts.lists;
  }
}

async function peers(data: VectorData, recall: number, built: Built): Promise<void> {
  for (const open of [hnswlibIndex, usearchIndex]) {
    let peer: PeerIndex;
    try {
      peer = await open(data.rows);
    } catch (error) {
      console.error(String(error));
      continue;
    }
    const { name } = peer;
    const cpuMs = peer.buildCpuMs;
    const reached = atRecall(peer, data, recall);
    const note = `its recall ${reached.recall.toFixed(3)}, median ${quantile(reached.ms, 0.5).toFixed(2)} ms`;
    printFigure(BENCH, {
      system: name,
      metric: "build CPU, equal recall",
      unit: "s",
      ours: built.cpuMs / 1000,
      baseline: cpuMs / 1000,
      better: "less",
      ...(name === "hnswlib" ? { atLeast: 5 } : {}),
      note,
    });
    const bytes = {
      unit: "MB",
      ours: (data.rows.data.byteLength * RAM_SHARE) / 1e6,
      baseline: peer.bytes / 1e6,
    };
    printFigure(BENCH, { system: name, metric: "RAM", ...bytes, better: "less" });
  }
}

function atRecall(peer: PeerIndex, data: VectorData, wanted: number): { recall: number; ms: number[] } {
  const half = data.queries.rows >> 1;
  for (let effort = K; ; effort = Math.ceil(effort * 1.3)) {
    const ms: number[] = [];
    let recall = 0;
    for (let q = half; q < data.queries.rows; q++) {
      const started = performance.now();
      const found = peer.search(rowOf(data.queries, q), K, effort);
      ms.push(performance.now() - started);
      recall += recallAt(K, found, data.truth, q) / half;
    }
    if (recall >= wanted || effort > 1000) return { recall, ms };
  }
}

async function main(): Promise<void> {
  const data = manifoldData(Math.round(ROWS * switches.scale), DIM, QUERIES);
  const folder = mkdtempSync(join(tmpdir(), "mneme-spann-"));
  await using pool = new LazyPool(kernels(), 1);
  const wants = (part: string): boolean => switches.only === undefined || switches.only === part;
  const store = await lmdbStore(folder);
  try {
    const [started, cpu] = [performance.now(), process.cpuUsage()];
    await buildSpann(store, "soar", data.rows, { pool });
    const built = { ms: performance.now() - started, cpuMs: cpuOf(cpu) };
    if (switches.only === "codes") return await codesOf(store, data, pool);
    if (switches.only === "batches") return await batches(store, data);
    const recall = await costs(store, data, built);
    if (wants("batches")) await batches(store, data);
    if (wants("codes")) await codesOf(store, data, pool);
    if (wants("curves")) await curvesOf(store, data);
    if (wants("copies")) await copies(store, data, pool);
    if (wants("peers")) await peers(data, recall, built);
  } finally {
    await store.close();
    rmSync(folder, { recursive: true });
  }
}

void main();
