/**
 * Heads found by a proximity graph over the centres (SPANN, NeurIPS 2021, has one too) where they are many: walked over few directions of them, the
 * best scored again by fine codes. Below that number a scan is as fast and holds less. The graph follows every change of a centre; what of it is
 * stored follows now and then, and says which lists are to be linked again.
 */

import { MnemeError } from "../../../errors.ts";
import { kernels, type LazyPool, NO_ROW, WasmGraph } from "../../../kernels/index.ts";
import { type Matrix, matrix, Random } from "../../../linalg/index.ts";
import { Pacer } from "../../../pacer.ts";
import type { Batch, ReadableStore } from "../../../storage/store.ts";
import { connect } from "../graph/connect.ts";
import { fitShape } from "../graph/fit-shape.ts";
import { linkRows, linksOf } from "../graph/grow.ts";
import { matrixSource } from "../row-source.ts";
import type { CentreHeads, CodedHead, NearestHeads, ScannedHeads } from "./heads.ts";
import type { ListCoder } from "./list-codes.ts";
import { GRAPH, readGraph, type StoredGraph, writeGraph } from "./stored-graph.ts";

/** Heads from which on a graph finds them in less time than a scan, and misses fewer. */
export const GRAPH_FROM = 4096;
/** Entries of the list that is walked: at least, and for each head that is wanted. */
const LEAST_EFFORT = 64;
const EFFORT = 1.5;
/** Centres that the walked directions are fitted to, and those coded at once. */
const SAMPLE = 4096;
const PLACED = 256;
/** What is stored is written anew when more than this share of the lists is to be linked again. */
const STALE_SHARE = 1 / 8;

export interface RelinkOptions {
  readonly seed: number;
  readonly pool?: LazyPool | undefined;
  readonly signal?: AbortSignal | undefined;
}

export class GraphHeads implements CentreHeads {
  readonly #scanned: ScannedHeads;
  #graph: WasmGraph | undefined;
  /** Lists whose links are not those that are stored. */
  readonly #stale = new Set<number>();
  /** Lists that no links lead to yet: every search looks at them. */
  readonly #unlinked = new Set<number>();
  /** Whether all of the graph is to be written. */
  #isNew = false;

  constructor(scanned: ScannedHeads) {
    this.#scanned = scanned;
  }

  /** Of the centres, not of the lists' rows. */
  get coder(): ListCoder {
    return this.#scanned.coder;
  }

  /** With the graph that is stored, if there is one and it can be read; else heads are scanned until `relink`. @param scanned owned from now on */
  static async open(store: ReadableStore, name: string, scanned: ScannedHeads): Promise<GraphHeads> {
    const heads = new GraphHeads(scanned);
    try {
      const stored = await readGraph(store, name, scanned.coder.dim);
      if (stored) await heads.#restore(stored);
      return heads;
    } catch (error) {
      if (error instanceof MnemeError && error.code === "CORRUPT") return heads;
      heads[Symbol.dispose]();
      throw error;
    }
  }

  get count(): number {
    return this.#scanned.count;
  }

  get codes(): CentreHeads["codes"] {
    return this.#scanned.codes;
  }

  get bytes(): number {
    const { codes, links, scratch } = this.#graph?.bytes ?? { codes: 0, links: 0, scratch: 0 };
    return this.#scanned.bytes + codes + links + scratch;
  }

  /** Whether a graph is walked. */
  get isGraph(): boolean {
    return this.#graph !== undefined;
  }

  centre(list: number): Float32Array {
    return this.#scanned.centre(list);
  }

  isThere(list: number): boolean {
    return this.#scanned.isThere(list);
  }

  coded(centre: Float32Array): CodedHead {
    return this.#scanned.coded(centre);
  }

