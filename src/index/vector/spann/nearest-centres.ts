/** The nearest centres of each row of a block, ascending, by its products with all of them. */
import type { RowProducts } from "../../../linalg/index.ts";
import { BLOCK_ROWS } from "../../../linalg/row-products.ts";
import { squareOf } from "../../../linalg/square.ts";
import type { Candidates } from "./closure.ts";

export class NearestCentres implements Candidates {
  /** Of the row that was asked for last. */
  centres: Uint32Array = new Uint32Array(0);
  distances: Float32Array = new Float32Array(0);
  count = 0;
  readonly #most: number;
  readonly #centres: Uint32Array;
  readonly #distances: Float32Array;
  readonly #counts = new Uint32Array(BLOCK_ROWS);
  /** Distance from which on a centre is none of the nearest. */
  readonly #limits = new Float64Array(BLOCK_ROWS);
  readonly #squares = new Float64Array(BLOCK_ROWS);

  /** @param most centres of a row */
  constructor(most: number) {
    this.#most = most;
    this.#centres = new Uint32Array(BLOCK_ROWS * most);
    this.#distances = new Float32Array(BLOCK_ROWS * most);
  }

  /** A centre after the other, as their products lie. @param products of the block's rows, as they were given: centres x rows */
  of({ squares, block }: RowProducts, products: Float32Array, rows: number, cols: number): void {
    this.#counts.fill(0);
    this.#limits.fill(Number.POSITIVE_INFINITY);
    for (let r = 0; r < rows; r++) this.#squares[r] = squareOf(block.subarray(r * cols, (r + 1) * cols));
    for (let c = 0, at = 0; c < squares.length; c++)
      for (let r = 0; r < rows; r++, at++) {
        const distance = squares[c]! - 2 * products[at]! + this.#squares[r]!;
        if (distance >= this.#limits[r]!) continue;
        this.#insert(r, c, Math.max(0, distance));
      }
  }

  /** Turns to a row of the block. */
  row(row: number): void {
    const [from, to] = [row * this.#most, (row + 1) * this.#most];
    this.centres = this.#centres.subarray(from, to);
    this.distances = this.#distances.subarray(from, to);
    this.count = this.#counts[row]!;
  }

  #insert(row: number, centre: number, distance: number): void {
    const [centres, distances] = [this.#centres, this.#distances];
    const [first, most] = [row * this.#most, this.#most];
    const count = this.#counts[row]!;
    let at = first + Math.min(count, most - 1);
    for (; at > first && distances[at - 1]! > distance; at--) {
      distances[at] = distances[at - 1]!;
      centres[at] = centres[at - 1]!;
    }
    distances[at] = distance;
    centres[at] = centre;
    this.#counts[row] = Math.min(count + 1, most);
    if (count + 1 >= most) this.#limits[row] = distances[first + most - 1]!;
  }
}
