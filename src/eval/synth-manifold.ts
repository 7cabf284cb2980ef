/**
 * Made-up embeddings that are as hard to index as real ones: clusters of uneven size in a latent space of few, decaying coordinates, bent by
 * a random network of one layer into many dimensions, with noise, at unit length. Unlike a plain Gaussian mixture it has the long tail of
 * queries whose neighbours lie in many cells (SPANN, NeurIPS 2021, section 3.2). Rows come by number: any block alone, in any order.
 */
import { MnemeError } from "../errors.ts";
import { kernels } from "../kernels/index.ts";
import { type Matrix, matrix } from "../linalg/matrix.ts";
import { Random } from "../linalg/random.ts";

export interface ManifoldOptions {
  readonly seed?: number;
  /** Coordinates of the latent space. */
  readonly latent?: number;
  readonly clusters?: number;
  /** Standard deviation of the noise as a share of that of the clean values. */
  readonly noise?: number;
  /** What is added to the number of each row's cluster, modulo the clusters: later rows that come from elsewhere. */
  readonly shift?: number;
}

export const manifoldDefaults = { seed: 1, latent: 24, clusters: 64, noise: 0.15, shift: 0 } as const;

/** Rows drawn from one state of the generator. */
const BLOCK_ROWS = 1024;
/** Clusters are drawn with probability (number + 1) to minus this. */
const ZIPF = 0.7;
/** Spread of a cluster, where the spread of the centres is 1. */
const SPREAD = 0.8;
/** Blocks that queries are drawn from: no row's block is that far. */
const QUERY_BLOCK = 1 << 30;

export class Manifold {
  readonly dim: number;
  readonly #settings: Required<ManifoldOptions>;
  readonly #centres: Matrix;
  readonly #bend: Matrix;
  readonly #bias: Float32Array;
  readonly #spread: Matrix;
  readonly #shares: Float64Array;
  readonly #noise: number;

  /** @throws MnemeError RANGE for a dimension that is no whole number from 1 */
  constructor(dim: number, options: ManifoldOptions = {}) {
    if (!Number.isInteger(dim) || dim < 1)
      throw new MnemeError("RANGE", `manifold: dimension must be a whole number from 1, got ${dim}`);
    this.dim = dim;
    this.#settings = { ...manifoldDefaults, ...options };
    const { seed, latent, clusters, noise } = this.#settings;
    const random = new Random(seed);
    const width = 4 * latent;
    this.#centres = gaussians(random, clusters, latent, 1);
    this.#bend = gaussians(random, latent, width, 1.5 / Math.sqrt(latent));
    this.#bias = gaussians(random, 1, width, 0.5).data;
    this.#spread = gaussians(random, width, dim, 1 / Math.sqrt(width));
    const weights = Float64Array.from({ length: clusters }, (_, c) => (c + 1) ** -ZIPF);
    const total = weights.reduce((sum, weight) => sum + weight, 0);
    let before = 0;
    this.#shares = weights.map((weight) => (before += weight / total));
    this.#noise = noise * deviation(this.#lifted(this.#latent(new Random(seed + 1), BLOCK_ROWS)).data);
  }

  /** Writes rows [first, first + out.length / dim), of unit length. */
  fill(first: number, out: Float32Array): void {
    const rows = out.length / this.dim;
    for (let row = first; row < first + rows; ) {
      const number = Math.floor(row / BLOCK_ROWS);
      const block = this.#block(number);
      const from = row - number * BLOCK_ROWS;
      const count = Math.min(BLOCK_ROWS - from, first + rows - row);
      out.set(block.subarray(from * this.dim, (from + count) * this.dim), (row - first) * this.dim);
      row += count;
    }
  }

  /** The first `count` rows. */
  rows(count: number): Matrix {
    const all = matrix(count, this.dim);
    this.fill(0, all.data);
    return all;
  }

  /** Fresh draws of the same kind that are no rows. */
  queries(count: number): Matrix {
    const all = matrix(count, this.dim);
    this.fill(QUERY_BLOCK * BLOCK_ROWS, all.data);
    return all;
  }

  #block(number: number): Float32Array {
    const random = new Random((this.#settings.seed ^ Math.imul(number + 1, 0x9e3779b1)) >>> 0);
    const codes = this.#latent(random, BLOCK_ROWS);
    const { data } = this.#lifted(codes);
    for (let i = 0; i < data.length; i++) data[i]! += this.#noise * random.gaussian();
    kernels().normalizeF32(data, this.dim);
    return data;
  }

  /**
   * Clean rows, not of unit length, and for each another one whose latent point lies nearby, each coordinate moved by `jitter` times a normal
   * number. @param seed of the draws
   */
  twins(count: number, jitter: number, seed: number): { readonly rows: Matrix; readonly twins: Matrix } {
    const random = new Random(seed);
    const codes = this.#latent(random, count);
    const moved = matrix(count, codes.cols, codes.data.slice());
    for (let i = 0; i < moved.data.length; i++) moved.data[i]! += jitter * random.gaussian();
    return { rows: this.#lifted(codes), twins: this.#lifted(moved) };
  }

  /** Latent rows bent into all dimensions. */
  #lifted({ rows, cols: latent, data }: Matrix): Matrix {
    const width = 4 * latent;
    const bent = new Float32Array(rows * width);
    kernels().matmulF32(data, this.#bend.data, bent, rows, latent, width);
    for (let i = 0; i < bent.length; i++) bent[i] = Math.tanh(bent[i]! + this.#bias[i % width]!);
    const out = matrix(rows, this.dim);
    kernels().matmulF32(bent, this.#spread.data, out.data, rows, width, this.dim);
    return out;
  }

  #latent(random: Random, rows: number): Matrix {
    const { latent, clusters, shift } = this.#settings;
    const codes = matrix(rows, latent);
    for (let r = 0; r < rows; r++) {
      const draw = random.uniform();
      const place = this.#shares.findIndex((share) => draw < share);
      const cluster = ((place < 0 ? clusters - 1 : place) + shift) % clusters;
      for (let i = 0; i < latent; i++) {
        const centre = this.#centres.data[cluster * latent + i]!;
        codes.data[r * latent + i] = (centre + SPREAD * random.gaussian()) / Math.sqrt(i + 1);
      }
    }
    return codes;
  }
}

function gaussians(random: Random, rows: number, cols: number, scale: number): Matrix {
  const all = matrix(rows, cols);
  for (let i = 0; i < all.data.length; i++) all.data[i] = scale * random.gaussian();
  return all;
}

function deviation(values: Float32Array): number {
  let sum = 0;
  let squares = 0;
  for (const value of values) {
    sum += value;
    squares += value * value;
  }
  return Math.sqrt(squares / values.length - (sum / values.length) ** 2);
}
