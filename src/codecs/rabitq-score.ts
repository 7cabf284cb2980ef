/** Scoring RaBitQ codes: 1-bit codes against a 4-bit query by bit planes, wider ones against the f32 query. */
import { kernels, type OneBitQuery, oneBitScan } from "../kernels/index.ts";
import { squareOf } from "../linalg/square.ts";
import { slab } from "../slab.ts";
import type { Metric, Scorer } from "./codec.ts";
import { tableOfLevels } from "./rabitq-blocks.ts";
import { SHORTEST_SQUARE, scoreOf } from "./score.ts";

export interface ScorerInput {
  /** Rotated, borrowed. */
  readonly query: Float32Array;
  readonly metric: Metric;
  readonly bits: number;
  /** Bytes of a row; its last 8 are factor and squared norm. */
  readonly stride: number;
}

const QUERY_BITS = 4;

/** The query on a grid of 16 steps; the kernel does the rest. */
export function oneBitScorer({ query, metric, stride }: ScorerInput): Scorer {
  const sliced = new SlicedQuery(query, metric, stride - 8);
  return {
    scoreBlocks: (blocks, out) => kernels().scanOneBit(sliced, sliced.table, blocks, out),
    blockScan: (blocks, out) => oneBitScan(sliced, sliced.table, blocks, out),
    score(codes, first, rows, out) {
      const data = codes.subarray(first * stride, (first + rows) * stride);
      kernels().scoreOneBit(sliced, { data, count: rows, stride }, out.subarray(0, rows));
      return rows;
    },
  };
}

/** A rotated query in levels. Blocks are scored by its table, rows by its planes: most queries need one of the two. */
export class SlicedQuery implements OneBitQuery {
  readonly metric: Metric;
  readonly low: number;
  readonly step: number;
  readonly half: number;
  readonly square: number;
  readonly #levels: Uint8Array;
  readonly #bytes: number;
  #table: Uint8Array | undefined;
  #planes: Uint8Array | undefined;

  /** @param bytes of a row's bits */
  constructor(query: Float32Array, metric: Metric, bytes: number) {
    const { levels, low, step, half } = levelsOf(query);
    this.metric = metric;
    this.low = low;
    this.step = step;
    this.half = half;
    const square = squareOf(query);
    this.square = metric === "cosine" && square < SHORTEST_SQUARE ? 0 : square; // as scoreOf has it
    this.#levels = levels;
    this.#bytes = bytes;
  }

  get table(): Uint8Array {
    this.#table ??= tableOfLevels(this.#levels, this.#bytes);
    return this.#table;
  }

  get planes(): Uint8Array {
    this.#planes ??= planesOf(this.#levels, this.#bytes);
    return this.#planes;
  }
}

interface Levels {
  /** 0 to 15. */
  readonly levels: Uint8Array;
  readonly low: number;
  readonly step: number;
  /** Half the sum of the values. */
  readonly half: number;
}

function levelsOf(query: Float32Array): Levels {
  let [low, high, sum] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, 0];
  for (let i = 0; i < query.length; i++) {
    const value = query[i]!;
    low = Math.min(low, value);
    high = Math.max(high, value);
    sum += value;
  }
  const step = (high - low) / (2 ** QUERY_BITS - 1) || 1;
  const levels = slab.u8(query.length);
  for (let i = 0; i < levels.length; i++) levels[i] = Math.round((query[i]! - low) / step);
  return { levels, low, step, half: sum / 2 };
}

/** The levels by bits: one plane of packed bits for each. */
function planesOf(levels: Uint8Array, bytes: number): Uint8Array {
  const planes = new Uint8Array(QUERY_BITS * bytes);
  for (let i = 0; i < levels.length; i++)
    for (let j = 0; j < QUERY_BITS; j++)
      if (levels[i]! & (1 << j)) planes[j * bytes + (i >> 3)]! |= 1 << (i & 7);
  return planes;
}

export function packedScorer({ query, metric, bits, stride }: ScorerInput): Scorer {
  const querySquare = squareOf(query);
  const total = query.reduce((sum, value) => sum + value, 0);
  const middle = (2 ** bits - 1) / 2;
  return {
    score(codes, first, rows, out) {
      const view = new DataView(codes.buffer, codes.byteOffset, codes.byteLength);
      const data = codes.subarray(first * stride, (first + rows) * stride);
      if (bits === 4) kernels().dotF32U4(query, { data, count: rows, stride }, out.subarray(0, rows));
      for (let r = 0; r < rows; r++) {
        const at = (first + r) * stride;
        const raw = bits === 4 ? out[r]! : levelProduct(query, codes, at, bits);
        const dot = view.getFloat32(at + stride - 8, true) * (raw - middle * total);
        out[r] = scoreOf(metric, dot, querySquare, view.getFloat32(at + stride - 4, true));
      }
      return rows;
    },
  };
}

function levelProduct(query: Float32Array, codes: Uint8Array, start: number, bits: number): number {
  const mask = 2 ** bits - 1;
  let held = 0;
  let pending = 0;
  let at = start;
  let sum = 0;
  for (let i = 0; i < query.length; i++) {
    while (held < bits) {
      pending |= codes[at++]! << held;
      held += 8;
    }
    sum += query[i]! * (pending & mask);
    pending >>>= bits;
    held -= bits;
  }
  return sum;
}
