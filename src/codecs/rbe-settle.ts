/**
 * Bits that settle: the recurrence of binary embeddings carried on until no bit changes. What bits stand for is a sum of one vector for each,
 * and a row is coded by the bits whose sum lies nearest: begun with signs, then each bit in turn is what its pull says when the others
 * stay (iterated conditional modes: Besag, On the Statistical Analysis of Dirty Pictures, 1986; for additive codes: Babenko & Lempitsky,
 * 2014). Vectors need not be orthogonal, nor of one length, so that a bit may refine another. They are fitted by turns: bits, then the
 * vectors that miss the rows least.
 */
import { throwIfAborted } from "../errors.ts";
import { kernels } from "../kernels/index.ts";
import { moments } from "../linalg/covariance.ts";
import { symmetricEigen } from "../linalg/eigen.ts";
import { sampleRows } from "../linalg/k-means.ts";
import { type Matrix, matrix, transposed } from "../linalg/matrix.ts";
import { product, productTransposed } from "../linalg/product.ts";
import { Random } from "../linalg/random.ts";
import { ridgeRegression } from "../linalg/ridge.ts";
import type { FitOptions } from "./codec.ts";

/** Passes over the bits of a row at most: each lowers the distance, and few rows take more. */
const PASSES = 8;
/** Rounds of the fit. */
const ROUNDS = 6;
/** Rows fitted on at most: so many a bit, and no fewer than. */
const SAMPLE = { perBit: 64, least: 16_384 } as const;
const RIDGE = 1e-3;
/**
 * Rows are spread to this power of their variances before distances are taken: directions in which all rows differ much tell little about
 * which of two near ones is meant. -0.5 would whiten; 0 leaves distances alone.
 */
const SPREAD = -0.25;
/** Smallest variance, as a share of the largest. */
const FLAT = 1e-6;

/** What rows are coded with. */
export interface Settling {
  /** width x dim, and width: a row's pulls on the bits when none is set. */
  readonly pull: Float32Array;
  readonly pullBias: Float32Array;
  /** width x width: how much bits take from each other's pulls. */
  readonly gram: Float32Array;
  /** width x dim: its product with a query is what bits add to the query's product with the row. */
  readonly ask: Float32Array;
}

/** @param pulls rows x width; spent @param levels where bits go, a byte each: rows x width */
export function settle(pulls: Matrix, gram: Float32Array, levels: Uint8Array): void {
  const { rows, cols: width, data } = pulls;
  const bits = Float32Array.from(data, (value) => (value >= 0 ? 1 : -1));
  const taken = new Float32Array(data.length);
  kernels().matmulF32(bits, gram, taken, rows, width, width);
  for (let i = 0; i < data.length; i++) data[i]! -= taken[i]!;
  for (let r = 0; r < rows; r++) {
    const own = bits.subarray(r * width, (r + 1) * width);
    const left = data.subarray(r * width, (r + 1) * width);
    for (let pass = 0; pass < PASSES && turnBits(own, left, gram); pass++);
  }
  for (let i = 0; i < bits.length; i++) levels[i] = bits[i]! > 0 ? 1 : 0;
}

/** One pass over the bits of a row. @param left pulls less what bits took, kept so. @returns whether a bit changed */
function turnBits(bits: Float32Array, left: Float32Array, gram: Float32Array): boolean {
  const width = bits.length;
  let changed = false;
  for (let j = 0; j < width; j++) {
    const at = j * width;
    const bit = bits[j]!;
    if (bit * left[j]! + gram[at + j]! >= 0) continue;
    for (let k = 0; k < width; k++) left[k]! += 2 * bit * gram[at + k]!;
    bits[j] = -bit;
    changed = true;
  }
  return changed;
}

/**
 * @param rows unit rows as they will be coded
 * @param begin width x dim: directions whose signs are the first bits, of rows spread as `SPREAD` says and less their mean
 * @throws MnemeError INSUFFICIENT_DATA below two rows, CANCELLED
 */
export function fitSettling(
  rows: Matrix,
  width: number,
  begin: (spread: Matrix) => Matrix,
  { seed = 1, signal }: FitOptions = {},
): Settling {
  const dim = rows.cols;
  const some = sampleRows(rows, Math.max(SAMPLE.least, SAMPLE.perBit * width), new Random(seed));
  const { mean, covariance } = moments(some);
  const { spread, back } = spreads(covariance, dim);
  const centred = matrix(
    some.rows,
    dim,
    some.data.map((value, i) => value - mean[i % dim]!),
  );
  const target = product(centred, spread);
  const levels = new Uint8Array(some.rows * width);
  let vectors: Matrix = begin(target);
  let gram: Float32Array = new Float32Array(width * width);
  for (let round = 0; round <= ROUNDS; round++) {
    throwIfAborted(signal, "rbe");
    // the first bits are signs: directions are orthogonal and take nothing from each other
    settle(productTransposed(target, vectors), gram, levels);
    const bits = matrix(
      some.rows,
      width,
      Float32Array.from(levels, (level) => 2 * level - 1),
    );
    vectors = transposed(ridgeRegression(bits, target, RIDGE));
    gram = productTransposed(vectors, vectors).data;
  }
  const pull = product(vectors, spread);
  const centre = matrix(1, dim, Float32Array.from(mean));
  const pullBias = productTransposed(centre, pull).data.map((value) => -value);
  return { pull: pull.data, pullBias, gram, ask: product(vectors, back).data };
}

/** Powers of a covariance, dim x dim: SPREAD / 2 of the matrix to spread rows, and the way back. Sizes on average stay. */
function spreads(covariance: Float64Array, dim: number): { spread: Matrix; back: Matrix } {
  const { values, vectors } = symmetricEigen(covariance, dim);
  const most = Math.max(values[0]!, Number.MIN_VALUE);
  const mean = values.reduce((sum, value) => sum + value, 0) / dim || 1;
  const rows = matrix(dim, dim, Float32Array.from(vectors));
  const power = (by: number): Matrix => {
    const scaled = rows.data.map(
      (value, i) => value * (Math.max(values[Math.floor(i / dim)]!, FLAT * most) / mean) ** by,
    );
    return product(transposed(rows), matrix(dim, dim, scaled));
  };
  return { spread: power(SPREAD), back: power(-SPREAD) };
}
