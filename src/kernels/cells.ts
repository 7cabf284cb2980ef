/** Cells of few-bit codes behind a graph of their centres, in kernel memory: wasm/assembly/graph-cells.ts. A slot is the place of a row. */
import type { Region } from "./arena.ts";
import type { WasmGraph } from "./graph.ts";
import { preparedBytes } from "./graph-record.ts";
import type { Pool } from "./pool.ts";
import { Rooms } from "./rooms.ts";
import type { WasmFace } from "./wasm.ts";

/** What cells hold, by slot where nothing else is said. */
export interface CellContents {
  /** Bits a value, 1 to 4. */
  readonly bits: number;
  /** First slot of each cell, then the count of slots. */
  readonly starts: Uint32Array;
  /** Codes of 16 slots for each bit, the lowest first, and each eight values a byte a slot: the first four values' bits below, the others' above. */
  readonly blocks: Uint8Array;
  /** Four a cell: least factor, its step, least addend, its step. */
  readonly ranges: Float32Array;
  /** Padded to whole blocks, as are addends. */
  readonly factors: Uint8Array;
  readonly addends: Uint8Array;
  readonly ids: Uint32Array;
}

export interface CellSearch {
  /** Cells that are looked into. */
  readonly probes: number;
  /** List of the walk that finds them; 0: all centres are looked at. */
  readonly effort: number;
  /** Rows wanted. */
  readonly kept: number;
  /** Bits of the ids that may be found. */
  readonly allowed?: Uint32Array | undefined;
}

/** `kept` a query, best first; NO_ROW where there are fewer. Borrowed until the search after the next. */
export interface CellHits {
  readonly slots: Uint32Array;
  readonly scores: Float32Array;
  /** Where the queries lie as `RowScorer` takes them. */
  readonly prepared: number;
}

/** A search that threads may be at; the next one may begin before this one is joined. To be joined or disposed of. */
export interface CellFork extends Disposable {
  join(): CellHits;
}

/** Fields of the record, in words. */
const RECORD = ["starts", "blocks", "ranges", "factors", "addends", "ids"] as const;
const [BITS, DELETED, RECORD_BYTES] = [6, 7, 32];

export class WasmCells implements Disposable {
  readonly graph: WasmGraph;
  readonly #face: WasmFace;
  readonly #record: Region;
  readonly #regions = new Map<string, Region>();
  readonly #rooms: Rooms;
  readonly #slots: number;
  #turn = 0;

  /** @param graph of the centres, owned from now on @param contents copied */
  constructor(face: WasmFace, graph: WasmGraph, contents: CellContents) {
    this.graph = graph;
    this.#face = face;
    this.#rooms = new Rooms(face.arena);
    this.#slots = contents.ids.length;
    this.#record = face.arena.alloc(RECORD_BYTES);
    const words = this.#record.u32();
    words.fill(0);
    RECORD.forEach((name, i) => {
      const { buffer, byteOffset, byteLength } = contents[name];
      const region = face.arena.alloc(byteLength);
      region.u8().set(new Uint8Array(buffer, byteOffset, byteLength));
      this.#regions.set(name, region);
      words[i] = region.pointer;
    });
    words[BITS] = contents.bits;
  }

  get slots(): number {
    return this.#slots;
  }

  get ids(): Uint32Array {
    return this.#regions.get("ids")!.u32().subarray(0, this.#slots);
  }

  get starts(): Uint32Array {
    return this.#regions
      .get("starts")!
      .u32()
      .subarray(0, this.graph.rows + 1);
  }

