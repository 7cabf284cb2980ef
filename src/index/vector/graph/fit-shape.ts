/**
 * The codes of a graph: what is walked over are the principal directions of wide vectors (LeanVec: Tepper et al., 2023) or all values of
 * narrow ones, a byte each; the rest is kept in few bits for the final scores.
 */
import { MnemeError } from "../../../errors.ts";
import { type GraphShape, graphWidth, kernels } from "../../../kernels/index.ts";
import { meanOf } from "../../../linalg/covariance.ts";
import { type Matrix, matrix } from "../../../linalg/matrix.ts";
import { principalSpan } from "../../../linalg/principal.ts";
import { Random } from "../../../linalg/random.ts";
import { type RowSource, takeRows } from "../row-source.ts";
import { type GraphOptions, graphDefaults, MOST_DIRECT, PROJECTED_DIMS, ROOM, THREADS } from "./options.ts";

/** Rows that the principal span is taken from. */
const SAMPLE_ROWS = 4096;
const UNIT = 16_384;

/** Vectors as the graph takes them. */
export function unitOf(metric: string, vectors: Float32Array, dim: number): Float32Array {
  if (metric !== "cosine") return vectors;
  const unit = vectors.slice();
  kernels().normalizeF32(unit, dim);
  return unit;
}

/** @param vectors finite. @throws MnemeError RANGE */
export function fitShape(vectors: RowSource, options: GraphOptions): GraphShape {
  const dim = vectors.cols;
  const width = graphWidth(dim);
  const dims = options.coarseDims ?? (width <= MOST_DIRECT ? width : PROJECTED_DIMS);
  if (!Number.isInteger(dims) || dims < 8 || dims % 8 !== 0 || dims > width) {
    throw new MnemeError(
      "RANGE",
      `graph: coarseDims must be a multiple of 8 up to the padded width ${width}, got ${dims}`,
    );
  }
  const seed = options.seed ?? graphDefaults.seed;
  const { rows, data } = sampleOf(vectors, seed);
  const sample = matrix(rows, dim, unitOf(options.metric ?? graphDefaults.metric, data, dim));
  const mean = Float32Array.from(meanOf(sample));
  const projection = dims < width ? project(sample, mean, dims, seed) : undefined;
  return shapeOf(dim, mean, projection, dims, options);
}

/** A shape whose mean and projection are known. */
export function shapeOf(
  dim: number,
  mean: Float32Array,
  projection: Int16Array | undefined,
  dims: number,
  options: GraphOptions,
): GraphShape {
  const degree = options.degree ?? graphDefaults.degree;
  return {
    dim,
    dims,
    mean,
    projection,
    metric: options.metric ?? graphDefaults.metric,
    fineBits: options.fineBits ?? (projection ? 8 : 4),
    degree,
    forward: options.forward ?? Math.min(degree, graphDefaults.forward),
    room: ROOM,
    threads: options.pool ? THREADS : 1,
  };
}

function sampleOf(vectors: RowSource, seed: number): Matrix {
  const { rows, cols } = vectors;
  if (rows <= SAMPLE_ROWS) return matrix(rows, cols, vectors.read(0, rows));
  return takeRows(vectors, new Random(seed).sample(rows, SAMPLE_ROWS));
}

/** The principal span as the kernels take it: rows of 16-bit values, padded. */
function project(sample: Matrix, mean: Float32Array, dims: number, seed: number): Int16Array {
  const { rows, cols } = sample;
  const centred = matrix(rows, cols, sample.data.slice());
  for (let i = 0; i < centred.data.length; i++) centred.data[i]! -= mean[i % cols]!;
  const span = principalSpan(centred, Math.min(dims, cols), seed);
  const width = graphWidth(cols);
  const projection = new Int16Array(dims * width);
  for (let j = 0; j < span.rows; j++)
    for (let c = 0; c < cols; c++) projection[j * width + c] = Math.round(span.data[j * cols + c]! * UNIT);
  return projection;
}
