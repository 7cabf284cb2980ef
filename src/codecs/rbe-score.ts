/**
 * Scores of recurrent binary codes by tables: a group of 4 bits holds one, two or four dimensions, and what each of its 16 patterns adds
 * depends on the query alone. With a coded query all numbers are whole and the tables exact (the paper's symmetric distance, derived:
 * with levels c of M + 1 and a = 2c - M the product of two codes is the sum of a a', which are odd, so that (a a' + M^2) / 2 fits a byte);
 * with a float query bytes are rounded in the scan of blocks. Both are divided by the code's length, which the code itself tells.
 */
import { kernels, type LevelQuery, levelScan } from "../kernels/index.ts";
import type { Metric, ScanLayout, Scorer } from "./codec.ts";
import { arrangeNibbles, SCAN_ROWS } from "./nibble-blocks.ts";
import type { RbeBits } from "./rbe-net.ts";
import { byteTables, pairTables, placesOf } from "./table-scorer.ts";

/** Sums of a block, and squared lengths, are kept in 16 bits. */
const MOST = 65_535;
/** Bytes of a squared length in a block. */
const SQUARE_BYTES = 2;
/** Rows whose squared lengths are held at once. */
const SOME_ROWS = 256;

/** score = scale x cosine + shift. */
interface Affine {
  readonly scale: number;
  readonly shift: number;
}

export class RbeScores {
  /** Present where sums and squares fit 16 bits. */
  readonly layout?: ScanLayout;
  readonly #bits: RbeBits;
  /** Largest whole number: levels stand for -most to most by twos. */
  readonly #most: number;
  readonly #stride: number;
  /** Mean length of rows. */
  readonly #length: number;
  /** Squared lengths by bytes of code, for `sumTablesF32`. */
  readonly #squares: Float32Array;
  readonly #places: Uint32Array;

