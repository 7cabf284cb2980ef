/** Mean and covariance of the queries of each head before rotation, token by token (Welford, 1962); the first tokens, which attend otherwise, are left out. */
import type { QueryStatistics } from "../cache/parts.ts";
import type { ModelConfig } from "./config.ts";

/** Tokens at the start whose queries do not count. */
const SKIPPED = 4;

export class QueryMoments {
  readonly #config: ModelConfig;
  readonly #counts: Uint32Array;
  readonly #means: Float64Array;
  /** Sums of products of differences from the mean: [layers x heads x dim x dim]. */
  readonly #products: Float64Array;
  readonly #before: Float64Array;

  constructor(config: ModelConfig) {
    this.#config = config;
    const { layers, heads, headDim } = config;
    this.#counts = new Uint32Array(layers * heads);
    this.#means = new Float64Array(layers * heads * headDim);
    this.#products = new Float64Array(layers * heads * headDim * headDim);
    this.#before = new Float64Array(headDim);
  }

  /** @param query f32 [dim] before rotation */
  add(layer: number, head: number, position: number, query: Float32Array): void {
    if (position < SKIPPED) return;
    const dim = query.length;
    const at = layer * this.#config.heads + head;
    const count = ++this.#counts[at]!;
    const mean = this.#means.subarray(at * dim, (at + 1) * dim);
    for (let i = 0; i < dim; i++) {
      this.#before[i] = query[i]! - mean[i]!;
      mean[i] = mean[i]! + this.#before[i]! / count;
    }
    for (let i = 0; i < dim; i++) {
      const row = (at * dim + i) * dim;
      const difference = this.#before[i]!;
      for (let j = 0; j < dim; j++) this.#products[row + j]! += difference * (query[j]! - mean[j]!);
    }
  }

  statisticsOf(layer: number, kvHead: number): QueryStatistics {
    const { heads, kvHeads, headDim } = this.#config;
    const group = heads / kvHeads;
    const first = layer * heads + kvHead * group;
    const square = headDim * headDim;
    const covariance = new Float32Array(group * square);
    for (let h = 0; h < group; h++) {
      const by = 1 / Math.max(1, this.#counts[first + h]!);
      for (let i = 0; i < square; i++)
        covariance[h * square + i] = this.#products[(first + h) * square + i]! * by;
    }
    return {
      mean: Float32Array.from(this.#means.subarray(first * headDim, (first + group) * headDim)),
      covariance,
    };
  }
}
