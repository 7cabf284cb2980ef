/**
 * MaxSim of a query's token vectors against documents of signed bytes in kernel memory (wasm/assembly/max-sim.ts), shared among threads.
 * Twin: reference/max-sim.ts.
 */
import { MnemeError } from "../errors.ts";
import type { Region } from "./arena.ts";
import type { Pool } from "./pool.ts";
import type { Scan } from "./scan.ts";
import type { WasmFace } from "./wasm.ts";

/** Bytes of a vector's codes: its values, filled up with zeros. */
export const tokenWidth = (dim: number): number => (dim + 15) & ~15;

/** A query in signed bytes: codes of rows x width, a factor for each row. */
export interface TokenQuery {
  readonly codes: Int8Array;
  readonly factors: Float32Array;
}

/** Document vectors, in the arena. */
export interface TokenRows {
  readonly width: number;
  /** width bytes a vector, and a scale. */
  readonly codes: Region;
  readonly scales: Region;
}

/** Document vectors, for the twin. */
export interface PlainTokenRows {
  readonly width: number;
  readonly codes: Int8Array;
  readonly scales: Float32Array;
}

/** Vectors of a query that the kernel takes at once. */
const TILE = 4;
/** From so many products of a query vector and a document vector on threads are worth waking. */
const FORK_PRODUCTS = 100_000;

/** Scores documents again and again; holds room for the query and the scores. */
export class MaxSim implements Disposable {
  readonly #face: WasmFace;
  #query: Region;
  #ranges: Region;

  constructor(face: WasmFace) {
    this.#face = face;
    this.#query = face.arena.alloc(0);
    this.#ranges = face.arena.alloc(0);
  }

  get bytes(): number {
    return this.#query.byteLength + this.#ranges.byteLength;
  }

  /**
   * Sums over the query's vectors of the largest product with a document's. @param ranges first vector and the one behind the last of each
   * document, none empty @returns a score each, borrowed until the next call @throws MnemeError INTERNAL
   */
  score(query: TokenQuery, rows: TokenRows, ranges: Uint32Array, pool?: Pool): Float32Array {
    const { width } = rows;
    const count = ranges.length / 2;
    const vectors = Math.ceil(query.factors.length / TILE) * TILE;
    const factors = this.#writeQuery(query, width, vectors);
    this.#ranges = this.#room(this.#ranges, count * 12);
    this.#ranges.u32().set(ranges);
    const [from, out] = [this.#ranges.pointer, this.#ranges.pointer + count * 8];
    const { codes, scales } = rows;
    const scan: Scan = {
      kernel: "maxSimI8",
      count,
      args: [this.#query.pointer, factors, vectors, width, codes.pointer, scales.pointer, from, count, out],
      countAt: 7,
      steps: [0, 0, 0, 0, 0, 0, 8, 0, 4],
    };
    let products = 0;
    for (let i = 0; i < ranges.length; i += 2) products += ranges[i + 1]! - ranges[i]!;
    const fork = products * vectors >= FORK_PRODUCTS ? pool?.fork([scan]) : undefined;
    if (!fork) this.#face.instance.exports.maxSimI8(...scan.args);
    else if (!fork.join())
      throw new MnemeError("INTERNAL", "tokens: scoring failed on a thread; open the index anew");
    return this.#ranges.f32().subarray(count * 2, count * 3);
  }

  [Symbol.dispose](): void {
    this.#query[Symbol.dispose]();
    this.#ranges[Symbol.dispose]();
  }

  /** Codes as i16, zeros behind them, then factors. @returns pointer to the factors */
  #writeQuery({ codes, factors }: TokenQuery, width: number, vectors: number): number {
    const wide = vectors * width;
    this.#query = this.#room(this.#query, wide * 2 + vectors * 4);
    const words = new Int16Array(this.#face.arena.buffer, this.#query.pointer, wide);
    words.set(codes);
    words.fill(0, codes.length);
    const at = this.#query.pointer + wide * 2;
    const by = new Float32Array(this.#face.arena.buffer, at, vectors);
    by.set(factors);
    by.fill(0, factors.length);
    return at;
  }

  #room(known: Region, bytes: number): Region {
    if (known.byteLength >= bytes) return known;
    known[Symbol.dispose]();
    return this.#face.arena.alloc(Math.ceil(bytes * 1.25));
  }
}
