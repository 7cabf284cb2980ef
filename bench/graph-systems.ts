/** The systems of the graph benchmark that run in Node, one to a child process: built from files of vectors, opened in another process from
 * what the first one wrote, asked all queries at once. */
import { statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import {
  buildCells,
  buildDiskGraph,
  CellIndex,
  DiskGraph,
  type FineRows,
  fineRowsOf,
  GraphIndex,
  graphParts,
  restoreGraph,
} from "../src/index/index.ts";
import { kernels, LazyPool } from "../src/kernels/index.ts";
import { type Matrix, matrix } from "../src/linalg/matrix.ts";
import { fileSource } from "../src/storage/file-source.ts";
import { factsOf, K, readFloats } from "./graph-data.ts";
import { lance } from "./graph-lance.ts";
import { readParts, writeParts } from "./graph-parts.ts";
import { buildHnswlib } from "./hnswlib-build.ts";
import { importPeer } from "./peers.ts";

/** In the order in which they are asked. */
export const NODE_SYSTEMS = [
  "mneme",
  "mneme 4-bit",
  "mneme cells 1-bit",
  "mneme cells 2-bit",
  "mneme cells 3-bit",
  "mneme cells in RAM",
  "mneme graph on disk",
  "hnswlib",
  "usearch f32",
  "usearch f16",
  "usearch i8",
  "usearch b1",
  "LanceDB IVF_PQ",
  "LanceDB IVF_HNSW_SQ",
] as const;
export type NodeSystem = (typeof NODE_SYSTEMS)[number];

/** Links and list of construction, as the peers' own defaults or near them. */
const LINKS = 16;
const BUILD_EFFORT = 128;
/** The effort of the index that is loaded, not viewed. */
const EFFORT = 40;
/** usearch takes rows in batches. */
const BATCH = 1000;
/** The last ones for sets whose queries are not like their rows. */
const EFFORTS = [10, 14, 20, 28, 40, 56, 80, 112, 160, 240, 400, 640, 1000, 1500, 2000];
/** Of systems that take longer lists still. */
const LONGER = [...EFFORTS, 3000, 4000, 6000, 8000];
const PROBES = [3, 4, 6, 8, 12, 16, 24, 32, 48, 64, 96, 128, 192, 320, 512, 800, 1280, 2000];
/** A search that looks into more cells wants more rows to be right. */
const keptFor = (probes: number): number => Math.round(12 + 4 * Math.sqrt(probes));

/** A built index, opened from its file. */
export interface System {
  /** Bytes of vectors, codes and links as the system itself counts them, or those of its file. */
  readonly bytes: number;
  readonly efforts: readonly number[];
  /** Of the queries the first so many; default all. */
  readonly asked?: number;
  /** Whether it can use more threads than one for queries. */
  readonly threads: boolean;
  /** K rows a query. */
  search(effort: number, threads: number): ArrayLike<number> | Promise<ArrayLike<number>>;
}

export interface Recipe {
  /** Writes the index to `file`. @param threads that it may use. @returns processor seconds, when another program took them */
  build(input: Input, file: string, threads: number): Promise<number | undefined>;
  open(input: Input, file: string): Promise<System>;
}

export interface Input {
  /** Where its files are. */
  readonly folder: string;
  readonly metric: "l2" | "cosine";
  /** Lets the vectors go that the system has taken over. */
  readonly base: () => Matrix;
  readonly queries: Matrix;
}

export function readInput(folder: string): Input {
  const { metric, rows, queries, dim } = factsOf(folder);
  const read = (name: string, count: number): Matrix =>
    matrix(count, dim, readFloats(join(folder, name), count * dim));
  return { folder, metric, base: () => read("base.f32", rows), queries: read("queries.f32", queries) };
}

export function recipeOf(name: NodeSystem): Recipe {
  if (name === "hnswlib") return hnswlib;
  if (name === "mneme") return mneme({});
  if (name === "mneme 4-bit") return mneme({ fineBits: 4 });
  if (name === "mneme cells 1-bit") return cells({ bits: 1 });
  if (name === "mneme cells 2-bit") return cells({ bits: 2 });
  if (name === "mneme cells 3-bit") return cells({ bits: 3 });
  if (name === "mneme cells in RAM") return cells({ bits: 2, fineBits: 8 }, true);
  if (name === "mneme graph on disk") return diskGraph;
  if (name === "LanceDB IVF_PQ" || name === "LanceDB IVF_HNSW_SQ") return lance(name);
  return usearch(name.slice("usearch ".length) as "f32" | "f16" | "i8" | "b1");
}

/** Threads beside the caller's, started when they are first wanted. */
const poolOf = (threads: number): LazyPool | undefined =>
  threads > 1 ? new LazyPool(kernels(), threads - 1) : undefined;

const flat = (queries: Matrix, hits: readonly { readonly rows: Uint32Array }[]): Uint32Array => {
  const found = new Uint32Array(queries.rows * K).fill(0xffff_ffff);
  hits.forEach(({ rows }, q) => found.set(rows, q * K));
  return found;
};

/** An index of ours: one for each count of threads that it is asked with, from the same file. */
function served<Index extends { memory(): readonly { readonly bytes: number }[] }>(
  opened: (pool?: LazyPool) => Index,
  efforts: readonly number[],
  queries: Matrix,
  search: (index: Index, effort: number) => readonly { readonly rows: Uint32Array }[],
): System {
  const index = opened();
  const byThreads = new Map([[1, index]]);
  return {
    bytes: bytesOf(index),
    efforts,
    threads: true,
    search(effort, threads) {
      if (!byThreads.has(threads)) byThreads.set(threads, opened(poolOf(threads)));
      return flat(queries, search(byThreads.get(threads)!, effort));
    },
  };
}

function mneme(options: { fineBits?: 4 }): Recipe {
  return {
    async build({ metric, base }, file, threads) {
      await using pool = poolOf(threads);
      using index = await GraphIndex.build(base(), { metric, ...options, ...(pool ? { pool } : {}) });
      writeParts(graphParts(index), file);
      return undefined;
    },
    async open({ queries }, file) {
      const opened = (pool?: LazyPool): GraphIndex => restoreGraph(readParts(file), pool ? { pool } : {});
      return served(opened, EFFORTS, queries, (index, effort) => index.searchMany(queries, { k: K, effort }));
    },
  };
}

function cells(options: { bits: 1 | 2 | 3; fineBits?: 8 }, inMemory = false): Recipe {
  return {
    async build({ metric, base }, file, threads) {
      await using pool = poolOf(threads);
      const parts = await buildCells(base(), { metric, ...options, ...(pool ? { pool } : {}) });
      if (!inMemory) keepFine(parts, file);
      writeParts(parts, file);
      return undefined;
    },
    async open({ queries }, file) {
      const opened = (pool?: LazyPool): CellIndex =>
        new CellIndex(readParts(file), {
          ...(inMemory ? {} : { fine: fineRowsAt(file) }),
          ...(pool ? { pool } : {}),
        });
      return served(opened, PROBES, queries, (index, probes) =>
        index.searchMany(queries, { k: K, probes, kept: keptFor(probes) }),
      );
    },
  };
}

/** Fine rows go to a file of their own. */
function keepFine(parts: Map<string, Uint8Array>, file: string): void {
  writeFileSync(`${file}.fine`, parts.get("fine")!);
  parts.delete("fine");
}

const fineRowsAt = (file: string): FineRows =>
  fineRowsOf(fileSource(`${file}.fine`) as Parameters<typeof fineRowsOf>[0]);

const diskGraph: Recipe = {
  async build({ metric, base }, file, threads) {
    await using pool = poolOf(threads);
    const parts = new Map(await buildDiskGraph(base(), { metric, ...(pool ? { pool } : {}) }));
    keepFine(parts, file);
    writeParts(parts, file);
    return undefined;
  },
  async open({ queries }, file) {
    const opened = (pool?: LazyPool): DiskGraph =>
      new DiskGraph(readParts(file), { fine: fineRowsAt(file), ...(pool ? { pool } : {}) });
    return served(opened, LONGER, queries, (index, effort) => index.searchMany(queries, { k: K, effort }));
  },
};

const bytesOf = (index: { memory(): readonly { readonly bytes: number }[] }): number =>
  index.memory().reduce((sum, { bytes }) => sum + bytes, 0);

const hnswlib: Recipe = {
  async build({ metric, base, folder, queries }, file, threads) {
    if (threads > 1) {
      const rows = factsOf(folder).rows;
      const of = { vectors: join(folder, "base.f32"), rows, dim: queries.cols, metric };
      const seconds = buildHnswlib({ ...of, links: LINKS, effort: BUILD_EFFORT, file, threads });
      if (seconds !== undefined) return seconds;
    }
    const { default: hnsw } = await importPeer("hnswlib-node");
    const { rows, cols, data } = base();
    const index = new hnsw.HierarchicalNSW(metric, cols);
    index.initIndex(rows, LINKS, BUILD_EFFORT, 100);
    for (let r = 0; r < rows; r++) index.addPoint(Array.from(data.subarray(r * cols, (r + 1) * cols)), r);
    index.writeIndexSync(file);
    return undefined;
  },
  async open({ metric, queries }, file) {
    const { default: hnsw } = await importPeer("hnswlib-node");
    const { rows, cols, data } = queries;
    const index = new hnsw.HierarchicalNSW(metric, cols);
    index.readIndexSync(file);
    const asked = Array.from({ length: rows }, (_, q) => Array.from(data.subarray(q * cols, (q + 1) * cols)));
    return {
      bytes: statSync(file).size,
      efforts: LONGER,
      threads: false,
      search(effort) {
        index.setEf(effort);
        return asked.flatMap((query) => index.searchKnn(query, K).neighbors as number[]);
      },
    };
  },
};

function usearch(quantization: "f32" | "f16" | "i8" | "b1"): Recipe {
  const isBits = quantization === "b1";
  const optionsOf = ({ metric, queries }: Input, effort: number): object => ({
    metric: isBits ? "hamming" : metric === "l2" ? "l2sq" : "cos",
    quantization,
    dimensions: queries.cols,
    connectivity: LINKS,
    expansion_add: BUILD_EFFORT,
    expansion_search: effort,
  });
  // pixels are bytes, so i8 may hold them exactly; a bit says whether a value is above zero: pixels then have their middle there
  const taken = (values: Float32Array): Float32Array | Int8Array => {
    if ((quantization !== "i8" && !isBits) || !isPixels(values)) return values;
    return quantization === "i8"
      ? Int8Array.from(values, (value) => value - 128)
      : values.map((value) => value - 64);
  };
  return {
    async build(input, file, threads) {
      const { Index } = await importPeer("usearch");
      const { rows, cols, data } = input.base();
      const index = new Index(optionsOf(input, EFFORT));
      for (let r = 0; r < rows; r += BATCH) {
        const some = Math.min(BATCH, rows - r);
        const keys = BigUint64Array.from({ length: some }, (_, i) => BigInt(r + i));
        index.add(keys, taken(data.subarray(r * cols, (r + some) * cols)), threads);
      }
      index.save(file);
      return undefined;
    },
    async open(input, file) {
      const { Index } = await importPeer("usearch");
      const asked = taken(input.queries.data);
      // the effort is fixed when an index is made: one is loaded, others are views of the same file
      const indexes = new Map([[EFFORT, new Index(optionsOf(input, EFFORT))]]);
      indexes.get(EFFORT)!.load(file);
      return {
        bytes: statSync(file).size,
        efforts: LONGER,
        threads: true,
        search(effort, threads) {
          if (!indexes.has(effort)) {
            indexes.set(effort, new Index(optionsOf(input, effort)));
            indexes.get(effort)!.view(file);
          }
          return Array.from(indexes.get(effort)!.search(asked, K, threads).keys as BigUint64Array, Number);
        },
      };
    },
  };
}

const isPixels = (values: Float32Array): boolean =>
  values.every((value) => value >= 0 && value <= 255 && Number.isInteger(value));
