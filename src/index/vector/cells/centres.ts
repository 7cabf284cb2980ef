/** Centres of cells: a balanced tree's leaves, moved by a few of Lloyd's rounds in which a graph over them finds the nearest. */

import { throwIfAborted } from "../../../errors.ts";
import { type GraphShape, kernels, type LazyPool, type Pool, WasmGraph } from "../../../kernels/index.ts";
import { balancedTree } from "../../../linalg/balanced-tree.ts";
import { type Matrix, matrix, rowsOf, sampleRows } from "../../../linalg/index.ts";
import { Random } from "../../../linalg/random.ts";
import { Pacer } from "../../../pacer.ts";
import { unitOf } from "../graph/fit-shape.ts";
import { linkAll, placeAll } from "../graph/grow.ts";
import { matrixSource } from "../row-source.ts";
import { ROOM, THREADS } from "./options.ts";
import type { Projector, Span } from "./span.ts";

/** Rows a centre that clustering looks at, and rounds of moving the centres. */
const ROWS_A_CENTRE = 48;
const ROUNDS = 3;
/** Links of a centre, and list of the walk that finds a row's cell. */
const DEGREE = 24;
const FORWARD = 12;
const EFFORT = 48;
const BATCH = 4096;

export interface CentreOptions {
  readonly metric: string;
  readonly cellRows: number;
  readonly seed: number;
  readonly pool?: LazyPool | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** Shape of the graph of the centres. */
export function centreShape(
  { mean, dims, projection }: Span,
  metric: GraphShape["metric"],
  threads: number,
): GraphShape {
  const shape = { dim: mean.length, dims, mean, projection, metric, fineBits: 0 } as const;
  return { ...shape, degree: DEGREE, forward: FORWARD, room: ROOM, threads };
}

/** A graph of the centres for squared distances, in the order of walks. */
export async function fitCentres(
  vectors: Matrix,
  span: Span,
  projector: Projector,
  options: CentreOptions,
): Promise<WasmGraph> {
  const { cellRows, seed, metric } = options;
  const count = Math.max(1, Math.round(vectors.rows / cellRows));
  const some = sampleRows(vectors, count * ROWS_A_CENTRE, new Random(seed));
  const sample = matrix(some.rows, vectors.cols, unitOf(metric, some.data, vectors.cols));
  const projected = projector.project(projector.centre(sample.data));
  const { leaves } = balancedTree(projected, {
    leafRows: Math.max(1, Math.ceil((1.25 * sample.rows) / count)),
    seed,
    ...(options.pool ? { pool: options.pool } : {}),
    ...(options.signal ? { signal: options.signal } : {}),
  });
  let graph = await graphOf(projector.lift(leaves), span, options);
  for (let round = 0; round < ROUNDS; round++) {
    const cells = await nearestCentres(graph, sample, options);
    const moved = meansOf(projected, cells, graph.rows);
    graph[Symbol.dispose]();
    graph = await graphOf(projector.lift(moved), span, options);
  }
  return graph;
}

/** @param centres vectors */
async function graphOf(centres: Matrix, span: Span, options: CentreOptions): Promise<WasmGraph> {
  const graph = new WasmGraph(kernels(), centreShape(span, "l2", options.pool ? THREADS : 1));
  const pool = (): Pool | undefined => options.pool?.pool;
  try {
    await placeAll(graph, matrixSource(centres), pool);
    await linkAll(graph, 0, { seed: options.seed, signal: options.signal }, pool);
  } catch (error) {
    graph[Symbol.dispose]();
    throw error;
  }
  return graph;
}

/** Cell of each vector. @param vectors as they came, or of unit length under cosine */
export async function nearestCentres(
  graph: WasmGraph,
  vectors: Matrix,
  { metric, pool, signal }: CentreOptions,
): Promise<Uint32Array> {
  const pacer = new Pacer();
  const cells = new Uint32Array(vectors.rows);
  for (let from = 0; from < vectors.rows; from += BATCH) {
    throwIfAborted(signal, "cells");
    const { data } = rowsOf(vectors, from, Math.min(vectors.rows, from + BATCH));
    const unit = unitOf(metric, data, vectors.cols);
    cells.set(graph.search(unit, { k: 1, effort: EFFORT, kept: 1 }, pool?.pool).rows, from);
    if (pacer.isDue) await pacer.pause();
  }
  return cells;
}

/** Means of the rows of each cell that has some. */
function meansOf({ cols, data }: Matrix, cells: Uint32Array, count: number): Matrix {
  const sums = new Float64Array(count * cols);
  const counts = new Uint32Array(count);
  cells.forEach((cell, row) => {
    counts[cell]!++;
    for (let c = 0; c < cols; c++) sums[cell * cols + c]! += data[row * cols + c]!;
  });
  const kept = [...counts.keys()].filter((cell) => counts[cell]! > 0);
  const means = matrix(kept.length, cols);
  kept.forEach((cell, i) => {
    for (let c = 0; c < cols; c++) means.data[i * cols + c] = sums[cell * cols + c]! / counts[cell]!;
  });
  return means;
}

/** So few centres are looked at one by one; and all of them by searches that want a large share. */
const SCANNED = 512;
const SCAN_SHARE = 24;
const LEAST_EFFORT = 16;
const WIDER = 1.25;

/** List of the walk that finds `probes` cells; 0: a look at all centres. */
export function centreEffort(probes: number, cells: number): number {
  if (cells <= SCANNED || probes * SCAN_SHARE > cells) return 0;
  return Math.min(ROOM, Math.max(LEAST_EFFORT, Math.ceil(probes * WIDER)));
}
