/** The door of every codec: shapes and finite numbers, refused with the codec's id and the row. */
import { MnemeError } from "../errors.ts";
import { kernels } from "../kernels/index.ts";
import type { Matrix } from "../linalg/matrix.ts";
import { squareOf } from "../linalg/square.ts";
import { SHORTEST_SQUARE } from "./score.ts";

/** Squared length up to which sums and differences of rows have finite squares in f32, with room for what is added to them. */
const LONGEST_SQUARE = 2 ** 120;
/** Exponent bits of 2^52: rows of smaller values, up to 65,536 of them, are never longer. */
const LARGE = 127 + 52;

/** @throws MnemeError DIMENSION, NOT_FINITE, RANGE: a length whose square leaves f32 */
export function checkRows(id: string, dim: number, rows: Matrix): void {
  if (rows.cols !== dim) {
    throw new MnemeError(
      "DIMENSION",
      `${id}: rows of ${rows.cols} values, the coder was fitted for ${dim}; encode rows of that width`,
    );
  }
  checkNumbers(id, rows);
}

/** @param first number of the first row, for messages. @throws MnemeError NOT_FINITE, RANGE: a length whose square leaves f32 */
export function checkNumbers(name: string, { rows, cols, data }: Matrix, first = 0): void {
  if (kernels().findNotFinite(data, LARGE) < 0) return;
  const bad = kernels().findNotFinite(data);
  if (bad >= 0) {
    const at = `row ${first + Math.floor(bad / cols)} holds ${data[bad]} at ${bad % cols}`;
    throw new MnemeError("NOT_FINITE", `${name}: ${at}, which is not finite; clean the rows first`);
  }
  for (let r = 0; r < rows; r++)
    checkLength(`${name}: row ${first + r}`, squareOf(data.subarray(r * cols, (r + 1) * cols)));
}

/** @param what is refused, at the head of the message. @throws MnemeError RANGE */
export function checkLength(what: string, square: number): void {
  if (square <= LONGEST_SQUARE) return;
  throw new MnemeError(
    "RANGE",
    `${what} is ${Math.sqrt(square).toPrecision(3)} long, at most ${Math.sqrt(LONGEST_SQUARE).toPrecision(3)}: its square leaves 32-bit floats; divide all vectors by one number`,
  );
}

/** What a cosine needs. @param what is refused, at the head of the message. @throws MnemeError ZERO_VECTOR, RANGE: a length whose square vanishes in f32 */
export function checkDirection(what: string, square: number): void {
  if (square >= SHORTEST_SQUARE) return;
  if (square === 0) throw new MnemeError("ZERO_VECTOR", `${what} is zero, which has no cosine; leave it out`);
  throw new MnemeError(
    "RANGE",
    `${what} is ${Math.sqrt(square).toPrecision(3)} long, at least ${Math.sqrt(SHORTEST_SQUARE).toPrecision(3)}: its square vanishes in 32-bit floats; multiply all vectors by one number`,
  );
}

/** @throws MnemeError DIMENSION, NOT_FINITE, RANGE */
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
