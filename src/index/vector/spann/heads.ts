/** Heads: centres of lists in RAM, and the ones nearest to a query. */
import { kernels, type Region } from "../../../kernels/index.ts";
import { type Matrix, meanOf } from "../../../linalg/index.ts";
import { Shortlist } from "../../shortlist.ts";
import { BLOCK_ROWS, ListCoder, type ListCodes, NOWHERE } from "./list-codes.ts";
import { ListQuery, MOST_ROWS, scoreBytes } from "./list-query.ts";

/** The nearest lists of a query, ascending by distance. Borrowed until the next call. */
export interface NearestHeads {
  readonly count: number;
  readonly lists: Uint32Array;
  /** Squared distances to their centres. */
  readonly distances: Float32Array;
  /** Whether there are no more. */
  readonly isAll: boolean;
}

/** What a search asks: a scan, or a graph over the centres. */
export interface Heads extends Disposable {
  readonly count: number;
  readonly bytes: number;
  /** @param query as `centres` lie in its space; trusted */
  nearest(query: Float32Array, count: number): NearestHeads;
}

/** Heads scored again by fine codes, for each that is wanted. */
const RESCORED = 3;
const LEAST_RESCORED = 32;
const SIFT = 4096;

/** Centres as one list around their mean, scanned by coarse codes and the best by fine ones. */
export class ScannedHeads implements Heads {
  #count: number;
  readonly #query: ListQuery;
  readonly #coder: ListCoder;
  readonly #mean: Float32Array;
  readonly #radius: number;
  #coarse: Region;
  #fine: Region;
  #scores: Region;
  readonly #sifted: Region;
  #last: Float32Array | undefined;

  constructor(coder: ListCoder, mean: Float32Array, radius: number, coarse: Uint8Array, fine: Uint8Array) {
    const { arena } = kernels();
    this.#count = fine.length / coder.fineBytes;
    this.#coder = coder;
    this.#mean = mean;
    this.#radius = radius;
    this.#coarse = arena.alloc(coarse.length);
    this.#fine = arena.alloc(fine.length);
    this.#scores = arena.alloc(scoreBytes(Math.ceil(this.#count / BLOCK_ROWS)));
    this.#sifted = arena.alloc(SIFT * 4);
    this.#coarse.u8().set(coarse);
    this.#fine.u8().set(fine);
    this.#query = new ListQuery(coder, 0);
  }

  /** Lists that there are or were: those that were taken away are nearest to no query. */
  get count(): number {
    return this.#count;
  }

  /** Codes as they are stored: whole blocks, and rows. Borrowed. */
  get codes(): { readonly coarse: Uint8Array; readonly fine: Uint8Array } {
    return {
      coarse: this.#coarse.u8().subarray(0, this.#coder.blockBytes(this.#count)),
      fine: this.#fine.u8().subarray(0, this.#count * this.#coder.fineBytes),
    };
  }

  /** Puts a centre in place of a list's, or as that of the next list. */
  set(list: number, centre: Float32Array): void {
    this.#put(list, this.#coder.encode(centre, this.#mean));
  }

  remove(list: number): void {
    this.#put(list, this.#coder.nowhere);
  }

