/** The door of every codec: shapes and finite numbers, refused with the codec's id and the row. */
import { MnemeError } from "../errors.ts";
import { kernels } from "../kernels/index.ts";
import type { Matrix } from "../linalg/matrix.ts";

/** @throws MnemeError DIMENSION, NOT_FINITE */
export function checkRows(id: string, dim: number, rows: Matrix): void {
  if (rows.cols !== dim) {
    throw new MnemeError(
      "DIMENSION",
      `${id}: rows of ${rows.cols} values, the coder was fitted for ${dim}; encode rows of that width`,
    );
  }
  const { data } = rows;
  const bad = kernels().findNotFinite(data);
  if (bad >= 0) {
    throw new MnemeError(
      "NOT_FINITE",
      `${id}: row ${Math.floor(bad / dim)} holds ${data[bad]} at ${bad % dim}; clean the rows first`,
    );
  }
}

/** @throws MnemeError DIMENSION, NOT_FINITE */
export function checkQuery(id: string, dim: number, query: Float32Array): void {
  checkRows(id, dim, { rows: 1, cols: query.length, data: query });
}

/** @throws MnemeError CORRUPT when `codes` cannot hold `rows` rows. */
export function checkCodes(id: string, bytesPerRow: number, codes: Uint8Array, rows: number): void {
  if (codes.byteLength < rows * bytesPerRow) {
    throw new MnemeError(
      "CORRUPT",
      `${id}: ${codes.byteLength} bytes of codes, ${rows} rows need ${rows * bytesPerRow}`,
    );
  }
}

/** @throws MnemeError RANGE */
export function checkDim(id: string, dim: number): void {
  if (!Number.isInteger(dim) || dim < 1)
    throw new MnemeError("RANGE", `${id}: dimension must be a whole number from 1, got ${dim}`);
}
