/**
 * A proximity graph in kernel memory: codes and links of rows, and the verbs that walk and change them (wasm/assembly/graph*.ts). Rows are
 * known by ordinal; what they are called and which may be used again is the business of the index above. Twin: reference/graph.ts.
 */
import { MnemeError } from "../errors.ts";
import type { Region } from "./arena.ts";
import { backLinks, inverseOf, permuteRows } from "./graph-links.ts";
import {
  bitmapBytes,
  checkShape,
  coarseStride,
  FIELD,
  fineStride,
  type GraphShape,
  graphWidth,
  NO_ROW,
  preparedBytes,
  RECORD_BYTES,
  scratchBytes,
  writeScratches,
} from "./graph-record.ts";
import type { Pool } from "./pool.ts";
import { Rooms } from "./rooms.ts";
import { metricCode, type Scan } from "./scan.ts";
import type { WasmFace } from "./wasm.ts";

export interface GraphSearch {
  readonly k: number;
  /** Entries of the list that is walked: k to the shape's room; 0: no walk, all rows that may be found are looked at. */
  readonly effort: number;
  /** How many of the best are scored by fine codes: k to the shape's room. */
  readonly kept: number;
  /** Bits of the ids that may be found. */
  readonly allowed?: Uint32Array | undefined;
  /** Whether only rows that may be found are walked over, over their links and the links of those that they pass by. */
  readonly among?: boolean;
  /** Whether `RowScorer` is to score rows that are found. */
  readonly prepare?: boolean;
}

/** k ordinals a query, best first; NO_ROW and score 0 where there are fewer. */
export interface GraphHits {
  readonly rows: Uint32Array;
  readonly scores: Float32Array;
  /** Where the queries lie as `RowScorer` takes them, if that was wished for. */
  readonly prepared: number;
}

/** Views of what a graph holds of its rows; borrowed until it grows. */
export interface GraphView {
  readonly coarse: Uint8Array;
  readonly fine: Uint8Array;
  /** degree a row; NO_ROW behind the last. */
  readonly links: Uint32Array;
  /** Ids by ordinal; absent: the ordinals themselves. */
  readonly ids: Uint32Array | undefined;
  readonly entries: Uint32Array;
  readonly deleted: Uint32Array | undefined;
}

/** Rows coded at once. */
const BLOCK_ROWS = 256;
const UNIT = 16_384;

function unitAxes(projection: Int16Array, out: Float32Array): void {
  for (let i = 0; i < projection.length; i++) out[i] = projection[i]! / UNIT;
}

export class WasmGraph implements Disposable {
  readonly shape: GraphShape;
  readonly #face: WasmFace;
  readonly #record: Region;
  readonly #regions = new Map<string, Region>();
  /** What need not be kept from one call to the next. */
  readonly #rooms: Rooms;
  readonly #stride: number;
  readonly #fineStride: number;
  #rows = 0;
  #capacity = 0;
  #entries = 0;

  /** @throws MnemeError RANGE */
  constructor(face: WasmFace, shape: GraphShape) {
    checkShape(shape);
    this.shape = shape;
    this.#face = face;
    this.#stride = coarseStride(shape.dims, shape.coarseBits);
    this.#fineStride = fineStride(shape.dim, shape.fineBits);
    this.#rooms = new Rooms(face.arena);
    this.#record = face.arena.alloc(RECORD_BYTES);
    const mean = this.#region("mean", graphWidth(shape.dim) * 4);
    mean.f32().set(shape.mean);
    const { projection } = shape;
    if (projection)
      this.#region("projection", projection.byteLength)
        .u8()
        .set(new Uint8Array(projection.buffer, projection.byteOffset, projection.byteLength));
    this.#write();
  }

  /** Where the record lies, for kernels that read it. */
  get pointer(): number {
    return this.#record.pointer;
  }

  /** Rows that there are, deleted ones too. */
  get rows(): number {
    return this.#rows;
  }

  /** Ids by ordinal, as `name` gave them. Borrowed until the graph grows. */
  get ids(): Uint32Array {
    return this.#regions.get("ids")?.u32() ?? new Uint32Array(0);
  }

