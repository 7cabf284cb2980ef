/**
 * Documents go into a run without their suffixes being sorted first. Each document is walked from its end with one rank a byte (Ferragina,
 * Gagie and Manzini, 2012): that says before which row of the run each of its suffixes goes, which is most of their own order too. So a
 * radix sort by these rows and few comparisons of text take the place of a suffix array. Beside the run this takes 15
 * bytes a byte of the documents, or 7 and what counts of the run take, 0.6 of its bytes.
 */
import type { FmMemory } from "../../../kernels/fm.ts";
import { Pacer } from "../../../pacer.ts";
import { lowerBound } from "../../../search-sorted.ts";
import { type Fold, foldTable, type Staged, sizeOf, sumOf } from "./build-run.ts";
import { interleave, ranked } from "./merge-runs.ts";
import { allocRun, countBytes, type Run, sumSizes } from "./run.ts";

// as in the kernels (wasm/assembly/fm/walk-documents.ts, sort-placed.ts)
const LANES = 32;
const MOST_ROWS = 2 ** 28;
const MOST_SHIFT = 27;
/** Steps of all lanes, bytes and entries between two looks at the clock: some milliseconds. */
const ROUNDS = 1024;
const SPREAD = 1 << 18;
const ENTRIES = 1 << 16;
/** Entries of a bucket on average, which the cache should hold, and buckets at most, each of which is written to in turn. */
const BUCKET = 2048;
const MOST_BUCKETS = 8192;
/** Words compared, a byte of the documents: more, and a suffix array is the faster way. */
const MOST_EFFORT = 64;

/** Low bits of a row that lie within a bucket. */
function shiftOf(rows: number, documentRows: number): number {
  const buckets = Math.min(MOST_BUCKETS, Math.max(1, documentRows / BUCKET));
  return Math.min(MOST_SHIFT, Math.max(1, Math.ceil(Math.log2((rows + 1) / buckets))));
}

/** Documents as the kernels walk them. */
interface Placed {
  /** Documents backwards, a zero before and behind each. */
  readonly text: number;
  /** Bits of the text that have samples, and ones before each 64 of them. */
  readonly marks: number;
  readonly prefix: number;
  readonly starts: Uint32Array;
}

function place(memory: FmMemory, { at: from, lengths }: Staged, rate: number, fold: Fold): Placed {
  const rows = sumOf(lengths) + lengths.length;
  const text = memory.alloc(64 + rows) + 64;
  const markBytes = Math.ceil(rows / 64) * 8;
  const marks = memory.alloc(markBytes);
  const prefix = memory.alloc(Math.ceil(rows / 64) * 4);
  const map = memory.alloc(512);
  memory.u8(text - 64, 64).fill(0);
  memory.u8(marks, markBytes).fill(0);
  memory.u16(map, 256).set(foldTable(fold));
  const starts = new Uint32Array(lengths.length);
  let at = 0;
  for (const [d, length] of lengths.entries()) {
    memory.kernels.placeDocument(from + at - d, length, text + at, map, 0);
    memory.kernels.markDocument(marks, at, length, rate);
    starts[d] = at;
    at += length + 1;
  }
  memory.kernels.countMarks(marks, rows, prefix);
  return { text, marks, prefix, starts };
}

/** Where documents end, copied to kernel memory; the longest first where `isByLength`. */
function endsOf(
  memory: FmMemory,
  starts: Uint32Array,
  lengths: readonly number[],
  isByLength: boolean,
): number {
  const at = memory.alloc(lengths.length * 4);
  const order = lengths.map((_, d) => d);
  if (isByLength) order.sort((a, b) => lengths[b]! - lengths[a]!);
  memory.u32(at, lengths.length).set(order.map((d) => starts[d]! + lengths[d]!));
  return at;
}

/**
 * Merges staged documents, later than those of a, whose parts have room for both. Other work has its turn meanwhile.
 * @returns undefined, and nothing is changed, where they hold zero bytes or repeat each other so much that their suffixes had better be sorted
 */
export async function mergeDocuments(
  memory: FmMemory,
  a: Run & { readonly counts: Uint32Array },
  staged: Staged,
  rate: number,
  fold: Fold,
): Promise<Run | undefined> {
  const { kernels, top } = memory;
  const { lengths } = staged;
  const size = sizeOf(lengths, rate);
  const counts = countBytes(memory, staged.at, sumOf(lengths));
  if (counts[0]! > 0 || size.rows > MOST_ROWS) return undefined;
  const both = sumSizes(a, size);
  const b = allocRun(memory, size);
  const bitBytes = Math.ceil(both.rows / 64) * 8;
  const bits = memory.alloc(bitBytes);
  memory.u8(bits, bitBytes).fill(0);
  const kept = memory.top;
  const begins = memory.alloc(size.documentCount * 4);
  const { text, marks, prefix, starts } = place(memory, staged, rate, fold);
  const shift = shiftOf(a.rows, size.rows);
  const buckets = Math.floor(a.rows / 2 ** shift) + 1;
  const cursors = memory.alloc(buckets * 4);
  memory.u32(cursors, buckets).fill(0);
  const places = memory.alloc(size.rows * 4);
  const pacer = new Pacer();
  const walked = memory.top;
  const lanes = memory.alloc(LANES * 12);
  const walkEnds = endsOf(memory, starts, lengths, true);
  const run = ranked(memory, a, a.counts);
  kernels.beginDocuments(run, walkEnds, size.documentCount, lanes);
  const walk = [run, text, walkEnds, size.documentCount, places, cursors, shift, lanes, ROUNDS];
  while (kernels.walkDocuments(...walk) > 0) if (pacer.isDue) await pacer.pause();
  memory.release(walked);

  const ends = endsOf(memory, starts, lengths, false);
  const entries = memory.alloc(size.rows * 8);
  const largest = kernels.beginBuckets(cursors, buckets);
  for (let from = 0; from < size.rows; from += SPREAD) {
    const to = Math.min(size.rows, from + SPREAD);
    kernels.spreadPlaced(text, from, to, places, marks, shift, cursors, entries);
    if (pacer.isDue) await pacer.pause();
  }
  // what places took is free now
  const spare = largest * 2 <= size.rows ? places : memory.alloc(largest * 8);
  const counters = memory.alloc(4 << ((shift + 1) >> 1));
  const fields = memory.alloc(64);
  const parts = [b.text, b.marks, b.samples, b.ends, begins, bits];
  const all = [text, entries, spare, counters, cursors, shift, marks, prefix, ...parts];
  memory.u32(fields, all.length).set(all);
  const effort = Math.min(2 ** 32 - 1, size.rows * MOST_EFFORT);
  kernels.beginOrder(text, ends, size.documentCount, a.documentCount, b.text, bits, effort);
  const some = Math.max(1, Math.floor((buckets * ENTRIES) / size.rows));
  for (let from = 0; from < buckets; from += some) {
    if (kernels.orderPlaced(fields, from, Math.min(buckets, from + some)) === 0) {
      memory.release(top);
      return undefined;
    }
    if (pacer.isDue) await pacer.pause();
  }
  const owners = memory.u32(begins, size.documentCount).map((start) => lowerBound(starts, start));
  memory.u32(b.documents, size.documentCount).set(owners);
  memory.release(kept);
  interleave(memory, a, b, bits);
  memory.release(top);
  const table = foldTable(fold);
  const sums = a.counts.slice();
  for (const [byte, count] of counts.entries()) sums[table[byte]!]! += count;
  return { ...a, ...both, counts: sums };
}
