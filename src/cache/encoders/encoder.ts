/**
 * How one head's keys or values are kept in fewer bits: plain twins of what the kernels do page by page, for measuring and for tests.
 * Factors are kept as half precision numbers. Not the codecs of vectors: rows share parameters along tokens as well as along channels.
 */
import { MnemeError } from "../../errors.ts";
import { kernels } from "../../kernels/index.ts";

/** The keys, or the values, of a segment. */
export interface HeadRows {
  readonly dim: number;
  /** f32 [slots x dim]; keys rotated. Borrowed. */
  readonly rows: Float32Array;
  readonly positions: Int32Array;
}

export interface EncodedRows {
  /** All that is stored: codes, factors, means. */
  readonly bytes: number;
  /** f32 [slots x dim] */
  decode(): Float32Array;
}

export interface RowEncoder {
  readonly id: string;
  /** @throws MnemeError DIMENSION, NOT_FINITE */
  encode(head: HeadRows): EncodedRows;
}

/** @throws MnemeError DIMENSION, NOT_FINITE */
export function checkHeadRows(id: string, { dim, rows, positions }: HeadRows): void {
  if (rows.length !== positions.length * dim)
    throw new MnemeError(
      "DIMENSION",
      `${id}: ${positions.length} slots of ${dim} values make ${positions.length * dim}, got ${rows.length}`,
    );
  const bad = kernels().findNotFinite(rows);
  if (bad >= 0)
    throw new MnemeError(
      "NOT_FINITE",
      `${id}: slot ${Math.floor(bad / dim)} holds ${rows[bad]} at ${bad % dim}`,
    );
}

/** @throws MnemeError RANGE */
export function checkBits(id: string, bits: number): void {
  if (!(Number.isInteger(bits) && bits >= 1 && bits <= 8))
    throw new MnemeError("RANGE", `${id}: bits is ${bits}; expected a whole number from 1 to 8`);
}