  /** Bytes held in kernel memory. */
  get bytes(): { readonly codes: number; readonly links: number; readonly scratch: number } {
    const sum = (...names: readonly string[]): number =>
      names.reduce((total, name) => total + (this.#regions.get(name)?.byteLength ?? 0), 0);
    return {
      codes: sum("coarse", "fine", "projection", "mean"),
      links: sum("links", "ids", "entries", "deleted"),
      scratch: sum("scratch") + this.#rooms.bytes + RECORD_BYTES,
    };
  }

  view(): GraphView {
    const words = (name: string, count: number): Uint32Array | undefined =>
      this.#regions.get(name)?.u32().subarray(0, count);
    return {
      coarse: this.#u8("coarse", this.#rows * this.#stride),
      fine: this.#u8("fine", this.#rows * this.#fineStride),
      links: words("links", this.#rows * this.shape.degree) ?? new Uint32Array(0),
      ids: words("ids", this.#rows),
      entries: words("entries", this.#entries) ?? new Uint32Array(0),
      deleted: words("deleted", bitmapBytes(this.#rows) / 4),
    };
  }

  /** Makes room for `capacity` rows in all. */
  reserve(capacity: number): void {
    if (capacity <= this.#capacity) return;
    const before = this.#capacity;
    this.#region("coarse", capacity * this.#stride);
    this.#region("fine", capacity * this.#fineStride);
    const { degree } = this.shape;
    this.#region("links", capacity * degree * 4)
      .u32()
      .fill(NO_ROW, before * degree);
    if (this.#regions.has("ids")) this.#region("ids", capacity * 4);
    if (this.#regions.has("deleted")) this.#region("deleted", bitmapBytes(capacity));
    this.#capacity = capacity;
    const scratch = this.#region("scratch", scratchBytes(this.shape, capacity) * this.shape.threads);
    writeScratches(scratch, this.shape, capacity);
    this.#write();
  }

  /**
   * Codes of vectors at ordinals from `first` on, without links; from `rows` on the graph grows.
   * @param vectors n x dim, of unit length under cosine
   */
  place(first: number, vectors: Float32Array, pool?: Pool): void {
    const { dim, dims, projection } = this.shape;
    const count = vectors.length / dim;
    if (first + count > this.#capacity)
      this.reserve(Math.max(first + count, Math.ceil(this.#capacity * 1.25), 64));
    this.#rows = Math.max(this.#rows, first + count);
    this.#write();
    const width = graphWidth(dim);
    const block = Math.min(count, BLOCK_ROWS);
    using axes = this.#face.arena.alloc((projection?.length ?? 0) * 4);
    if (projection) unitAxes(projection, axes.f32());
    using rows = this.#face.arena.alloc(block * width * 4);
    using rooms = this.#face.arena.alloc(block * (width + dims) * 4);
    rows.f32().fill(0);
    for (let at = 0; at < count; at += block) {
      const some = Math.min(block, count - at);
      this.#centre(vectors.subarray(at * dim, (at + some) * dim), rows.f32());
      this.#encode(first + at, some, rows.pointer, projection ? axes.pointer : 0, rooms.pointer, pool);
    }
  }

  /** Where walks begin. */
  enter(ordinals: Uint32Array): void {
    this.#region("entries", ordinals.byteLength).u32().set(ordinals);
    this.#entries = ordinals.length;
    this.#write();
  }

  /** Gives placed rows links, and links to them. @param alpha pruning factor, from 1 @param effort entries of the list that is walked */
  link(ordinals: Uint32Array, alpha: number, effort: number, pool?: Pool): void {
    this.#record.f32()[FIELD.alpha] = alpha * alpha;
    const graph = this.#record.pointer;
    using rows = this.#face.arena.alloc(ordinals.byteLength);
    rows.u32().set(ordinals);
    const [count, at] = [ordinals.length, rows.pointer];
    const insert = { kernel: "insertGraphRows", count, args: [graph, at, count, effort] } as const;
    this.#run({ ...insert, countAt: 2, steps: [0, 4, 0, 0] }, pool);
    const { groups, sources } = backLinks(ordinals, this.#regions.get("links")!.u32(), this.shape.degree);
    using room = this.#face.arena.alloc(groups.byteLength + sources.byteLength);
    room.u32().set(groups);
    room.u32().set(sources, groups.length);
    const linked = groups.length / 2 - 1;
    const args = [graph, room.pointer, linked, room.pointer + groups.byteLength];
    this.#run({ kernel: "linkGraphRows", count: linked, args, countAt: 2, steps: [0, 8, 0, 0] }, pool);
  }

  /** Never found again; still walked through. */
  delete(ordinal: number): void {
    const deleted = this.#region("deleted", bitmapBytes(this.#capacity)).u32();
    deleted[ordinal >>> 5]! |= 1 << (ordinal & 31);
    this.#write();
  }

  /** Takes deleted rows out of the links of all others, in favour of what they lead to. @param alpha pruning factor */
  bridge(alpha: number, pool?: Pool): void {
    if (!this.#regions.has("deleted")) return;
    this.#record.f32()[FIELD.alpha] = alpha * alpha;
    const [count, graph] = [this.#rows, this.#record.pointer];
    const args = [graph, 0, count];
    this.#run({ kernel: "bridgeGraphRows", count, args, countAt: 2, steps: [0, 1, 0] }, pool);
  }

  /** A deleted row that no other links to any more is an empty place: neither deleted nor linked to anything. */
  vacate(ordinal: number): void {
    const { degree } = this.shape;
    this.view().links.fill(NO_ROW, ordinal * degree, (ordinal + 1) * degree);
    const deleted = this.#regions.get("deleted");
    if (!deleted) return;
    deleted.u32()[ordinal >>> 5]! &= ~(1 << (ordinal & 31));
    if (deleted.u32().some((word) => word !== 0)) return;
    this.#free("deleted");
    this.#write();
  }

  /** Ids that filters know rows by, from ordinal `first` on; until then their ordinals. */
  name(ids: Uint32Array, first: number): void {
    this.#region("ids", this.#capacity * 4)
      .u32()
      .set(ids, first);
    this.#write();
  }

  /** @param queries n x dim. @returns k of each, borrowed until the next call */
  search(queries: Float32Array, options: GraphSearch, pool?: Pool): GraphHits {
    const { k, effort, kept, allowed, among, prepare } = options;
    const { dim } = this.shape;
    const count = queries.length / dim;
    const asked = this.#rooms.reserve("queries", queries.byteLength);
    asked.f32().set(queries);
    const results = this.#rooms.reserve("results", count * k * 8);
    const bits = allowed && this.#rooms.reserve("allowed", allowed.byteLength);
    bits?.u32().set(allowed!);
    const each = preparedBytes(dim);
    const prepared = prepare ? this.#rooms.reserve("prepared", count * each).pointer : 0;
    const scores = results.pointer + count * k * 4;
    const filter = [bits?.pointer ?? 0, allowed ? allowed.length * 32 : 0];
    const head = [this.#record.pointer, asked.pointer, count, k, effort, kept];
    const args = [...head, ...filter, among ? 1 : 0, results.pointer, scores, prepared];
    const steps = [0, dim * 4, 0, 0, 0, 0, 0, 0, 0, k * 4, k * 4, prepare ? each : 0];
    if (this.#rows > 0) this.#run({ kernel: "searchGraph", count, args, countAt: 2, steps }, pool);
    else results.u32().fill(NO_ROW);
    return {
      rows: results.u32().subarray(0, count * k),
      scores: results.f32().subarray(count * k, count * k * 2),
      prepared,
    };
  }

  /** Scores of given rows by all their codes, deleted or not. @returns borrowed until the next call */
  score(query: Float32Array, ordinals: Uint32Array): Float32Array {
    const asked = this.#rooms.reserve("queries", query.byteLength);
    asked.f32().set(query);
    const count = ordinals.length;
    const results = this.#rooms.reserve("results", count * 8);
    results.u32().set(ordinals);
    const { pointer } = results;
    const { scoreGraphRows } = this.#face.instance.exports;
    if (count > 0) scoreGraphRows(this.#record.pointer, asked.pointer, pointer, count, pointer + count * 4);
    return results.f32().subarray(count, count * 2);
  }

  /** Row number i becomes what row order[i] was. @param order a permutation of all rows */
  reorder(order: Uint32Array): void {
    const place = inverseOf(order);
    const { coarse, fine, links, ids, entries } = this.view();
    const words = (bytes: Uint8Array): Uint32Array =>
      new Uint32Array(bytes.buffer, bytes.byteOffset, bytes.byteLength >>> 2);
    permuteRows(words(coarse), this.#stride / 4, order);
    permuteRows(words(fine), this.#fineStride / 4, order);
    permuteRows(links, this.shape.degree, order);
    if (ids) permuteRows(ids, 1, order);
    for (let i = 0; i < links.length; i++) if (links[i] !== NO_ROW) links[i] = place[links[i]!]!;
    this.enter(entries.map((entry) => place[entry]!));
  }

  /** Takes codes and links as `view` gave them, in an empty graph; sizes and links are trusted. */
  restore({ coarse, fine, links, entries }: Pick<GraphView, "coarse" | "fine" | "links" | "entries">): void {
    const rows = links.length / this.shape.degree;
    this.reserve(rows);
    this.#rows = rows;
    this.#u8("coarse", coarse.length).set(coarse);
    this.#u8("fine", fine.length).set(fine);
    this.#regions.get("links")?.u32().set(links);
    this.enter(entries);
  }

  [Symbol.dispose](): void {
    for (const name of [...this.#regions.keys()]) this.#free(name);
    this.#rooms[Symbol.dispose]();
    this.#record[Symbol.dispose]();
  }

  /** Rows less the mean, each padded to the graph's width. */
  #centre(vectors: Float32Array, out: Float32Array): void {
    const { dim, mean } = this.shape;
    const width = graphWidth(dim);
    for (let from = 0, to = 0; from < vectors.length; from += dim, to += width) {
      for (let c = 0; c < dim; c++) out[to + c] = vectors[from + c]! - mean[c]!;
      out.fill(0, to + dim, to + width);
    }
  }

  #encode(first: number, count: number, rows: number, axes: number, rooms: number, pool?: Pool): void {
    const { dim, dims, coarseBits = 8, fineBits } = this.shape;
    const width = graphWidth(dim);
    const coarse = this.#regions.get("coarse")!.pointer + first * this.#stride;
    const fine = this.#regions.get("fine")!.pointer + first * this.#fineStride;
    const codes = [coarse, this.#stride, coarseBits, fine, this.#fineStride, fineBits];
    const args = [rows, count, width, axes, dims, rooms, ...codes];
    const steps = [width * 4, 0, 0, 0, 0, (width + dims) * 4, this.#stride, 0, 0, this.#fineStride, 0, 0];
    this.#run({ kernel: "encodeGraphRows", count, args, countAt: 1, steps }, pool);
  }

  #run(scan: Scan, pool: Pool | undefined): void {
    const fork = scan.count > 1 ? pool?.fork([scan]) : undefined;
    if (!fork) this.#face.instance.exports[scan.kernel](...scan.args);
    else if (!fork.join())
      throw new MnemeError("INTERNAL", `graph: ${scan.kernel} failed on a thread; open the index anew`);
  }

  #write(): void {
    const { dim, dims, coarseBits = 8, fineBits, degree, forward, metric, room, threads } = this.shape;
    const words = this.#record.u32();
    for (const name of [
      "coarse",
      "fine",
      "links",
      "ids",
      "entries",
      "deleted",
      "mean",
      "projection",
    ] as const)
      words[FIELD[name]] = this.#regions.get(name)?.pointer ?? 0;
    const scratch = this.#regions.get("scratch");
    words[FIELD.scratches] = scratch?.pointer ?? 0;
    words[FIELD.scratchBytes] = scratchBytes(this.shape, this.#capacity);
    words[FIELD.scratchCount] = threads;
    words[FIELD.stride] = this.#stride;
    words[FIELD.fineStride] = this.#fineStride;
    words[FIELD.width] = graphWidth(dim);
    words[FIELD.metric] = metricCode(metric);
    words[FIELD.rows] = this.#rows;
    words[FIELD.entryCount] = this.#entries;
    for (const [name, value] of Object.entries({ dim, dims, coarseBits, fineBits, degree, forward, room }))
      words[FIELD[name as keyof typeof FIELD]] = value;
  }

  /** A region by name, of exactly `bytes` when it must grow; what it held stays in front, zeros behind. */
  #region(name: string, bytes: number): Region {
    const known = this.#regions.get(name);
    if (known && known.byteLength >= bytes) return known;
    const region = this.#face.arena.alloc(bytes);
    region.u8().fill(0, known?.byteLength ?? 0);
    if (known) region.u8().set(known.u8());
    known?.[Symbol.dispose]();
    this.#regions.set(name, region);
    return region;
  }

  #u8(name: string, bytes: number): Uint8Array {
    return this.#regions.get(name)?.u8().subarray(0, bytes) ?? new Uint8Array(0);
  }

  #free(name: string): void {
    this.#regions.get(name)?.[Symbol.dispose]();
    this.#regions.delete(name);
  }
}
