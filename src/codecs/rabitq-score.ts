/** Scoring RaBitQ codes: 1-bit codes against a 4-bit query by bit planes, wider ones against the f32 query. */
import { kernels } from "../kernels/index.ts";
import type { Metric, Scorer } from "./codec.ts";
import { tableOfLevels } from "./rabitq-blocks.ts";
import { scoreOf, squareOf } from "./score.ts";

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
  const half = query.reduce((sum, value) => sum + value, 0) / 2;
  const { levels, ...grid } = slice(query, stride - 8);
  const sliced = { ...grid, half, square: squareOf(query), metric };
  let lut: Uint8Array | undefined;
  return {
    scoreBlocks(blocks, out) {
      lut ??= tableOfLevels(levels, stride - 8);
      kernels().scanOneBit(sliced, lut, blocks, out);
    },
    score(codes, first, rows, out) {
      const data = codes.subarray(first * stride, (first + rows) * stride);
      kernels().scoreOneBit(sliced, { data, count: rows, stride }, out.subarray(0, rows));
      return rows;
    },
  };
}

function slice(
  query: Float32Array,
  bytes: number,
): { planes: Uint8Array; levels: Uint8Array; low: number; step: number } {
  let [low, high] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
  for (const value of query) {
    low = Math.min(low, value);
    high = Math.max(high, value);
  }
  const step = (high - low) / (2 ** QUERY_BITS - 1) || 1;
  const planes = new Uint8Array(QUERY_BITS * bytes);
  const levels = new Uint8Array(query.length);
  query.forEach((value, i) => {
    const level = Math.round((value - low) / step);
    levels[i] = level;
    for (let j = 0; j < QUERY_BITS; j++) if (level & (1 << j)) planes[j * bytes + (i >> 3)]! |= 1 << (i & 7);
  });
  return { planes, levels, low, step };
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
