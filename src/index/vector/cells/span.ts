/** The space that codes are made in: the vectors less their mean along a rotated principal span, so that all values matter alike. */
import { graphWidth, kernels } from "../../../kernels/index.ts";
import { meanOf } from "../../../linalg/covariance.ts";
import { type Matrix, matrix } from "../../../linalg/index.ts";
import { fewestDirections, principalSpan } from "../../../linalg/principal.ts";
import { HadamardRotation } from "../../../linalg/rotation.ts";
import { sampleOf, unitOf } from "../graph/fit-shape.ts";
import type { RowSource } from "../row-source.ts";

const UNIT = 16_384;

export interface Span {
  readonly dims: number;
  /** dim values. */
  readonly mean: Float32Array;
  /** dims x width, as a graph's shape has it: axes of length 16384. */
  readonly projection: Int16Array;
}

/** @param most dims, a multiple of 8 @param enough fewer are taken where they keep this share of a sample's variance; default never */
export function fitSpan(
  vectors: RowSource,
  metric: string,
  most: number,
  seed: number,
  enough?: number,
): Span {
  const { cols } = vectors;
  const some = sampleOf(vectors, seed);
  const sample = matrix(some.rows, cols, unitOf(metric, some.data, cols).slice());
  const mean = Float32Array.from(meanOf(sample));
  for (let i = 0; i < sample.data.length; i++) sample.data[i]! -= mean[i % cols]!;
  const fewer = Array.from({ length: Math.ceil(Math.min(most, cols) / 8) - 1 }, (_, i) => 8 * (i + 1));
  const dims = (enough === undefined ? undefined : fewestDirections(sample, fewer, enough, seed)) ?? most;
  return { dims, mean, projection: rotated(axesOf(sample, Math.min(dims, cols), seed), dims, seed) };
}

/** Orthonormal axes of the span: those of the values themselves when it is all of the space. */
function axesOf(sample: Matrix, count: number, seed: number): Matrix {
  const { cols } = sample;
  if (count < cols) return principalSpan(sample, count, seed);
  const axes = matrix(cols, cols);
  for (let i = 0; i < cols; i++) axes.data[i * cols + i] = 1;
  return axes;
}

/** The rotation mixes the axes; where there are fewer than dims, the others are zero before it. */
function rotated({ rows, cols, data }: Matrix, dims: number, seed: number): Int16Array {
  const columns = new Float32Array(cols * dims);
  for (let j = 0; j < rows; j++) for (let c = 0; c < cols; c++) columns[c * dims + j] = data[j * cols + c]!;
  new HadamardRotation(dims, seed).apply(columns);
  const width = graphWidth(cols);
  const projection = new Int16Array(dims * width);
  for (let j = 0; j < dims; j++)
    for (let c = 0; c < cols; c++) projection[j * width + c] = Math.round(columns[c * dims + j]! * UNIT);
  return projection;
}

/** Takes rows into the span, and back. */
export class Projector {
  readonly #span: Span;
  readonly #axes: Float32Array;

  constructor(span: Span) {
    this.#span = span;
    const { mean, dims, projection } = span;
    const width = graphWidth(mean.length);
    this.#axes = new Float32Array(dims * mean.length);
    for (let j = 0; j < dims; j++)
      for (let c = 0; c < mean.length; c++)
        this.#axes[j * mean.length + c] = projection[j * width + c]! / UNIT;
  }

  /** Rows less the mean, owned. @param rows n x dim, of unit length under cosine */
  centre(rows: Float32Array): Float32Array {
    const { mean } = this.#span;
    const dim = mean.length;
    const centred = new Float32Array(rows.length);
    for (let at = 0; at < rows.length; at += dim)
      for (let c = 0; c < dim; c++) centred[at + c] = rows[at + c]! - mean[c]!;
    return centred;
  }

  /** @param centred n x dim. @returns n x dims */
  project(centred: Float32Array): Matrix {
    const { mean, dims } = this.#span;
    const rows = centred.length / mean.length;
    const out = matrix(rows, dims);
    kernels().matmulTransposedF32(centred, this.#axes, out.data, rows, mean.length, dims);
    return out;
  }

  /** Vectors with the mean, of rows in the span. @param rows n x dims. @returns n x dim */
  lift({ rows, cols, data }: Matrix): Matrix {
    const { mean } = this.#span;
    const out = matrix(rows, mean.length);
    kernels().matmulF32(data, this.#axes, out.data, rows, cols, mean.length);
    for (let i = 0; i < out.data.length; i++) out.data[i]! += mean[i % mean.length]!;
    return out;
  }
}