  get bytes(): { readonly codes: number; readonly centres: number; readonly scratch: number } {
    const { codes, links, scratch } = this.graph.bytes;
    return {
      codes: [...this.#regions.values()].reduce((sum, { byteLength }) => sum + byteLength, 0),
      centres: codes + links,
      scratch: scratch + this.#rooms.bytes + RECORD_BYTES,
    };
  }

  /** Never found again. */
  delete(slot: number): void {
    let deleted = this.#regions.get("deleted");
    if (!deleted) {
      deleted = this.#face.arena.alloc(Math.ceil(this.#slots / 32) * 4);
      deleted.u8().fill(0);
      this.#regions.set("deleted", deleted);
      this.#record.u32()[DELETED] = deleted.pointer;
    }
    deleted.u32()[slot >>> 5]! |= 1 << (slot & 31);
  }

  isDeleted(slot: number): boolean {
    return ((this.#regions.get("deleted")?.u32()[slot >>> 5] ?? 0) & (1 << (slot & 31))) !== 0;
  }

  /** @param queries n x dim */
  search(queries: Float32Array, options: CellSearch, pool?: Pool): CellHits {
    using fork = this.fork(queries, options, pool);
    return fork.join();
  }

  /** Lets the pool's threads begin. @param queries n x dim, copied */
  fork(queries: Float32Array, { probes, effort, kept, allowed }: CellSearch, pool?: Pool): CellFork {
    const { dim } = this.graph.shape;
    const count = queries.length / dim;
    const each = preparedBytes(dim);
    // two sets of rooms: what one search found is read while the next one is under way
    this.#turn = 1 - this.#turn;
    const room = (name: string, bytes: number): Region => this.#rooms.reserve(`${name} ${this.#turn}`, bytes);
    const asked = room("queries", queries.byteLength);
    asked.f32().set(queries);
    const results = room("results", count * kept * 8);
    const bits = allowed && room("allowed", allowed.byteLength);
    bits?.u32().set(allowed!);
    const prepared = room("prepared", count * each);
    const filter = [bits?.pointer ?? 0, allowed ? allowed.length * 32 : 0];
    const outputs = [results.pointer, results.pointer + count * kept * 4, prepared.pointer];
    const head = [this.graph.pointer, this.#record.pointer, asked.pointer, count];
    const args = [...head, probes, effort, kept, ...filter, ...outputs];
    const steps = [0, 0, dim * 4, 0, 0, 0, 0, 0, 0, kept * 4, kept * 4, each];
    const fork =
      count > 1 ? pool?.fork([{ kernel: "searchCells", count, args, countAt: 3, steps }]) : undefined;
    return {
      join: () => {
        if (!fork?.join()) this.#face.instance.exports.searchCells(...args);
        return this.#hits(results, count * kept, prepared);
      },
      [Symbol.dispose]: () => fork?.[Symbol.dispose](),
    };
  }

  /** The best of given slots. @param query dim values @param asked ascending */
  searchSlots(query: Float32Array, asked: Uint32Array, kept: number): CellHits {
    const queries = this.#rooms.reserve("queries 0", query.byteLength + asked.byteLength);
    queries.f32().set(query);
    queries.u32().set(asked, query.length);
    const results = this.#rooms.reserve("results 0", kept * 8);
    const prepared = this.#rooms.reserve("prepared 0", preparedBytes(query.length));
    const [at, out] = [queries.pointer, results.pointer];
    const found = [asked.length, kept, out, out + kept * 4, prepared.pointer] as const;
    const { searchCellSlots } = this.#face.instance.exports;
    searchCellSlots(this.graph.pointer, this.#record.pointer, at, at + query.byteLength, ...found);
    return this.#hits(results, kept, prepared);
  }

  [Symbol.dispose](): void {
    for (const region of this.#regions.values()) region[Symbol.dispose]();
    this.#regions.clear();
    this.#rooms[Symbol.dispose]();
    this.#record[Symbol.dispose]();
    this.graph[Symbol.dispose]();
  }

  #hits(results: Region, count: number, { pointer }: Region): CellHits {
    return {
      slots: results.u32().subarray(0, count),
      scores: results.f32().subarray(count, count * 2),
      prepared: pointer,
    };
  }
}
