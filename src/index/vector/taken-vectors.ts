/** Vectors of a few rows as their fine codes, in RAM: scored against several queries without reading again. */
import type { Coder, Metric } from "../../codecs/codec.ts";
import { slab } from "../../slab.ts";
import { rowBytes } from "./vectors-kind.ts";

export interface TakenCodes {
  /** How many rows were asked for. */
  readonly rows: number;
  /** Which of them each code is of. */
  readonly places: readonly number[];
  readonly codes: Uint8Array;
}

export class TakenVectors implements Disposable {
  readonly #fine: Coder;
  readonly #metric: Metric;
  readonly #taken: TakenCodes;
  readonly #release: () => void;

  /** @param release lets the codes go */
  constructor(fine: Coder, metric: Metric, taken: TakenCodes, release: () => void) {
    this.#fine = fine;
    this.#metric = metric;
    this.#taken = taken;
    this.#release = release;
  }

  /** Scores of all rows, in their order; NaN for rows that the index does not hold. */
  score(query: Float32Array): Float32Array {
    const { rows, places, codes } = this.#taken;
    const found = slab.f32(places.length);
    this.#fine.scorer(query, this.#metric).score(codes, 0, found.length, found);
    const scores = slab.f32(rows).fill(Number.NaN);
    for (let i = 0; i < found.length; i++) scores[places[i]!] = found[i]!;
    return scores;
  }

  /** The vector of row number `place`, as its code holds it; zeros for a row that the index does not hold. */
  vector(place: number): Float32Array {
    const { places, codes } = this.#taken;
    const stride = rowBytes(this.#fine);
    const at = places.indexOf(place);
    if (at < 0) return new Float32Array(this.#fine.dim);
    return this.#fine.decode(codes.subarray(at * stride, (at + 1) * stride), 1).data;
  }

  [Symbol.dispose](): void {
    this.#release();
  }
}
