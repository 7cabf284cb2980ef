/**
 * Codes of the rows of a list, as what is left of a row when the list's centre is taken away. Coarse: few bits, in blocks of 32 rows; fine: int8.
 * Both end in what makes them distances without the query less the centre: |q - x|^2 = |q - c|^2 + add - 2 <q, r> with add = |r|^2 + 2 <c, r>, so
 * what is made ready of one query serves all lists.
 */
import { kernels } from "../../../kernels/index.ts";
import { BLOCK_ROWS, blockOf, type CoarseCoder, NOWHERE, putRow, upperHalf } from "./coarse-codes.ts";
import { squaredDistance } from "./distance.ts";

/** f32 scale, f32 add. */
const FINE_TAIL = 8;

export interface ListCodes {
  /** Whole blocks, filled up with zeros. */
  readonly coarse: Uint8Array;
  /** Rows of `fineBytes`. */
  readonly fine: Uint8Array;
  /** What estimates by the coarse codes are wrong by, as their coder counts it. */
  readonly radius: number;
}

export class ListCoder {
  readonly dim: number;
  readonly coarse: CoarseCoder;
  /** Bytes of a row in a block. */
  readonly coarseBytes: number;
  readonly fineBytes: number;

  constructor(coarse: CoarseCoder) {
    this.coarse = coarse;
    this.dim = coarse.dim;
    this.coarseBytes = coarse.rowBytes;
    this.fineBytes = this.dim + FINE_TAIL;
  }

  /** Bytes of the coarse blocks of `rows` rows. */
  blockBytes(rows: number): number {
    return Math.ceil(rows / BLOCK_ROWS) * BLOCK_ROWS * this.coarseBytes;
  }

  /** @param rows count x dim, borrowed. @param centre of the list, as queries will know it */
  encode(rows: Float32Array, centre: Float32Array): ListCodes {
    const { dim } = this;
    using room = kernels().arena.alloc(Math.max(1, rows.byteLength));
    const residuals = (): Float32Array => room.f32().subarray(0, rows.length);
    const values = residuals();
    for (let at = 0; at < rows.length; at += dim)
      for (let i = 0; i < dim; i++) values[at + i] = rows[at + i]! - centre[i]!;
    const fine = this.#fine(values, centre);
    return { ...this.coarse.encode(residuals(), centre), fine };
  }

  /** Puts a row of some blocks in the place of another: places count over all blocks. */
  putRow(blocks: Uint8Array, place: number, from: Uint8Array, fromPlace = 0): void {
    putRow(this.coarse, blocks, place, from, fromPlace);
  }

  /** Codes of a row that is nearer to nothing. */
  get nowhere(): Pick<ListCodes, "coarse" | "fine"> {
    const { bytes, tailAt } = blockOf(this.coarse);
    const coarse = new Uint8Array(bytes);
    new DataView(coarse.buffer).setUint16(tailAt + this.coarse.addAt, upperHalf(NOWHERE), true);
    const fine = new Uint8Array(this.fineBytes);
    new DataView(fine.buffer).setFloat32(this.dim + 4, NOWHERE, true);
    return { coarse, fine };
  }

  /** Rows as the fine codes have them. */
  decode(fine: Uint8Array, centre: Float32Array): Float32Array {
    const { dim, fineBytes } = this;
    const view = new DataView(fine.buffer, fine.byteOffset, fine.byteLength);
    const rows = new Float32Array((fine.length / fineBytes) * dim);
    for (let r = 0, at = 0; r < rows.length; r += dim, at += fineBytes) {
      const scale = view.getFloat32(at + dim, true);
      for (let i = 0; i < dim; i++) rows[r + i] = centre[i]! + scale * view.getInt8(at + i);
    }
    return rows;
  }

  /** Of each row the squared distance from the nearest of some points. @param codes fine ones. @param centre of the rows' list */
  least(codes: Uint8Array, centre: Float32Array, points: readonly Float32Array[]): Float32Array {
    const count = codes.length / this.fineBytes;
    const places = Uint32Array.from({ length: count }, (_, row) => row * this.fineBytes);
    const least = new Float32Array(count).fill(Number.POSITIVE_INFINITY);
    const found = new Float32Array(count);
    for (const point of points) {
      const base = new Float32Array(count).fill(squaredDistance(point, centre));
      kernels().distancesI8(point, codes, places, base, found);
      for (let row = 0; row < count; row++) least[row] = Math.min(least[row]!, found[row]!);
    }
    return least;
  }

  #fine(residuals: Float32Array, centre: Float32Array): Uint8Array {
    const { dim, fineBytes } = this;
    const count = residuals.length / dim;
    const codes = new Uint8Array(count * fineBytes);
    kernels().encodeI8(residuals, dim, codes);
    const products = new Float32Array(count);
    kernels().dotF32I8(centre, { data: codes, count, stride: fineBytes }, products);
    const view = new DataView(codes.buffer);
    for (let r = 0; r < count; r++) {
      const tail = r * fineBytes + dim;
      const scale = view.getFloat32(tail, true);
      view.setFloat32(tail + 4, view.getFloat32(tail + 4, true) + 2 * scale * products[r]!, true);
    }
    return codes;
  }
}
