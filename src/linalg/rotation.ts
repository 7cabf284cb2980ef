/**
 * Hadamard rotation: random signs and fast Walsh-Hadamard transforms, three rounds; orthogonal, dimension-preserving, d log d work
 * (Ailon & Chazelle, The Fast Johnson-Lindenstrauss Transform, 2009). A width that is no power of two is covered by two overlapping
 * power-of-two windows, at the start and at the end, in turn.
 */

import { MnemeError } from "../errors.ts";
import { kernels } from "../kernels/index.ts";
import { Random } from "./random.ts";

const ROUNDS = 3;

export class HadamardRotation {
  readonly dim: number;
  readonly seed: number;
  /** Largest power of two within dim. */
  readonly #window: number;
  /** ROUNDS x dim of +1 and -1. */
  readonly #signs: Float32Array;

  constructor(dim: number, seed: number) {
    if (!Number.isInteger(dim) || dim < 1)
      throw new MnemeError("RANGE", `rotation: dimension must be a whole number from 1, got ${dim}`);
    this.dim = dim;
    this.seed = seed;
    this.#window = 2 ** Math.floor(Math.log2(dim));
    const random = new Random(seed);
    this.#signs = Float32Array.from({ length: ROUNDS * dim }, () => (random.u32() & 1 ? 1 : -1));
  }

  get bytes(): number {
    return this.#signs.byteLength;
  }

  /** Rotates each row of dim values in place. */
  apply(rows: Float32Array): void {
    for (let round = 0; round < ROUNDS; round++) {
      this.#flip(rows, round);
      for (const start of this.#starts()) this.#transform(rows, start);
    }
  }

  /** The inverse, in place. */
  invert(rows: Float32Array): void {
    for (let round = ROUNDS - 1; round >= 0; round--) {
      for (const start of this.#starts().reverse()) this.#transform(rows, start);
      this.#flip(rows, round);
    }
  }

  /** Windows that cover the row. */
  #starts(): number[] {
    return this.#window === this.dim ? [0] : [0, this.dim - this.#window];
  }

  #flip(rows: Float32Array, round: number): void {
    const { dim } = this;
    const offset = round * dim;
    for (let start = 0; start < rows.length; start += dim) {
      for (let i = 0; i < dim; i++) rows[start + i]! *= this.#signs[offset + i]!;
    }
  }

  /** An orthonormal transform of one window of every row; its own inverse. */
  #transform(rows: Float32Array, start: number): void {
    const window = this.#window;
    const scale = 1 / Math.sqrt(window);
    if (window === this.dim) {
      kernels().fwhtF32(rows, window);
      for (let i = 0; i < rows.length; i++) rows[i]! *= scale;
      return;
    }
    for (let at = start; at < rows.length; at += this.dim) {
      const part = rows.subarray(at, at + window);
      kernels().fwhtF32(part, window);
      for (let i = 0; i < window; i++) part[i]! *= scale;
    }
  }
}
