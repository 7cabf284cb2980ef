/** Heads: centres of lists in RAM, and the ones nearest to a query. */
import { kernels, type Region } from "../../../kernels/index.ts";
import { type Matrix, meanOf } from "../../../linalg/index.ts";
import { Shortlist } from "../../shortlist.ts";
import { BLOCK_ROWS, NOWHERE } from "./coarse-codes.ts";
import { ListCoder, type ListCodes } from "./list-codes.ts";
import { ListQuery, MOST_ROWS, scoreBytes } from "./list-query.ts";
import { OneBitCodes } from "./one-bit-codes.ts";

/** The nearest lists of a query, ascending by distance. Owned. */
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

/** A centre as it is stored, and as a query will know it. */
export interface CodedHead extends Pick<ListCodes, "coarse" | "fine"> {
  readonly centre: Float32Array;
}

/** Heads that may change. */
export interface CentreHeads extends Heads {
  /** Codes as they are stored: whole blocks, and rows. Borrowed. */
  readonly codes: { readonly mean: Float32Array; readonly coarse: Uint8Array; readonly fine: Uint8Array };
  centre(list: number): Float32Array;
  /** Whether the list was not taken away. */
  isThere(list: number): boolean;
  coded(centre: Float32Array): CodedHead;
  /** Puts a centre in place of a list's, or as that of the next list. */
  put(list: number, head: CodedHead): void;
  remove(list: number): void;
}

/** Heads scored again by fine codes, for each that is wanted. */
const RESCORED = 3;
const LEAST_RESCORED = 32;
const SIFT = 4096;
/** More than heads are scored again at once: a place and the bits of a distance fit in a double's whole numbers. */
const PLACES = 2 ** 21;

/** Centres as one list around their mean, scanned by coarse codes and the best by fine ones. */
export class ScannedHeads implements CentreHeads {
  #count: number;
  readonly #query: ListQuery;
  readonly coder: ListCoder;
  readonly #mean: Float32Array;
  readonly #radius: number;
  #coarse: Region;
  #fine: Region;
  #scores: Region;
  readonly #sifted: Region;
  /** The query that the scores are of; none where `isKnown` is not set. */
  readonly #last: Float32Array;
  #isKnown = false;
  readonly #shortlist = new Shortlist(LEAST_RESCORED);
  readonly #codesAt = new Uint32Array(MOST_ROWS);
  readonly #squares = new Float32Array(MOST_ROWS);
  #found = new Float32Array(0);
  #order = new Float64Array(0);

  constructor(coder: ListCoder, mean: Float32Array, radius: number, coarse: Uint8Array, fine: Uint8Array) {
    const { arena } = kernels();
    this.#count = fine.length / coder.fineBytes;
    this.coder = coder;
    this.#mean = mean;
    this.#radius = radius;
    this.#coarse = arena.alloc(coarse.length);
    this.#fine = arena.alloc(fine.length);
    this.#scores = arena.alloc(scoreBytes(Math.ceil(this.#count / BLOCK_ROWS)));
    this.#sifted = arena.alloc(SIFT * 4);
    this.#coarse.u8().set(coarse);
    this.#fine.u8().set(fine);
    this.#query = new ListQuery(coder, 0);
    this.#last = new Float32Array(coder.dim);
  }

  /** Lists that there are or were: those that were taken away are nearest to no query. */
  get count(): number {
    return this.#count;
  }

  get codes(): CentreHeads["codes"] {
    return {
      mean: this.#mean,
      coarse: this.#coarse.u8().subarray(0, this.coder.blockBytes(this.#count)),
      fine: this.#fine.u8().subarray(0, this.#count * this.coder.fineBytes),
    };
  }

