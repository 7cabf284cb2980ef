/** k-means: seeding far apart (k-means++, Arthur & Vassilvitskii 2007), Lloyd's iterations, empty clusters reseeded. */
import { MnemeError, throwIfAborted } from "../errors.ts";
import { kernels } from "../kernels/index.ts";
import { type Matrix, matrix, rowOf } from "./matrix.ts";
import { Random } from "./random.ts";

export interface KMeansOptions {
  readonly seed?: number;
  /** Default 25. */
  readonly iterations?: number;
  /** Stop when the total distance falls by less than this share; default 1e-4. */
  readonly tolerance?: number;
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

/** @throws MnemeError RANGE when k is not in 1..rows, CANCELLED. */
export function kMeans(rows: Matrix, k: number, options: KMeansOptions = {}): Clusters {
  if (!Number.isInteger(k) || k < 1 || k > rows.rows) {
    throw new MnemeError(
      "RANGE",
      `k-means: k must be a whole number from 1 to the ${rows.rows} rows, got ${k}`,
    );
  }
  const random = new Random(options.seed ?? 1);
  const centroids = seedCentroids(rows, k, random);
  const assignment = new Uint32Array(rows.rows);
  let inertia = Number.POSITIVE_INFINITY;
  for (let iteration = 0; iteration < (options.iterations ?? 25); iteration++) {
    throwIfAborted(options.signal, "k-means");
    const next = assign(rows, centroids, assignment);
    const done = Number.isFinite(inertia) && inertia - next <= (options.tolerance ?? 1e-4) * inertia;
    inertia = next;
    if (done) break;
    update(rows, centroids, assignment, random);
  }
  inertia = assign(rows, centroids, assignment);
  return { centroids, assignment, inertia };
}

/** Nearest centroid of each row. @returns the sum of squared distances */
function assign(rows: Matrix, centroids: Matrix, assignment: Uint32Array): number {
  const distances = new Float32Array(centroids.rows);
  let inertia = 0;
  for (let r = 0; r < rows.rows; r++) {
    kernels().l2F32(rowOf(rows, r), centroids.data, distances);
    let best = 0;
    for (let c = 1; c < distances.length; c++) if (distances[c]! < distances[best]!) best = c;
    assignment[r] = best;
    inertia += distances[best]!;
  }
  return inertia;
}

function update(rows: Matrix, centroids: Matrix, assignment: Uint32Array, random: Random): void {
  const { cols } = rows;
  const sums = new Float64Array(centroids.data.length);
  const counts = new Uint32Array(centroids.rows);
  assignment.forEach((cluster, r) => {
    counts[cluster]!++;
    for (let c = 0; c < cols; c++) sums[cluster * cols + c]! += rows.data[r * cols + c]!;
  });
  counts.forEach((count, cluster) => {
    if (count === 0) centroids.data.set(rowOf(rows, random.integer(rows.rows)), cluster * cols);
    else
      for (let c = 0; c < cols; c++) centroids.data[cluster * cols + c] = sums[cluster * cols + c]! / count;
  });
}

function seedCentroids(rows: Matrix, k: number, random: Random): Matrix {
  const centroids = matrix(k, rows.cols);
  const nearest = new Float32Array(rows.rows).fill(Number.POSITIVE_INFINITY);
  const distances = new Float32Array(rows.rows);
  let chosen = random.integer(rows.rows);
  for (let c = 0; c < k; c++) {
    centroids.data.set(rowOf(rows, chosen), c * rows.cols);
    kernels().l2F32(rowOf(rows, chosen), rows.data, distances);
    let total = 0;
    for (let r = 0; r < rows.rows; r++) {
      nearest[r] = Math.min(nearest[r]!, distances[r]!);
      total += nearest[r]!;
    }
    let rest = random.uniform() * total;
    chosen = nearest.findIndex((distance) => {
      rest -= distance;
      return rest < 0;
    });
    if (chosen < 0) chosen = random.integer(rows.rows);
  }
  return centroids;
}
