/**
 * Coarse codes of lists by product quantisation of 4 bits a part (Jegou, Douze & Schmid 2011), scanned by tables of bytes (Andre et al., Cache
 * Locality Is Not Enough, VLDB 2015). Coded is the direction of what is left of a row: lists are of many widths, directions are alike. A factor
 * for each row makes the estimate exact for queries in its direction, as RaBitQ's does (Gao & Long, SIGMOD 2024); `add` is as there.
 */
import { arrangeNibbles } from "../../../codecs/nibble-blocks.ts";
import type { PqCoder } from "../../../codecs/pq.ts";
import { byteTables, placesOf } from "../../../codecs/table-scorer.ts";
import { kernels, type Region } from "../../../kernels/index.ts";
import { matrix } from "../../../linalg/index.ts";
import { squareOf } from "../../../linalg/square.ts";
import {
  BLOCK_ROWS,
  type CoarseBlocks,
  type CoarseCoder,
  type CoarseQuery,
  fromUpperHalf,
  upperHalf,
} from "./coarse-codes.ts";

/** Upper halves of f32 factor and f32 add. */
export const PRODUCT_TAIL_BYTES = 4;
const ADD_AT = BLOCK_ROWS * 2;
const L2 = 2;

export class ProductCodes implements CoarseCoder {
  readonly id: string;
  readonly dim: number;
  readonly rowBytes: number;
  readonly tail = [
    [0, 2],
    [ADD_AT, 2],
  ] as const;
  readonly addAt = ADD_AT;
  /** The radius is what the codes leave of the rows, root of the mean square. */
  readonly spread = 1;
  readonly #coder: PqCoder;
  readonly #places: Uint32Array;

  /** @param coder of unit vectors, 4 bits */
  constructor(coder: PqCoder) {
    this.#coder = coder;
    this.id = coder.id;
    this.dim = coder.dim;
    this.#places = placesOf(coder.parts);
    this.rowBytes = this.#places.length / 2 + PRODUCT_TAIL_BYTES;
  }

  get bytes(): number {
    return this.#coder.bytes;
  }

  encode(residuals: Float32Array, centre: Float32Array): CoarseBlocks {
    const { dim } = this;
    const count = residuals.length / dim;
    if (count === 0) return { coarse: new Uint8Array(0), radius: 0 };
    // the centre comes along as the last row; coding them may move the kernels' memory
    const rows = matrix(count + 1, dim);
    rows.data.set(residuals);
    const lengths = toDirections(rows.data.subarray(0, residuals.length), dim);
    rows.data.set(centre, residuals.length);
    const turned = this.#coder.turned(rows);
    const directions = matrix(count, dim, turned.data.subarray(0, residuals.length));
    const codes = this.#coder.encodeTurned(directions);
    const { data: decoded } = this.#coder.decodeTurned(codes, count);
    const tails = new Uint16Array(count * 2);
    let wrong = 0;
    for (let r = 0; r < count; r++) {
      let [product, square, along] = [0, 0, 0];
      for (let i = 0, at = r * dim; i < dim; i++, at++) {
        const code = decoded[at]!;
        product += turned.data[at]! * code;
        square += code * code;
        along += turned.data[residuals.length + i]! * code;
      }
      const length = lengths[r]!;
      tails[2 * r] = product > 0 ? upperHalf(length / product) : 0;
      // as scans will know it: what rounding takes from it then falls out of the distance
      const factor = fromUpperHalf(tails[2 * r]!);
      tails[2 * r + 1] = upperHalf(length * length + 2 * factor * along);
      wrong += factor * factor * square - 2 * factor * length * product + length * length;
    }
    return { coarse: this.#arrange(codes, tails), radius: Math.sqrt(Math.max(0, wrong) / count) };
  }

  query(): CoarseQuery {
    return new ProductQuery(this.#coder, this.#places.length);
  }

  #arrange(codes: Uint8Array, tails: Uint16Array): Uint8Array {
    const stride = this.#coder.blockBytes;
    const tailAt = this.#places.length * 16;
    const shape = { stride, bytes: stride, blockBytes: BLOCK_ROWS * this.rowBytes, places: this.#places };
    return arrangeNibbles(codes, tails.length / 2, shape, (blocks, block, lane, row) => {
      for (const [i, [at]] of this.tail.entries()) {
        const to = block + tailAt + at + lane * 2;
        blocks[to] = tails[2 * row + i]! & 255;
        blocks[to + 1] = tails[2 * row + i]! >> 8;
      }
    });
  }
}

/** Rows to unit length in place; zero rows stay. @returns their lengths */
export function toDirections(rows: Float32Array, dim: number): Float32Array {
  const lengths = new Float32Array(rows.length / dim);
  for (let r = 0; r < lengths.length; r++) {
    const row = rows.subarray(r * dim, (r + 1) * dim);
    const length = Math.sqrt(squareOf(row));
    lengths[r] = length;
    if (length > 0) for (let i = 0; i < dim; i++) row[i]! /= length;
  }
  return lengths;
}

class ProductQuery implements CoarseQuery {
  readonly #coder: PqCoder;
  readonly #groups: number;
  readonly #table: Region;
  #step = 0;
  #low = 0;

  constructor(coder: PqCoder, groups: number) {
    this.#coder = coder;
    this.#groups = groups;
    this.#table = kernels().arena.alloc(groups * 16);
  }

  get bytes(): number {
    return this.#table.byteLength;
  }

  set(query: Float32Array): void {
    const { step, low, lut } = byteTables(this.#coder.products(query), { metric: "l2", square: 0 });
    this.#step = step;
    this.#low = low;
    this.#table.u8().set(lut);
  }

  scan(codes: number, blocks: number, far: number, out: number): void {
    const { scanScaledTables } = kernels().instance.exports;
    scanScaledTables(codes, blocks, this.#groups, this.#table.pointer, this.#step, this.#low, far, L2, out);
  }

  [Symbol.dispose](): void {
    this.#table[Symbol.dispose]();
  }
}
