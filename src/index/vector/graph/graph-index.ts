/**
 * GraphIndex: a proximity graph over compressed vectors, all in RAM. Rows are appended and deleted at any time; deleted ones are walked
 * through until `consolidate` bridges them and gives their places to new rows (FreshDiskANN: Singh et al., 2021).
 */
import { MnemeError } from "../../../errors.ts";
import { type GraphShape, kernels, NO_ROW, type Pool, WasmGraph } from "../../../kernels/index.ts";
import { type Matrix, matrix, rowOf } from "../../../linalg/matrix.ts";
import { emptyHits, type Hits } from "../../hits.ts";
import { growingK, type RangeOptions } from "../../range.ts";
import type { RowSet } from "../../row-set.ts";
import { bestRows } from "../../top-k.ts";
import { matrixSource, type RowSource } from "../row-source.ts";
import { checkIds, checkRow, checkVectors, checkWhole } from "./check.ts";
import { connect } from "./connect.ts";
import { fitShape, unitOf } from "./fit-shape.ts";
import {
  type GrowOptions,
  type Growth,
  growthOf,
  linkAll,
  linkRows,
  linksOf,
  medoidOf,
  placeAll,
} from "./grow.ts";
import { checkOptions, type GraphOptions, type GraphSearchOptions, graphDefaults } from "./options.ts";
import { type Plan, planWalk } from "./plan.ts";
import { RowNames } from "./row-names.ts";

/** Of the walked list, how many are scored by fine codes: behind a projection more, since it orders rows less well. */
const RESCORE = { direct: 1, projected: 1.5 } as const;
/** Looking a row up costs as much as looking at so many ordinals, and a table as long as the largest row the first time. */
const BY_ROW = 8;
/** A search that goes on after a cursor looks this many times deeper each time. */
const DEEPER = 4;

export class GraphIndex implements Disposable {
  readonly #graph: WasmGraph;
  readonly #options: GraphOptions;
  readonly #names: RowNames;
  /** Ordinals that no row has and no link leads to. */
  #free: number[] = [];
  /** Deleted ordinals that links still lead to. */
  #deleted: number[] = [];
  /** Calls of `appendMany` whose rows are not all linked yet. */
  #adding = 0;
  #effort: number;

  /** @param graph owned from now on @param ids of its ordinals */
  constructor(graph: WasmGraph, ids: Uint32Array, options: GraphOptions) {
    this.#graph = graph;
    this.#options = options;
    graph.name(ids, 0);
    this.#names = new RowNames(graph);
    this.#effort = options.effort ?? graphDefaults.effort;
  }

  /**
   * @param vectors n x dim f32, n from 1; borrowed until it settles @param ids of the rows, ascending; default 0, 1, ...
   * @throws MnemeError INSUFFICIENT_DATA, NOT_FINITE, ZERO_VECTOR, RANGE, CANCELLED
   */
  static async build(vectors: Matrix, options: GrowOptions = {}, ids?: Uint32Array): Promise<GraphIndex> {
    if (vectors.rows === 0)
      throw new MnemeError("INSUFFICIENT_DATA", "graph: no vectors; a graph is fitted to at least one");
    const rows = ids ?? Uint32Array.from({ length: vectors.rows }, (_, i) => i);
    checkVectors("graph", vectors, vectors.cols, options.metric ?? graphDefaults.metric);
    checkIds("graph", rows, vectors.rows);
    return GraphIndex.buildFrom(matrixSource(vectors), options, rows);
  }

  /** The same from vectors that come a few at a time and are known to be finite; zero ones are not looked for. @throws MnemeError RANGE, CANCELLED */
  static async buildFrom(vectors: RowSource, options: GrowOptions, ids: Uint32Array): Promise<GraphIndex> {
    checkOptions(options);
    // who waits for the build has no say in rows that come later
    const { signal: _, onLinked: __, ...kept } = options;
    const graph = new WasmGraph(kernels(), fitShape(vectors, options));
    const pool = (): Pool | undefined => options.pool?.pool;
    try {
      await placeAll(graph, vectors, pool);
      const medoid = medoidOf(vectors, graph.shape.mean, graph.shape.metric);
      const order = await linkAll(graph, medoid, options, pool);
      return new GraphIndex(
        graph,
        order.map((ordinal) => ids[ordinal]!),
        kept,
      );
    } catch (error) {
      graph[Symbol.dispose]();
      throw error;
    }
  }

