/** The WASM face: arrays in the arena by pointer, others through scratch regions, large ones in blocks. */
import { Arena } from "./arena.ts";
import type { KernelFace, LevelQuery, OneBitQuery, Panels, Rows, RunScan, TableQuery } from "./face.ts";
import { type Instance, instantiate, type KernelName } from "./module.ts";
import { asBytes, type Numbers } from "./numbers.ts";
import { levelScan, metricCode, oneBitScan, type Scan, tableScan } from "./scan.ts";
import { BLOCK_BYTES, Scratch } from "./scratch.ts";

/** Rows that gatherSumI8 sums at once. */
const GATHERED = 512;

/** Rows of any width, as the kernels take them. */
interface RowKernel {
  readonly kernel: KernelName;
  readonly query: Numbers;
  readonly rows: Numbers;
  readonly count: number;
  /** Bytes from one row to the next. */
  readonly stride: number;
  /** Third and later arguments after (query, rows, count). */
  readonly rest: readonly number[];
  readonly out: Numbers;
}

export class WasmFace implements KernelFace {
  readonly name = "wasm";
  readonly arena: Arena;
  readonly instance: Instance;
  readonly #scratch: Scratch;

  constructor(instance: Instance = instantiate()) {
    this.instance = instance;
    this.arena = new Arena(instance.memory);
    this.#scratch = new Scratch(this.arena);
  }

  dotF32(query: Float32Array, rows: Float32Array, out: Float32Array): void {
    this.#rowsF32("dotF32", query, rows, out);
  }

  l2F32(query: Float32Array, rows: Float32Array, out: Float32Array): void {
    this.#rowsF32("l2F32", query, rows, out);
  }

  dotI8(query: Int8Array, rows: Rows, out: Int32Array): void {
    this.#codes("dotI8", query, rows, out);
  }

  l2I8(query: Int8Array, rows: Rows, out: Int32Array): void {
    this.#codes("l2I8", query, rows, out);
  }

  dotF32I8(query: Float32Array, rows: Rows, out: Float32Array): void {
    this.#codes("dotF32I8", query, rows, out);
  }

