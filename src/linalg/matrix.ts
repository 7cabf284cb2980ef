/** Matrix: rows x columns of f32, row-major; the currency between rooms. Not a tensor library: two dimensions, one dtype. */
import { MnemeError } from "../errors.ts";

export interface Matrix {
  readonly rows: number;
  readonly cols: number;
  /** Row-major, `rows * cols` values. */
  readonly data: Float32Array;
}

/** Wraps `data` (borrowed, not copied) or allocates zeros. @throws MnemeError DIMENSION when lengths disagree. */
export function matrix(rows: number, cols: number, data?: Float32Array): Matrix {
  const values = data ?? new Float32Array(rows * cols);
  if (values.length !== rows * cols) {
    throw new MnemeError(
      "DIMENSION",
      `matrix: ${rows} x ${cols} needs ${rows * cols} values, got ${values.length}; pass an array of that length`,
    );
  }
  return { rows, cols, data: values };
}

/** A view of row `index`, valid as long as the matrix's data. */
export function rowOf(m: Matrix, index: number): Float32Array {
  return m.data.subarray(index * m.cols, (index + 1) * m.cols);
}

/** A view of rows [start, end). */
export function rowsOf(m: Matrix, start: number, end: number): Matrix {
  return { rows: end - start, cols: m.cols, data: m.data.subarray(start * m.cols, end * m.cols) };
}

/** The rows at some places, in their order, owned. */
export function gatherRows(m: Matrix, places: ArrayLike<number>): Matrix {
  const out = matrix(places.length, m.cols);
  for (let i = 0; i < places.length; i++) out.data.set(rowOf(m, places[i]!), i * m.cols);
  return out;
}

/** The transpose, owned. */
export function transposed({ rows, cols, data }: Matrix): Matrix {
  const out = new Float32Array(rows * cols);
  for (let r = 0; r < rows; r++) for (let c = 0; c < cols; c++) out[c * rows + r] = data[r * cols + c]!;
  return { rows: cols, cols: rows, data: out };
}
