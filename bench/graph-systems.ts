/** The systems of the graph benchmark, one to a child process: built from a file of vectors, opened in another process from the
 * file that the first one wrote, asked all queries at once, on one thread. */
import { readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { GraphIndex, graphParts, restoreGraph } from "../src/index/index.ts";
import { type Matrix, matrix } from "../src/linalg/matrix.ts";
import { K } from "./graph-data.ts";
import { importPeer } from "./peers.ts";

export const SYSTEMS = [
  "mneme",
  "mneme 4-bit",
  "hnswlib",
  "usearch f32",
  "usearch f16",
  "usearch i8",
] as const;
export type SystemName = (typeof SYSTEMS)[number];

/** Links and list of construction, as the peers' own defaults or near them. */
const LINKS = 16;
const BUILD_EFFORT = 128;
/** The effort of the index that is loaded, not viewed. */
const EFFORT = 40;
/** usearch takes rows in batches. */
const BATCH = 1000;

/** A built index, opened from its file. */
export interface System {
  /** Bytes of vectors, codes and links as the system itself counts them, or those of its file. */
  readonly bytes: number;
  /** K rows a query. */
  search(effort: number): ArrayLike<number>;
}

interface Recipe {
  /** Writes the index to `file`. */
  build(input: Input, file: string): Promise<void>;
  open(input: Input, file: string): Promise<System>;
}

export interface Input {
  readonly metric: "l2" | "cosine";
  /** Lets the vectors go that the system has taken over. */
  readonly base: () => Matrix;
  readonly queries: Matrix;
}

export function readInput(folder: string): Input {
  const { metric, rows, queries, dim } = JSON.parse(readFileSync(join(folder, "set.json"), "utf8")) as {
    metric: Input["metric"];
    rows: number;
    queries: number;
    dim: number;
  };
  const read = (name: string, count: number): Matrix =>
    matrix(count, dim, new Float32Array(new Uint8Array(readFileSync(join(folder, name))).buffer));
  return { metric, base: () => read("base.f32", rows), queries: read("queries.f32", queries) };
}

export function recipeOf(name: SystemName): Recipe {
  if (name === "hnswlib") return hnswlib;
  if (name === "mneme") return mneme({});
  if (name === "mneme 4-bit") return mneme({ fineBits: 4 });
  return usearch(name.slice("usearch ".length) as "f32" | "f16" | "i8");
}

function mneme(more: { fineBits?: 4 }): Recipe {
  return {
    async build({ metric, base }, file) {
      using index = await GraphIndex.build(base(), { metric, ...more });
      const parts = [...graphParts(index)];
      const sizes = JSON.stringify(parts.map(([name, { byteLength }]) => [name, byteLength]));
      writeFileSync(`${file}.json`, sizes);
      writeFileSync(file, Buffer.concat(parts.map(([, bytes]) => bytes)));
    },
    async open({ queries }, file) {
      const sizes = JSON.parse(readFileSync(`${file}.json`, "utf8")) as [string, number][];
      const bytes = readFileSync(file);
      let at = 0;
      const parts = new Map<string, Uint8Array>();
      for (const [name, size] of sizes) {
        parts.set(name, bytes.subarray(at, at + size));
        at += size;
      }
      const index = restoreGraph(parts);
      return {
        bytes: index.memory().reduce((sum, { bytes: held }) => sum + held, 0),
        search(effort) {
          const found = new Uint32Array(queries.rows * K);
          index.searchMany(queries, { k: K, effort }).forEach(({ rows }, q) => {
            found.set(rows, q * K);
          });
          return found;
        },
      };
    },
  };
}

const hnswlib: Recipe = {
  async build({ metric, base }, file) {
    const { default: hnsw } = await importPeer("hnswlib-node");
    const { rows, cols, data } = base();
    const index = new hnsw.HierarchicalNSW(metric, cols);
    index.initIndex(rows, LINKS, BUILD_EFFORT, 100);
    for (let r = 0; r < rows; r++) index.addPoint(Array.from(data.subarray(r * cols, (r + 1) * cols)), r);
    index.writeIndexSync(file);
  },
  async open({ metric, queries }, file) {
    const { default: hnsw } = await importPeer("hnswlib-node");
    const { rows, cols, data } = queries;
    const index = new hnsw.HierarchicalNSW(metric, cols);
    index.readIndexSync(file);
    const asked = Array.from({ length: rows }, (_, q) => Array.from(data.subarray(q * cols, (q + 1) * cols)));
    return {
      bytes: statSync(file).size,
      search(effort) {
        index.setEf(effort);
        return asked.flatMap((query) => index.searchKnn(query, K).neighbors as number[]);
      },
    };
  },
};

function usearch(quantization: "f32" | "f16" | "i8"): Recipe {
  const optionsOf = ({ metric, queries }: Input, effort: number): object => ({
    metric: metric === "l2" ? "l2sq" : "cos",
    quantization,
    dimensions: queries.cols,
    connectivity: LINKS,
    expansion_add: BUILD_EFFORT,
    expansion_search: effort,
  });
  // pixels are bytes, so i8 may hold them exactly
  const taken = (values: Float32Array, metric: string): Float32Array | Int8Array =>
    quantization === "i8" && metric === "l2" ? Int8Array.from(values, (value) => value - 128) : values;
  return {
    async build(input, file) {
      const { Index } = await importPeer("usearch");
      const { rows, cols, data } = input.base();
      const index = new Index(optionsOf(input, EFFORT));
      for (let r = 0; r < rows; r += BATCH) {
        const some = Math.min(BATCH, rows - r);
        const keys = BigUint64Array.from({ length: some }, (_, i) => BigInt(r + i));
        index.add(keys, taken(data.subarray(r * cols, (r + some) * cols), input.metric), 1);
      }
      index.save(file);
    },
    async open(input, file) {
      const { Index } = await importPeer("usearch");
      const asked = taken(input.queries.data, input.metric);
      // the effort is fixed when an index is made: one is loaded, others are views of the same file
      const indexes = new Map([[EFFORT, new Index(optionsOf(input, EFFORT))]]);
      indexes.get(EFFORT)!.load(file);
      return {
        bytes: statSync(file).size,
        search(effort) {
          if (!indexes.has(effort)) {
            indexes.set(effort, new Index(optionsOf(input, effort)));
            indexes.get(effort)!.view(file);
          }
          return Array.from(indexes.get(effort)!.search(asked, K, 1).keys as BigUint64Array, Number);
        },
      };
    },
  };
}
