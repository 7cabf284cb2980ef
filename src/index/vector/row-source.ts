/** Vectors that an index is built from, a few at a time: those of a segment are decoded as they are needed, never all at once. */
import { type Matrix, matrix } from "../../linalg/matrix.ts";

export interface RowSource {
  readonly rows: number;
  /** Values of a vector. */
  readonly cols: number;
  /** `count` x cols values from row `first` on; borrowed until the next call. */
  read(first: number, count: number): Float32Array;
}

export function matrixSource({ rows, cols, data }: Matrix): RowSource {
  return { rows, cols, read: (first, count) => data.subarray(first * cols, (first + count) * cols) };
}

/** A matrix of some rows, in the order given. */
export function takeRows({ cols, read }: RowSource, ordinals: readonly number[] | Uint32Array): Matrix {
  const taken = matrix(ordinals.length, cols);
  ordinals.forEach((row, i) => {
    taken.data.set(read(row, 1), i * cols);
  });
  return taken;
}
