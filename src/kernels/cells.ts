/** Cells of few-bit codes behind a graph of their centres, in kernel memory: wasm/assembly/graph-cells.ts. A slot is the place of a row. */
import type { Region } from "./arena.ts";
import type { WasmGraph } from "./graph.ts";
import { graphWidth } from "./graph-record.ts";
import type { Pool } from "./pool.ts";
import type { Scan } from "./scan.ts";
import type { WasmFace } from "./wasm.ts";

/** What cells hold, by slot where nothing else is said. */
export interface CellContents {
  /** Bits a value, 1 to 4. */
  readonly bits: number;
  /** First slot of each cell, then the count of slots. */
  readonly starts: Uint32Array;
  /** Codes of 32 slots for each bit, the lowest first, and each four values 16 bytes, as scanOneBit of the face has them. */
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

/** `kept` a query, best first; NO_ROW where there are fewer. Borrowed until the next call. */
export interface CellHits {
  readonly slots: Uint32Array;
  readonly scores: Float32Array;
}

/** Fields of the record, in words. */
const RECORD = ["starts", "blocks", "ranges", "factors", "addends", "ids"] as const;
const [BITS, DELETED, RECORD_BYTES] = [6, 7, 32];
/** Behind a prepared query: scale, offset, factor, bias. */
const QUERY_TAIL = 16;

export class WasmCells implements Disposable {
  readonly graph: WasmGraph;
  readonly #face: WasmFace;
  readonly #record: Region;
  readonly #regions = new Map<string, Region>();
  readonly #slots: number;

  /** @param graph of the centres, owned from now on @param contents copied */
  constructor(face: WasmFace, graph: WasmGraph, contents: CellContents) {
    this.graph = graph;
    this.#face = face;
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
    const sum = (...names: readonly string[]): number =>
      names.reduce((total, name) => total + (this.#regions.get(name)?.byteLength ?? 0), 0);
    const { codes, links, scratch } = this.graph.bytes;
    return {
      codes: sum(...RECORD, "deleted"),
      centres: codes + links,
      scratch: scratch + sum("queries", "results", "prepared", "allowed", "rows") + RECORD_BYTES,
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
  search(queries: Float32Array, { probes, effort, kept, allowed }: CellSearch, pool?: Pool): CellHits {
    const { dim } = this.graph.shape;
    const count = queries.length / dim;
    const each = this.#queryBytes;
    const asked = this.#room("queries", queries.byteLength);
    asked.f32().set(queries);
    const results = this.#room("results", count * kept * 8);
    const bits = allowed && this.#room("allowed", allowed.byteLength);
    bits?.u32().set(allowed!);
    const prepared = this.#room("prepared", count * each);
    const scores = results.pointer + count * kept * 4;
    const filter = [bits?.pointer ?? 0, allowed ? allowed.length * 32 : 0];
    const outputs = [results.pointer, scores, prepared.pointer];
    const scan: Scan = {
      kernel: "searchCells",
      count,
      args: [
        this.graph.pointer,
        this.#record.pointer,
        asked.pointer,
        count,
        probes,
        effort,
        kept,
        ...filter,
        ...outputs,
      ],
      countAt: 3,
      steps: [0, 0, dim * 4, 0, 0, 0, 0, 0, 0, kept * 4, kept * 4, each],
    };
    if (!(count > 1 && pool?.fork([scan])?.join()))
      this.#face.instance.exports.searchCells(...(scan.args as number[]));
    return {
      slots: results.u32().subarray(0, count * kept),
      scores: results.f32().subarray(count * kept, count * kept * 2),
    };
  }

  /** The best of given slots. @param query dim values @param asked ascending */
  searchSlots(query: Float32Array, asked: Uint32Array, kept: number): CellHits {
    const queries = this.#room("queries", query.byteLength + asked.byteLength);
    queries.f32().set(query);
    queries.u32().set(asked, query.length);
    const results = this.#room("results", kept * 8);
    const { pointer } = this.#room("prepared", this.#queryBytes);
    const [at, out] = [queries.pointer, results.pointer];
    const { searchCellSlots } = this.#face.instance.exports;
    searchCellSlots(
      this.graph.pointer,
      this.#record.pointer,
      at,
      at + query.byteLength,
      asked.length,
      kept,
      out,
      out + kept * 4,
      pointer,
    );
    return { slots: results.u32().subarray(0, kept), scores: results.f32().subarray(kept, kept * 2) };
  }

  /** Room for rows that `scoreRows` takes. Borrowed until the next call. */
  rowRoom(bytes: number): Uint8Array {
    return this.#room("rows", bytes + 4 * Math.ceil(bytes / 16))
      .u8()
      .subarray(0, bytes);
  }

  /**
   * Scores of the rows in `rowRoom` with a query of the last search. @param query its number @param bits of a value, 8 or 16: signed, then
   * f32 scale, f32 -|y|^2 / 2. @returns borrowed until the next call
   */
  scoreRows(query: number, count: number, stride: number, bits: number): Float32Array {
    const rows = this.#regions.get("rows")!;
    const prepared = this.#regions.get("prepared")!.pointer + query * this.#queryBytes;
    const width = graphWidth(this.graph.shape.dim);
    const out = rows.pointer + Math.ceil((count * stride) / 4) * 4;
    const { scoreCellRows } = this.#face.instance.exports;
    const dims = (stride - 8) / (bits / 8);
    scoreCellRows(prepared, width, rows.pointer, count, stride, dims, bits === 16 ? 1 : 0, out);
    return rows.f32().subarray((out - rows.pointer) / 4, (out - rows.pointer) / 4 + count);
  }

  [Symbol.dispose](): void {
    for (const region of this.#regions.values()) region[Symbol.dispose]();
    this.#regions.clear();
    this.#record[Symbol.dispose]();
    this.graph[Symbol.dispose]();
  }

  get #queryBytes(): number {
    return graphWidth(this.graph.shape.dim) * 2 + QUERY_TAIL;
  }

  #room(name: string, bytes: number): Region {
    const known = this.#regions.get(name);
    if (known && known.byteLength >= bytes) return known;
    known?.[Symbol.dispose]();
    const region = this.#face.arena.alloc(Math.ceil(bytes * 1.25) + 64);
    this.#regions.set(name, region);
    return region;
  }
}
