/** Mean and covariance of rows, accumulated in f64. */
import { MnemeError } from "../errors.ts";
import type { Matrix } from "./matrix.ts";

export interface Moments {
  readonly mean: Float64Array;
  /** cols x cols, row-major, divided by rows - 1. */
  readonly covariance: Float64Array;
}

/** Rows whose products are summed in f32 registers before they go to f64: bounds the rounding. */
const STRIPE = 64;

/** @throws MnemeError INSUFFICIENT_DATA below two rows. */
export function moments(sample: Matrix): Moments {
  const { rows, cols, data } = sample;
  if (rows < 2) throw new MnemeError("INSUFFICIENT_DATA", `covariance: ${rows} rows, at least 2 are needed`);
  const mean = meanOf(sample);
  const covariance = new Float64Array(cols * cols);
  const stripe = new Float64Array(STRIPE * cols);
  for (let first = 0; first < rows; first += STRIPE) {
    const count = Math.min(STRIPE, rows - first);
    for (let r = 0; r < count; r++) {
      for (let c = 0; c < cols; c++) stripe[c * STRIPE + r] = data[(first + r) * cols + c]! - mean[c]!;
    }
    for (let i = 0; i < cols; i++) {
      for (let j = 0; j <= i; j++) {
        let sum = 0;
        for (let r = 0; r < count; r++) sum += stripe[i * STRIPE + r]! * stripe[j * STRIPE + r]!;
        covariance[i * cols + j]! += sum;
      }
    }
  }
  for (let i = 0; i < cols; i++) {
    for (let j = 0; j <= i; j++) {
      covariance[i * cols + j]! /= rows - 1;
      covariance[j * cols + i] = covariance[i * cols + j]!;
    }
  }
  return { mean, covariance };
}

export function meanOf({ rows, cols, data }: Matrix): Float64Array {
  const mean = new Float64Array(cols);
  for (let r = 0; r < rows; r++) for (let c = 0; c < cols; c++) mean[c]! += data[r * cols + c]!;
  return mean.map((sum) => sum / Math.max(1, rows));
}
