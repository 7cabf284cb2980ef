/** Runs: the parts of a flat index that are scanned one after the other, each with its codes in RAM: attached segments, then the tail. */
import type { Scorer } from "../../codecs/codec.ts";
import { lowerBound } from "../../search-sorted.ts";
import { fewOrdinals, ordinalOf, rowAt, type SearchOptions, type SegmentSource } from "../segment.ts";
import { CodeBuffer } from "./code-buffer.ts";
import type { Scratch } from "./scratch.ts";
import { COARSE, FINE, rowBytes, type VectorCoders } from "./vectors-kind.ts";

export interface Run {
  readonly count: number;
  /** Scores of all rows, in `room`. */
  score(scorer: Scorer, room: Scratch): Float32Array;
  /** The codes in blocks of the coder's scan layout, where they lie so. */
  readonly blocks?: () => Uint8Array;
  rowAt(ordinal: number): number;
  /** -1 when the run does not hold the row. */
  ordinalOf(row: number): number;
  /** Copies fine codes of some ordinals, ascending, to `out`. */
  gather(ordinals: Uint32Array, out: Uint8Array): Promise<void> | void;
  /** Ordinals that a filter lets through, when they are few. */
  few(filter: NonNullable<SearchOptions["filter"]>): Uint32Array | undefined;
  /** Copies row codes of some ordinals, ascending, to `out`. */
  coarse(ordinals: Uint32Array, out: Uint8Array): Promise<void> | void;
}

export interface SegmentRun extends Run {
  readonly codes: CodeBuffer;
}

/** Ordinals of some rows, run by run, each ascending. */
export type Located = readonly { readonly run: Run; readonly ordinals: Uint32Array }[];

/** @param rowCodes coarse codes of all rows of the segment, one after the other */
export function segmentRun(source: SegmentSource, coders: VectorCoders, rowCodes: Uint8Array): SegmentRun {
  const { rows } = source;
  const { coarse, fine } = coders;
  const { scan } = coarse;
  const stride = rowBytes(coarse);
  const codes = new CodeBuffer(scan ? scan.bytes : stride);
  codes.append(scan ? scan.arrange(rowCodes, rows.count) : rowCodes);
  return {
    codes,
    count: rows.count,
    score: (scorer, room) => {
      if (!scan) return scoreRows(scorer, codes, rows.count, room);
      const out = room.f32(Math.ceil(rows.count / scan.rows) * scan.rows);
      scorer.scoreBlocks!(codes.view(), out);
      return out.subarray(0, rows.count);
    },
    rowAt: (ordinal) => rowAt(rows, ordinal),
    ordinalOf: (row) => ordinalOf(rows, row),
    ...(scan ? { blocks: () => codes.view() } : {}),
    gather: (ordinals, out) => source.gather(FINE, rowBytes(fine), ordinals, out),
    few: (filter) => fewOrdinals(filter, rows),
    coarse: (ordinals, out) => source.gather(COARSE, stride, ordinals, out),
  };
}

/** @param rows ascending, as long as the codes; all borrowed */
export function tailRun(
  coders: VectorCoders,
  rows: readonly number[],
  coarse: CodeBuffer,
  fine: CodeBuffer,
): Run {
  const stride = rowBytes(coders.fine);
  return {
    count: rows.length,
    score: (scorer, room) => scoreRows(scorer, coarse, rows.length, room),
    rowAt: (ordinal) => rows[ordinal]!,
    ordinalOf: (row) => {
      const ordinal = lowerBound(rows, row);
      return rows[ordinal] === row ? ordinal : -1;
    },
    gather: (ordinals, out) => {
      const codes = fine.view();
      ordinals.forEach((o, i) => out.set(codes.subarray(o * stride, (o + 1) * stride), i * stride));
    },
    few: () => undefined,
    coarse: () => {},
  };
}

/** @param rows ascending. @returns where they lie, and the index in `rows` of each that was found, in the same order */
export function locate(runs: readonly Run[], rows: Uint32Array): { located: Located; places: number[] } {
  const located: { run: Run; ordinals: Uint32Array }[] = [];
  const places: number[] = [];
  for (const run of runs) {
    const last = run.rowAt(run.count - 1);
    const ordinals: number[] = [];
    // every run looks for itself: rows of the tail lie between those of segments
    for (let place = lowerBound(rows, run.rowAt(0)); place < rows.length && rows[place]! <= last; place++) {
      const ordinal = run.ordinalOf(rows[place]!);
      if (ordinal < 0) continue;
      ordinals.push(ordinal);
      places.push(place);
    }
    if (ordinals.length > 0) located.push({ run, ordinals: Uint32Array.from(ordinals) });
  }
  return { located, places };
}

function scoreRows(scorer: Scorer, codes: CodeBuffer, count: number, room: Scratch): Float32Array {
  const out = room.f32(count);
  scorer.score(codes.view(), 0, count, out);
  return out;
}

/** Places in the concatenation of all runs, ascending, as ordinals of each. */
export function splitByRun(runs: readonly Run[], places: Uint32Array): Located {
  const located: { run: Run; ordinals: Uint32Array }[] = [];
  let first = 0;
  let from = 0;
  for (const run of runs) {
    let to = from;
    while (to < places.length && places[to]! < first + run.count) to++;
    if (to > from) {
      const start = first;
      located.push({ run, ordinals: places.subarray(from, to).map((place) => place - start) });
    }
    from = to;
    first += run.count;
  }
  return located;
}
