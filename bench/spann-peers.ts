/** Graph indexes in RAM beside the lists: hnswlib and usearch through their Node bindings, one thread each. */
import { type Matrix, rowOf } from "../src/linalg/matrix.ts";
import { importPeer } from "./peers.ts";

export interface PeerIndex {
  readonly name: string;
  /** CPU of building, milliseconds: the clock depends on who else runs. */
  readonly buildCpuMs: number;
  /** Vectors and links, by the library's own count or by its layout. */
  readonly bytes: number;
  search(query: Float32Array, k: number, effort: number): ArrayLike<number>;
}

/** Neighbours of a node, and candidates while building: what their authors propose. */
const [M, EF_BUILD] = [16, 200];

export async function hnswlibIndex(rows: Matrix): Promise<PeerIndex> {
  const { default: hnswlib } = await importPeer("hnswlib-node");
  const index = new hnswlib.HierarchicalNSW("ip", rows.cols);
  index.initIndex({ maxElements: rows.rows, m: M, efConstruction: EF_BUILD, randomSeed: 1 });
  const started = process.cpuUsage();
  for (let r = 0; r < rows.rows; r++) index.addPoint(Array.from(rowOf(rows, r)), r);
  const buildCpuMs = cpuOf(started);
  return {
    name: "hnswlib",
    buildCpuMs,
    // vector, 2M links of the lowest level with their count, label; upper levels add about a sixteenth of M links
    bytes: rows.rows * (rows.cols * 4 + (2 * M + 1) * 4 + 8 + (M * 4) / 16),
    search(query, k, effort) {
      index.setEf(effort);
      return index.searchKnn(Array.from(query), k).neighbors;
    },
  };
}

export async function usearchIndex(rows: Matrix): Promise<PeerIndex> {
  const { Index, MetricKind, ScalarKind } = await importPeer("usearch");
  const settings = { dimensions: rows.cols, metric: MetricKind.IP, quantization: ScalarKind.I8 };
  const index = new Index({ ...settings, connectivity: M, expansion_add: EF_BUILD, expansion_search: 64 });
  const started = process.cpuUsage();
  const step = 1000;
  for (let first = 0; first < rows.rows; first += step) {
    const last = Math.min(rows.rows, first + step);
    const keys = BigUint64Array.from({ length: last - first }, (_, i) => BigInt(first + i));
    index.add(keys, rows.data.subarray(first * rows.cols, last * rows.cols), 1);
  }
  return {
    name: "usearch i8",
    buildCpuMs: cpuOf(started),
    bytes: rows.rows * (rows.cols + (2 * M + 1) * 4 + 8 + (M * 4) / 16),
    search: (query, k) => Array.from(index.search(query, k, 1).keys as BigUint64Array, Number),
  };
}

/** Milliseconds of CPU, all threads of the process, since `before`. */
export function cpuOf(before: NodeJS.CpuUsage): number {
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1000;
}
