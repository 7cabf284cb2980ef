/** Ragged rows: sets of vectors of different sizes, back to back; the tokens of texts, or what is left of them. */
import { MnemeError } from "../errors.ts";
import { type Matrix, matrix, rowsOf } from "./matrix.ts";

export interface Ragged {
  /** Set i holds rows [offsets[i], offsets[i + 1]); from 0, ascending, one more than there are sets. */
  readonly offsets: Uint32Array;
  readonly rows: Matrix;
}

/** How many sets there are. */
export function setsOf({ offsets }: Ragged): number {
  return offsets.length - 1;
}

/** A view of the rows of set `index`. */
export function setOf({ offsets, rows }: Ragged, index: number): Matrix {
  return rowsOf(rows, offsets[index]!, offsets[index + 1]!);
}

/** Copies sets back to back. @param dim of the rows, also where there is no set. @throws MnemeError DIMENSION */
export function ragged(sets: readonly Matrix[], dim: number): Ragged {
  const offsets = new Uint32Array(sets.length + 1);
  sets.forEach((set, i) => {
    if (set.cols !== dim)
      throw new MnemeError(
        "DIMENSION",
        `ragged: set ${i} has rows of ${set.cols} values, others of ${dim}; give all of one width`,
      );
    offsets[i + 1] = offsets[i]! + set.rows;
  });
  const rows = matrix(offsets[sets.length]!, dim);
  sets.forEach((set, i) => rows.data.set(set.data, offsets[i]! * dim));
  return { offsets, rows };
}
