/**
 * CellIndex: few-bit codes in cells behind a graph of their centres, for the least RAM a row; the best rows are scored again by fine codes
 * that may stay on disk. Made once from parts: rows are only deleted, and others come by a new index or by one of another kind beside it.
 */
import {
  type CellFork,
  type CellHits,
  type CellSearch,
  kernels,
  type LazyPool,
  NO_ROW,
  WasmCells,
  WasmGraph,
} from "../../../kernels/index.ts";
import { type Matrix, matrix, rowOf, rowsOf } from "../../../linalg/matrix.ts";
import { emptyHits, type Hits } from "../../hits.ts";
import type { RowSet } from "../../row-set.ts";
import type { Parts, SearchOptions } from "../../segment.ts";
import { TopK } from "../../top-k.ts";
import { checkVectors, checkWhole } from "../graph/check.ts";
import { centreEffort } from "./centres.ts";
import { type FineRows, fineRowsInMemory } from "./fine-rows.ts";
import { namedHits } from "./named-hits.ts";
import { cellDefaults, ROOM } from "./options.ts";
import { readCells } from "./parts.ts";
import { planProbes } from "./plan.ts";
import { Refiner } from "./refiner.ts";

/** Queries searched for at once, and rows in their lists together. */
const BLOCK = 256;
const MOST_PLACES = 2 ** 20;
/** A search that finds too few hits looks this many times deeper each time. */
const DEEPER = 4;
/** So many standard deviations above the mean gain no row is thought to come. */
const SURE = 3;

export interface CellEffort {
  /** Cells that a search looks into. */
  readonly probes: number;
  /** Rows that it scores again, at most. */
  readonly kept: number;
}

/** probes, kept: default as the index has them. */
export interface CellSearchOptions extends SearchOptions, Partial<CellEffort> {}

export interface CellIndexOptions extends Partial<CellEffort> {
  /** Default: the part `fine`, held in RAM. Owned from now on. */
  readonly fine?: FineRows;
  /** Borrowed. */
  readonly pool?: LazyPool;
}

export class CellIndex implements Disposable {
  readonly #cells: WasmCells;
  readonly #pool: LazyPool | undefined;
  readonly #refiner: Refiner | undefined;
  /** Slot of each row id, once somebody asks. */
  #slots: Uint32Array | undefined;
  #deleted = 0;
  #effort: CellEffort;

  /** @param parts as buildCells makes them. @throws MnemeError CORRUPT, VERSION */
  constructor(parts: Parts, options: CellIndexOptions = {}) {
    const { shape, contents, view, fineBits } = readCells(parts, options);
    const graph = new WasmGraph(kernels(), shape);
    try {
      graph.restore(view);
      this.#cells = new WasmCells(kernels(), graph, contents);
    } catch (error) {
      graph[Symbol.dispose]();
      throw error;
    }
    this.#pool = options.pool;
    if (fineBits === 0) options.fine?.[Symbol.dispose]();
    else this.#refiner = this.#refinerOf(options.fine ?? fineRowsInMemory(parts.get("fine")!), fineBits);
    const { probes = cellDefaults.probes, kept = cellDefaults.kept } = options;
    this.#effort = { probes, kept };
  }

