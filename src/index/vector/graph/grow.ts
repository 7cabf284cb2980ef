/** Growing a graph: vectors become rows, a batch at a time, and the whole is put in order once it is built. */

import { throwIfAborted } from "../../../errors.ts";
import { type GraphShape, kernels, type Pool, type WasmGraph } from "../../../kernels/index.ts";
import { Random } from "../../../linalg/random.ts";
import { squareOf } from "../../../linalg/square.ts";
import { Pacer } from "../../../pacer.ts";
import type { RowSource } from "../row-source.ts";
import { connect, walkOrder } from "./connect.ts";
import { unitOf } from "./fit-shape.ts";
import { type GraphOptions, graphDefaults, isWide, WIDE } from "./options.ts";

/** Rows of a batch do not see each other: as many as a fiftieth of those before them, and never more than this. */
const BATCH_SHARE = 1 / 50;
const MOST_BATCH = 2000;
/** Rows that are made ready and coded at once. */
const PLACED = 4096;

export interface GrowOptions extends GraphOptions {
  readonly signal?: AbortSignal | undefined;
  /** Rows linked so far. */
  readonly onLinked?: (rows: number) => void;
}

/** What rows of a graph are linked with. */
export interface Growth {
  readonly alpha: number;
  readonly buildEffort: number;
}

export function growthOf(shape: GraphShape, { alpha, buildEffort }: GraphOptions): Growth {
  const usual = isWide(shape) ? WIDE : graphDefaults;
  return { alpha: alpha ?? graphDefaults.alpha, buildEffort: buildEffort ?? usual.buildEffort };
}

/** Codes of all vectors in an empty graph. */
export async function placeAll(
  graph: WasmGraph,
  source: RowSource,
  pool: () => Pool | undefined,
): Promise<void> {
  const pacer = new Pacer();
  const { rows, cols } = source;
  graph.reserve(rows);
  for (let first = 0; first < rows; first += PLACED) {
    const some = source.read(first, Math.min(PLACED, rows - first));
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
  { signal, onLinked, ...options }: GrowOptions,
  pool: () => Pool | undefined,
): Promise<void> {
  const { alpha, buildEffort } = growthOf(graph.shape, options);
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
    onLinked?.(at);
    if (pacer.isDue) await pacer.pause();
  }
}

export function linksOf(graph: WasmGraph): Parameters<typeof connect>[0] {
  const { links, entries } = graph.view();
  return { links, entries, degree: graph.shape.degree };
}

/** The vector nearest to the mean: where walks begin. A zero vector has no cosine, and is none. */
export function medoidOf(source: RowSource, mean: Float32Array, metric: string): number {
  const { rows, cols } = source;
  let best = 0;
  let least = Number.POSITIVE_INFINITY;
  for (let first = 0; first < rows; first += PLACED) {
    const some = source.read(first, Math.min(PLACED, rows - first));
    const distances = distancesFrom(mean, some, metric);
    for (let i = 0; i < distances.length; i++) {
      if (metric === "cosine") distances[i]! /= -Math.sqrt(squareOf(some.subarray(i * cols, (i + 1) * cols)));
      if (!(distances[i]! < least)) continue;
      least = distances[i]!;
      best = first + i;
    }
  }
  return best;
}

function distancesFrom(mean: Float32Array, vectors: Float32Array, metric: string): Float32Array {
  const distances = new Float32Array(vectors.length / mean.length);
  if (metric === "cosine") kernels().dotF32(mean, vectors, distances);
  else kernels().l2F32(mean, vectors, distances);
  return distances;
}
