/**
 * Scoring codes by tables (asymmetric distance: Jegou et al., Product Quantization for Nearest Neighbor Search, 2011): each code of each
 * part adds a number that depends on the query alone. Row by row from tables of floats; codes of 4 bits also 32 rows at a time from
 * tables of bytes (Andre et al., Quicker ADC, 2018).
 */
import { kernels, type TableQuery, tableScan } from "../kernels/index.ts";
import type { CodeBits } from "./codebooks.ts";
import type { Metric, ScanLayout, Scorer } from "./codec.ts";
import { arrangeNibbles, SCAN_ROWS } from "./nibble-blocks.ts";
import { scoreOf } from "./score.ts";

export interface TableScorerInput {
  /** What a code adds: parts x 2^bits. Their sum is the product with the query, or for metric "dot" any score. */
  readonly tables: Float32Array;
  readonly bits: CodeBits;
  /** Bytes of a row. */
  readonly stride: number;
  readonly metric: Metric;
  readonly querySquare: number;
  /** Squared norms of rows of codes, for metrics that need them. */
  readonly squares: (codes: Uint8Array, rows: number, out: Float32Array) => void;
}

/** Rows whose squared norms are held at once. */
const SOME_ROWS = 256;
/** Sums of bytes are kept in 16 bits: 255 for each four parts. */
const MAX_PARTS = 1028;
/** Tables of bytes are rounded: four parts may reach so much, and half a step each above it. */
const BYTES_OF_FOUR = 253;
const SQUARE_BYTES = 2;

export function tableScorer(input: TableScorerInput): Scorer {
  const { tables, bits, stride, metric, querySquare, squares } = input;
  const scratch = new Float32Array(metric === "dot" ? 0 : SOME_ROWS);
  let floats: Float32Array | undefined;
  let packed: ByteTables | undefined;
  const byBytes = (): ByteTables => {
    packed ??= byteTables(tables, { metric, square: querySquare });
    return packed;
  };
  return {
    score(codes, first, rows, out) {
      floats ??= bits === 8 ? tables : pairTables(tables);
      const data = codes.subarray(first * stride, (first + rows) * stride);
      kernels().sumTablesF32(floats, { data, count: rows, stride }, out.subarray(0, rows));
      for (let start = 0; metric !== "dot" && start < rows; start += SOME_ROWS) {
        const count = Math.min(SOME_ROWS, rows - start);
        squares(data.subarray(start * stride, (start + count) * stride), count, scratch);
        for (let r = 0; r < count; r++)
          out[start + r] = scoreOf(metric, out[start + r]!, querySquare, scratch[r]!);
      }
      return rows;
    },
    ...(bits === 4
      ? {
          scoreBlocks: (blocks, out) => kernels().scanTables(byBytes(), byBytes().lut, blocks, out),
          blockScan: (blocks, out) => tableScan(byBytes(), byBytes().lut, blocks, out),
        }
      : {}),
  };
}

/** Tables of 4-bit codes in pairs: one lookup a byte of code. */
export function pairTables(tables: Float32Array): Float32Array {
  const bytes = Math.ceil(tables.length / 32);
  const pairs = new Float32Array(bytes * 256);
  for (let byte = 0; byte < bytes; byte++)
    for (let code = 0; code < 256; code++)
      pairs[byte * 256 + code] =
        tables[byte * 32 + (code & 15)]! + (tables[byte * 32 + 16 + (code >> 4)] ?? 0);
  return pairs;
}

export interface ByteTables extends TableQuery {
  readonly lut: Uint8Array;
}

/**
 * Where parts stand in a block: those that follow each other far apart. Rotations and projections put the heaviest first; four of them in
 * a row would set a coarse step for all.
 */
export function placesOf(parts: number): Uint32Array {
  const fours = Math.ceil(parts / 4);
  return Uint32Array.from({ length: 4 * fours }, (_, part) => 4 * (part % fours) + Math.floor(part / fours));
}

/** One step for all tables, each from its own least value on, so that bytes of four parts in a row sum up within a byte. */
export function byteTables(tables: Float32Array, query: Pick<TableQuery, "metric" | "square">): ByteTables {
  const parts = tables.length / 16;
  const places = placesOf(parts);
  const least = new Float32Array(parts);
  const ranges = new Float32Array(places.length / 4);
  let low = 0;
  for (let part = 0; part < parts; part++) {
    let [smallest, largest] = [tables[part * 16]!, tables[part * 16]!];
    for (let i = part * 16 + 1; i < part * 16 + 16; i++) {
      const value = tables[i]!;
      if (value < smallest) smallest = value;
      else if (value > largest) largest = value;
    }
    least[part] = smallest;
    low += smallest;
    ranges[places[part]! >> 2]! += largest - smallest;
  }
  const step = ranges.reduce((a, b) => Math.max(a, b)) / BYTES_OF_FOUR || 1;
  const lut = new Uint8Array(places.length * 16);
  const perStep = 1 / step;
  let lost = 0;
  for (let part = 0; part < parts; part++) {
    const [from, to, base] = [part * 16, places[part]! * 16, least[part]!];
    for (let i = 0; i < 16; i++) {
      const above = (tables[from + i]! - base) * perStep;
      const byte = (above + 0.5) | 0;
      lut[to + i] = byte;
      lost += above - byte;
    }
  }
  // what rounding takes from a table on average is no error of the rows' order: tables of little weight round to zero
  low += (lost * step) / 16;
  return { ...query, low, step, lut };
}

/**
 * Blocks for `scanTables`: the groups of all parts filled up to four, then upper halves of the rows' squared norms.
 * @param squares as for the scorer: what a row's codes say
 */
export function tableLayout(
  parts: number,
  stride: number,
  squares: TableScorerInput["squares"],
): ScanLayout | undefined {
  if (parts > MAX_PARTS) return undefined;
  const tail = Math.ceil(parts / 4) * 64;
  const bytes = tail + SCAN_ROWS * SQUARE_BYTES;
  const places = placesOf(parts);
  return {
    rows: SCAN_ROWS,
    bytes,
    arrange(codes, rows) {
      const norms = new Float32Array(rows);
      squares(codes, rows, norms);
      const halves = new Uint16Array(norms.buffer);
      const shape = { stride, bytes: Math.ceil(parts / 2), blockBytes: bytes, places };
      return arrangeNibbles(codes, rows, shape, (blocks, block, lane, row) => {
        const half = roundedHalf(halves, row);
        blocks[block + tail + lane * 2] = half & 255;
        blocks[block + tail + lane * 2 + 1] = half >> 8;
      });
    },
  };
}

/** Upper half of the f32 at `place`, rounded. @param halves of the floats, lower ones first */
function roundedHalf(halves: Uint16Array, place: number): number {
  return Math.min(0xffff, halves[2 * place + 1]! + (halves[2 * place]! >> 15));
}
