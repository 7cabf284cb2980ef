/**
 * Made-up pairs of a query and its document, as two encoders might place them: both near one point of a manifold, then each with a nuisance
 * of its own in a few fixed directions, and an offset that all queries, and all documents, share. Without the nuisance geometry tells what
 * is relevant; with it a projection must be learned that does not see those directions.
 */
import { kernels } from "../kernels/index.ts";
import { type Matrix, matrix, rowOf } from "../linalg/matrix.ts";
import { Random } from "../linalg/random.ts";
import { Manifold } from "./synth-manifold.ts";

export interface SynthPairsOptions {
  readonly dim?: number;
  /** Length of the nuisance beside unit rows. */
  readonly nuisance?: number;
  /** Directions that it lies in. */
  readonly rank?: number;
  /** How far a query's latent point lies from its document's, in each coordinate. */
  readonly jitter?: number;
  /** Length of the offset of each side. */
  readonly offset?: number;
  readonly seed?: number;
}

export const synthPairsDefaults = {
  dim: 256,
  nuisance: 0,
  rank: 32,
  jitter: 0.25,
  offset: 0.3,
  seed: 1,
} as const;

export class SynthPairs {
  readonly #settings: Required<SynthPairsOptions>;
  readonly #manifold: Manifold;
  /** rank x dim, orthonormal rows. */
  readonly #directions: Matrix;
  readonly #offsets: readonly [Float32Array, Float32Array];

  constructor(options: SynthPairsOptions = {}) {
    this.#settings = { ...synthPairsDefaults, ...options };
    const { dim, rank, seed, offset } = this.#settings;
    this.#manifold = new Manifold(dim, { seed });
    const random = new Random(seed ^ 0x5eed);
    this.#directions = orthonormal(random, rank, dim);
    this.#offsets = [ofLength(random, dim, offset), ofLength(random, dim, offset)];
  }

  /** Row i of both is a pair; unit rows. @param draw numbers the draws: the same one gives the same pairs */
  pairs(count: number, draw: number): { readonly queries: Matrix; readonly documents: Matrix } {
    const { jitter, seed } = this.#settings;
    const from = (seed ^ Math.imul(draw + 1, 0x9e3779b1)) >>> 0;
    const { rows, twins } = this.#manifold.twins(count, jitter, from);
    const random = new Random(from ^ 0xd1ff);
    this.#disturb(twins, this.#offsets[0], random);
    this.#disturb(rows, this.#offsets[1], random);
    return { queries: twins, documents: rows };
  }

  #disturb(rows: Matrix, offset: Float32Array, random: Random): void {
    const { rank, nuisance, dim } = this.#settings;
    const amounts = matrix(rows.rows, rank);
    for (let i = 0; i < amounts.data.length; i++)
      amounts.data[i] = (nuisance * random.gaussian()) / Math.sqrt(rank);
    const moved = matrix(rows.rows, dim);
    kernels().matmulF32(amounts.data, this.#directions.data, moved.data, rows.rows, rank, dim);
    kernels().normalizeF32(rows.data, dim);
    for (let i = 0; i < rows.data.length; i++) rows.data[i]! += moved.data[i]! + offset[i % dim]!;
    kernels().normalizeF32(rows.data, dim);
  }
}

function ofLength(random: Random, dim: number, length: number): Float32Array {
  const row = Float32Array.from({ length: dim }, () => random.gaussian());
  kernels().normalizeF32(row, dim);
  return row.map((value) => value * length);
}

/** Gram and Schmidt's process. */
function orthonormal(random: Random, rows: number, dim: number): Matrix {
  const out = matrix(rows, dim);
  for (let r = 0; r < rows; r++) {
    const row = rowOf(out, r);
    for (let i = 0; i < dim; i++) row[i] = random.gaussian();
    for (let p = 0; p < r; p++) {
      const before = rowOf(out, p);
      const product = row.reduce((sum, value, i) => sum + value * before[i]!, 0);
      for (let i = 0; i < dim; i++) row[i]! -= product * before[i]!;
    }
    kernels().normalizeF32(row, dim);
  }
  return out;
}
