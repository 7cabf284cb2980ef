/** Ridge regression (Hoerl & Kennard, Ridge Regression, 1970): the linear map that misses targets least. Solved in f64. */
import { type Matrix, transposed } from "./matrix.ts";
import { product } from "./product.ts";
import { choleskyOf, solveFactored } from "./solve.ts";

/**
 * @param inputs n x m @param targets n x dim @param ridge added to the diagonal of the inputs' second moments, as a share of n
 * @returns dim x m, owned: its product with an input is near to the target
 * @throws MnemeError RANGE where the moments with the ridge are not positive definite
 */
export function ridgeRegression(inputs: Matrix, targets: Matrix, ridge: number): Matrix {
  const { rows, cols: width } = inputs;
  const columns = transposed(inputs);
  const gram = product(columns, inputs).data;
  const regular = Float64Array.from(gram, (v, i) => v + (i % (width + 1) === 0 ? ridge * rows : 0));
  const factor = choleskyOf(regular, width);
  const out = transposed(product(columns, targets));
  for (let d = 0; d < targets.cols; d++) {
    const solved = Float64Array.from(out.data.subarray(d * width, (d + 1) * width));
    solveFactored(factor, solved);
    out.data.set(solved, d * width);
  }
  return out;
}
