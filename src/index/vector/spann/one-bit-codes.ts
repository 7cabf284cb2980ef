/**
 * Coarse codes of lists by 1-bit RaBitQ (Gao & Long, SIGMOD 2024). In `add` = |r|^2 + 2 <c, r> the product <c, r> is the code's own estimate: what
 * is wrong with it then falls out, and the error grows with |q - c| instead of |q|.
 */
import { codeBytes } from "../../../codecs/rabitq.ts";
import { oneBitLayout } from "../../../codecs/rabitq-blocks.ts";
import { SlicedQuery } from "../../../codecs/rabitq-score.ts";
import { MnemeError } from "../../../errors.ts";
import { kernels, type Region } from "../../../kernels/index.ts";
import { HadamardRotation } from "../../../linalg/rotation.ts";
import { squareOf } from "../../../linalg/square.ts";
import { type CoarseBlocks, type CoarseCoder, type CoarseQuery, oneBit, upperHalf } from "./coarse-codes.ts";

/** f32 factor, upper half of f32 add, u16 count of ones. */
const TAIL_BYTES = 8;
const L2 = 2;

export class OneBitCodes implements CoarseCoder {
  readonly id = oneBit.id;
  readonly dim: number;
  readonly rowBytes: number;
  readonly tail = [
    [0, 4],
    [128, 2],
    [192, 2],
  ] as const;
  readonly addAt = 128;
  /** The radius is the root of the mean of |r|^2; <q, r> as the code has it deviates by sqrt(pi / 2 - 1) where |q| = |r| = 1. */
  readonly spread = 0.7555;
  readonly #rotation: HadamardRotation;
  readonly #arrange: (codes: Uint8Array, rows: number) => Uint8Array;

  /** @throws MnemeError RANGE for a dimension that blocks cannot have */
  constructor(dim: number, seed: number) {
    this.dim = dim;
    this.#rotation = new HadamardRotation(dim, seed);
    this.rowBytes = oneBitBytes(dim);
    const layout = oneBitLayout(dim, this.rowBytes);
    if (!layout)
      throw new MnemeError("RANGE", `spann: ${dim} dimensions are too many; project the rows first`);
    this.#arrange = layout.arrange;
  }

  get bytes(): number {
    return this.#rotation.bytes;
  }

  encode(residuals: Float32Array, centre: Float32Array): CoarseBlocks {
    const { dim, rowBytes } = this;
    const count = residuals.length / dim;
    this.#rotation.apply(residuals);
    // before they are coded: that may detach them
    const squares = Float64Array.from({ length: count }, (_, r) =>
      squareOf(residuals.subarray(r * dim, (r + 1) * dim)),
    );
    const codes = new Uint8Array(count * rowBytes);
    kernels().encodeOneBit(residuals, dim, rowBytes, codes);
    const turned = centre.slice();
    this.#rotation.apply(turned);
    const half = turned.reduce((sum, value) => sum + value, 0) / 2;
    const sums = nibbleSums(turned);
    const view = new DataView(codes.buffer);
    for (let r = 0; r < count; r++) {
      const at = r * rowBytes;
      const tail = at + rowBytes - TAIL_BYTES;
      const product = view.getFloat32(tail, true) * (sumOfOnes(codes, at, sums) - half);
      view.setUint16(tail + 4, upperHalf(squares[r]! + 2 * product), true);
    }
    const square = squares.reduce((sum, value) => sum + value, 0);
    return { coarse: this.#arrange(codes, count), radius: count === 0 ? 0 : Math.sqrt(square / count) };
  }

  query(): CoarseQuery {
    return new OneBitQuery(this.#rotation, (this.rowBytes - TAIL_BYTES) * 2);
  }
}

/** Bytes of a row in a block. */
export const oneBitBytes = (dim: number): number => codeBytes(dim, 1) + TAIL_BYTES;

/** Rotated once, its tables in kernel memory. */
class OneBitQuery implements CoarseQuery {
  readonly #rotation: HadamardRotation;
  readonly #groups: number;
  readonly #table: Region;
  #step = 0;
  #low = 0;
  #half = 0;

  constructor(rotation: HadamardRotation, groups: number) {
    this.#rotation = rotation;
    this.#groups = groups;
    this.#table = kernels().arena.alloc(groups * 16);
  }

  get bytes(): number {
    return this.#table.byteLength;
  }

  set(query: Float32Array): void {
    const rotated = query.slice();
    this.#rotation.apply(rotated);
    const sliced = new SlicedQuery(rotated, "l2", this.#groups / 2);
    this.#step = sliced.step;
    this.#low = sliced.low;
    this.#half = sliced.half;
    this.#table.u8().set(sliced.table);
  }

  scan(codes: number, blocks: number, far: number, out: number): void {
    const { scanOneBit } = kernels().instance.exports;
    const table = this.#table.pointer;
    scanOneBit(codes, blocks, this.#groups, table, this.#step, this.#low, this.#half, far, L2, out);
  }

  [Symbol.dispose](): void {
    this.#table[Symbol.dispose]();
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
