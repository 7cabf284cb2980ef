/** Vectors that an index is built from, a few at a time: decoded from a segment as they are needed, or read from a file larger than memory. */
import { type Matrix, matrix } from "../../linalg/matrix.ts";
import type { MaybePromise } from "../../storage/store.ts";

export interface RowSource<Values = Float32Array> {
  readonly rows: number;
  /** Values of a vector. */
  readonly cols: number;
  /** `count` x cols values from row `first` on; borrowed until the next call. A build reads the whole several times, in this order. */
  read(first: number, count: number): Values;
}

/** One that may have to wait for its rows. */
export type SlowRowSource = RowSource<MaybePromise<Float32Array>>;

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
