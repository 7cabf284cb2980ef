/** The last rows that came by, first in first out: more negatives than a batch holds (He et al., Momentum Contrast, 2020). */
import { type Matrix, matrix } from "../linalg/matrix.ts";

export class RowQueue {
  readonly rows: Matrix;
  /** 0 for a row, and what keeps a place out of a softmax where none came yet. Borrowed, as `rows` are. */
  readonly mask: Float32Array;
  #next = 0;
  #epoch = 0;

  constructor(length: number, dim: number) {
    this.rows = matrix(length, dim);
    this.mask = new Float32Array(length).fill(ABSENT);
  }

  /** Empties the queue when a new epoch begins: its rows would meet their own pairs again. */
  begin(epoch: number): void {
    if (epoch === this.#epoch) return;
    this.#epoch = epoch;
    this.#next = 0;
    this.mask.fill(ABSENT);
  }

  push({ rows, cols, data }: Matrix): void {
    for (let r = 0; r < rows; r++) {
      this.rows.data.set(data.subarray(r * cols, (r + 1) * cols), this.#next * cols);
      this.mask[this.#next] = 0;
      this.#next = (this.#next + 1) % this.rows.rows;
    }
  }
}

const ABSENT = -1e4;
