/** How a proximity graph lies in kernel memory: its shape, the record that the kernels read, the scratches that they work in. */
import { MnemeError } from "../errors.ts";
import type { Region } from "./arena.ts";

export interface GraphShape {
  /** Values of a vector. */
  readonly dim: number;
  readonly metric: "dot" | "cosine" | "l2";
  /** `dim` values that rows are centred by. */
  readonly mean: Float32Array;
  /** Values of a coarse code: a multiple of 8, of codes of 4 bits one of 32. */
  readonly dims: number;
  /** Bits of each, default 8. Of 4 no links are made, and there are no fine codes. */
  readonly coarseBits?: 4 | 8 | undefined;
  /** dims x width, orthogonal rows of length 16384; absent: coarse codes are of the values themselves, dims = width. */
  readonly projection?: Int16Array | undefined;
  /** Bits a value of what the coarse code loses; 0: it is lost. */
  readonly fineBits: 0 | 4 | 8;
  /** Links of a row, at most. */
  readonly degree: number;
  /** Links that a row chooses itself, at most; the others are for rows that choose it. */
  readonly forward: number;
  /** The longest list of candidates: bounds effort and kept. */
  readonly room: number;
  /** Threads that may search at once. */
  readonly threads: number;
}

/** In the place of a row where there is none. */
export const NO_ROW = 0xffff_ffff;
/** Rows that a walk may begin at. */
export const MOST_ENTRIES = 64;

/** Fields of the record, in words, as wasm/assembly/graph-state.ts has them. */
export const FIELD = {
  coarse: 0,
  stride: 1,
  dims: 2,
  fine: 3,
  fineStride: 4,
  fineBits: 5,
  links: 6,
  degree: 7,
  entries: 8,
  entryCount: 9,
  deleted: 10,
  ids: 11,
  dim: 12,
  width: 13,
  metric: 14,
  mean: 15,
  projection: 16,
  scratches: 17,
  scratchBytes: 18,
  scratchCount: 19,
  rows: 20,
  room: 21,
  alpha: 22,
  forward: 23,
  coarseBits: 24,
} as const;
export const RECORD_BYTES = 128;

/** Pointers of a scratch, in words. */
const SCRATCH = { log: 2, seen: 3, pool: 4, found: 5, fresh: 6, query: 7, fineQuery: 8, values: 9 } as const;
const SCRATCH_BYTES = 128;
const LOG_ROOM = 8192;

const TAIL_BYTES = 8;
const LINE = 64;
const align = (bytes: number, to: number): number => Math.ceil(bytes / to) * to;

/** Values of a vector as the kernels take it, zeros behind its own. */
export const graphWidth = (dim: number): number => align(dim, 32);
/** Bytes from one coarse code to the next. Half lines: no code lies in more lines than it must, and few bytes are lost; codes of 4 bits lie back to back. */
export const coarseStride = (dims: number, bits = 8): number =>
  bits === 8 ? align(dims + TAIL_BYTES, LINE / 2) : (dims * bits) / 8 + TAIL_BYTES;
/** Bytes from one query to the next as `RowScorer` takes them: values of 16 bits; scale, offset, factor and bias. */
export const preparedBytes = (dim: number): number => graphWidth(dim) * 2 + 16;
export const fineStride = (dim: number, bits: number): number =>
  bits === 0 ? 0 : (graphWidth(dim) * bits) / 8 + TAIL_BYTES;
export const bitmapBytes = (rows: number): number => Math.ceil(rows / 32) * 4;

/** @throws MnemeError RANGE */
export function checkShape(shape: GraphShape): void {
  const { dims, dim, degree, forward, room, threads, projection, coarseBits = 8, fineBits } = shape;
  const width = graphWidth(dim);
  const isPlain = coarseBits === 8 || (dims % 32 === 0 && fineBits === 0);
  const coded = isPlain && (projection ? projection.length === dims * width : dims === width);
  const linked = forward > 0 && forward <= degree && degree < room;
  if (dim > 0 && dims > 0 && dims % 8 === 0 && coded && linked && threads > 0) return;
  throw new MnemeError(
    "RANGE",
    `graph: ${dims} coarse dimensions of ${dim}, ${coarseBits} bits each (projection of ${projection?.length ?? 0}), degree ${degree} (${forward} of its own), room ${room}, ${threads} threads do not fit together`,
  );
}

/** What each thread works in. */
export function scratchSizes(
  { dim, dims, degree, room }: GraphShape,
  capacity: number,
): Record<keyof typeof SCRATCH, number> {
  const width = graphWidth(dim);
  return {
    log: LOG_ROOM * 4,
    seen: bitmapBytes(capacity),
    pool: room * 8,
    found: room * 8,
    fresh: (Math.max(degree, MOST_ENTRIES) + 1) * 4,
    query: dims * 2,
    fineQuery: width * 2,
    values: Math.max(width, dims) * 4,
  };
}

export function scratchBytes(shape: GraphShape, capacity: number): number {
  const sizes = Object.values(scratchSizes(shape, capacity));
  return sizes.reduce((sum, bytes) => sum + align(bytes, LINE), SCRATCH_BYTES);
}

/** Sets the pointers of all scratches, and clears them. */
export function writeScratches(region: Region, shape: GraphShape, capacity: number): void {
  const each = scratchBytes(shape, capacity);
  region.u8().fill(0);
  for (let thread = 0; thread < shape.threads; thread++) {
    const words = region.u32().subarray((thread * each) / 4);
    let at = region.pointer + thread * each + SCRATCH_BYTES;
    for (const [name, bytes] of Object.entries(scratchSizes(shape, capacity))) {
      words[SCRATCH[name as keyof typeof SCRATCH]] = at;
      at += align(bytes, LINE);
    }
  }
}
