/**
 * Fixed dimensional encodings (MUVERA: Jayaram et al., Multi-Vector Retrieval via Fixed Dimensional Encodings, 2024): one vector for a set,
 * such that the product of a query's and a document's comes near MaxSim. Space is cut by random hyperplanes into cells (SimHash). In each
 * cell a query's vectors are summed and a document's averaged; a cell where the document has none gets its vector whose signs differ least
 * from the cell's. Vectors are first projected by random signs. All that some times over, side by side, then folded to the final width by
 * random signs (count sketch).
 */
import { MnemeError } from "../../errors.ts";
import { type Matrix, matrix, rowOf } from "../../linalg/matrix.ts";
import { Random } from "../../linalg/random.ts";

export interface FixedEncodingOptions {
  /** Hyperplanes of a repetition: 2^planes cells. Default 3. */
  readonly planes?: number;
  /** Default 20. */
  readonly repetitions?: number;
  /** Values of a projected vector. Default 1024; from the vector's own width on there is no projection. */
  readonly projected?: number;
  /** Values of the encoding, at most. Default 8192. */
  readonly width?: number;
  /** Default 1. */
  readonly seed?: number;
}

export const fixedEncodingDefaults = {
  planes: 3,
  repetitions: 20,
  projected: 1024,
  width: 8192,
  seed: 1,
} as const;

interface Repetition {
  /** planes x dim. */
  readonly planes: Matrix;
  /** projected x dim; absent: vectors as they are. */
  readonly projection: Matrix | undefined;
}

export class FixedEncoding {
  readonly options: Required<FixedEncodingOptions>;
  readonly dim: number;
  readonly #repetitions: readonly Repetition[];
  /** Place and sign of each value of the long encoding in the folded one. */
  readonly #places: Uint32Array;
  readonly #signs: Float32Array;
  readonly #isFolded: boolean;

  /** @param dim of the vectors @throws MnemeError RANGE */
  constructor(dim: number, options: FixedEncodingOptions = {}) {
    this.dim = dim;
    this.options = checked({ ...fixedEncodingDefaults, ...options });
    const { planes, repetitions, projected, width, seed } = this.options;
    const random = new Random(seed);
    this.#repetitions = Array.from({ length: repetitions }, () => ({
      planes: filled(planes, dim, () => random.gaussian()),
      projection:
        projected < dim
          ? filled(projected, dim, () => (random.u32() & 1 ? 1 : -1) / Math.sqrt(projected))
          : undefined,
    }));
    const long = repetitions * 2 ** planes * Math.min(projected, dim);
    this.#isFolded = width < long;
    this.#places = Uint32Array.from({ length: long }, () => random.integer(width));
    this.#signs = Float32Array.from({ length: long }, () => (random.u32() & 1 ? 1 : -1));
  }

  /** Values of an encoding. */
  get width(): number {
    return this.#isFolded ? this.options.width : this.#places.length;
  }

  /** @param vectors n x dim, n from 1 */
  query(vectors: Matrix): Float32Array {
    return this.#encode(vectors, false);
  }

  /** @param vectors n x dim, n from 1 */
  document(vectors: Matrix): Float32Array {
    return this.#encode(vectors, true);
  }

  #encode(vectors: Matrix, isDocument: boolean): Float32Array {
    const { planes } = this.options;
    const cells = 2 ** planes;
    const out = new Float32Array(this.width);
    let offset = 0;
    for (const { planes: cuts, projection } of this.#repetitions) {
      const projected = projection ? products(vectors, projection) : vectors;
      const cellOf = cellsOf(products(vectors, cuts));
      const sums = matrix(cells, projected.cols);
      const members = new Uint32Array(cells);
      cellOf.forEach((cell, v) => {
        members[cell]!++;
        addRow(rowOf(sums, cell), rowOf(projected, v));
      });
      if (isDocument) averaged(sums, members, projected, cellOf);
      this.#fold(sums.data, offset, out);
      offset += sums.data.length;
    }
    return out;
  }

  #fold(values: Float32Array, offset: number, out: Float32Array): void {
    if (!this.#isFolded) {
      out.set(values, offset);
      return;
    }
    for (let i = 0; i < values.length; i++)
      out[this.#places[offset + i]!]! += this.#signs[offset + i]! * values[i]!;
  }
}

/** Sums become means; empty cells get the vector whose cell's number differs in the fewest bits, the first of equals. */
function averaged(sums: Matrix, members: Uint32Array, projected: Matrix, cellOf: Uint32Array): void {
  for (let cell = 0; cell < sums.rows; cell++) {
    const row = rowOf(sums, cell);
    const count = members[cell]!;
    if (count > 0) for (let i = 0; i < row.length; i++) row[i]! /= count;
    else row.set(rowOf(projected, nearestTo(cell, cellOf)));
  }
}

function nearestTo(cell: number, cellOf: Uint32Array): number {
  let [best, least] = [0, 33];
  for (let v = 0; v < cellOf.length; v++) {
    let differ = 0;
    for (let rest = cellOf[v]! ^ cell; rest !== 0; rest &= rest - 1) differ++;
    if (differ < least) [best, least] = [v, differ];
  }
  return best;
}

/** Cell of each row: a bit for each plane, 1 where the product is above zero. */
function cellsOf({ rows, cols, data }: Matrix): Uint32Array {
  return Uint32Array.from({ length: rows }, (_, r) => {
    let cell = 0;
    for (let p = 0; p < cols; p++) if (data[r * cols + p]! > 0) cell |= 1 << p;
    return cell;
  });
}

function products(vectors: Matrix, by: Matrix): Matrix {
  const out = matrix(vectors.rows, by.rows);
  const { cols } = vectors;
  for (let v = 0, at = 0; v < vectors.rows; v++) {
    for (let p = 0; p < by.rows; p++) {
      let sum = 0;
      for (let i = 0; i < cols; i++) sum += vectors.data[v * cols + i]! * by.data[p * cols + i]!;
      out.data[at++] = sum;
    }
  }
  return out;
}

function addRow(to: Float32Array, from: Float32Array): void {
  for (let i = 0; i < to.length; i++) to[i]! += from[i]!;
}

function filled(rows: number, cols: number, value: () => number): Matrix {
  return matrix(rows, cols, Float32Array.from({ length: rows * cols }, value));
}

function checked(options: Required<FixedEncodingOptions>): Required<FixedEncodingOptions> {
  for (const [name, value] of Object.entries(options))
    if (!Number.isInteger(value) || value < (name === "seed" ? 0 : 1) || (name === "planes" && value > 12))
      throw new MnemeError(
        "RANGE",
        `tokens: ${name} of a fixed encoding is ${value}; a whole number from 1 (planes to 12)`,
      );
  return options;
}
