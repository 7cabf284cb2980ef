/** Rows of normal values, by a seed. */
import { type Matrix, matrix } from "../../src/linalg/matrix.ts";
import { Random } from "../../src/linalg/random.ts";

export function gaussian(rows: number, cols: number, seed: number): Matrix {
  const random = new Random(seed);
  return matrix(
    rows,
    cols,
    Float32Array.from({ length: rows * cols }, () => random.gaussian()),
  );
}