  constructor(bits: RbeBits, width: number, length: number) {
    this.#bits = bits;
    this.#most = 2 ** bits - 1;
    this.#stride = (width * bits) / 8;
    this.#length = length;
    this.#squares = pairTables(this.#tables((_, value) => value * value));
    this.#places = placesOf(2 * this.#stride);
    if (width * this.#most ** 2 <= MOST && 255 * this.#places.length <= 4 * MOST)
      this.layout = this.#layout();
  }

  /** @param levels of the coded query, 0 to 2^bits - 1 */
  symmetric(levels: Uint8Array, length: number, metric: Metric): Scorer {
    const own = Float32Array.from(levels, (level) => 2 * level - this.#most);
    const square = own.reduce((sum, value) => sum + value * value, 0);
    const tables = this.#tables((i, value) => own[i]! * value);
    return this.#scorer(tables, square, this.#affine(metric, length), () => this.#exact(tables));
  }

  /** @param asked what the query is turned into: width values */
  asymmetric(asked: Float32Array, length: number, metric: Metric): Scorer {
    const square = asked.reduce((sum, value) => sum + value * value, 0);
    const tables = this.#tables((i, value) => asked[i]! * value);
    const affine = this.#affine(metric, length);
    return this.#scorer(tables, square, affine, () => ({ ...byteTables(tables, NO_QUERY), wide: false }));
  }

  #affine(metric: Metric, length: number): Affine {
    const product = length * this.#length;
    switch (metric) {
      case "cosine":
        return { scale: 1, shift: 0 };
      case "dot":
        return { scale: product, shift: 0 };
      case "l2":
        return { scale: 2 * product, shift: -length * length - this.#length * this.#length };
      default:
        return metric satisfies never;
    }
  }

  /** What each pattern of each group of 4 bits adds. @param term of dimension i where its level stands for `value` */
  #tables(term: (i: number, value: number) => number): Float32Array {
    const held = 4 / this.#bits;
    const tables = new Float32Array(2 * this.#stride * 16);
    for (let at = 0; at < tables.length; at++)
      for (let j = 0; j < held; j++) {
        const level = ((at & 15) >> (j * this.#bits)) & this.#most;
        tables[at]! += term((at >> 4) * held + j, 2 * level - this.#most);
      }
    return tables;
  }

  /** Bytes without rounding: the sums of a group are all odd or all even. */
  #exact(tables: Float32Array): LevelQuery & { readonly lut: Uint8Array } {
    const held = 4 / this.#bits;
    const largest = held * this.#most ** 2;
    const lut = new Uint8Array(this.#places.length * 16);
    tables.forEach((sum, at) => {
      lut[this.#places[at >> 4]! * 16 + (at & 15)] = (sum + largest) / 2;
    });
    const low = -largest * 2 * this.#stride;
    return { low, step: 2, shift: 0, wide: 4 * largest > 255, lut };
  }

  #scorer(
    tables: Float32Array,
    square: number,
    { scale, shift }: Affine,
    bytes: () => Pick<LevelQuery, "low" | "step" | "wide"> & { readonly lut: Uint8Array },
  ): Scorer {
    const stride = this.#stride;
    const by = square > 0 ? scale / Math.sqrt(square) : 0;
    const scratch = new Float32Array(SOME_ROWS);
    let pairs: Float32Array | undefined;
    let packed: (LevelQuery & { readonly lut: Uint8Array }) | undefined;
    const query = (): LevelQuery & { readonly lut: Uint8Array } => {
      if (!packed) {
        const { low, step, wide, lut } = bytes();
        packed = { low: low * by, step: step * by, wide, lut, shift };
      }
      return packed;
    };
    return {
      score: (codes, first, rows, out) => {
        pairs ??= pairTables(tables);
        for (let start = 0; start < rows; start += SOME_ROWS) {
          const count = Math.min(SOME_ROWS, rows - start);
          const at = (first + start) * stride;
          const some = { data: codes.subarray(at, at + count * stride), count, stride };
          const to = out.subarray(start, start + count);
          kernels().sumTablesF32(pairs, some, to);
          kernels().sumTablesF32(this.#squares, some, scratch.subarray(0, count));
          for (let r = 0; r < count; r++) to[r] = (by * to[r]!) / Math.sqrt(scratch[r]!) + shift;
        }
        return rows;
      },
      ...(this.layout
        ? {
            scoreBlocks: (blocks, out) => kernels().scanLevels(query(), query().lut, blocks, out),
            blockScan: (blocks, out) => levelScan(query(), query().lut, blocks, out),
          }
        : {}),
    };
  }

  #layout(): ScanLayout {
    const tail = 16 * this.#places.length;
    const bytes = tail + SCAN_ROWS * SQUARE_BYTES;
    return {
      rows: SCAN_ROWS,
      bytes,
      arrange: (codes, rows) => this.#arrange(codes, rows, { tail, bytes }),
    };
  }

  #arrange(codes: Uint8Array, rows: number, block: { tail: number; bytes: number }): Uint8Array {
    const stride = this.#stride;
    const { tail, bytes } = block;
    const squares = new Float32Array(rows);
    kernels().sumTablesF32(this.#squares, { data: codes, count: rows, stride }, squares);
    const shape = { stride, bytes: stride, blockBytes: bytes, places: this.#places };
    const blocks = arrangeNibbles(codes, rows, shape, (out, at, lane, row) => {
      const place = at + tail + lane * SQUARE_BYTES;
      out[place] = squares[row]! & 255;
      out[place + 1] = squares[row]! >> 8;
    });
    // rows that fill up the last block have a length too: nothing is divided by zero
    for (let lane = rows % SCAN_ROWS; lane > 0 && lane < SCAN_ROWS; lane++)
      blocks[blocks.length - (SCAN_ROWS - lane) * SQUARE_BYTES] = 1;
    return blocks;
  }
}

/** Tables of bytes alone are wanted. */
const NO_QUERY = { metric: "dot", square: 0 } as const;
