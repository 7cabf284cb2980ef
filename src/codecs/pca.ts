/**
 * PCA projection (PCA-RAG, 2025; Pearson 1901): rows centred by the documents' mean, queries by the same one. Scores in the projection
 * are cosines of centred rows, unless nothing is centred; `whiten` divides by the standard deviations, which lifts noise and is off unless
 * asked for.
 */
import { MnemeError } from "../errors.ts";
import { kernels } from "../kernels/index.ts";
import { moments } from "../linalg/covariance.ts";
import { symmetricEigen } from "../linalg/eigen.ts";
import { sampleRows } from "../linalg/k-means.ts";
import { type Matrix, matrix } from "../linalg/matrix.ts";
import { Random } from "../linalg/random.ts";
import { checkRows } from "./check.ts";
import type { Transform, TransformCodec } from "./compose.ts";
import { serialize } from "./serial.ts";

export interface PcaOptions {
  /** Components kept. */
  readonly dim: number;
  readonly whiten?: boolean;
  /**
   * Whether rows are centred by their mean, as principal components are defined; default true. False keeps what products and cosines of the
   * rows themselves are, as far as the components go, where centred rows have other angles.
   */
  readonly centre?: boolean;
}

export interface PcaParameters {
  readonly from: number;
  readonly to: number;
  /** `from` values. */
  readonly mean: Float32Array;
  /** to x from, orthonormal rows (scaled when whitened). */
  readonly components: Float32Array;
  /** from x to: the way back. */
  readonly inverse: Float32Array;
  /** Variance along each component, and in all. */
  readonly variances: Float32Array;
  readonly totalVariance: number;
  readonly whiten: boolean;
}

/** Rows whose moments are taken, at most: more hardly turn the components, and moments take rows times columns squared. */
const SAMPLE = { perColumn: 16, least: 8192 } as const;

/** @throws MnemeError RANGE for dim < 1; at fit INSUFFICIENT_DATA, or RANGE when dim exceeds rows - 1 or the width. */
export function pca(options: PcaOptions): TransformCodec {
  const { dim, whiten = false, centre = true } = options;
  if (!Number.isInteger(dim) || dim < 1)
    throw new MnemeError("RANGE", `pca: dim must be a whole number from 1, got ${dim}`);
  const id = `pca${dim}${whiten ? "w" : ""}${centre ? "" : "u"}`;
  return {
    id,
    needsTraining: true,
    fit: (sample, { seed } = {}) => pcaTransform(id, fitPca(id, sample, options, seed)),
  };
}

/** @throws MnemeError as `pca` does at fit */
export function fitPca(
  id: string,
  all: Matrix,
  { dim: to, whiten = false, centre = true }: PcaOptions,
  seed = 1,
): PcaParameters {
  const from = all.cols;
  checkRows(id, from, all);
  const most = Math.max(SAMPLE.least, SAMPLE.perColumn * from);
  const sample = sampleRows(all, most, new Random(seed));
  const { mean, covariance } = moments(sample);
  if (to > Math.min(from, sample.rows - 1)) {
    throw new MnemeError(
      "RANGE",
      `pca: dim ${to} exceeds what ${sample.rows} rows of ${from} values determine; fit on more rows or keep fewer`,
    );
  }
  if (!centre) aroundOrigin(covariance, mean, sample.rows);
  const totalVariance = covariance.reduce((sum, value, i) => sum + (i % (from + 1) === 0 ? value : 0), 0);
  if (totalVariance <= 0)
    throw new MnemeError("INSUFFICIENT_DATA", "pca: all rows are equal; there is no direction to keep");
  const { values, vectors } = symmetricEigen(covariance, from);
  const components = new Float32Array(to * from);
  const inverse = new Float32Array(from * to);
  for (let c = 0; c < to; c++) {
    const vector = vectors.subarray(c * from, (c + 1) * from);
    const sign = signOf(vector);
    const deviation = whiten ? Math.sqrt(Math.max(values[c]!, Number.EPSILON * totalVariance)) : 1;
    for (let i = 0; i < from; i++) {
      components[c * from + i] = (sign * vector[i]!) / deviation;
      inverse[i * to + c] = sign * vector[i]! * deviation;
    }
  }
  const variances = Float32Array.from(values.subarray(0, to));
  return { from, to, mean: Float32Array.from(mean), components, inverse, variances, totalVariance, whiten };
}

/** Second moments around the origin in place of those around the mean, which becomes zero. */
function aroundOrigin(covariance: Float64Array, mean: Float64Array, rows: number): void {
  const { length } = mean;
  for (let i = 0; i < length; i++)
    for (let j = 0; j < length; j++) covariance[i * length + j]! += (mean[i]! * mean[j]! * rows) / (rows - 1);
  mean.fill(0);
}

/** Eigenvectors have no sign of their own: the largest value is made positive, so that fits agree. */
function signOf(vector: Float64Array): number {
  let largest = 0;
  for (const value of vector) if (Math.abs(value) > Math.abs(largest)) largest = value;
  return largest < 0 ? -1 : 1;
}

export function pcaTransform(id: string, parameters: PcaParameters): Transform {
  const { from, to, mean, components, inverse, variances, totalVariance, whiten } = parameters;
  return {
    id,
    dim: from,
    outDim: to,
    bytes: components.byteLength + inverse.byteLength + mean.byteLength,
    forward(rows) {
      checkRows(id, from, rows);
      const centred = rows.data.slice();
      for (let i = 0; i < centred.length; i++) centred[i]! -= mean[i % from]!;
      const out = matrix(rows.rows, to);
      kernels().matmulTransposedF32(centred, components, out.data, rows.rows, from, to);
      return out;
    },
    backward(rows) {
      const out = matrix(rows.rows, from);
      kernels().matmulTransposedF32(rows.data, inverse, out.data, rows.rows, to, from);
      for (let i = 0; i < out.data.length; i++) out.data[i]! += mean[i % from]!;
      return out;
    },
    serialize: () =>
      serialize({ id, dim: from, to, whiten, totalVariance }, [mean, components, inverse, variances]),
  };
}

/** Share of the variance that the kept components explain. */
export function explainedVariance({ variances, totalVariance }: PcaParameters): number {
  return variances.reduce((sum, value) => sum + value, 0) / totalVariance;
}
