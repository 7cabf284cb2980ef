/** Codes of rows in cells: what a row differs from its centre by, on a grid, and the two numbers that make keys of products with it. */
import { coarseStride, ROW_TAIL, rowSum, type WasmGraph } from "../../../kernels/index.ts";
import type { Matrix } from "../../../linalg/matrix.ts";

/** Rows whose codes lie together. */
export const BLOCK_ROWS = 16;
/** Steps of the grid that are tried: for values of a normal distribution the best, by bits, and these times it. */
const STEPS = [0, 2, 0.996, 0.586, 0.335] as const;
const TRIED = [0.8, 0.9, 1, 1.12, 1.25] as const;
/** Centres in the span as the graph's codes have them, and what their keys add. */
export interface Centres {
  readonly data: Float32Array;
  readonly halves: Float32Array;
}

export function centresOf(graph: WasmGraph): Centres {
  const { dims } = graph.shape;
  const { coarse } = graph.view();
  const stride = coarseStride(dims);
  const codes = new DataView(coarse.buffer, coarse.byteOffset, coarse.byteLength);
  const data = new Float32Array(graph.rows * dims);
  const halves = new Float32Array(graph.rows);
  for (let cell = 0; cell < graph.rows; cell++) {
    const scale = codes.getFloat32(cell * stride + dims, true);
    halves[cell] = codes.getFloat32(cell * stride + dims + 4, true);
    for (let j = 0; j < dims; j++) data[cell * dims + j] = codes.getInt8(cell * stride + j) * scale;
  }
  return { data, halves };
}

export class CellEncoder {
  readonly blocks: Uint8Array;
  readonly factors: Float32Array;
  readonly addends: Float32Array;
  readonly #centres: Centres;
  readonly #dims: number;
  readonly #bits: number;
  readonly #isProduct: boolean;
  readonly #difference: Float64Array;
  readonly #levels: Uint8Array;
  readonly #best: Uint8Array;

  /** @param isProduct whether scores are products, not distances */
  constructor(centres: Centres, dims: number, bits: number, slots: number, isProduct: boolean) {
    this.#centres = centres;
    this.#dims = dims;
    this.#bits = bits;
    this.#isProduct = isProduct;
    const blocks = Math.ceil(slots / BLOCK_ROWS);
    this.blocks = new Uint8Array(blocks * BLOCK_ROWS * ((bits * dims) / 8));
    this.factors = new Float32Array(blocks * BLOCK_ROWS);
    this.addends = new Float32Array(blocks * BLOCK_ROWS);
    this.#difference = new Float64Array(dims);
    this.#levels = new Uint8Array(dims);
    this.#best = new Uint8Array(dims);
  }

