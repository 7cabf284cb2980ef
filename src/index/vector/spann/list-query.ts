/** A query as lists are scanned by it: rotated once, its tables in kernel memory. */
import { SlicedQuery } from "../../../codecs/rabitq-score.ts";
import { squareOf } from "../../../codecs/score.ts";
import { kernels, type Region } from "../../../kernels/index.ts";
import { BLOCK_ROWS, type ListCoder } from "./list-codes.ts";

/** Deviation of <q, r> as its code has it, for |q| = |r| = 1, times the root of the dimension: sqrt(pi / 2 - 1). */
const SPREAD = 0.7555;
const L2 = 2;

/** Rows whose distances are worked out at once. */
export const MOST_ROWS = 512;

/** Reused from query to query. */
export class ListQuery implements Disposable {
  readonly #coder: ListCoder;
  readonly #table: Region;
  readonly #query: Region;
  /** Of MOST_ROWS rows the pointers, the squares, the results. */
  readonly #rows: Region;
  readonly #groups: number;
  readonly #slack: number;
  #step = 0;
  #low = 0;
  #half = 0;
  #square = 0;

  /** @param confidence how many standard deviations an estimate is taken to be wrong by */
  constructor(coder: ListCoder, confidence: number) {
    const { arena } = kernels();
    this.#coder = coder;
    this.#groups = (coder.coarseBytes - 8) * 2;
    this.#table = arena.alloc(this.#groups * 16);
    this.#query = arena.alloc(coder.dim * 4);
    this.#rows = arena.alloc(MOST_ROWS * 12);
    this.#slack = (2 * SPREAD * confidence) / Math.sqrt(coder.dim);
  }

  get bytes(): number {
    return this.#table.byteLength + this.#query.byteLength + this.#rows.byteLength;
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
    const rotated = query.slice();
    this.#coder.rotation.apply(rotated);
    const sliced = new SlicedQuery(rotated, "l2", this.#groups / 2);
    this.#step = sliced.step;
    this.#low = sliced.low;
    this.#half = sliced.half;
    this.#table.u8().set(sliced.table);
  }

  /**
   * Scores whole blocks: for each row minus the squared distance, at best: the estimate and what it is likely to be wrong by.
   * @param square squared distance of the list's centre. @param out pointer to 32 f32 a block
   */
  scan(blocks: number, count: number, square: number, radius: number, out: number): void {
    const far = square - this.#slack * radius * Math.sqrt(square);
    const { scanOneBit } = kernels().instance.exports;
    scanOneBit(
      blocks,
      count,
      this.#groups,
      this.#table.pointer,
      this.#step,
      this.#low,
      this.#half,
      far,
      L2,
      out,
    );
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
    for (const region of [this.#table, this.#query, this.#rows]) region[Symbol.dispose]();
  }
}

/** Bytes of scores of `blocks` blocks. */
export const scoreBytes = (blocks: number): number => blocks * BLOCK_ROWS * 4;
