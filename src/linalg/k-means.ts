/** k-means: seeding far apart (k-means++, Arthur & Vassilvitskii 2007), Lloyd's iterations, empty clusters reseeded. */
import { MnemeError, throwIfAborted } from "../errors.ts";
import { kernels, panelsOf } from "../kernels/index.ts";
import { gatherRows, type Matrix, matrix, rowOf } from "./matrix.ts";
import { Random } from "./random.ts";

export interface KMeansOptions {
  readonly seed?: number;
  /** Default 25. */
  readonly iterations?: number;
  /** Stop when the total distance falls by less than this share; default 1e-4. */
  readonly tolerance?: number;
  /** Centroids to begin with instead of seeding: k x cols, borrowed. */
  readonly start?: Matrix;
  readonly signal?: AbortSignal;
}

export interface Clusters {
  /** k x cols. */
  readonly centroids: Matrix;
  /** Cluster of each row. */
  readonly assignment: Uint32Array;
  /** Sum of squared distances to the centroids. */
  readonly inertia: number;
}

/** Rows a centroid that seeding looks at: enough to find them far apart, and its k passes over all rows would take longer than the rest. */
const SEEDING_ROWS = 32;

/** @throws MnemeError RANGE when k is not in 1..rows, CANCELLED. */
export function kMeans(rows: Matrix, k: number, options: KMeansOptions = {}): Clusters {
  if (!Number.isInteger(k) || k < 1 || k > rows.rows) {
    throw new MnemeError(
      "RANGE",
      `k-means: k must be a whole number from 1 to the ${rows.rows} rows, got ${k}`,
    );
  }
  const random = new Random(options.seed ?? 1);
  const { start } = options;
  const centroids = start ? matrix(k, rows.cols, start.data.slice()) : seedCentroids(rows, k, random);
  const assignment = new Uint32Array(rows.rows);
  const distances = new Float32Array(rows.rows);
  let inertia = Number.POSITIVE_INFINITY;
  for (let iteration = 0; iteration < (options.iterations ?? 25); iteration++) {
    throwIfAborted(options.signal, "k-means");
    const next = assignNearest(rows, centroids, assignment, distances);
    if (Number.isFinite(inertia) && inertia - next <= (options.tolerance ?? 1e-4) * inertia)
      return { centroids, assignment, inertia: next };
    inertia = next;
    update(rows, centroids, assignment, random);
  }
  return { centroids, assignment, inertia: assignNearest(rows, centroids, assignment, distances) };
}

/** Nearest centroid of each row, and the squared distance to it. @returns the sum of the distances */
function assignNearest(
  rows: Matrix,
  centroids: Matrix,
  assignment: Uint32Array,
  distances: Float32Array,
): number {
  kernels().nearestF32(rows.data, rows.cols, panelsOf(centroids.data, rows.cols), assignment, distances);
  let inertia = 0;
  for (let r = 0; r < distances.length; r++) inertia += distances[r]!;
  return inertia;
}

function update(rows: Matrix, centroids: Matrix, assignment: Uint32Array, random: Random): void {
  const { cols } = rows;
  const sums = new Float64Array(centroids.data.length);
  const counts = new Uint32Array(centroids.rows);
  for (let r = 0, at = 0; r < rows.rows; r++, at += cols) {
    const cluster = assignment[r]!;
    counts[cluster]!++;
    for (let c = 0, to = cluster * cols; c < cols; c++) sums[to + c]! += rows.data[at + c]!;
  }
  counts.forEach((count, cluster) => {
    if (count === 0) centroids.data.set(rowOf(rows, random.integer(rows.rows)), cluster * cols);
    else
      for (let c = 0; c < cols; c++) centroids.data[cluster * cols + c] = sums[cluster * cols + c]! / count;
  });
}

function seedCentroids(rows: Matrix, k: number, random: Random): Matrix {
  const some = sampleRows(rows, k * SEEDING_ROWS, random);
  const centroids = matrix(k, rows.cols);
  const nearest = new Float32Array(some.rows).fill(Number.POSITIVE_INFINITY);
  const distances = new Float32Array(some.rows);
  const only = new Uint32Array(some.rows);
  let chosen = random.integer(some.rows);
  for (let c = 0; c < k; c++) {
    const row = rowOf(some, chosen);
    centroids.data.set(row, c * rows.cols);
    kernels().nearestF32(some.data, rows.cols, panelsOf(row, rows.cols), only, distances);
    let total = 0;
    for (let r = 0; r < some.rows; r++) {
      if (distances[r]! < nearest[r]!) nearest[r] = distances[r]!;
      total += nearest[r]!;
    }
    chosen = random.weighted(nearest, total);
  }
  return centroids;
}

/** At most `most` rows, ascending: a copy, or the matrix itself when it has no more. */
export function sampleRows(rows: Matrix, most: number, random: Random): Matrix {
  return rows.rows <= most ? rows : gatherRows(rows, random.sample(rows.rows, most));
}
