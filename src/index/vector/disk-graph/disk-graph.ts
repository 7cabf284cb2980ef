/**
 * DiskGraph: a proximity graph in RAM, links and codes of 4 bits, whose fine rows stay in a file: what a walk named is read there and scored
 * again (DiskANN: Subramanya et al., NeurIPS 2019, which keeps links on disk too). Or it has no fine rows, and who asked scores what it named.
 * Made once from parts: rows are only deleted, and others come by a new index or by one of another kind beside it.
 */
import { kernels, type LazyPool, NO_ROW, WasmGraph } from "../../../kernels/index.ts";
import { type Matrix, matrix, rowsOf } from "../../../linalg/matrix.ts";
import { emptyHits, type Hits } from "../../hits.ts";
import type { Parts } from "../../segment.ts";
import { type FineRows, fineRowsInMemory } from "../cells/fine-rows.ts";
import { namedHits } from "../cells/named-hits.ts";
import { Refiner } from "../cells/refiner.ts";
import { CheckedParts } from "../checked-parts.ts";
import { checkVectors, checkWhole } from "../graph/check.ts";
import type { GraphSearchOptions } from "../graph/options.ts";
import { type Plan, planWalk } from "../graph/plan.ts";
import { RowNames } from "../graph/row-names.ts";
import { ROOM } from "./options.ts";
import { readDiskGraph } from "./parts.ts";

/** Of the walked list, how many rows may be scored again; the refiner stops where no more are thought to come. */
const RESCORE = 1.5;
/** The estimates of those that come first are the luckiest, so gains grow down the list: with 3 standard deviations as cells have, half a point of recall was lost. */
const SURE = 4;
/** Queries searched for at once, and rows in their lists together. */
const BLOCK = 256;
const MOST_PLACES = 2 ** 20;
/** A search that goes on after a cursor looks this many times deeper each time. */
const DEEPER = 4;

export interface OpenDiskGraphOptions {
  /** Default: the part `fine`, held in RAM; none where it was built without. Owned from now on. */
  readonly fine?: FineRows;
  /** List that a search walks with; default as the parts have it. */
  readonly effort?: number;
  /** Borrowed. */
  readonly pool?: LazyPool;
}

export class DiskGraph implements Disposable {
  readonly #graph: WasmGraph;
  readonly #names: RowNames;
  readonly #refiner: Refiner | undefined;
  readonly #pool: LazyPool | undefined;
  #deleted = 0;
  #effort = 1;

  /** @param parts as buildDiskGraph makes them. @throws MnemeError CORRUPT, VERSION, RANGE */
  constructor(parts: Parts, options: OpenDiskGraphOptions = {}) {
    const { shape, view, ids, fineBits, effort } = readDiskGraph(parts, options.pool !== undefined);
    if (fineBits > 0) {
      const fine = options.fine ?? fineRowsInMemory(new CheckedParts("disk graph", parts).part("fine"));
      this.#refiner = new Refiner(fine, { dim: shape.dim, rows: ids.length, bits: fineBits, sure: SURE });
    } else options.fine?.[Symbol.dispose]();
    this.#pool = options.pool;
    let graph: WasmGraph | undefined;
    try {
      graph = new WasmGraph(kernels(), shape);
      graph.restore(view);
      graph.name(ids, 0);
      this.#names = new RowNames(graph);
      this.effort = options.effort ?? effort;
    } catch (error) {
      graph?.[Symbol.dispose]();
      this.#refiner?.[Symbol.dispose]();
      throw error;
    }
    this.#graph = graph;
  }

  /** Rows that can be found. */
  get size(): number {
    return this.#graph.rows - this.#deleted;
  }

  get dim(): number {
    return this.#graph.shape.dim;
  }

  /** Entries of the list that a search walks with. */
  get effort(): number {
    return this.#effort;
  }

  set effort(entries: number) {
    checkWhole("disk graph", { effort: entries });
    this.#effort = entries;
  }

  /** Never found again; still walked through. @returns false where there is no such row */
  delete(row: number): boolean {
    const ordinal = this.#names.ordinalOf(row);
    if (ordinal === NO_ROW) return false;
    this.#names.forget(row);
    this.#graph.delete(ordinal);
    this.#deleted++;
    return true;
  }

