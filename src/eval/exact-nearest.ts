/** The exact nearest rows of queries, by scanning all rows: the truth that approximate indexes are judged by. */
import { MnemeError } from "../errors.ts";
import { kernels } from "../kernels/index.ts";
import { type Matrix, rowOf } from "../linalg/matrix.ts";

/** Rows scored against all queries while they are in the caches. */
const BLOCK_ROWS = 1024;

/**
 * Gathers the `k` rows of least squared distance for each query, over blocks of rows that come in any order.
 * Ties go to the lower row.
 */
export class ExactNearest {
  readonly #queries: Matrix;
  readonly #k: number;
  readonly #distances: Float64Array;
  readonly #rows: Uint32Array;

  /** @throws MnemeError RANGE for k below 1 */
  constructor(queries: Matrix, k: number) {
    if (!Number.isInteger(k) || k < 1)
      throw new MnemeError("RANGE", `nearest rows: k must be a whole number from 1, got ${k}`);
    this.#queries = queries;
    this.#k = k;
    this.#distances = new Float64Array(queries.rows * k).fill(Number.POSITIVE_INFINITY);
    this.#rows = new Uint32Array(queries.rows * k).fill(0xffff_ffff);
  }

  /** @param first number of the first of `rows`. @throws MnemeError DIMENSION */
  add(rows: Matrix, first: number): void {
    const { cols } = this.#queries;
    if (rows.cols !== cols)
      throw new MnemeError("DIMENSION", `nearest rows: rows of ${rows.cols} values, queries of ${cols}`);
    using region = kernels().arena.alloc(BLOCK_ROWS * cols * 4);
    using out = kernels().arena.alloc(BLOCK_ROWS * 4);
    for (let from = 0; from < rows.rows; from += BLOCK_ROWS) {
      const count = Math.min(BLOCK_ROWS, rows.rows - from);
      const block = region.f32().subarray(0, count * cols);
      block.set(rows.data.subarray(from * cols, (from + count) * cols));
      const distances = out.f32().subarray(0, count);
      for (let q = 0; q < this.#queries.rows; q++) {
        kernels().l2F32(rowOf(this.#queries, q), block, distances);
        this.#offer(q, distances, first + from);
      }
    }
  }

  /** queries x k rows, nearest first; 2^32 - 1 where there are fewer rows. */
  get rows(): Uint32Array {
    return this.#rows;
  }

  #offer(query: number, distances: Float32Array, first: number): void {
    const last = (query + 1) * this.#k - 1;
    let limit = this.#distances[last]!;
    for (let i = 0; i < distances.length; i++) {
      if (distances[i]! > limit) continue;
      this.#insert(query * this.#k, last, distances[i]!, first + i);
      limit = this.#distances[last]!;
    }
  }

  #insert(start: number, last: number, distance: number, row: number): void {
    const [distances, rows] = [this.#distances, this.#rows];
    if (distance === distances[last]! && row > rows[last]!) return;
    let at = last;
    for (; at > start && comesBefore(distance, row, distances[at - 1]!, rows[at - 1]!); at--) {
      distances[at] = distances[at - 1]!;
      rows[at] = rows[at - 1]!;
    }
    distances[at] = distance;
    rows[at] = row;
  }
}

function comesBefore(distance: number, row: number, otherDistance: number, otherRow: number): boolean {
  return distance < otherDistance || (distance === otherDistance && row < otherRow);
}

/** The same for rows in one matrix. */
export function exactNearest(rows: Matrix, queries: Matrix, k: number): Uint32Array {
  const nearest = new ExactNearest(queries, k);
  nearest.add(rows, 0);
  return nearest.rows;
}