  /** @param projected row r of them goes to a slot @param square of the whole centred row */
  put(slot: number, cell: number, { cols, data }: Matrix, r: number, square: number): void {
    const centre = cell * cols;
    const difference = this.#difference;
    let length = 0;
    let along = 0;
    for (let j = 0; j < cols; j++) {
      const value = data[r * cols + j]! - this.#centres.data[centre + j]!;
      difference[j] = value;
      length += value * value;
      along += value * this.#centres.data[centre + j]!;
    }
    const product = this.#choose(Math.sqrt(length / cols));
    const factor = product > 0 ? length / product : 0;
    const middle = (2 ** this.#bits - 1) / 2;
    let codeAlong = 0;
    for (let j = 0; j < cols; j++) codeAlong += (this.#best[j]! - middle) * this.#centres.data[centre + j]!;
    // <q, y> is about <q, centre> + factor <q - centre, code> + <centre, difference>
    this.factors[slot] = factor;
    this.addends[slot] =
      along - factor * codeAlong - (this.#isProduct ? 0 : 0.5 * square + this.#centres.halves[cell]!);
    this.#pack(slot);
  }

  /** Levels of the difference at the best step tried. @returns its product with the code */
  #choose(deviation: number): number {
    const { length } = this.#difference;
    const top = 2 ** this.#bits - 1;
    const middle = top / 2;
    let bestProduct = 0;
    let bestCosine = -1;
    for (const share of this.#bits === 1 ? [1] : TRIED) {
      const by = deviation > 0 ? 1 / (STEPS[this.#bits]! * share * deviation) : 0;
      let product = 0;
      let square = 0;
      for (let j = 0; j < length; j++) {
        const value = this.#difference[j]!;
        const level = Math.max(0, Math.min(top, Math.floor(value * by + middle + 0.5)));
        this.#levels[j] = level;
        product += value * (level - middle);
        square += (level - middle) ** 2;
      }
      const cosine = product / Math.sqrt(square);
      if (cosine <= bestCosine) continue;
      bestCosine = cosine;
      bestProduct = product;
      this.#best.set(this.#levels);
    }
    return bestProduct;
  }

  #pack(slot: number): void {
    const plane = (this.#dims / 8) * BLOCK_ROWS;
    let at = Math.floor(slot / BLOCK_ROWS) * this.#bits * plane + (slot % BLOCK_ROWS);
    for (let bit = 0; bit < this.#bits; bit++) {
      for (let j = 0; j < this.#dims; j += 8, at += BLOCK_ROWS) {
        let byte = 0;
        for (let i = 0; i < 8; i++) byte |= ((this.#best[j + i]! >> bit) & 1) << i;
        this.blocks[at] = byte;
      }
    }
  }
}

/** Numbers of the slots of each cell as bytes between their least and their greatest. @param ranges pair `at` of each four is written */
export function quantise(
  values: Float32Array,
  starts: Uint32Array,
  ranges: Float32Array,
  at: number,
): Uint8Array {
  const out = new Uint8Array(values.length);
  for (let cell = 0; cell + 1 < starts.length; cell++) {
    const [first, end] = [starts[cell]!, starts[cell + 1]!];
    let [low, high] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
    for (let slot = first; slot < end; slot++) {
      low = Math.min(low, values[slot]!);
      high = Math.max(high, values[slot]!);
    }
    if (first === end) continue;
    const step = (high - low) / 255;
    ranges[cell * 4 + at] = low;
    ranges[cell * 4 + at + 1] = step;
    if (step > 0)
      for (let slot = first; slot < end; slot++) out[slot] = Math.round((values[slot]! - low) / step);
  }
  return out;
}

/** Bytes of a fine row of `dim` values; 0 bits: there is none. */
export const fineRowBytes = (dim: number, bits: number): number =>
  bits === 0 ? 0 : (Math.ceil(dim / 8) * 8 * bits) / 8 + ROW_TAIL;
/** Length of a row of 16 bits a value: products with queries of the same length stay in 32 bits. */
const WIDE_LENGTH = 32_700;

/** A centred row as signed levels of 8 or 16 bits, their scale, half of minus the square of what they stand for, and a checksum. */
export function encodeFine(row: Float32Array, bits: number, out: DataView, to: number): void {
  let [most, total] = [0, 0];
  for (const value of row) {
    most = Math.max(most, Math.abs(value));
    total += value * value;
  }
  const scale = Math.fround(bits === 8 ? most / 127 : Math.sqrt(total) / WIDE_LENGTH);
  let square = 0;
  for (let c = 0; c < row.length; c++) {
    const level = scale > 0 ? Math.round(row[c]! / scale) : 0;
    if (bits === 8) out.setInt8(to + c, level);
    else out.setInt16(to + 2 * c, level, true);
    square += level * level;
  }
  const tail = to + fineRowBytes(row.length, bits) - ROW_TAIL;
  out.setFloat32(tail, scale, true);
  out.setFloat32(tail + 4, -0.5 * square * scale * scale, true);
  out.setUint32(tail + 8, rowSum(new Uint8Array(out.buffer, out.byteOffset + to, tail + 8 - to)), true);
}