  #refinerOf(fine: FineRows, bits: number): Refiner {
    try {
      return new Refiner(fine, { dim: this.dim, rows: this.#cells.slots, bits, sure: SURE });
    } catch (error) {
      this.#cells[Symbol.dispose]();
      throw error;
    }
  }

  /** Rows that can be found. */
  get size(): number {
    return this.#cells.slots - this.#deleted;
  }

  get dim(): number {
    return this.#cells.graph.shape.dim;
  }

  get cells(): number {
    return this.#cells.graph.rows;
  }

  /** What a search does that is not told otherwise; see `calibrateCells`. */
  get effort(): CellEffort {
    return this.#effort;
  }

  set effort({ probes, kept }: CellEffort) {
    checkWhole("cells", { probes, kept });
    this.#effort = { probes, kept };
  }

  /** Never found again. @returns false where there is no such row */
  delete(row: number): boolean {
    const slot = this.#slotOf(row);
    if (slot === NO_ROW || this.#cells.isDeleted(slot)) return false;
    this.#cells.delete(slot);
    this.#deleted++;
    return true;
  }

  /** @throws MnemeError DIMENSION, NOT_FINITE, ZERO_VECTOR, RANGE */
  search(query: Float32Array, options: CellSearchOptions): Hits {
    return this.searchMany(matrix(1, query.length, query), options)[0]!;
  }

  /**
   * One list of hits a query; queries are shared among the threads. Where too few lie in the cells that are looked into, or behind a cursor,
   * more cells are, and at last all rows. @param queries n x dim
   */
  searchMany(queries: Matrix, options: CellSearchOptions): Hits[] {
    const { probes = this.#effort.probes, kept = this.#effort.kept, k, after, filter, minScore } = options;
    this.#check(queries, { probes, kept, k });
    if (this.size === 0) return Array.from({ length: queries.rows }, () => emptyHits);
    const { slots } = this.#cells;
    const wanted = Math.max(k, this.#refiner ? kept : k);
    // behind a cursor twice as many: the last ones of a list of candidates stand where others that are as good do not
    const asked = after ? { ...options, k: 2 * k } : options;
    const most = Math.min(asked.k, this.size, filter?.count ?? this.size);
    const isEnough = ({ rows }: Hits): boolean => rows.length >= most || (!after && minScore !== undefined);
    for (let times = 1; Math.min(k, slots) <= ROOM; times *= DEEPER) {
      const list = Math.min(ROOM, wanted * times, slots);
      const found = this.#near(queries, { probes: probes * times, kept: list }, asked);
      if (found.every(isEnough)) return found.map((hits) => firstHits(hits, k));
      if (list === Math.min(ROOM, slots)) break;
    }
    return this.#among(queries, this.#slotsOf(filter), options);
  }

  /** Hits among the best `kept` rows of the nearest cells. */
  #near(queries: Matrix, { probes, kept }: CellEffort, options: CellSearchOptions): Hits[] {
    const { filter } = options;
    const plan = planProbes(probes, this.cells, this.#cells.slots, filter?.count);
    if (plan === undefined) return this.#scanned(queries, this.#slotsOf(filter), kept, options);
    const effort = centreEffort(plan, this.cells);
    return this.#blocks(queries, { probes: plan, effort, kept, allowed: filter?.words }, options);
  }

  /** Hits among given slots, a list of candidates after the other. */
  #among(queries: Matrix, slots: Uint32Array, options: CellSearchOptions): Hits[] {
    return Array.from({ length: queries.rows }, (_, q) => {
      const query = rowsOf(queries, q, q + 1);
      const best = new TopK(Math.min(options.k, slots.length));
      for (let at = 0; at < slots.length; at += ROOM) {
        const some = slots.subarray(at, at + ROOM);
        const [hits] = this.#scanned(query, some, some.length, options);
        hits!.rows.forEach((row, i) => {
          best.push(hits!.scores[i]!, row);
        });
      }
      return best.drain();
    });
  }

  /** A block of queries after the other: while one's rows are scored again, the threads search for the next one's. */
  #blocks({ rows: count, cols, data }: Matrix, search: CellSearch, options: CellSearchOptions): Hits[] {
    const { kept } = search;
    const size = Math.max(1, Math.min(BLOCK, Math.floor(MOST_PLACES / kept)));
    const forkAt = (at: number): CellFork | undefined =>
      at < count
        ? this.#cells.fork(
            data.subarray(at * cols, Math.min(count, at + size) * cols),
            search,
            this.#pool?.pool,
          )
        : undefined;
    const hits: Hits[] = [];
    let fork = forkAt(0);
    try {
      for (let at = 0; fork; at += size) {
        const found = owned(fork.join());
        fork = forkAt(at + size);
        hits.push(...this.#hits(found, Math.min(size, count - at), kept, options));
      }
    } finally {
      fork?.[Symbol.dispose]();
    }
    return hits;
  }

  /** Hits among every matching row by codes, the best scored again: no walk. @param options.kept rows scored again */
  scan(query: Float32Array, options: CellSearchOptions): Hits {
    const { kept = this.#effort.kept, k } = options;
    const queries = matrix(1, query.length, query);
    this.#check(queries, { kept, k });
    if (this.size === 0) return emptyHits;
    const slots = this.#slotsOf(options.filter);
    if (Math.min(k, slots.length) > ROOM) return this.#among(queries, slots, options)[0]!;
    const most = Math.min(ROOM, Math.max(k, kept), this.#cells.slots);
    return this.#scanned(queries, slots, most, options)[0]!;
  }

  memory(): readonly { name: string; bytes: number }[] {
    const { codes, centres, scratch } = this.#cells.bytes;
    return [
      { name: "cells: codes", bytes: codes },
      { name: "cells: centres", bytes: centres },
      { name: "cells: fine rows", bytes: this.#refiner?.rowBytes ?? 0 },
      { name: "cells: rows", bytes: this.#slots?.byteLength ?? 0 },
      { name: "cells: scratch", bytes: scratch + (this.#refiner?.bytes ?? 0) },
    ];
  }

  [Symbol.dispose](): void {
    this.#refiner?.[Symbol.dispose]();
    this.#cells[Symbol.dispose]();
  }

  #check(queries: Matrix, numbers: Readonly<Record<string, number>>): void {
    checkVectors("cells", queries, this.dim, this.#cells.graph.shape.metric);
    checkWhole("cells", numbers);
  }

  #scanned(queries: Matrix, slots: Uint32Array, most: number, options: CellSearchOptions): Hits[] {
    return Array.from(
      { length: queries.rows },
      (_, q) =>
        this.#hits(owned(this.#cells.searchSlots(rowOf(queries, q), slots, most)), 1, most, options)[0]!,
    );
  }

  #hits(found: CellHits, count: number, most: number, options: CellSearchOptions): Hits[] {
    const { ids } = this.#cells;
    return namedHits(found, { count, most, rowAt: (slot) => ids[slot]! }, options, this.#refiner);
  }

  /** Slots of the rows that may be found, ascending. */
  #slotsOf(filter: RowSet | undefined): Uint32Array {
    if (!filter) return Uint32Array.from({ length: this.#cells.slots }, (_, slot) => slot);
    const slots = new Uint32Array(filter.count);
    let count = 0;
    for (const row of filter) {
      const slot = this.#slotOf(row);
      if (slot !== NO_ROW) slots[count++] = slot;
    }
    return slots.subarray(0, count).sort();
  }

  #slotOf(row: number): number {
    this.#slots ??= inverse(this.#cells.ids);
    return this.#slots[row] ?? NO_ROW;
  }
}

/** What follows a search may make the kernels' memory grow, or search again. */
function owned({ slots, scores, prepared }: CellHits): CellHits {
  return { slots: slots.slice(), scores: scores.slice(), prepared };
}

const firstHits = ({ rows, scores }: Hits, k: number): Hits =>
  rows.length > k ? { rows: rows.slice(0, k), scores: scores.slice(0, k) } : { rows, scores };

function inverse(ids: Uint32Array): Uint32Array {
  const slots = new Uint32Array(ids.reduce((most, id) => Math.max(most, id), -1) + 1).fill(NO_ROW);
  ids.forEach((id, slot) => {
    slots[id] = slot;
  });
  return slots;
}
