/**
 * Thin SVD of a matrix by the eigenvectors of its smaller Gram matrix; singular values that the rounding of f32 alone makes are zero, as are
 * the vectors of the larger side that they would have. f64 inside.
 */
import { symmetricEigen } from "./eigen.ts";
import { type Matrix, matrix } from "./matrix.ts";

/** From one f32 to the next, as a share. */
const F32_EPSILON = 2 ** -23;

export interface Svd {
  /** rows x rank. */
  readonly u: Matrix;
  /** Descending. */
  readonly singular: Float64Array;
  /** cols x rank. */
  readonly v: Matrix;
}

/** a = u diag(singular) v^T with rank = min(rank, rows, cols). */
export function thinSvd(a: Matrix, rank: number = Math.min(a.rows, a.cols)): Svd {
  const tall = a.rows >= a.cols;
  const n = tall ? a.cols : a.rows;
  const { values, vectors } = symmetricEigen(gram(a, tall), n);
  const kept = Math.min(rank, n);
  const rounding = Math.max(a.rows, a.cols) * F32_EPSILON * Math.sqrt(Math.max(0, values[0] ?? 0));
  const singular = Float64Array.from({ length: kept }, (_, i) => {
    const value = Math.sqrt(Math.max(0, values[i]!));
    return value > rounding ? value : 0;
  });
  const inner = matrix(n, kept);
  for (let i = 0; i < n; i++) for (let j = 0; j < kept; j++) inner.data[i * kept + j] = vectors[j * n + i]!;
  const outer = matrix(tall ? a.rows : a.cols, kept);
  for (let r = 0; r < outer.rows; r++) {
    for (let j = 0; j < kept; j++) {
      let sum = 0;
      for (let i = 0; i < n; i++)
        sum += (tall ? a.data[r * a.cols + i]! : a.data[i * a.cols + r]!) * vectors[j * n + i]!;
      outer.data[r * kept + j] = singular[j]! > 0 ? sum / singular[j]! : 0;
    }
  }
  return tall ? { u: outer, singular, v: inner } : { u: inner, singular, v: outer };
}

/** a^T a for tall matrices, a a^T for wide ones. */
function gram(a: Matrix, tall: boolean): Float64Array {
  const n = tall ? a.cols : a.rows;
  const length = tall ? a.rows : a.cols;
  const at = (i: number, k: number): number => (tall ? a.data[k * a.cols + i]! : a.data[i * a.cols + k]!);
  const g = new Float64Array(n * n);
  for (let i = 0; i < n; i++) {
    for (let j = 0; j <= i; j++) {
      let sum = 0;
      for (let k = 0; k < length; k++) sum += at(i, k) * at(j, k);
      g[i * n + j] = sum;
      g[j * n + i] = sum;
    }
  }
  return g;
}
