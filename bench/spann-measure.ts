/** What the benchmarks of SPANN share: an index within a share of the raw bytes in RAM, calibrated to a recall, and what its searches cost. */
import { type Calibration, calibrate } from "../src/index/vector/spann/calibrate.ts";
import type { ReadCounts } from "../src/index/vector/spann/list-reader.ts";
import { SpannIndex, type SpannSearchOptions } from "../src/index/vector/spann/spann.ts";
import { rowOf, rowsOf } from "../src/linalg/matrix.ts";
import type { Store } from "../src/storage/index.ts";
import { cpuOf } from "./spann-peers.ts";
import { recallAt, TRUE_NEIGHBOURS, type VectorData } from "./vector-data.ts";

export const BENCH = "spann";
export const [ROWS, DIM, QUERIES, K] = [100_000, 128, 1000, 10];
export const WANTED = 0.95;
export const RAM_SHARE = 0.03;

export interface Built {
  readonly ms: number;
  /** All threads together. */
  readonly cpuMs: number;
}

export interface Measured {
  readonly recall: number;
  readonly ms: readonly number[];
  /** CPU of the process for each query, milliseconds: less noisy than the clock where others run. */
  readonly cpuMs: readonly number[];
  /** A query's. */
  readonly counts: ReadCounts;
}

/** The second half of the queries: the first is for calibration. */
export async function measure(
  index: SpannIndex,
  data: VectorData,
  options: Partial<SpannSearchOptions>,
): Promise<Measured> {
  const ms: number[] = [];
  const cpuMs: number[] = [];
  let recall = 0;
  const half = data.queries.rows >> 1;
  const before = { ...index.counts };
  for (let q = half; q < data.queries.rows; q++) {
    const [started, cpu] = [performance.now(), process.cpuUsage()];
    const hits = await index.search(rowOf(data.queries, q), { k: K, ...options });
    ms.push(performance.now() - started);
    cpuMs.push(cpuOf(cpu));
    recall += recallAt(K, hits.rows, data.truth, q);
  }
  const counts = { ...index.counts };
  for (const name of Object.keys(counts) as (keyof ReadCounts)[])
    counts[name] = (counts[name] - before[name]) / half;
  return { recall: recall / half, ms, cpuMs, counts };
}

export const pagesOf = ({ listPages, finePages }: ReadCounts): number => listPages + finePages;

/** Opens the index such that all it holds beside its threads is a share of the raw bytes. */
export async function openWithin(
  store: Store,
  name: string,
  bytes: number,
  threads = 0,
): Promise<SpannIndex> {
  using probe = await SpannIndex.open(store, name, { cacheBytes: 1 });
  const fixed = held(probe) - probe.memory().find((part) => part.name.includes("kept"))!.bytes;
  return SpannIndex.open(store, name, {
    cacheBytes: Math.max(1, Math.floor((bytes - fixed) * 0.97)),
    threads,
  });
}

export const held = (index: SpannIndex): number => index.memory().reduce((sum, part) => sum + part.bytes, 0);

export async function calibrated(index: SpannIndex, { queries, truth }: VectorData): Promise<Calibration> {
  const half = queries.rows >> 1;
  const known = new Uint32Array(half * K);
  for (let q = 0; q < half; q++)
    known.set(truth.subarray(q * TRUE_NEIGHBOURS, q * TRUE_NEIGHBOURS + K), q * K);
  // a hair more: the other half of the queries is another sample
  const wanted = { k: K, recall: WANTED + 0.01, truth: known };
  return calibrate(index, rowsOf(queries, 0, half), wanted);
}
