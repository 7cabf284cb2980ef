/** What the public faces of the vector indexes refuse. */
import { checkDirection, checkRows } from "../../../codecs/check.ts";
import type { Metric } from "../../../codecs/codec.ts";
import { MnemeError } from "../../../errors.ts";
import { NO_ROW } from "../../../kernels/index.ts";
import { type Matrix, rowOf } from "../../../linalg/matrix.ts";
import { squareOf } from "../../../linalg/square.ts";

/** @throws MnemeError DIMENSION, NOT_FINITE, ZERO_VECTOR, RANGE */
export function checkVectors(name: string, vectors: Matrix, dim: number, metric: Metric): void {
  checkRows(name, dim, vectors);
  if (metric !== "cosine") return;
  for (let r = 0; r < vectors.rows; r++) checkDirection(`${name}: vector ${r}`, squareOf(rowOf(vectors, r)));
}

/** @throws MnemeError DIMENSION, RANGE */
export function checkIds(name: string, ids: Uint32Array, count: number): void {
  if (ids.length !== count)
    throw new MnemeError("DIMENSION", `${name}: ${ids.length} ids for ${count} vectors; give one each`);
  for (let i = 0; i < count; i++) {
    if (ids[i] === NO_ROW || (i > 0 && ids[i]! <= ids[i - 1]!))
      throw new MnemeError("RANGE", `${name}: ids must ascend below ${NO_ROW}, got ${ids[i]} at ${i}`);
  }
}

/** @throws MnemeError RANGE */
export function checkRow(name: string, row: number): void {
  if (!Number.isInteger(row) || row < 0 || row >= NO_ROW)
    throw new MnemeError("RANGE", `${name}: row must be a whole number from 0 below ${NO_ROW}, got ${row}`);
}

/** @throws MnemeError RANGE */
export function checkWhole(name: string, values: Readonly<Record<string, number | undefined>>): void {
  for (const [key, value] of Object.entries(values))
    if (value !== undefined && (!Number.isInteger(value) || value < 1))
      throw new MnemeError("RANGE", `${name}: ${key} must be a whole number from 1, got ${value}`);
}
