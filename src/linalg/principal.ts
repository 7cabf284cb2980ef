/**
 * The directions along which rows vary most, by block power iteration (Halko, Martinsson & Tropp, Finding Structure with Randomness, 2011):
 * for a few of many columns far cheaper than all eigenvectors. The span is what counts: the directions have no order within it.
 */
import { kernels } from "../kernels/index.ts";
import { gatherRows, type Matrix, matrix, rowOf } from "./matrix.ts";
import { Random } from "./random.ts";
import { squareOf } from "./square.ts";

const ITERATIONS = 4;

/** @param centred rows less their mean. @returns `count` orthonormal rows of centred.cols values, 1 <= count <= centred.cols */
export function principalSpan(centred: Matrix, count: number, seed: number): Matrix {
  const { rows, cols } = centred;
  const random = new Random(seed);
  const span = matrix(count, cols);
  for (let i = 0; i < span.data.length; i++) span.data[i] = random.gaussian();
  orthonormalise(span);
  const products = matrix(count, rows);
  for (let iteration = 0; iteration < ITERATIONS; iteration++) {
    kernels().matmulTransposedF32(span.data, centred.data, products.data, count, cols, rows);
    kernels().matmulF32(products.data, centred.data, span.data, count, rows, cols);
    orthonormalise(span);
  }
  return span;
}

/** Share of the squares of rows that lies in the span; 1 where there are none. */
export function shareWithin(span: Matrix, { rows, cols, data }: Matrix): number {
  const products = new Float32Array(span.rows * rows);
  kernels().matmulTransposedF32(span.data, data, products, span.rows, cols, rows);
  const all = squareOf(data);
  return all > 0 ? squareOf(products) / all : 1;
}

/**
 * How many directions are enough: the fewest of `tried` that are taken from one half of the rows and keep so much of the variance of the other.
 * @param centred rows less their mean @param tried ascending, at most centred.cols @returns undefined where none is enough
 */
export function fewestDirections(
  centred: Matrix,
  tried: readonly number[],
  share: number,
  seed: number,
): number | undefined {
  const half = (first: number): Matrix =>
    gatherRows(
      centred,
      Array.from({ length: Math.ceil((centred.rows - first) / 2) }, (_, i) => first + 2 * i),
    );
  const [some, others] = [half(0), half(1)];
  let [from, to] = [0, tried.length];
  while (from < to) {
    const middle = (from + to) >> 1;
    if (shareWithin(principalSpan(some, tried[middle]!, seed), others) >= share) to = middle;
    else from = middle + 1;
  }
  return tried[from];
}

/** Gram and Schmidt's process, each row twice; a row that depends on those before becomes the first unit vector that does not. */
function orthonormalise(span: Matrix): void {
  const { rows, cols, data } = span;
  const products = new Float32Array(rows);
  for (let r = 0, unit = 0; r < rows; r++) {
    const row = rowOf(span, r);
    kernels().normalizeF32(row, cols);
    for (;;) {
      const left = reduce(row, data.subarray(0, r * cols), products.subarray(0, r));
      kernels().normalizeF32(row, cols);
      if (left > 1e-6) break;
      row.fill(0);
      row[unit++ % cols] = 1;
    }
  }
}

/** Takes out of a unit row what lies along the rows before it. @returns the length that is left */
function reduce(row: Float32Array, before: Float32Array, products: Float32Array): number {
  let length = 1;
  for (let pass = 0; pass < 2; pass++) {
    if (products.length > 0) kernels().dotF32(row, before, products);
    for (let p = 0; p < products.length; p++)
      for (let c = 0, at = p * row.length; c < row.length; c++) row[c]! -= products[p]! * before[at + c]!;
    length = Math.hypot(...row);
  }
  return length;
}
