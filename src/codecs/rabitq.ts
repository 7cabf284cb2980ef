/**
 * RaBitQ: a random rotation, then few bits a dimension, with two factors a row that make the estimated product unbiased. 1 bit: Gao &
 * Long, RaBitQ, SIGMOD 2024 (arXiv:2405.12497). More bits: Gao et al., Practical and Asymptotically Optimal Quantization (arXiv:2409.09913);
 * differs from it in how the best grid scale is sought: over a fixed fan of scales instead of all critical values.
 * A row: the packed codes padded to 8 bytes, f32 `factor` (|x| / <code, x'>), then |x|^2: as f32, or for 1 bit as its upper half followed
 * by the count of ones: a fifth pass over the code costs more than the bits that the square loses are worth.
 */
import { MnemeError } from "../errors.ts";
import { kernels } from "../kernels/index.ts";
import { type Matrix, matrix, rowOf } from "../linalg/matrix.ts";
import { HadamardRotation } from "../linalg/rotation.ts";
import { slab } from "../slab.ts";
import { checkCodes, checkDim, checkRows } from "./check.ts";
import type { Codec, Coder, Metric, ScanLayout, Scorer } from "./codec.ts";
import { oneBitLayout } from "./rabitq-blocks.ts";
import { oneBitScorer, packedScorer } from "./rabitq-score.ts";
import { serialize } from "./serial.ts";

export interface RabitqOptions {
  /** Bits a dimension, 1 to 8; default 1. */
  readonly bits?: number;
}

/** Grid scales tried for multi-bit codes, as shares of the scale at which the largest value meets the edge of the grid. */
const SCALES = 24;
const FACTOR_BYTES = 8;
/** Rows rotated and coded at once: bounds what is held in the kernels' memory. */
const BLOCK_ROWS = 256;
/** A count of ones is kept in 16 bits. */
const MAX_DIM = 65_535;

export function rabitq({ bits = 1 }: RabitqOptions = {}): Codec {
  if (!Number.isInteger(bits) || bits < 1 || bits > 8) {
    throw new MnemeError("RANGE", `rabitq: bits must be a whole number from 1 to 8, got ${bits}`);
  }
  return {
    id: `rabitq${bits}`,
    needsTraining: false,
    fit: (sample, options) => new RabitqCoder(sample.cols, bits, options?.seed ?? 1),
  };
}

export class RabitqCoder implements Coder {
  readonly id: string;
  readonly dim: number;
  readonly bits: number;
  readonly blockRows = 1;
  readonly blockBytes: number;
  readonly scan?: ScanLayout;
  readonly #rotation: HadamardRotation;

  constructor(dim: number, bits: number, seed: number) {
    checkDim(`rabitq${bits}`, dim);
    if (dim > MAX_DIM)
      throw new MnemeError(
        "RANGE",
        `rabitq${bits}: at most ${MAX_DIM} dimensions, got ${dim}; project the rows first`,
      );
    this.id = `rabitq${bits}`;
    this.dim = dim;
    this.bits = bits;
    this.blockBytes = codeBytes(dim, bits) + FACTOR_BYTES;
    this.#rotation = new HadamardRotation(dim, seed);
    const scan = bits === 1 ? oneBitLayout(dim, this.blockBytes) : undefined;
    if (scan) this.scan = scan;
  }

  get bytes(): number {
    return this.#rotation.bytes;
  }

  encode(rows: Matrix): Uint8Array {
    checkRows(this.id, this.dim, rows);
    const codes = new Uint8Array(rows.rows * this.blockBytes);
    using room = kernels().arena.alloc(Math.min(BLOCK_ROWS, rows.rows) * this.dim * 4);
    for (let first = 0; first < rows.rows; first += BLOCK_ROWS) {
      const last = Math.min(rows.rows, first + BLOCK_ROWS);
      const rotated = room.f32().subarray(0, (last - first) * this.dim);
      rotated.set(rows.data.subarray(first * this.dim, last * this.dim));
      this.#rotation.apply(rotated);
      const some = codes.subarray(first * this.blockBytes, last * this.blockBytes);
      if (this.bits === 1) kernels().encodeOneBit(rotated, this.dim, this.blockBytes, some);
      else this.#encodeLevels(rotated, some);
    }
    return codes;
  }

