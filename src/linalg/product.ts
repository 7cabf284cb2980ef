/** Products of matrices. */
import { kernels } from "../kernels/index.ts";
import { type Matrix, matrix } from "./matrix.ts";

/** a b. @returns a.rows x b.cols, owned */
export function product(a: Matrix, b: Matrix): Matrix {
  const out = matrix(a.rows, b.cols);
  kernels().matmulF32(a.data, b.data, out.data, a.rows, a.cols, b.cols);
  return out;
}

/** a times b transposed: inner products of their rows. @returns a.rows x b.rows, owned */
export function productTransposed(a: Matrix, b: Matrix): Matrix {
  const out = matrix(a.rows, b.rows);
  kernels().matmulTransposedF32(a.data, b.data, out.data, a.rows, a.cols, b.rows);
  return out;
}
