/** Growing a graph: vectors become rows, a batch at a time, and the whole is put in order once it is built. */
import { squareOf } from "../../../codecs/score.ts";
import { throwIfAborted } from "../../../errors.ts";
import { kernels, type Pool, type WasmGraph } from "../../../kernels/index.ts";
import type { Matrix } from "../../../linalg/matrix.ts";
import { Random } from "../../../linalg/random.ts";
import { Pacer } from "../../../pacer.ts";
import { connect, walkOrder } from "./connect.ts";
import { unitOf } from "./fit-shape.ts";
import { type GraphOptions, graphDefaults } from "./options.ts";

/** Rows of a batch do not see each other: as many as a fiftieth of those before them, and never more than this. */
const BATCH_SHARE = 1 / 50;
const MOST_BATCH = 2000;
/** Rows that are made ready and coded at once. */
const PLACED = 4096;

export interface GrowOptions extends GraphOptions {
  readonly signal?: AbortSignal | undefined;
}

/** Codes of all vectors in an empty graph. */
export async function placeAll(
  graph: WasmGraph,
  { rows, cols, data }: Matrix,
  pool: () => Pool | undefined,
): Promise<void> {
  const pacer = new Pacer();
  graph.reserve(rows);
  for (let first = 0; first < rows; first += PLACED) {
    const some = data.subarray(first * cols, Math.min(rows, first + PLACED) * cols);
    graph.place(first, unitOf(graph.shape.metric, some, cols), pool());
    if (pacer.isDue) await pacer.pause();
  }
}

/**
 * Links all placed rows, in an order by the seed; then reorders the graph by walks.
 * @returns the ordinal that each row was placed at
 */
export async function linkAll(
  graph: WasmGraph,
  medoid: number,
  options: GrowOptions,
  pool: () => Pool | undefined,
): Promise<Uint32Array> {
  const { rows } = graph;
  const order = new Random(options.seed ?? graphDefaults.seed).shuffle(
    Array.from({ length: rows }, (_, i) => i),
  );
  const others = Uint32Array.from(order.filter((row) => row !== medoid));
  graph.enter(Uint32Array.of(medoid));
  await linkRows(graph, others, options, pool);
  connect(linksOf(graph), () => true);
  const walked = walkOrder(linksOf(graph));
  graph.reorder(walked);
  return walked;
}

/** Links placed rows in batches. @param rows of them, in the order in which they come */
export async function linkRows(
  graph: WasmGraph,
  rows: Uint32Array,
  { alpha = graphDefaults.alpha, buildEffort = graphDefaults.buildEffort, signal }: GrowOptions,
  pool: () => Pool | undefined,
): Promise<void> {
  const pacer = new Pacer();
  const before = graph.rows - rows.length;
  for (let at = 0; at < rows.length; ) {
    throwIfAborted(signal, "graph");
    const batch = Math.min(
      MOST_BATCH,
      Math.max(1, Math.floor((before + at) * BATCH_SHARE)),
      rows.length - at,
    );
    graph.link(rows.subarray(at, at + batch), alpha, buildEffort, pool());
    at += batch;
    if (pacer.isDue) await pacer.pause();
  }
}

export function linksOf(graph: WasmGraph): Parameters<typeof connect>[0] {
  const { links, entries } = graph.view();
  return { links, entries, degree: graph.shape.degree };
}

/** The vector nearest to the mean: where walks begin. */
export function medoidOf(vectors: Matrix, mean: Float32Array, metric: string): number {
  const distances = new Float32Array(vectors.rows);
  const { cols, data } = vectors;
  if (metric === "cosine") {
    kernels().dotF32(mean, data, distances);
    for (let r = 0; r < vectors.rows; r++)
      distances[r]! /= -Math.sqrt(squareOf(data.subarray(r * cols, (r + 1) * cols)));
  } else kernels().l2F32(mean, data, distances);
  let best = 0;
  for (let r = 1; r < vectors.rows; r++) if (distances[r]! < distances[best]!) best = r;
  return best;
}
