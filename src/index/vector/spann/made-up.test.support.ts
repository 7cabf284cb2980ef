/** Rows for tests: a bent surface of few dimensions in many, with noise, at unit length; and their true neighbours. */
import { kernels } from "../../../kernels/index.ts";
import { type Matrix, matrix, Random, rowOf } from "../../../linalg/index.ts";

const LATENT = 12;

export class MadeUp {
  readonly dim: number;
  readonly #seed: number;
  readonly #map: Matrix;

  constructor(dim: number, seed: number) {
    this.dim = dim;
    this.#seed = seed;
    this.#map = gaussian(LATENT, dim, seed);
  }

  rows(count: number): Matrix {
    return this.#draw(count, this.#seed + 1);
  }

  queries(count: number): Matrix {
    return this.#draw(count, this.#seed + 2);
  }

  #draw(count: number, seed: number): Matrix {
    const latent = gaussian(count, LATENT, seed);
    const rows = gaussian(count, this.dim, seed + 1);
    const bent = new Float32Array(rows.data.length);
    kernels().matmulF32(latent.data, this.#map.data, bent, count, LATENT, this.dim);
    for (let i = 0; i < bent.length; i++) rows.data[i] = Math.tanh(bent[i]! / 3) + 0.1 * rows.data[i]!;
    kernels().normalizeF32(rows.data, this.dim);
    return rows;
  }
}

export function gaussian(rows: number, cols: number, seed: number, offset = 0): Matrix {
  const random = new Random(seed);
  const values = Float32Array.from({ length: rows * cols }, () => offset + random.gaussian());
  return matrix(rows, cols, values);
}

export const distance = (a: Float32Array, b: Float32Array): number =>
  a.reduce((sum, x, i) => sum + (x - b[i]!) ** 2, 0);

/** queries x k rows, nearest first. */
export function exactNearest(rows: Matrix, queries: Matrix, k: number): Uint32Array {
  const nearest = new Uint32Array(queries.rows * k);
  const distances = new Float32Array(rows.rows);
  for (let q = 0; q < queries.rows; q++) {
    kernels().l2F32(rowOf(queries, q), rows.data, distances);
    const order = Uint32Array.from(distances.keys()).sort((a, b) => distances[a]! - distances[b]! || a - b);
    nearest.set(order.subarray(0, k), q * k);
  }
  return nearest;
}