  coded(centre: Float32Array): CodedHead {
    const { coarse, fine } = this.coder.encode(centre, this.#mean);
    return { coarse, fine, centre: this.coder.decode(fine, this.#mean) };
  }

  put(list: number, head: CodedHead): void {
    this.#put(list, head);
  }

  remove(list: number): void {
    this.#put(list, this.coder.nowhere);
  }

  get bytes(): number {
    const regions = [this.#coarse, this.#fine, this.#scores, this.#sifted];
    const scratch = this.#query.bytes + this.#shortlist.bytes + MOST_ROWS * 8 + this.#found.length * 12;
    return regions.reduce((sum, region) => sum + region.byteLength, scratch);
  }

  /** The centres themselves, as the codes have them. */
  centres(): Matrix {
    const { dim } = this.coder;
    return { rows: this.count, cols: dim, data: this.coder.decode(this.codes.fine, this.#mean) };
  }

  centre(list: number): Float32Array {
    const { fineBytes } = this.coder;
    return this.coder.decode(this.#fine.u8().subarray(list * fineBytes, (list + 1) * fineBytes), this.#mean);
  }

  isThere(list: number): boolean {
    const { dim, fineBytes } = this.coder;
    const { buffer, byteOffset } = this.#fine.u8();
    return new DataView(buffer, byteOffset).getFloat32(list * fineBytes + dim + 4, true) < NOWHERE / 2;
  }

  nearest(query: Float32Array, wanted: number): NearestHeads {
    const square = this.#squareOf(query);
    if (!this.#isScanned(query)) {
      this.#query.set(query);
      const blocks = Math.ceil(this.count / BLOCK_ROWS);
      this.#query.scan(this.#coarse.pointer, blocks, square, this.#radius, this.#scores.pointer);
    }
    const count = Math.min(wanted, this.count);
    return this.#nearest(this.#best(Math.max(LEAST_RESCORED, count * RESCORED)), square, wanted);
  }

  /** The nearest of some lists, by their fine codes. @param places lists, ascending */
  nearestOf(query: Float32Array, places: Uint32Array, wanted: number): NearestHeads {
    this.#isKnown = false;
    this.#query.setValues(query);
    return this.#nearest(places, this.#squareOf(query), wanted);
  }

  /** @param square squared distance of the query from the mean */
  #nearest(places: Uint32Array, square: number, wanted: number): NearestHeads {
    const found = this.#distances(places, square);
    // distances that are not negative are ordered as their bits are: numbers sort without a comparison that makes garbage
    const bits = new Uint32Array(found.buffer);
    const order = this.#order.subarray(0, places.length);
    for (let i = 0; i < order.length; i++) order[i] = bits[i]! * PLACES + i;
    order.sort();
    let count = Math.min(wanted, places.length);
    // lists that were taken away come last
    while (count > 0 && found[order[count - 1]! % PLACES]! > NOWHERE / 2) count--;
    const lists = new Uint32Array(count);
    const distances = new Float32Array(count);
    for (let i = 0; i < count; i++) {
      const place = order[i]! % PLACES;
      lists[i] = places[place]!;
      distances[i] = found[place]!;
    }
    return { count, isAll: wanted >= this.count, lists, distances };
  }

  [Symbol.dispose](): void {
    for (const one of [this.#coarse, this.#fine, this.#scores, this.#sifted, this.#query])
      one[Symbol.dispose]();
  }

  #put(list: number, { coarse, fine }: Pick<ListCodes, "coarse" | "fine">): void {
    const { fineBytes } = this.coder;
    this.#isKnown = false;
    if (list >= this.#count) {
      this.#count = list + 1;
      this.#reserve(this.#count);
    }
    this.#fine.u8().set(fine, list * fineBytes);
    this.coder.putRow(this.#coarse.u8(), list, coarse);
  }

  #squareOf(query: Float32Array): number {
    let square = 0;
    for (let i = 0; i < query.length; i++) square += (query[i]! - this.#mean[i]!) ** 2;
    return square;
  }

  /** Room for so many heads, a quarter more than asked for where it must grow. */
  #reserve(count: number): void {
    if (
      count * this.coder.fineBytes <= this.#fine.byteLength &&
      this.coder.blockBytes(count) <= this.#coarse.byteLength
    )
      return;
    const roomy = Math.ceil(count * 1.25);
    this.#coarse = grown(this.#coarse, this.coder.blockBytes(roomy));
    this.#fine = grown(this.#fine, roomy * this.coder.fineBytes);
    this.#scores = grown(this.#scores, scoreBytes(Math.ceil(roomy / BLOCK_ROWS)));
  }

  /** Whether the scores are those of this query: a search asks for more heads when it has read some lists. */
  #isScanned(query: Float32Array): boolean {
    const last = this.#last;
    let isSame = this.#isKnown;
    for (let i = 0; isSame && i < query.length; i++) isSame = query[i] === last[i];
    if (isSame) return true;
    last.set(query);
    this.#isKnown = true;
    return false;
  }

  /** Borrowed until the next call. */
  #distances(places: Uint32Array, square: number): Float32Array {
    const { fineBytes } = this.coder;
    if (places.length > this.#found.length) {
      this.#found = new Float32Array(places.length);
      this.#order = new Float64Array(places.length);
    }
    for (let first = 0; first < places.length; first += MOST_ROWS) {
      const some = places.subarray(first, first + MOST_ROWS);
      for (let i = 0; i < some.length; i++) this.#codesAt[i] = this.#fine.pointer + some[i]! * fineBytes;
      this.#squares.fill(square, 0, some.length);
      const pointers = this.#codesAt.subarray(0, some.length);
      const distances = this.#query.distances(pointers, this.#squares.subarray(0, some.length));
      for (let i = 0; i < some.length; i++) this.#found[first + i] = Math.max(0, distances[i]!);
    }
    return this.#found;
  }

  #best(count: number): Uint32Array {
    const scores = this.#scores.f32().subarray(0, this.count);
    const sifted = this.#sifted.u32();
    const list = this.#shortlist;
    list.restart(count);
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
  const coder = headCoder(centres.cols, seed);
  const mean = Float32Array.from(meanOf(centres));
  return { coder, mean, ...coder.encode(centres.data, mean) };
}

/** Centres are coded by 1-bit RaBitQ, whatever the lists' rows are coded by. @throws MnemeError RANGE for too many dimensions */
export const headCoder = (dim: number, seed: number): ListCoder => new ListCoder(new OneBitCodes(dim, seed));
