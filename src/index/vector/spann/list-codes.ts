/**
 * Codes of the rows of a list, as what is left of a row when the list's centre is taken away. Coarse: 1-bit RaBitQ (SIGMOD 2024) in blocks of
 * 32 rows; fine: int8. Both end in what makes them distances without the query less the centre: |q - x|^2 = |q - c|^2 + add - 2 <q, r>
 * with add = |r|^2 + 2 <c, r>, so one rotated query serves all lists. In the coarse `add` the product <c, r> is the code's own estimate: what
 * is wrong with it then falls out, and the error grows with |q - c| instead of |q|.
 */
import { codeBytes } from "../../../codecs/rabitq.ts";
import { oneBitLayout } from "../../../codecs/rabitq-blocks.ts";
import { squareOf } from "../../../codecs/score.ts";
import { MnemeError } from "../../../errors.ts";
import { kernels } from "../../../kernels/index.ts";
import { HadamardRotation } from "../../../linalg/rotation.ts";
import { squaredDistance } from "./distance.ts";

/** Rows side by side in a block of coarse codes. */
export const BLOCK_ROWS = 32;
/** f32 factor, upper half of f32 add, u16 count of ones. */
const COARSE_TAIL = 8;
/** Where those of a block begin behind its codes, and bytes of each. */
const TAIL_PARTS = [
  [0, 4],
  [128, 2],
  [192, 2],
] as const;
/** f32 scale, f32 add. */
const FINE_TAIL = 8;

/** A squared distance that no row has. */
export const NOWHERE = 1e30;

export interface ListCodes {
  /** Whole blocks, filled up with zeros. */
  readonly coarse: Uint8Array;
  /** Rows of `fineBytes`. */
  readonly fine: Uint8Array;
  /** Root of the mean squared distance from the centre. */
  readonly radius: number;
}

export class ListCoder {
  readonly dim: number;
  /** Bytes of a row in a block. */
  readonly coarseBytes: number;
  readonly fineBytes: number;
  readonly rotation: HadamardRotation;
  readonly #arrange: (codes: Uint8Array, rows: number) => Uint8Array;

  /** @throws MnemeError RANGE for a dimension that blocks cannot have */
  constructor(dim: number, seed: number) {
    this.dim = dim;
    this.rotation = new HadamardRotation(dim, seed);
    this.coarseBytes = codeBytes(dim, 1) + COARSE_TAIL;
    this.fineBytes = dim + FINE_TAIL;
    const layout = oneBitLayout(dim, this.coarseBytes);
    if (!layout)
      throw new MnemeError("RANGE", `spann: ${dim} dimensions are too many; project the rows first`);
    this.#arrange = layout.arrange;
  }

  get bytes(): number {
    return this.rotation.bytes;
  }

  /** Bytes of the coarse blocks of `rows` rows. */
  blockBytes(rows: number): number {
    return Math.ceil(rows / BLOCK_ROWS) * BLOCK_ROWS * this.coarseBytes;
  }

  /** @param rows count x dim, borrowed. @param centre of the list, as queries will know it */
  encode(rows: Float32Array, centre: Float32Array): ListCodes {
    const { dim } = this;
    const count = rows.length / dim;
    using room = kernels().arena.alloc(Math.max(1, rows.byteLength));
    const residuals = room.f32().subarray(0, rows.length);
    let square = 0;
    for (let i = 0; i < rows.length; i++) {
      const rest = rows[i]! - centre[i % dim]!;
      residuals[i] = rest;
      square += rest * rest;
    }
    const fine = this.#fine(residuals, centre);
    const coarse = this.#coarse(residuals, centre);
    return { coarse, fine, radius: count === 0 ? 0 : Math.sqrt(square / count) };
  }

