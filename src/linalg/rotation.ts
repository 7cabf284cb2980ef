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
  /** Of each round its signs, +1 and -1. */
  readonly #signs: readonly Float32Array[];
  /** Factors that each window's transform begins with: what makes it orthonormal, in the first window with the round's signs. */
  readonly #factors: readonly (readonly Float32Array[])[];

  constructor(dim: number, seed: number) {
    if (!Number.isInteger(dim) || dim < 1)
      throw new MnemeError("RANGE", `rotation: dimension must be a whole number from 1, got ${dim}`);
    this.dim = dim;
    this.seed = seed;
    this.#window = 2 ** Math.floor(Math.log2(dim));
    const random = new Random(seed);
    this.#signs = Array.from({ length: ROUNDS }, () =>
      Float32Array.from({ length: dim }, () => (random.u32() & 1 ? 1 : -1)),
    );
    this.#factors = this.#signs.map((signs) =>
      this.#starts().map((start, window) =>
        this.#normalisers(start).map((factor, i) => (window === 0 ? factor * signs[i]! : factor)),
      ),
    );
    // what passes the factors takes its room now: later it might detach rows that lie in the kernels' memory
    kernels().scaleColumnsF32(new Float32Array(dim), this.#signs[0]!);
  }

  get bytes(): number {
    return ROUNDS * this.dim * 4 * (1 + this.#starts().length);
  }

  /** Rotates each row of dim values in place. */
  apply(rows: Float32Array): void {
    for (const factors of this.#factors) {
      this.#starts().forEach((start, window) => {
        kernels().scaleColumnsF32(rows, factors[window]!);
        this.#transform(rows, start);
      });
    }
  }

  /** The inverse, in place. */
  invert(rows: Float32Array): void {
    for (const signs of this.#signs.toReversed()) {
      for (const start of this.#starts().reverse()) {
        kernels().scaleColumnsF32(rows, this.#normalisers(start));
        this.#transform(rows, start);
      }
      kernels().scaleColumnsF32(rows, signs);
    }
  }

  /** Windows that cover the row. */
  #starts(): number[] {
    return this.#window === this.dim ? [0] : [0, this.dim - this.#window];
  }

  /** What the values of one window are divided by for its transform; one elsewhere. */
  #normalisers(start: number): Float32Array {
    return new Float32Array(this.dim).fill(1).fill(1 / Math.sqrt(this.#window), start, start + this.#window);
  }

  /** Transforms one window of every row. */
  #transform(rows: Float32Array, start: number): void {
    const window = this.#window;
    if (window === this.dim) {
      kernels().fwhtF32(rows, window);
      return;
    }
    for (let at = start; at < rows.length; at += this.dim)
      kernels().fwhtF32(rows.subarray(at, at + window), window);
  }
}
