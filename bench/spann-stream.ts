/**
 * Vectors on disk built from a file that is read by blocks: 200,000 x 128 rows, --scale 25 for five million. What the build holds beside the
 * rows' bytes, and what the index finds.
 */
import { closeSync, mkdtempSync, openSync, readSync, rmSync, writeSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ExactNearest } from "../src/eval/exact-nearest.ts";
import { Manifold } from "../src/eval/synth-manifold.ts";
import type { RowSource } from "../src/index/vector/row-source.ts";
import { type BuildProgress, buildSpann } from "../src/index/vector/spann/build.ts";
import { SpannIndex } from "../src/index/vector/spann/spann.ts";
import { kernels, LazyPool } from "../src/kernels/index.ts";
import { matrix, rowOf } from "../src/linalg/matrix.ts";
import { lmdbStore } from "../src/storage/index.ts";
import { type Figure, printFigure, quantile, switches } from "./row.ts";
import { cpuOf } from "./spann-peers.ts";

const BENCH = "spann-stream";
const [ROWS, DIM, QUERIES, K] = [200_000, 128, 500, 10];
const RAM_SHARE = 0.03;
/** Rows made and written at a time. */
const BLOCK = 16_384;

/** Writes the rows, and finds the true neighbours on the way. */
function makeFile(
  path: string,
  rows: number,
): { truth: Uint32Array; queries: ReturnType<Manifold["queries"]> } {
  const manifold = new Manifold(DIM);
  const queries = manifold.queries(QUERIES);
  const nearest = new ExactNearest(queries, K);
  const file = openSync(path, "w");
  for (let first = 0; first < rows; first += BLOCK) {
    const block = matrix(Math.min(BLOCK, rows - first), DIM);
    manifold.fill(first, block.data);
    nearest.add(block, first);
    writeSync(file, new Uint8Array(block.data.buffer));
  }
  closeSync(file);
  return { truth: nearest.rows, queries };
}

/** A file of f32 rows. */
function fileSource(file: number, rows: number): RowSource {
  return {
    rows,
    cols: DIM,
    read(first, count) {
      const values = new Float32Array(count * DIM);
      readSync(file, new Uint8Array(values.buffer), 0, values.byteLength, first * DIM * 4);
      return values;
    },
  };
}

/** The most that the process held while `work` ran, sampled whenever it is asked. */
class Peak {
  #before = process.memoryUsage().rss;
  #most = 0;

  look = (): void => {
    this.#most = Math.max(this.#most, process.memoryUsage().rss - this.#before);
  };

  get bytes(): number {
    return this.#most;
  }
}

async function main(folder: string): Promise<void> {
  const rows = Math.round(ROWS * switches.scale);
  const raw = rows * DIM * 4;
  const path = join(folder, "rows.f32");
  const { truth, queries } = makeFile(path, rows);
  const figure = (one: Figure): void => printFigure(BENCH, one);
  const store = await lmdbStore(join(folder, "store"));
  const file = openSync(path, "r");
  await using pool = new LazyPool(kernels(), 1);
  try {
    const [started, cpu] = [performance.now(), process.cpuUsage()];
    const peak = new Peak();
    const phases = new Set<string>();
    const onProgress = ({ phase, done, all }: BuildProgress): void => {
      peak.look();
      if (phases.size < phases.add(phase).size) console.log(`# ${phase}: ${done} of ${all}`);
    };
    const memoryBytes = Math.min(512 << 20, Math.floor(raw / 4));
    const about = await buildSpann(store, "rows", fileSource(file, rows), { memoryBytes, pool, onProgress });
    const note = `${rows} rows, ${about.lists} lists, CPU ${(cpuOf(cpu) / 1000).toFixed(0)} s`;
    figure({ metric: "build", unit: "s", ours: (performance.now() - started) / 1000, better: "less", note });
    figure({
      metric: "held while building",
      unit: "MB",
      ours: peak.bytes / 1e6,
      better: "less",
      note: `rows are ${(raw / 1e6).toFixed(0)} MB`,
    });
    using probe = await SpannIndex.open(store, "rows", { cacheBytes: 1 });
    const held = (index: SpannIndex, kept: boolean): number =>
      index.memory().reduce((sum, { name, bytes }) => sum + (kept || !name.includes("kept") ? bytes : 0), 0);
    const cacheBytes = Math.max(1, Math.floor((raw * RAM_SHARE - held(probe, false)) * 0.97));
    using index = await SpannIndex.open(store, "rows", { cacheBytes });
    const ms: number[] = [];
    let found = 0;
    for (let q = 0; q < QUERIES; q++) {
      const known = new Set(truth.subarray(q * K, (q + 1) * K));
      const begun = performance.now();
      const hits = await index.search(rowOf(queries, q), { k: K, lists: 256 });
      ms.push(performance.now() - begun);
      for (const row of hits.rows) if (known.has(row)) found++;
    }
    figure({
      metric: "RAM held",
      unit: "%",
      ours: (100 * held(index, true)) / raw,
      better: "less",
      atMost: 3,
    });
    figure({ metric: "recall@10", unit: "", ours: found / (K * QUERIES), better: "more", least: 0.95 });
    figure({ metric: "median", unit: "ms", ours: quantile(ms, 0.5), better: "less" });
    figure({ metric: "p99", unit: "ms", ours: quantile(ms, 0.99), better: "less", note: "each query once" });
  } finally {
    closeSync(file);
    await store.close();
  }
}

const folder = mkdtempSync(join(tmpdir(), "mneme-stream-"));
try {
  await main(folder);
} finally {
  rmSync(folder, { recursive: true });
}