  #encodeLevels(rotated: Float32Array, codes: Uint8Array): void {
    const view = new DataView(codes.buffer, codes.byteOffset, codes.byteLength);
    const levels = new Uint8Array(this.dim);
    for (let at = 0, start = 0; at < codes.length; at += this.blockBytes, start += this.dim) {
      const row = rotated.subarray(start, start + this.dim);
      const square = row.reduce((sum, value) => sum + value * value, 0);
      const product = bestLevels(row, this.bits, levels);
      packLevels(levels, this.bits, codes, at);
      // the estimate <q, x> = factor <q', code> is exact for q in the direction of x
      view.setFloat32(at + this.blockBytes - 8, product > 0 ? square / product : 0, true);
      view.setFloat32(at + this.blockBytes - 4, square, true);
    }
  }

  /** The reconstruction whose products are the estimates. */
  decode(codes: Uint8Array, rows: number): Matrix {
    checkCodes(this.id, this.blockBytes, codes, rows);
    const view = new DataView(codes.buffer, codes.byteOffset, codes.byteLength);
    const out = matrix(rows, this.dim);
    const middle = (2 ** this.bits - 1) / 2;
    for (let r = 0; r < rows; r++) {
      const factor = view.getFloat32((r + 1) * this.blockBytes - 8, true);
      const row = rowOf(out, r);
      for (let i = 0; i < this.dim; i++)
        row[i] = factor * (levelAt(codes, r * this.blockBytes, i, this.bits) - middle);
    }
    this.#rotation.invert(out.data);
    return out;
  }

  scorer(query: Float32Array, metric: Metric): Scorer {
    checkRows(this.id, this.dim, { rows: 1, cols: query.length, data: query });
    const rotated = slab.f32(query.length);
    rotated.set(query);
    this.#rotation.apply(rotated);
    const make = this.bits === 1 ? oneBitScorer : packedScorer;
    return make({ query: rotated, metric, bits: this.bits, stride: this.blockBytes });
  }

  serialize(): Uint8Array {
    return serialize({ id: this.id, dim: this.dim, bits: this.bits, seed: this.#rotation.seed });
  }
}

/** Bytes of a row's packed levels: bits x dim, padded to 8. */
export function codeBytes(dim: number, bits: number): number {
  return Math.ceil((dim * bits) / 64) * 8;
}

/** Level of value i: bits consecutive bits from bit i x bits, lowest first. */
export function levelAt(codes: Uint8Array, start: number, i: number, bits: number): number {
  const bit = i * bits;
  const at = start + (bit >> 3);
  const pair = codes[at]! | ((codes[at + 1] ?? 0) << 8);
  return (pair >> (bit & 7)) & (2 ** bits - 1);
}

/** Writes levels where `levelAt` finds them; the bytes must be zero. */
export function packLevels(levels: ArrayLike<number>, bits: number, codes: Uint8Array, start: number): void {
  for (let i = 0; i < levels.length; i++) {
    const bit = i * bits;
    const at = start + (bit >> 3);
    const shifted = levels[i]! << (bit & 7);
    codes[at]! |= shifted & 255;
    if (shifted > 255) codes[at + 1]! |= shifted >> 8;
  }
}

/** Levels whose direction is nearest to the row's, over a fan of grid scales. @returns <level - middle, row> */
function bestLevels(row: Float32Array, bits: number, levels: Uint8Array): number {
  const middle = (2 ** bits - 1) / 2;
  let largest = 0;
  for (const value of row) largest = Math.max(largest, Math.abs(value));
  if (largest === 0) {
    levels.fill(2 ** (bits - 1));
    return 0;
  }
  let best = 0;
  let bestCosine = Number.NEGATIVE_INFINITY;
  for (let step = 0; step < SCALES; step++) {
    const scale = (middle / largest) * (1 + step * (4 / SCALES) * (bits <= 4 ? 1 : 0.5));
    const { product, square } = fitOf(row, scale, middle);
    const cosine = product / Math.sqrt(square);
    if (cosine > bestCosine) {
      bestCosine = cosine;
      best = scale;
    }
  }
  let product = 0;
  for (let i = 0; i < row.length; i++) {
    const level = levelOf(row[i]!, best, middle);
    levels[i] = level;
    product += (level - middle) * row[i]!;
  }
  return product;
}

function levelOf(value: number, scale: number, middle: number): number {
  return Math.max(0, Math.min(2 * middle, Math.floor(value * scale + middle + 0.5)));
}

function fitOf(row: Float32Array, scale: number, middle: number): { product: number; square: number } {
  let product = 0;
  let square = 0;
  for (let i = 0; i < row.length; i++) {
    const centred = levelOf(row[i]!, scale, middle) - middle;
    product += centred * row[i]!;
    square += centred * centred;
  }
  return { product, square };
}
