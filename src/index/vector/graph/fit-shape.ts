/**
 * The codes of a graph: what is walked over are the principal directions of vectors that are wide or vary in few directions (LeanVec:
 * Tepper et al., 2023), or all values of the others, a byte each; the rest is kept in few bits for the final scores.
 */

import { MnemeError } from "../../../errors.ts";
import { type GraphShape, graphWidth, kernels } from "../../../kernels/index.ts";
import { meanOf } from "../../../linalg/covariance.ts";
import { type Matrix, matrix } from "../../../linalg/matrix.ts";
import { fewestDirections, principalSpan, shareWithin } from "../../../linalg/principal.ts";
import { Random } from "../../../linalg/random.ts";
import { type RowSource, takeRows } from "../row-source.ts";
import {
  type GraphOptions,
  graphDefaults,
  MOST_DIRECT,
  PROJECTED_DIMS,
  ROOM,
  THREADS,
  WIDE,
} from "./options.ts";

/** Rows that the principal span is taken from. */
const SAMPLE_ROWS = 4096;
const UNIT = 16_384;
/** Share of the sample's variance that the principal span is to keep: with less, walks lose their way to rows unlike the query. */
const LEAST_KEPT = 0.9;
/** Share of the variance with which narrower codes lose hardly anything. */
export const ENOUGH_KEPT = 0.97;
/** With their tails one and two cache lines. */
const NARROW_DIMS: readonly number[] = [56, 120];
/** Fewer rows do not tell how narrowly those vary that may come. */
const TELLING_ROWS = 1024;
/** Spans are tried a cache line of codes apart. */
const STEP_DIMS = 64;

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
  const wanted = options.coarseDims;
  if (wanted !== undefined && (!Number.isInteger(wanted) || wanted < 8 || wanted % 8 !== 0 || wanted > width))
    throw new MnemeError(
      "RANGE",
      `graph: coarseDims must be a multiple of 8 up to the padded width ${width}, got ${wanted}`,
    );
  const seed = options.seed ?? graphDefaults.seed;
  const { rows, data } = sampleOf(vectors, seed);
  const sample = matrix(rows, dim, unitOf(options.metric ?? graphDefaults.metric, data, dim));
  const mean = Float32Array.from(meanOf(sample));
  const span = spanOf(centred(sample, mean), width, wanted, seed);
  const dims = span?.rows ?? width;
  const usual = span && dims > PROJECTED_DIMS ? WIDE : {};
  return shapeOf(dim, mean, span && project(span, width), dims, { ...usual, ...options });
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

/** Rows that means and spans are taken from. */
export function sampleOf(vectors: RowSource, seed: number): Matrix {
  const { rows, cols } = vectors;
  if (rows <= SAMPLE_ROWS) return matrix(rows, cols, vectors.read(0, rows));
  return takeRows(vectors, new Random(seed).sample(rows, SAMPLE_ROWS));
}

function centred({ rows, cols, data }: Matrix, mean: Float32Array): Matrix {
  return matrix(
    rows,
    cols,
    data.map((value, i) => value - mean[i % cols]!),
  );
}

/**
 * The principal span of `wanted` directions, or else the narrowest of those tried that keeps enough of the variance.
 * @returns undefined where all values are to be walked over
 */
function spanOf(rows: Matrix, width: number, wanted: number | undefined, seed: number): Matrix | undefined {
  if (wanted !== undefined) return wanted < width ? spanned(rows, wanted, seed) : undefined;
  const narrow = NARROW_DIMS.filter((dims) => dims < rows.cols);
  const enough = rows.rows < TELLING_ROWS ? undefined : fewestDirections(rows, narrow, ENOUGH_KEPT, seed);
  if (enough !== undefined) return spanned(rows, enough, seed);
  if (width <= MOST_DIRECT) return undefined;
  for (let dims = PROJECTED_DIMS; dims < width; dims += STEP_DIMS) {
    const span = spanned(rows, dims, seed);
    if (shareWithin(span, rows) >= LEAST_KEPT) return span;
  }
  return undefined;
}

/** `count` rows, zeros behind as many as there are columns. */
function spanned(rows: Matrix, count: number, seed: number): Matrix {
  const { cols } = rows;
  const span = matrix(count, cols);
  span.data.set(principalSpan(rows, Math.min(count, cols), seed).data);
  return span;
}

/** The span as the kernels take it: rows of 16-bit values, padded. */
function project(span: Matrix, width: number): Int16Array {
  const { rows, cols, data } = span;
  const projection = new Int16Array(rows * width);
  for (let j = 0; j < rows; j++)
    for (let c = 0; c < cols; c++) projection[j * width + c] = Math.round(data[j * cols + c]! * UNIT);
  return projection;
}