  /** What rows that come are linked with. */
  get growth(): Growth {
    return growthOf(this.shape, this.#options);
  }

  get shape(): GraphShape {
    return this.#graph.shape;
  }

  /** Rows that can be found. */
  get size(): number {
    return this.#graph.rows - this.#free.length - this.#deleted.length;
  }

  /** Entries of the list that a search walks with. */
  get effort(): number {
    return this.#effort;
  }

  set effort(entries: number) {
    if (!Number.isInteger(entries) || entries < 1)
      throw new MnemeError("RANGE", `graph: effort must be a whole number from 1, got ${entries}`);
    this.#effort = entries;
  }

  /** Adds one row. @throws MnemeError EXISTS, RANGE, DIMENSION, NOT_FINITE, ZERO_VECTOR */
  append(row: number, vector: Float32Array): void {
    checkRow("graph", row);
    checkVectors("graph", matrix(1, vector.length, vector), this.shape.dim, this.shape.metric);
    if (this.#names.ordinalOf(row) !== NO_ROW)
      throw new MnemeError("EXISTS", `graph: row ${row} is there; delete it first, or use another id`);
    const ordinal = this.#free.pop() ?? this.#graph.rows;
    const { alpha, buildEffort } = this.growth;
    this.#place(ordinal, Uint32Array.of(row), vector);
    if (this.size === 1) this.#graph.enter(Uint32Array.of(ordinal));
    else this.#graph.link(Uint32Array.of(ordinal), alpha, buildEffort);
  }

  /** Adds many rows, on all threads. @throws as append; then no row was added */
  async appendMany(rows: Uint32Array, vectors: Matrix): Promise<void> {
    checkVectors("graph", vectors, this.shape.dim, this.shape.metric);
    checkIds("graph", rows, vectors.rows);
    const there = rows.find((row) => this.#names.ordinalOf(row) !== NO_ROW);
    if (there !== undefined) throw new MnemeError("EXISTS", `graph: row ${there} is there; delete it first`);
    let from = 0;
    // freed places first; and somebody must be there to link to
    for (; from < rows.length && (this.size === 0 || this.#free.length > 0); from++)
      this.append(rows[from]!, rowOf(vectors, from));
    const first = this.#graph.rows;
    const added = rows.subarray(from);
    if (added.length === 0) return;
    this.#graph.reserve(first + added.length);
    this.#place(first, added, vectors.data.subarray(from * vectors.cols));
    const ordinals = added.map((_, i) => first + i);
    this.#adding++;
    try {
      await linkRows(this.#graph, ordinals, this.#options, () => this.#pool());
    } finally {
      this.#adding--;
    }
  }

  /** Never found again. @returns false where there is no such row */
  delete(row: number): boolean {
    const ordinal = this.#names.ordinalOf(row);
    if (ordinal === NO_ROW) return false;
    this.#names.forget(row);
    this.#graph.delete(ordinal);
    this.#deleted.push(ordinal);
    return true;
  }

  /**
   * Takes deleted rows out of all links; rows that come get their places. @returns places freed, and their bytes
   * @throws MnemeError STATE while `appendMany` is under way
   */
  consolidate(): { rows: number; bytes: number } {
    this.#checkLinked("consolidate");
    const rows = this.#deleted.length;
    if (rows === 0) return { rows: 0, bytes: 0 };
    this.#graph.bridge(this.growth.alpha, this.#pool());
    this.#enterAnew();
    for (const ordinal of this.#deleted) this.#graph.vacate(ordinal);
    for (const ordinal of this.#deleted) this.#free.push(ordinal);
    this.#deleted = [];
    connect(linksOf(this.#graph), (ordinal) => this.#names.rowAt(ordinal) !== NO_ROW);
    const { codes, links } = this.#graph.bytes;
    return { rows, bytes: Math.round((rows * (codes + links)) / this.#graph.rows) };
  }

  /** @throws MnemeError DIMENSION, NOT_FINITE, ZERO_VECTOR, RANGE */
  search(query: Float32Array, options: GraphSearchOptions): Hits {
    return this.searchMany(matrix(1, query.length, query), options)[0]!;
  }

  /** One list of hits a query; queries are shared among the threads. @param queries n x dim */
  searchMany(queries: Matrix, options: GraphSearchOptions): Hits[] {
    checkVectors("graph", queries, this.shape.dim, this.shape.metric);
    checkWhole("graph", { k: options.k, effort: options.effort });
    if (this.size === 0) return Array.from({ length: queries.rows }, () => emptyHits);
    const matching = Math.min(this.size, options.matching ?? options.filter?.count ?? this.size);
    for (let depth = Math.min(options.k, this.size); ; depth = Math.min(this.size, depth * DEEPER)) {
      const found = this.#found(queries, depth, matching, options);
      const isEnough = ({ rows }: Hits): boolean => rows.length >= Math.min(options.k, matching);
      if (!options.after || depth === this.size || found.every(isEnough)) return found;
    }
  }

  /** All rows of at least a score that searches find, best first. @throws MnemeError DIMENSION, NOT_FINITE, ZERO_VECTOR */
  range(query: Float32Array, options: RangeOptions): Hits {
    for (const k of growingK(this.size)) {
      const hits = this.search(query, { ...options, k });
      if (hits.rows.length < k) return hits;
    }
    return this.scan(query, { ...options, k: Math.max(1, this.size) });
  }

  /** Hits by the codes of every matching row: no walk. What `search` is measured against. */
  scan(query: Float32Array, options: GraphSearchOptions): Hits {
    checkVectors("graph", matrix(1, query.length, query), this.shape.dim, this.shape.metric);
    checkWhole("graph", { k: options.k, effort: options.effort });
    return this.#scanned(query, this.#matching(options.filter), options);
  }

  /** Scores of rows by all their codes; NaN for rows that are not there. */
  score(query: Float32Array, rows: Uint32Array): Float32Array {
    checkVectors("graph", matrix(1, query.length, query), this.shape.dim, this.shape.metric);
    const ordinals = rows.map((row) => this.#names.ordinalOf(row));
    const scores = this.#graph.score(
      query,
      ordinals.filter((ordinal) => ordinal !== NO_ROW),
    );
    let at = 0;
    return Float32Array.from(ordinals, (ordinal) => (ordinal === NO_ROW ? Number.NaN : scores[at++]!));
  }

  /** The live part of the graph, for a store: deleted rows are bridged first. Borrowed until the next change. @throws as consolidate */
  live(): { graph: WasmGraph; ordinals: Uint32Array; rowAt: (ordinal: number) => number } {
    this.consolidate();
    const all = Uint32Array.from({ length: this.#graph.rows }, (_, i) => i);
    const ordinals = all.filter((ordinal) => this.#names.rowAt(ordinal) !== NO_ROW);
    return { graph: this.#graph, ordinals, rowAt: (ordinal) => this.#names.rowAt(ordinal) };
  }

  memory(): readonly { name: string; bytes: number }[] {
    const { codes, links, scratch } = this.#graph.bytes;
    return [
      { name: "graph: codes", bytes: codes },
      { name: "graph: links", bytes: links },
      { name: "graph: rows", bytes: this.#names.bytes + (this.#free.length + this.#deleted.length) * 8 },
      { name: "graph: scratch", bytes: scratch },
    ];
  }

  [Symbol.dispose](): void {
    this.#graph[Symbol.dispose]();
  }

  #pool(): Pool | undefined {
    return this.#options.pool?.pool;
  }

  /** Links would lead to places that were given away meanwhile, and a store would get rows that no walk reaches. */
  #checkLinked(verb: string): void {
    if (this.#adding > 0)
      throw new MnemeError("STATE", `graph: ${verb} while rows are being added; wait for appendMany first`);
  }

  #place(first: number, rows: Uint32Array, vectors: Float32Array): void {
    const { metric, dim } = this.shape;
    this.#graph.place(first, unitOf(metric, vectors, dim), this.#pool());
    this.#names.set(first, rows);
  }

  /** Walks must not begin at a place that is given away. */
  #enterAnew(): void {
    const { entries, links } = this.#graph.view();
    const isLive = (ordinal: number): boolean => this.#names.rowAt(ordinal) !== NO_ROW;
    const kept = entries.filter(isLive);
    if (kept.length > 0 || this.size === 0) {
      this.#graph.enter(kept);
      return;
    }
    const { degree } = this.shape;
    const near = [...entries].flatMap((entry) => [...links.subarray(entry * degree, (entry + 1) * degree)]);
    let chosen = near.find((ordinal) => ordinal !== NO_ROW && isLive(ordinal)) ?? 0;
    while (!isLive(chosen)) chosen++;
    this.#graph.enter(Uint32Array.of(chosen));
  }

  #found(queries: Matrix, depth: number, matching: number, options: GraphSearchOptions): Hits[] {
    const { shape } = this.#graph;
    const rows = this.#graph.rows - this.#free.length;
    const rescore = shape.projection ? RESCORE.projected : RESCORE.direct;
    const effort = options.effort ?? this.#effort;
    const plan = planWalk({ depth, effort, rows, matching, rescore });
    if (plan) return this.#walked(queries, depth, plan, options);
    const ordinals = this.#matching(options.filter);
    return Array.from({ length: queries.rows }, (_, q) =>
      this.#scanned(rowOf(queries, q), ordinals, options),
    );
  }

  #walked({ rows: count, data }: Matrix, k: number, plan: Plan, options: GraphSearchOptions): Hits[] {
    const search = { k, ...plan, allowed: options.filter?.words };
    const { rows, scores } = this.#graph.search(data, search, this.#pool());
    return Array.from({ length: count }, (_, q) => {
      const some = rows.subarray(q * k, (q + 1) * k);
      const end = some.indexOf(NO_ROW);
      return this.#hits(end < 0 ? some : some.subarray(0, end), scores.subarray(q * k), options);
    });
  }

  #scanned(query: Float32Array, ordinals: Uint32Array, options: GraphSearchOptions): Hits {
    return this.#hits(ordinals, this.#graph.score(query, ordinals), options);
  }

  /** The wanted hits among scored ordinals. */
  #hits(ordinals: Uint32Array, scores: Float32Array, options: GraphSearchOptions): Hits {
    return bestRows(scores, ordinals.length, (i) => this.#names.rowAt(ordinals[i]!), options);
  }

  /** Ordinals of the rows that may be found: by the filter's rows where they are few, else by the graph's. */
  #matching(filter: RowSet | undefined): Uint32Array {
    const isFew = filter && filter.count * BY_ROW < this.#graph.rows;
    if (!isFew) return this.#liveOrdinals(filter);
    const found: number[] = [];
    for (const row of filter) {
      const ordinal = this.#names.ordinalOf(row);
      if (ordinal !== NO_ROW) found.push(ordinal);
    }
    return Uint32Array.from(found);
  }

  #liveOrdinals(filter?: RowSet): Uint32Array {
    const found = new Uint32Array(this.#graph.rows);
    let count = 0;
    for (let ordinal = 0; ordinal < found.length; ordinal++) {
      const row = this.#names.rowAt(ordinal);
      if (row !== NO_ROW && (!filter || filter.has(row))) found[count++] = ordinal;
    }
    return found.subarray(0, count);
  }
}