  /** @throws MnemeError DIMENSION, NOT_FINITE, ZERO_VECTOR, RANGE, CORRUPT: the fine rows are damaged */
  search(query: Float32Array, options: GraphSearchOptions): Hits {
    return this.searchMany(matrix(1, query.length, query), options)[0]!;
  }

  /** One list of hits a query; queries are shared among the threads. @param queries n x dim */
  searchMany(queries: Matrix, options: GraphSearchOptions): Hits[] {
    this.#check(queries, options);
    if (this.size === 0) return Array.from({ length: queries.rows }, () => emptyHits);
    const { k, filter, effort = this.#effort } = options;
    const rows = this.#graph.rows;
    const rescore = this.#rescore;
    const matching = Math.min(this.size, options.matching ?? filter?.count ?? this.size);
    const most = Math.min(ROOM, rows);
    for (let depth = Math.min(k, most); ; depth = Math.min(most, depth * DEEPER)) {
      const plan =
        planWalk({ depth, effort, rows, matching, rescore, room: ROOM }) ??
        scanOf(Math.max(depth, effort) * rescore);
      const found = this.#blocks(queries, { ...plan, kept: Math.min(plan.kept, rows) }, options);
      const isEnough = (hits: Hits): boolean => hits.rows.length >= Math.min(k, matching);
      if (!options.after || depth === most || found.every(isEnough)) return found;
    }
  }

  /** Hits among every matching row by codes, the best scored again: no walk. What `search` is measured against. */
  scan(query: Float32Array, options: GraphSearchOptions): Hits {
    const queries = matrix(1, query.length, query);
    this.#check(queries, options);
    if (this.size === 0) return emptyHits;
    const plan = scanOf(ROOM * this.#rescore);
    return this.#blocks(queries, { ...plan, kept: Math.min(plan.kept, this.#graph.rows) }, options)[0]!;
  }

  memory(): readonly { name: string; bytes: number }[] {
    const { codes, links, scratch } = this.#graph.bytes;
    return [
      { name: "disk graph: codes", bytes: codes },
      { name: "disk graph: links", bytes: links },
      { name: "disk graph: fine rows", bytes: this.#refiner?.rowBytes ?? 0 },
      { name: "disk graph: rows", bytes: this.#names.bytes },
      { name: "disk graph: scratch", bytes: scratch + (this.#refiner?.bytes ?? 0) },
    ];
  }

  [Symbol.dispose](): void {
    this.#refiner?.[Symbol.dispose]();
    this.#graph[Symbol.dispose]();
  }

  /** Of the walked list, how many rows are named. */
  get #rescore(): number {
    return this.#refiner ? RESCORE : 1;
  }

  #check(queries: Matrix, { k, effort }: GraphSearchOptions): void {
    checkVectors("disk graph", queries, this.dim, this.#graph.shape.metric);
    checkWhole("disk graph", { k, effort });
  }

  /** A block of queries after the other: their lists are scored again together. */
  #blocks(queries: Matrix, plan: Plan, options: GraphSearchOptions): Hits[] {
    const size = Math.max(1, Math.min(BLOCK, Math.floor(MOST_PLACES / plan.kept)));
    const hits: Hits[] = [];
    for (let at = 0; at < queries.rows; at += size) {
      const { rows: count, data } = rowsOf(queries, at, Math.min(queries.rows, at + size));
      const search = { k: plan.kept, ...plan, allowed: options.filter?.words };
      const prepare = this.#refiner !== undefined;
      const { rows, scores, prepared } = this.#graph.search(data, { ...search, prepare }, this.#pool?.pool);
      // scoring again may make the kernels' memory grow
      const found = { slots: rows.slice(), scores: scores.slice(), prepared };
      const lists = {
        count,
        most: plan.kept,
        rowAt: (ordinal: number) => this.#names.rowAt(ordinal),
      };
      hits.push(...namedHits(found, lists, options, this.#refiner));
    }
    return hits;
  }
}

/** A look at all rows. @param named how many of them */
const scanOf = (named: number): Plan => ({
  effort: 0,
  kept: Math.min(ROOM, Math.ceil(named)),
  among: false,
});
