/** A query as lists are searched by it: scanned by coarse codes, scored by fine ones. */

import { kernels, type Region } from "../../../kernels/index.ts";
import { squareOf } from "../../../linalg/square.ts";
import { BLOCK_ROWS, type CoarseQuery } from "./coarse-codes.ts";
import type { ListCoder } from "./list-codes.ts";

/** Rows whose distances are worked out at once. */
export const MOST_ROWS = 512;

/** Reused from query to query. */
export class ListQuery implements Disposable {
  readonly #coder: ListCoder;
  readonly #coarse: CoarseQuery;
  readonly #query: Region;
  /** Of MOST_ROWS rows the pointers, the squares, the results. */
  readonly #rows: Region;
  readonly #slack: number;
  #square = 0;

  /** @param confidence how many standard deviations an estimate is taken to be wrong by */
  constructor(coder: ListCoder, confidence: number) {
    const { arena } = kernels();
    this.#coder = coder;
    this.#coarse = coder.coarse.query();
    this.#query = arena.alloc(coder.dim * 4);
    this.#rows = arena.alloc(MOST_ROWS * 12);
    this.#slack = (2 * coder.coarse.spread * confidence) / Math.sqrt(coder.dim);
  }

  get bytes(): number {
    return this.#coarse.bytes + this.#query.byteLength + this.#rows.byteLength;
  }

  get square(): number {
    return this.#square;
  }

  /** For `distances` only: scans need more of it. */
  setValues(query: Float32Array): void {
    this.#query.f32().set(query);
  }

  set(query: Float32Array): void {
    this.setValues(query);
    this.#square = squareOf(query);
    this.#coarse.set(query);
  }

  /**
   * Scores whole blocks: for each row minus the squared distance, at best: the estimate and what it is likely to be wrong by.
   * @param codes pointer. @param square squared distance of the list's centre. @param radius of the list. @param out pointer to 32 f32 a block
   */
  scan(codes: number, blocks: number, square: number, radius: number, out: number): void {
    const far = square - this.#slack * radius * Math.sqrt(square);
    this.#coarse.scan(codes, blocks, far, out);
  }

  /**
   * Squared distances of rows by their fine codes, at most MOST_ROWS of them.
   * @param places pointers to the codes. @param squares distances of their centres, squared. @returns borrowed until the next call
   */
  distances(places: Uint32Array, squares: Float32Array): Float32Array {
    const count = places.length;
    this.#rows.u32().set(places);
    this.#rows.f32().set(squares, MOST_ROWS);
    const { pointer } = this.#rows;
    const out = pointer + 8 * MOST_ROWS;
    const { distancesI8 } = kernels().instance.exports;
    distancesI8(this.#query.pointer, 0, pointer, pointer + 4 * MOST_ROWS, count, this.#coder.dim, out);
    return this.#rows.f32().subarray(2 * MOST_ROWS, 2 * MOST_ROWS + count);
  }

  [Symbol.dispose](): void {
    for (const region of [this.#coarse, this.#query, this.#rows]) region[Symbol.dispose]();
  }
}

/** Bytes of scores of `blocks` blocks. */
export const scoreBytes = (blocks: number): number => blocks * BLOCK_ROWS * 4;