  get bytes(): number {
    const regions = [this.#coarse, this.#fine, this.#scores, this.#sifted];
    return regions.reduce((sum, region) => sum + region.byteLength, this.#query.bytes);
  }

  /** The centres themselves, as the codes have them. */
  centres(): Matrix {
    const { dim } = this.#coder;
    return { rows: this.count, cols: dim, data: this.#coder.decode(this.codes.fine, this.#mean) };
  }

  centre(list: number): Float32Array {
    const { fineBytes } = this.#coder;
    return this.#coder.decode(this.#fine.u8().subarray(list * fineBytes, (list + 1) * fineBytes), this.#mean);
  }

  /** Whether the list was not taken away. */
  isThere(list: number): boolean {
    const { dim, fineBytes } = this.#coder;
    const { buffer, byteOffset } = this.#fine.u8();
    return new DataView(buffer, byteOffset).getFloat32(list * fineBytes + dim + 4, true) < NOWHERE / 2;
  }

  nearest(query: Float32Array, wanted: number): NearestHeads {
    let count = Math.min(wanted, this.count);
    let square = 0;
    for (let i = 0; i < query.length; i++) square += (query[i]! - this.#mean[i]!) ** 2;
    if (!this.#isScanned(query)) {
      this.#query.set(query);
      const blocks = Math.ceil(this.count / BLOCK_ROWS);
      this.#query.scan(this.#coarse.pointer, blocks, square, this.#radius, this.#scores.pointer);
    }
    const places = this.#best(Math.max(LEAST_RESCORED, count * RESCORED));
    const found = this.#distances(places, square);
    const order = Uint32Array.from(found.keys()).sort((a, b) => found[a]! - found[b]! || a - b);
    // lists that were taken away come last
    while (count > 0 && found[order[count - 1]!]! > NOWHERE / 2) count--;
    const best = order.subarray(0, count);
    return {
      count,
      isAll: wanted >= this.count,
      lists: best.map((i) => places[i]!),
      distances: Float32Array.from(best, (i) => found[i]!),
    };
  }

  [Symbol.dispose](): void {
    for (const one of [this.#coarse, this.#fine, this.#scores, this.#sifted, this.#query])
      one[Symbol.dispose]();
  }

  #put(list: number, { coarse, fine }: Pick<ListCodes, "coarse" | "fine">): void {
    const { coarseBytes, fineBytes } = this.#coder;
    this.#last = undefined;
    if (list >= this.#count) {
      this.#count = list + 1;
      this.#reserve(this.#count);
    }
    this.#fine.u8().set(fine, list * fineBytes);
    const blockBytes = BLOCK_ROWS * coarseBytes;
    const at = Math.floor(list / BLOCK_ROWS) * blockBytes;
    this.#coder.putLane(this.#coarse.u8().subarray(at, at + blockBytes), list % BLOCK_ROWS, coarse);
  }

  /** Room for so many heads, a quarter more than asked for where it must grow. */
  #reserve(count: number): void {
    if (
      count * this.#coder.fineBytes <= this.#fine.byteLength &&
      this.#coder.blockBytes(count) <= this.#coarse.byteLength
    )
      return;
    const roomy = Math.ceil(count * 1.25);
    this.#coarse = grown(this.#coarse, this.#coder.blockBytes(roomy));
    this.#fine = grown(this.#fine, roomy * this.#coder.fineBytes);
    this.#scores = grown(this.#scores, scoreBytes(Math.ceil(roomy / BLOCK_ROWS)));
  }

  /** Whether the scores are those of this query: a search asks for more heads when it has read some lists. */
  #isScanned(query: Float32Array): boolean {
    if (this.#last && query.every((value, i) => value === this.#last![i])) return true;
    this.#last = query.slice();
    return false;
  }

  #distances(places: Uint32Array, square: number): Float32Array {
    const { fineBytes } = this.#coder;
    const found = new Float32Array(places.length);
    const squares = new Float32Array(MOST_ROWS).fill(square);
    for (let first = 0; first < places.length; first += MOST_ROWS) {
      const some = places.subarray(first, first + MOST_ROWS);
      const pointers = some.map((place) => this.#fine.pointer + place * fineBytes);
      found.set(this.#query.distances(pointers, squares.subarray(0, some.length)), first);
    }
    return found.map((distance) => Math.max(0, distance));
  }

  #best(count: number): Uint32Array {
    const scores = this.#scores.f32().subarray(0, this.count);
    const sifted = this.#sifted.u32();
    const list = new Shortlist(count);
    for (let start = 0; start < this.count; ) {
      const stripe = scores.subarray(start, start + (start === 0 ? SIFT / 4 : SIFT));
      const found = kernels().selectAbove(stripe, list.threshold, sifted);
      for (let i = 0; i < found; i++) list.push(stripe[sifted[i]!]!, start + sifted[i]!);
      list.settle();
      start += stripe.length;
    }
    return list.finish();
  }
}

function grown(region: Region, bytes: number): Region {
  const larger = kernels().arena.alloc(bytes);
  larger.u8().fill(0);
  larger.u8().set(region.u8());
  region[Symbol.dispose]();
  return larger;
}

/** Heads of centres, and what of them is stored. */
export function encodeHeads(
  centres: Matrix,
  seed: number,
): { coder: ListCoder; mean: Float32Array; radius: number; coarse: Uint8Array; fine: Uint8Array } {
  const coder = new ListCoder(centres.cols, seed);
  const mean = Float32Array.from(meanOf(centres));
  return { coder, mean, ...coder.encode(centres.data, mean) };
}