  /** Puts a row of some blocks in the place of another: places count over all blocks. */
  putRow(blocks: Uint8Array, place: number, from: Uint8Array, fromPlace = 0): void {
    const blockBytes = BLOCK_ROWS * this.coarseBytes;
    const tail = (this.coarseBytes - COARSE_TAIL) * BLOCK_ROWS;
    const [lane, fromLane] = [place % BLOCK_ROWS, fromPlace % BLOCK_ROWS];
    const to = Math.floor(place / BLOCK_ROWS) * blockBytes;
    const start = Math.floor(fromPlace / BLOCK_ROWS) * blockBytes;
    const shift = lane < 16 ? 0 : 4;
    const fromShift = fromLane < 16 ? 0 : 4;
    for (let at = 0; at < tail; at += 16) {
      const nibble = (from[start + at + (fromLane & 15)]! >> fromShift) & 15;
      const byte = to + at + (lane & 15);
      blocks[byte] = (blocks[byte]! & ~(15 << shift)) | (nibble << shift);
    }
    const tailTo = to + tail;
    const tailFrom = start + tail;
    for (const [at, bytes] of TAIL_PARTS)
      for (let i = 0; i < bytes; i++)
        blocks[tailTo + at + lane * bytes + i] = from[tailFrom + at + fromLane * bytes + i]!;
  }

  /** Codes of a row that is nearer to nothing. */
  get nowhere(): Pick<ListCodes, "coarse" | "fine"> {
    const coarse = new Uint8Array(BLOCK_ROWS * this.coarseBytes);
    const tail = (this.coarseBytes - COARSE_TAIL) * BLOCK_ROWS;
    new DataView(coarse.buffer).setUint16(tail + 128, upperHalf(NOWHERE), true);
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

  /** Rotates the residuals in place. */
  #coarse(residuals: Float32Array, centre: Float32Array): Uint8Array {
    const { dim, coarseBytes } = this;
    const count = residuals.length / dim;
    this.rotation.apply(residuals);
    const codes = new Uint8Array(count * coarseBytes);
    kernels().encodeOneBit(residuals, dim, coarseBytes, codes);
    const turned = centre.slice();
    this.rotation.apply(turned);
    const half = turned.reduce((sum, value) => sum + value, 0) / 2;
    const sums = nibbleSums(turned);
    const view = new DataView(codes.buffer);
    for (let r = 0; r < count; r++) {
      const at = r * coarseBytes;
      const tail = at + coarseBytes - COARSE_TAIL;
      const product = view.getFloat32(tail, true) * (sumOfOnes(codes, at, sums) - half);
      const square = squareOf(residuals.subarray(r * dim, (r + 1) * dim));
      view.setUint16(tail + 4, upperHalf(square + 2 * product), true);
    }
    return this.#arrange(codes, count);
  }
}

/** Reused: what is made anew for each list is what the collector stops searches for. */
let nibbles = new Float64Array(0);

/** Sums of four values at a time that are chosen by the bits of a nibble: 16 of each four. Borrowed until the next call. */
function nibbleSums(values: Float32Array): Float64Array {
  const size = Math.ceil(values.length / 8) * 32;
  if (nibbles.length !== size) nibbles = new Float64Array(size);
  const sums = nibbles;
  for (let at = 0; at < sums.length; at++) {
    const lowest = at & -at & 15;
    const value = values[(at >> 4) * 4 + 31 - Math.clz32(lowest)] ?? 0;
    if (lowest > 0) sums[at] = sums[at - lowest]! + value;
  }
  return sums;
}

/** Sum of the values whose bits are set. */
function sumOfOnes(codes: Uint8Array, at: number, sums: Float64Array): number {
  let sum = 0;
  for (let table = 0; table < sums.length; table += 32) {
    const byte = codes[at + (table >> 5)]!;
    sum += sums[table + (byte & 15)]! + sums[table + 16 + (byte >> 4)]!;
  }
  return sum;
}

const one = new DataView(new ArrayBuffer(4));

/** The upper half of an f32, rounded. */
function upperHalf(value: number): number {
  one.setFloat32(0, value);
  return Math.min(0xffff_ffff, one.getUint32(0) + 0x8000) >>> 16;
}
