/**
 * Training of product quantisation: k-means on the columns of each part; and the rotation that makes parts easy to code, found by turns:
 * codebooks for the rotated rows, then the rotation that best takes the rows to what they decode to (Ge et al., Optimized Product
 * Quantization, 2013: its non-parametric form).
 */
import { throwIfAborted } from "../errors.ts";
import { kernels } from "../kernels/index.ts";
import { kMeans } from "../linalg/k-means.ts";
import { type Matrix, matrix, transposed } from "../linalg/matrix.ts";
import { polarFactor } from "../linalg/polar.ts";
import { type CodeBits, type Codebooks, codebooksOf, evenColumns } from "./codebooks.ts";
import type { FitOptions } from "./codec.ts";
import { nearestCodes } from "./pq-encode.ts";

export interface PqShape {
  readonly parts: number;
  readonly bits: CodeBits;
}

/** Iterations of k-means at most, and the share of the distance below which one is the last: more were not seen to raise recall. */
const ITERATIONS = 16;
const TOLERANCE = 1e-3;
/** Rounds of the rotation, and iterations of k-means within each. */
const OPQ_ROUNDS = 10;
const OPQ_ITERATIONS = 2;
/** Share of its own size by which a new rotation is drawn to the last one: directions without data have no best rotation. */
const INERTIA = 1e-6;

/** @param sample rows as they will be coded. @param start codebooks to begin with */
export function trainCodebooks(
  sample: Matrix,
  { parts, bits }: PqShape,
  options: FitOptions & { readonly iterations?: number },
  start?: Codebooks,
): Codebooks {
  const { seed = 1, signal, iterations = ITERATIONS } = options;
  const columns = evenColumns(sample.cols, parts);
  const rows = start?.rows();
  let at = 0;
  const all = new Float32Array(2 ** bits * sample.cols);
  columns.forEach(({ start: first, width }, part) => {
    const size = 2 ** bits * width;
    const { centroids } = kMeans(columnsOf(sample, first, width), 2 ** bits, {
      seed: seed + part,
      iterations,
      tolerance: TOLERANCE,
      ...(signal ? { signal } : {}),
      ...(rows ? { start: matrix(2 ** bits, width, rows.subarray(at, at + size)) } : {}),
    });
    all.set(centroids.data, at);
    at += size;
  });
  return codebooksOf(bits, columns, all);
}

/** @returns dim x dim, orthogonal: rows times it are what is coded */
export function trainRotation(sample: Matrix, shape: PqShape, options: FitOptions): Float32Array {
  const dim = sample.cols;
  let rotation: Float32Array = Float32Array.from({ length: dim * dim }, (_, i) =>
    i % (dim + 1) === 0 ? 1 : 0,
  );
  let codebooks: Codebooks | undefined;
  for (let round = 0; round < OPQ_ROUNDS; round++) {
    throwIfAborted(options.signal, "opq");
    const turned = matrix(sample.rows, dim);
    kernels().matmulF32(sample.data, rotation, turned.data, sample.rows, dim, dim);
    codebooks = trainCodebooks(turned, shape, { ...options, iterations: OPQ_ITERATIONS }, codebooks);
    rotation = polarFactor(drawn(correlation(sample, reconstructed(turned, codebooks)), rotation), dim);
  }
  return rotation;
}

function columnsOf({ rows, cols, data }: Matrix, start: number, width: number): Matrix {
  const out = matrix(rows, width);
  for (let r = 0; r < rows; r++)
    out.data.set(data.subarray(r * cols + start, r * cols + start + width), r * width);
  return out;
}

function reconstructed(rows: Matrix, codebooks: Codebooks): Matrix {
  const codes = nearestCodes(rows, codebooks);
  const out = matrix(rows.rows, rows.cols);
  codebooks.addAll(codes, codebooks.codeBytes, out);
  return out;
}

/** a^T b: cols x cols. */
function correlation(a: Matrix, b: Matrix): Float32Array {
  const { rows, cols } = a;
  const out = new Float32Array(cols * cols);
  kernels().matmulF32(transposed(a).data, b.data, out, cols, rows, cols);
  return out;
}

function drawn(product: Float32Array, rotation: Float32Array): Float64Array {
  const size = Math.sqrt(product.reduce((sum, value) => sum + value * value, 0)) || 1;
  return Float64Array.from(product, (value, i) => value + INERTIA * size * rotation[i]!);
}