  distancesI8(
    query: Float32Array,
    rows: Uint8Array,
    places: Uint32Array,
    bases: Float32Array,
    out: Float32Array,
  ): void {
    const [by, from] = [this.#scratch.in("query", query), this.#scratch.in("rows", rows)];
    const [which, onto, to] = [
      this.#scratch.in("a", places),
      this.#scratch.in("b", bases),
      this.#scratch.room("out", out),
    ];
    this.instance.exports.distancesI8(by, from, which, onto, places.length, query.length, to);
    this.#scratch.take(to, out);
  }

  dotF32U4(query: Float32Array, rows: Rows, out: Float32Array): void {
    this.#codes("dotF32U4", query, rows, out);
  }

  hamming(query: Uint8Array, rows: Rows, out: Uint32Array): void {
    this.#codes("hamming", query, rows, out);
  }

  binaryDot4(planes: Uint8Array, rows: Rows, out: Int32Array): void {
    const { data, count, stride } = rows;
    this.#run({
      kernel: "binaryDot4",
      query: planes,
      rows: data,
      count,
      stride,
      rest: [planes.length / 4, stride],
      out,
    });
  }

  scoreOneBit(query: OneBitQuery, rows: Rows, out: Float32Array): void {
    const { step, low, half, square, metric } = query;
    const { count, stride } = rows;
    if (count === 0) return;
    const inArena = this.arena.holds(rows.data);
    const block = inArena ? count : Math.max(1, Math.floor(BLOCK_BYTES / stride));
    const planes = this.#scratch.in("query", query.planes);
    const bytes = asBytes(rows.data);
    const { binaryDot4, finishOneBit } = this.instance.exports;
    for (let first = 0; first < count; first += block) {
      const some = Math.min(block, count - first);
      const at = inArena
        ? rows.data.byteOffset + first * stride
        : this.#scratch.in("rows", bytes.subarray(first * stride, (first + some) * stride), some * stride);
      const target = out.subarray(first, first + some);
      const to = this.#scratch.room("out", target);
      binaryDot4(planes, at, some, query.planes.length / 4, stride, to);
      finishOneBit(at, some, stride, step, low, half, square, metricCode(metric), to);
      this.#scratch.take(to, target);
    }
  }

  scanOneBit(query: OneBitQuery, lut: Uint8Array, blocks: Uint8Array, out: Float32Array): void {
    this.#scan((codes, scores) => oneBitScan(query, lut, codes, scores), lut, blocks, out);
  }

  scanTables(query: TableQuery, lut: Uint8Array, blocks: Uint8Array, out: Float32Array): void {
    this.#scan((codes, scores) => tableScan(query, lut, codes, scores), lut, blocks, out);
  }

  scanScaledTables(query: TableQuery, lut: Uint8Array, blocks: Uint8Array, out: Float32Array): void {
    const kernel = "scanScaledTables";
    this.#scan((codes, scores) => tableScan(query, lut, codes, scores, kernel), lut, blocks, out);
  }

  scanLevels(query: LevelQuery, lut: Uint8Array, blocks: Uint8Array, out: Float32Array): void {
    this.#scan((codes, scores) => levelScan(query, lut, codes, scores), lut, blocks, out);
  }

  sumTablesF32(tables: Float32Array, { data, count, stride }: Rows, out: Float32Array): void {
    const rest = [tables.length / 256, stride];
    this.#run({ kernel: "sumTablesF32", query: tables, rows: data, count, stride, rest, out });
  }

  nearestF32(
    rows: Float32Array,
    stride: number,
    { data, dim }: Panels,
    out: Uint32Array,
    distances: Float32Array,
  ): void {
    const centroids = this.#scratch.in("query", data);
    const count = data.length / (16 * (dim + 1));
    const inArena = this.arena.holds(rows);
    const block = inArena ? out.length : Math.max(1, Math.floor(BLOCK_BYTES / (4 * stride)));
    for (let first = 0; first < out.length; first += block) {
      const some = Math.min(block, out.length - first);
      const part = rows.subarray(first * stride, (first + some) * stride);
      const from = this.#scratch.in("rows", part, Math.max(1, some * stride * 4));
      const [places, near] = [out.subarray(first, first + some), distances.subarray(first, first + some)];
      const [to, by] = [this.#scratch.room("out", places), this.#scratch.room("b", near)];
      this.instance.exports.nearestF32(from, some, stride * 4, dim, centroids, count, to, by);
      this.#scratch.take(to, places);
      this.#scratch.take(by, near);
    }
  }

  halfDistancesF32(rows: Float32Array, stride: number, { data, dim }: Panels, out: Float32Array): void {
    const panelCount = data.length / (16 * (dim + 1));
    const [centroids, from, to] = [
      this.#scratch.in("query", data),
      this.#scratch.in("rows", rows),
      this.#scratch.room("out", out),
    ];
    const count = out.length / (16 * panelCount);
    this.instance.exports.halfDistancesF32(from, count, stride * 4, dim, centroids, panelCount, to);
    this.#scratch.take(to, out);
  }

  matmulF32(a: Float32Array, b: Float32Array, out: Float32Array, m: number, k: number, n: number): void {
    this.#product("matmulF32", a, b, out, m, k, n);
  }

  matmulTransposedF32(
    a: Float32Array,
    b: Float32Array,
    out: Float32Array,
    m: number,
    k: number,
    n: number,
  ): void {
    this.#product("matmulTransposedF32", a, b, out, m, k, n);
  }

  fwhtF32(rows: Float32Array, dim: number): void {
    this.#inPlace("fwhtF32", rows, dim);
  }

  normalizeF32(rows: Float32Array, dim: number): void {
    this.#inPlace("normalizeF32", rows, dim);
  }

  scaleColumnsF32(rows: Float32Array, factors: Float32Array): void {
    const [at, by] = [this.#scratch.in("a", rows), this.#scratch.in("b", factors)];
    this.instance.exports.scaleColumnsF32(at, rows.length / factors.length, factors.length, by);
    this.#scratch.take(at, rows);
  }

  findNotFinite(values: Float32Array, least = 255): number {
    const step = this.arena.holds(values) ? values.length : BLOCK_BYTES / 4;
    for (let first = 0; first < values.length; first += step) {
      const some = values.subarray(first, first + step);
      const at = this.instance.exports.findNotFinite(this.#scratch.in("a", some), some.length, least);
      if (at >= 0) return first + at;
    }
    return -1;
  }

  encodeOneBit(rows: Float32Array, dim: number, stride: number, codes: Uint8Array): void {
    const count = rows.length / dim;
    const [from, to] = [this.#scratch.in("a", rows), this.#scratch.in("codes", codes)];
    this.instance.exports.encodeOneBit(from, count, dim, stride, to);
    this.#scratch.take(to, codes);
  }

  encodeI8(rows: Float32Array, dim: number, codes: Uint8Array): void {
    const count = rows.length / dim;
    const [from, to] = [this.#scratch.in("a", rows), this.#scratch.room("codes", codes)];
    this.instance.exports.encodeI8(from, count, dim, dim + 8, to);
    this.#scratch.take(to, codes);
  }

  dequantI8(codes: Int8Array, scales: Float32Array, dim: number, out: Float32Array): void {
    const [from, by, to] = [
      this.#scratch.in("a", codes),
      this.#scratch.in("b", scales),
      this.#scratch.room("out", out),
    ];
    this.instance.exports.dequantI8(from, by, codes.length / dim, dim, to);
    this.#scratch.take(to, out);
  }

  dequantU4(
    codes: Uint8Array,
    scales: Float32Array,
    minima: Float32Array,
    group: number,
    out: Float32Array,
  ): void {
    const [from, by, at, to] = [
      this.#scratch.in("a", codes),
      this.#scratch.in("b", scales),
      this.#scratch.in("c", minima),
      this.#scratch.room("out", out),
    ];
    this.instance.exports.dequantU4(from, by, at, out.length, group, to);
    this.#scratch.take(to, out);
  }

  gatherSumI8(
    table: Int8Array,
    scales: Float32Array,
    stride: number,
    ids: Uint32Array,
    weights: Float32Array | undefined,
    count: number,
    out: Float32Array,
  ): void {
    const [from, by] = [this.#scratch.in("table", table), this.#scratch.in("scales", scales)];
    const [which, weigh, scratch, to] = [
      this.#scratch.in("a", ids),
      weights ? this.#scratch.in("b", weights) : 0,
      this.#scratch.region("c", 4 * GATHERED).pointer,
      this.#scratch.room("out", out),
    ];
    this.instance.exports.gatherSumI8(from, by, stride, out.length, which, weigh, count, scratch, to);
    this.#scratch.take(to, out);
  }

  selectAbove(scores: Float32Array, threshold: number, out: Uint32Array): number {
    const [from, to] = [this.#scratch.in("a", scores), this.#scratch.room("out", out)];
    const found = this.instance.exports.selectAbove(from, scores.length, threshold, to, out.length);
    if (!this.arena.holds(out)) this.#scratch.take(to, out.subarray(0, found));
    return found;
  }

  foldAscii(units: Uint16Array, count: number): number {
    const at = this.#scratch.in("a", units);
    const any = this.instance.exports.foldAscii(at, count);
    this.#scratch.take(at, units);
    return any;
  }

  classify(units: Uint16Array, count: number, table: Uint8Array, kinds: Uint8Array): number {
    const [from, by, to] = [
      this.#scratch.in("a", units),
      this.#scratch.in("table", table),
      this.#scratch.room("out", kinds),
    ];
    const most = this.instance.exports.classify(from, count, by, to);
    this.#scratch.take(to, kinds);
    return most >>> 0;
  }

  scanRuns(split: "words" | "pieces", { place }: RunScan, before: number): number {
    const { scanWords, scanPieces } = this.instance.exports;
    return (split === "words" ? scanWords : scanPieces)(place.byteOffset, before);
  }

  mergePairs(tokens: Uint16Array, count: number, slots: Uint32Array): number {
    const merges = this.#scratch.region("c", count * 4).pointer;
    const [at, table] = [this.#scratch.in("a", tokens), this.#scratch.in("table", slots)];
    const mask = slots.length / 2 - 1;
    const left = this.instance.exports.mergePairs(at, count, merges, table, mask, Math.clz32(mask));
    this.#scratch.take(at, tokens);
    return left;
  }

  sumBytes(data: Uint8Array): number {
    return this.instance.exports.sumBytes(this.#scratch.in("a", data), data.length);
  }

  /** Runs a scan of blocks. Places come first: growing plain memory detaches every view made before. */
  #scan(
    scanOf: (blocks: Uint8Array, out: Float32Array) => Scan,
    lut: Uint8Array,
    blocks: Uint8Array,
    out: Float32Array,
  ): void {
    const [table, from, to] = [
      this.#scratch.in("query", lut),
      this.#scratch.in("rows", blocks),
      this.#scratch.room("out", out),
    ];
    const { buffer } = this.instance.memory;
    const scan = scanOf(
      new Uint8Array(buffer, from, blocks.length),
      new Float32Array(buffer, to, out.length),
    );
    this.instance.exports[scan.kernel](...scan.args.with(scan.table!.at, table));
    this.#scratch.take(to, out);
  }

  #rowsF32(kernel: KernelName, query: Float32Array, rows: Float32Array, out: Float32Array): void {
    const dim = query.length;
    this.#run({
      kernel,
      query,
      rows,
      count: dim === 0 ? 0 : rows.length / dim,
      stride: dim * 4,
      rest: [dim],
      out,
    });
  }

  #codes(kernel: KernelName, query: Numbers, { data, count, stride }: Rows, out: Numbers): void {
    this.#run({ kernel, query, rows: data, count, stride, rest: [query.length, stride], out });
  }

  #run({ kernel, query, rows, count, stride, rest, out }: RowKernel): void {
    if (count === 0) return;
    const run = this.instance.exports[kernel];
    // scratch first: growing plain memory detaches every view made before
    const from = this.#scratch.in("query", query);
    const inArena = this.arena.holds(rows);
    const step = inArena ? count : Math.max(1, Math.floor(BLOCK_BYTES / Math.max(1, stride)));
    // the last row may end before its stride does
    const bytes = asBytes(rows).subarray(0, count * stride);
    for (let first = 0; first < count; first += step) {
      const some = Math.min(step, count - first);
      const target = out.subarray(first, first + some) as Numbers;
      const at = inArena
        ? rows.byteOffset + first * stride
        : this.#scratch.in("rows", bytes.subarray(first * stride, (first + some) * stride), some * stride);
      const to = this.#scratch.room("out", target);
      run(from, at, some, ...rest, to);
      this.#scratch.take(to, target);
    }
  }

  #product(
    kernel: KernelName,
    a: Float32Array,
    b: Float32Array,
    out: Float32Array,
    m: number,
    k: number,
    n: number,
  ): void {
    const [left, right, to] = [
      this.#scratch.in("a", a),
      this.#scratch.in("b", b),
      this.#scratch.room("out", out),
    ];
    this.instance.exports[kernel](left, right, to, m, k, n);
    this.#scratch.take(to, out);
  }

  #inPlace(kernel: "fwhtF32" | "normalizeF32", rows: Float32Array, dim: number): void {
    const at = this.#scratch.in("a", rows);
    this.instance.exports[kernel](at, rows.length / dim, dim);
    this.#scratch.take(at, rows);
  }
}
