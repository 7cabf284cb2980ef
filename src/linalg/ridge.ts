/** Ridge regression (Hoerl & Kennard, Ridge Regression, 1970): the linear map that misses targets least. Solved in f64. */
import { kernels } from "../kernels/index.ts";
import { type Matrix, matrix, transposed } from "./matrix.ts";
import { choleskyOf, solveFactored } from "./solve.ts";

/**
 * @param inputs n x m @param targets n x dim @param ridge added to the diagonal of the inputs' second moments, as a share of n
 * @returns dim x m, owned: its product with an input is near to the target
 * @throws MnemeError RANGE where the moments with the ridge are not positive definite
 */
export function ridgeRegression(inputs: Matrix, targets: Matrix, ridge: number): Matrix {
  const { rows, cols: width } = inputs;
  const dim = targets.cols;
  const gram = new Float32Array(width * width);
  const product = matrix(width, dim);
  const columns = transposed(inputs).data;
  kernels().matmulF32(columns, inputs.data, gram, width, rows, width);
  kernels().matmulF32(columns, targets.data, product.data, width, rows, dim);
  const regular = Float64Array.from(gram, (v, i) => v + (i % (width + 1) === 0 ? ridge * rows : 0));
  const factor = choleskyOf(regular, width);
  const out = transposed(product);
  for (let d = 0; d < dim; d++) {
    const solved = Float64Array.from(out.data.subarray(d * width, (d + 1) * width));
    solveFactored(factor, solved);
    out.data.set(solved, d * width);
  }
  return out;
}
