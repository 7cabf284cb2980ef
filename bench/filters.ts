/**
 * What does a filter cost a search? Recall@10 among the rows that a filter lets through, and processor time against a search without one, for
 * shares of 0.1 to 50 percent: the flat scan, the graph, cells, and hnswlib with its filter callback. Rows are let through at random.
 * Switches: --only fashion-mnist | lsa-words | passages (default lsa-words), --scale N.
 */
import { join } from "node:path";
import { f32, rabitq } from "../src/codecs/index.ts";
import { ExactNearest } from "../src/eval/exact-nearest.ts";
import {
  buildCells,
  CellIndex,
  calibrateCells,
  calibrateGraph,
  FlatIndex,
  GraphIndex,
  RowSet,
} from "../src/index/index.ts";
import { kernels } from "../src/kernels/index.ts";
import { type Matrix, matrix, rowOf, rowsOf } from "../src/linalg/matrix.ts";
import { Random } from "../src/linalg/random.ts";
import { factsOf, K, makeSet, readFloats, type SetName } from "./graph-data.ts";
import { importPeer } from "./peers.ts";
import { dataFolder, printFigure, quantile, switches } from "./row.ts";

const SHARES = [0.001, 0.01, 0.1, 0.5] as const;
const QUERIES = 200;
/** Recall without a filter that efforts are chosen for. */
const RECALL = 0.97;
const LEAST_RECALL = 0.95;
const MOST_COST = 2;
const ROUNDS = 5;

type Search = (
  query: Float32Array,
  filter: RowSet | undefined,
) => ArrayLike<number> | Promise<ArrayLike<number>>;

async function searches(metric: "l2" | "cosine", base: Matrix, sample: Matrix): Promise<[string, Search][]> {
  const flat = new FlatIndex({
    coders: { coarse: rabitq({ bits: 1 }).fit(matrix(0, base.cols)), fine: f32().fit(matrix(0, base.cols)) },
    metric,
    minRescore: 200,
  });
  for (let r = 0; r < base.rows; r++) flat.append(r, rowOf(base, r));
  const graph = await GraphIndex.build(base, { metric });
  calibrateGraph(graph, sample, { recall: RECALL + 0.01 });
  const cells = new CellIndex(await buildCells(base, { metric }));
  calibrateCells(cells, sample, { recall: RECALL });
  const { default: hnsw } = await importPeer("hnswlib-node");
  const peer = new hnsw.HierarchicalNSW(metric, base.cols);
  peer.initIndex(base.rows, 16, 128, 100);
  for (let r = 0; r < base.rows; r++) peer.addPoint(Array.from(rowOf(base, r)), r);
  peer.setEf(64);
  const found = (filter: RowSet | undefined): { k: number; filter?: RowSet } => ({
    k: K,
    ...(filter ? { filter } : {}),
  });
  return [
    ["flat", async (query, filter) => (await flat.search(query, found(filter))).rows],
    ["graph", (query, filter) => graph.search(query, found(filter)).rows],
    ["cells", (query, filter) => cells.search(query, found(filter)).rows],
    [
      "hnswlib",
      (query, filter) =>
        peer.searchKnn(Array.from(query), K, filter && ((row: number) => filter.has(row)))
          .neighbors as number[],
    ],
  ];
}

/** Exact neighbours among the rows of a filter. Rows and queries of unit length under cosine. */
function truthOf(base: Matrix, queries: Matrix, filter: RowSet | undefined): Uint32Array {
  if (!filter) {
    const nearest = new ExactNearest(queries, K);
    nearest.add(base, 0);
    return nearest.rows;
  }
  const rows = Uint32Array.from(filter);
  const some = matrix(rows.length, base.cols);
  rows.forEach((row, i) => some.data.set(rowOf(base, row), i * base.cols));
  const nearest = new ExactNearest(queries, K);
  nearest.add(some, 0);
  return nearest.rows.map((place) => rows[place] ?? 0xffff_ffff);
}

async function timed(
  search: Search,
  queries: Matrix,
  filter: RowSet | undefined,
  truth: Uint32Array,
): Promise<{ recall: number; us: number }> {
  let [right, wanted] = [0, 0];
  const times: number[] = [];
  for (let round = 0; round <= ROUNDS; round++) {
    const started = process.cpuUsage();
    const found: ArrayLike<number>[] = [];
    for (let q = 0; q < queries.rows; q++) found.push(await search(rowOf(queries, q), filter));
    const { user, system } = process.cpuUsage(started);
    if (round > 0) times.push((user + system) / queries.rows);
    else
      found.forEach((rows, q) => {
        const best = new Set(truth.subarray(q * K, (q + 1) * K));
        best.delete(0xffff_ffff);
        wanted += best.size;
        for (let i = 0; i < rows.length; i++) if (best.has(rows[i]!)) right++;
      });
  }
  return { recall: right / wanted, us: quantile(times, 0.5) };
}

async function main(): Promise<void> {
  const name = (switches.only ?? "lsa-words") as SetName;
  const folder = await makeSet(name, dataFolder(), switches.scale, import.meta.url);
  const { metric, rows, dim, queries: count } = factsOf(folder);
  const base = matrix(rows, dim, readFloats(join(folder, "base.f32"), rows * dim));
  const asked = matrix(count, dim, readFloats(join(folder, "queries.f32"), count * dim));
  if (metric === "cosine") kernels().normalizeF32(base.data, dim);
  const queries = rowsOf(asked, 0, Math.min(QUERIES, count));
  const sample = rowsOf(asked, Math.max(0, count - QUERIES), count);
  const all = await searches(metric, base, sample);
  const random = new Random(5);
  const filters = SHARES.map((share) => {
    const few = Math.max(K, Math.round(rows * share));
    return [`${share * 100}%`, RowSet.from(random.sample(rows, few))] as const;
  });
  const plain = truthOf(base, queries, undefined);
  for (const [system, search] of all) {
    const without = await timed(search, queries, undefined, plain);
    printFigure("filters", {
      metric: `${name}: ${system}, no filter`,
      unit: "us",
      ours: without.us,
      better: "less",
      note: `recall ${without.recall.toFixed(3)}`,
    });
    const isOurs = system !== "hnswlib";
    for (const [share, filter] of filters) {
      const { recall, us } = await timed(search, queries, filter, truthOf(base, queries, filter));
      const metricOf = `${name}: ${system}, ${share}`;
      printFigure("filters", {
        metric: `${metricOf}, recall`,
        unit: "",
        ours: recall,
        better: "more",
        ...(isOurs ? { least: LEAST_RECALL } : {}),
      });
      printFigure("filters", {
        metric: `${metricOf}, time against no filter`,
        unit: "x",
        ours: us / without.us,
        better: "less",
        ...(isOurs ? { atMost: MOST_COST } : {}),
        note: `${us.toFixed(0)} us`,
      });
    }
  }
  process.exit(0);
}

void main();
