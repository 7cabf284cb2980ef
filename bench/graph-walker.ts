/**
 * Graph-RAG's way to documents, written plainly: labels and documents are the nodes of one graph, and a walk that begins at the labels a question names
 * and now and then returns there visits documents as often as they have to do with them (personalised PageRank).
 */
import type { Component } from "../src/index/cube/index.ts";
import { type CubeIndex, labelKey } from "../src/index/cube/index.ts";

const RETURN = 0.15;
const STEPS = 20;

export class GraphWalker {
  readonly #documents: number;
  readonly #node = new Map<string, number>();
  /** Neighbours of node n: those from starts[n] to before starts[n + 1]. */
  readonly #starts: Uint32Array;
  readonly #neighbours: Uint32Array;
  readonly #weights: Float64Array;

  constructor(cube: CubeIndex, documents: number) {
    this.#documents = documents;
    const edges: [number, number, number][] = [];
    for (const dimension of cube.dimensions)
      for (const key of cube.keys(dimension)) {
        const node = documents + this.#node.size;
        this.#node.set(`${dimension} ${key}`, node);
        cube.each(dimension, key, (row, times) => edges.push([node, row, times], [row, node, times]));
      }
    const nodes = documents + this.#node.size;
    this.#starts = new Uint32Array(nodes + 1);
    for (const [from] of edges) this.#starts[from + 1]!++;
    for (let node = 0; node < nodes; node++) this.#starts[node + 1]! += this.#starts[node]!;
    this.#neighbours = new Uint32Array(edges.length);
    this.#weights = new Float64Array(edges.length);
    const next = this.#starts.slice();
    const totals = new Float64Array(nodes);
    for (const [from, , times] of edges) totals[from]! += times;
    for (const [from, to, times] of edges) {
      const at = next[from]!++;
      this.#neighbours[at] = to;
      this.#weights[at] = times / totals[from]!;
    }
  }

  /** Ordinals of the k documents visited most. */
  search(components: readonly Component[], k: number): number[] {
    const begin = components.flatMap(({ text, dimensions }) =>
      dimensions.flatMap((dimension) => this.#node.get(`${dimension} ${labelKey(text)}`) ?? []),
    );
    if (begin.length === 0) return [];
    let mass = new Float64Array(this.#starts.length - 1);
    for (const node of begin) mass[node]! += 1 / begin.length;
    for (let step = 0; step < STEPS; step++) {
      const moved = new Float64Array(mass.length);
      for (const node of begin) moved[node]! += RETURN / begin.length;
      for (let node = 0; node < mass.length; node++) {
        if (mass[node] === 0) continue;
        for (let at = this.#starts[node]!; at < this.#starts[node + 1]!; at++)
          moved[this.#neighbours[at]!]! += (1 - RETURN) * mass[node]! * this.#weights[at]!;
      }
      mass = moved;
    }
    return [...mass.subarray(0, this.#documents).keys()]
      .filter((row) => mass[row]! > 0)
      .sort((a, b) => mass[b]! - mass[a]! || a - b)
      .slice(0, k);
  }
}
