/** Vectors of a few rows as their fine codes, in RAM: scored against several queries without reading again. */
import type { Coder, Metric } from "../../codecs/codec.ts";
import { rowBytes } from "./vectors-kind.ts";

export class TakenVectors {
  readonly #fine: Coder;
  readonly #metric: Metric;
  readonly #rows: number;
  /** Which of the rows each code is of. */
  readonly #places: readonly number[];
  readonly #codes: Uint8Array;

  constructor(fine: Coder, metric: Metric, rows: number, places: readonly number[], codes: Uint8Array) {
    this.#fine = fine;
    this.#metric = metric;
    this.#rows = rows;
    this.#places = places;
    this.#codes = codes;
  }

  /** Scores of all rows, in their order; NaN for rows that the index does not hold. */
  score(query: Float32Array): Float32Array {
    const found = new Float32Array(this.#places.length);
    this.#fine.scorer(query, this.#metric).score(this.#codes, 0, found.length, found);
    const scores = new Float32Array(this.#rows).fill(Number.NaN);
    for (let i = 0; i < found.length; i++) scores[this.#places[i]!] = found[i]!;
    return scores;
  }

  /** The vector of row number `place`, as its code holds it; zeros for a row that the index does not hold. */
  vector(place: number): Float32Array {
    const stride = rowBytes(this.#fine);
    const at = this.#places.indexOf(place);
    if (at < 0) return new Float32Array(this.#fine.dim);
    return this.#fine.decode(this.#codes.subarray(at * stride, (at + 1) * stride), 1).data;
  }
}
