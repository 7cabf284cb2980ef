/** Runs: the parts of an index that are searched one after the other: attached segments, each by its codes in RAM or by a finder; then the tail. */
import type { ScanLayout, Scorer } from "../../codecs/codec.ts";
import { Pacer } from "../../pacer.ts";
import { lowerBound } from "../../search-sorted.ts";
import { slab } from "../../slab.ts";
import type { MaybePromise } from "../../storage/store.ts";
import { fewOrdinals, ordinalOf, rowAt, type SearchOptions, type SegmentSource } from "../segment.ts";
import { CodeBuffer } from "./code-buffer.ts";
import type { Finder } from "./finder.ts";
import type { Scratch } from "./scratch.ts";
import { COARSE, FINE, rowBytes, type VectorCoders } from "./vectors-kind.ts";

interface Rows {
  readonly count: number;
  rowAt(ordinal: number): number;
  /** -1 when the run does not hold the row. */
  ordinalOf(row: number): number;
  /** Copies fine codes of some ordinals, ascending, to `out`. */
  gather(ordinals: Uint32Array, out: Uint8Array): Promise<void> | void;
  /** Fine codes of ordinals [start, end). */
  fine(start: number, end: number): MaybePromise<Uint8Array>;
  /** Ordinals that a filter lets through, when they are few. */
  few(filter: NonNullable<SearchOptions["filter"]>): Uint32Array | undefined;
  /** Copies row codes of some ordinals, ascending, to `out`. */
  coarse(ordinals: Uint32Array, out: Uint8Array): Promise<void> | void;
}

/** All its coarse codes are in RAM and are scanned. */
export interface ScannedRun extends Rows {
  /** Scores of all rows, in `room`. */
  score(scorer: Scorer, room: Scratch): Float32Array;
  /** The codes in blocks of the coder's scan layout, where they lie so. */
  readonly blocks?: () => Uint8Array;
}

/** Its coarse codes stay on disk. */
export interface FoundRun extends Rows {
  readonly finder: Finder;
}

export type Run = ScannedRun | FoundRun;

interface Held extends Disposable {
  /** Bytes of its codes in RAM. */
  readonly bytes: number;
}

export type ScannedSegmentRun = ScannedRun & Held;
export type SegmentRun = ScannedSegmentRun | (FoundRun & Held);

/** Ordinals of some rows, run by run, each ascending. */
export type Located = readonly { readonly run: Run; readonly ordinals: Uint32Array }[];

/** @param rowCodes coarse codes of all rows of the segment, one after the other */
export async function scannedRun(
  source: SegmentSource,
  coders: VectorCoders,
  rowCodes: Uint8Array,
): Promise<ScannedSegmentRun> {
  const { count } = source.rows;
  const { scan } = coders.coarse;
  const codes = new CodeBuffer(scan ? scan.bytes : rowBytes(coders.coarse));
  if (scan) await arrange(scan, rowCodes, count, codes);
  else codes.append(rowCodes);
  return {
    ...segmentRows(source, coders),
    bytes: codes.bytes,
    score: (scorer, room) => {
      if (!scan) return scoreRows(scorer, codes, count, room);
      const out = room.f32(Math.ceil(count / scan.rows) * scan.rows);
      scorer.scoreBlocks!(codes.view(), out);
      return out.subarray(0, count);
    },
    ...(scan ? { blocks: () => codes.view() } : {}),
    [Symbol.dispose]: () => codes[Symbol.dispose](),
  };
}

/** Rows whose codes are arranged at a time: whole blocks of any layout. */
const ARRANGED_ROWS = 2048;

/** Appends the blocks of all rows, in short turns. */
async function arrange(
  { rows, bytes, arrange: arranged }: ScanLayout,
  codes: Uint8Array,
  count: number,
  out: CodeBuffer,
): Promise<void> {
  const pacer = new Pacer();
  const stride = count === 0 ? 0 : codes.length / count;
  out.reserve(Math.ceil(count / rows) * bytes);
  for (let row = 0; row < count; row += ARRANGED_ROWS) {
    if (pacer.isDue) await pacer.pause();
    const some = Math.min(ARRANGED_ROWS, count - row);
    out.append(arranged(codes.subarray(row * stride, (row + some) * stride), some));
  }
}

/** @param finder owned from now on */
export function foundRun(source: SegmentSource, coders: VectorCoders, finder: Finder): SegmentRun {
  const rows = segmentRows(source, coders);
  return { ...rows, bytes: 0, finder, [Symbol.dispose]: () => finder[Symbol.dispose]() };
}

function segmentRows(source: SegmentSource, { coarse, fine }: VectorCoders): Rows {
  const { rows } = source;
  const stride = rowBytes(fine);
  const read = (start: number, end: number): MaybePromise<Uint8Array[]> =>
    source.read([{ part: FINE, start: start * stride, end: end * stride }]);
  return {
    count: rows.count,
    rowAt: (ordinal) => rowAt(rows, ordinal),
    ordinalOf: (row) => ordinalOf(rows, row),
    gather: (ordinals, out) => source.gather(FINE, stride, ordinals, out),
    fine: (start, end) => {
      const codes = read(start, end);
      return codes instanceof Promise ? codes.then(([only]) => only!) : codes[0]!;
    },
    few: (filter) => fewOrdinals(filter, rows),
    coarse: (ordinals, out) => source.gather(COARSE, rowBytes(coarse), ordinals, out),
  };
}

/** @param rows ascending, as long as the codes; all borrowed */
export function tailRun(
  coders: VectorCoders,
  rows: readonly number[],
  coarse: CodeBuffer,
  fine: CodeBuffer,
): ScannedRun {
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
    fine: (start, end) => fine.view().subarray(start * stride, end * stride),
    few: () => undefined,
    coarse: () => {},
  };
}

/** @param rows ascending. @returns where they lie, and the index in `rows` of each that was found, in the same order */
export function locate(runs: readonly Run[], rows: Uint32Array): { located: Located; places: number[] } {
  const located: { run: Run; ordinals: Uint32Array }[] = [];
  const places: number[] = [];
  for (const run of runs) {
    // every run looks for itself: rows of the tail lie between those of segments
    const from = lowerBound(rows, run.rowAt(0));
    const to = lowerBound(rows, run.rowAt(run.count - 1) + 1);
    if (to <= from) continue;
    const ordinals = slab.u32(to - from);
    let count = 0;
    for (let place = from; place < to; place++) {
      const ordinal = run.ordinalOf(rows[place]!);
      if (ordinal < 0) continue;
      ordinals[count++] = ordinal;
      places.push(place);
    }
    if (count > 0) located.push({ run, ordinals: ordinals.subarray(0, count) });
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
      const ordinals = slab.u32(to - from);
      for (let i = from; i < to; i++) ordinals[i - from] = places[i]! - first;
      located.push({ run, ordinals });
    }
    from = to;
    first += run.count;
  }
  return located;
}