  /** To be linked by `link`, which takes longer. */
  put(list: number, head: CodedHead): void {
    this.#scanned.put(list, head);
    if (!this.#graph) return;
    this.#graph.place(list, head.centre);
    this.#stale.add(list);
    this.#unlinked.add(list);
  }

  /** Links the lists that were put. @param breathe called between two of them */
  async link(breathe: () => Promise<void>): Promise<void> {
    for (const list of this.#unlinked) {
      await breathe();
      this.#link(list);
      this.#unlinked.delete(list);
    }
  }

  remove(list: number): void {
    this.#scanned.remove(list);
    this.#unlinked.delete(list);
    this.#graph?.delete(list);
    this.#stale.add(list);
  }

  nearest(query: Float32Array, wanted: number): NearestHeads {
    const graph = this.#graph;
    const effort = Math.max(LEAST_EFFORT, Math.ceil(wanted * EFFORT));
    if (!graph || effort > Math.min(GRAPH.room, this.count / 4)) return this.#scanned.nearest(query, wanted);
    const { rows } = graph.search(query, { k: effort, effort, kept: effort });
    const end = rows.indexOf(NO_ROW);
    const places = this.#withUnlinked(rows.slice(0, end < 0 ? effort : end)).sort();
    return this.#scanned.nearestOf(query, places, wanted);
  }

  #withUnlinked(found: Uint32Array): Uint32Array {
    if (this.#unlinked.size === 0) return found;
    const all = new Set(found);
    for (const list of this.#unlinked) all.add(list);
    return Uint32Array.from(all);
  }

  /** Whether there are so many heads that a graph should be made. */
  get lacksGraph(): boolean {
    return !this.#graph && this.count >= GRAPH_FROM;
  }

  /** Makes the graph anew, or for the first time where there are enough heads. @throws MnemeError CANCELLED */
  async relink({ seed, pool, signal }: RelinkOptions): Promise<void> {
    const { count } = this.#scanned;
    if (count < GRAPH_FROM) return;
    const lists = Array.from({ length: count }, (_, list) => list).filter((list) => this.isThere(list));
    const sample = new Random(seed).sample(lists.length, Math.min(SAMPLE, lists.length));
    const shape = fitShape(matrixSource(this.#centres(Array.from(sample, (i) => lists[i]!))), {
      metric: "l2",
      coarseDims: GRAPH.dims(this.#scanned.coder.dim),
      fineBits: 0,
      degree: GRAPH.degree,
      forward: GRAPH.forward,
      seed,
      ...(pool ? { pool } : {}),
    });
    const graph = new WasmGraph(kernels(), { ...shape, room: GRAPH.room });
    try {
      await this.#place(graph);
      const first = this.#scanned.nearest(shape.mean, 1).lists[0]!;
      graph.enter(Uint32Array.of(first));
      const others = new Random(seed).shuffle(lists.filter((list) => list !== first));
      const options = { alpha: GRAPH.alpha, buildEffort: GRAPH.effort, signal };
      await linkRows(graph, Uint32Array.from(others), options, () => pool?.pool);
      connect(linksOf(graph), (list) => this.isThere(list));
    } catch (error) {
      graph[Symbol.dispose]();
      throw error;
    }
    this.#graph?.[Symbol.dispose]();
    this.#graph = graph;
    this.#unlinked.clear();
    this.#isNew = true;
  }

  /** What of the graph is to be stored with a change of the heads. */
  write(batch: Batch, name: string): void {
    if (!this.#graph || (!this.#isNew && this.#stale.size === 0)) return;
    const isWhole = this.#isNew || this.#stale.size > this.count * STALE_SHARE;
    if (isWhole) this.#stale.clear();
    for (const list of this.#unlinked) this.#stale.add(list);
    this.#isNew = false;
    writeGraph(batch, name, this.#graph, [...this.#stale], isWhole);
  }

  [Symbol.dispose](): void {
    this.#graph?.[Symbol.dispose]();
    this.#scanned[Symbol.dispose]();
  }

  async #restore({ shape, links, entries, stale }: StoredGraph): Promise<void> {
    const graph = new WasmGraph(kernels(), shape);
    await this.#place(graph);
    graph.view().links.set(links);
    graph.enter(entries);
    this.#graph = graph;
    for (let list = 0; list < this.count; list++) if (!this.isThere(list)) graph.delete(list);
    for (const list of stale) {
      if (this.isThere(list)) this.#link(list);
      else this.#stale.add(list);
    }
  }

  #link(list: number): void {
    this.#graph!.link(Uint32Array.of(list), GRAPH.alpha, GRAPH.effort);
    this.#stale.add(list);
  }

  async #place(graph: WasmGraph): Promise<void> {
    const pacer = new Pacer();
    graph.reserve(this.count);
    for (let first = 0; first < this.count; first += PLACED) {
      const lists = Array.from({ length: Math.min(PLACED, this.count - first) }, (_, i) => first + i);
      graph.place(first, this.#centres(lists).data);
      if (pacer.isDue) await pacer.pause();
    }
  }

  #centres(lists: readonly number[]): Matrix {
    const { dim } = this.#scanned.coder;
    const centres = matrix(lists.length, dim);
    lists.forEach((list, i) => centres.data.set(this.centre(list), i * dim));
    return centres;
  }
}
