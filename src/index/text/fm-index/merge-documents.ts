/**
 * Documents go into a run without their suffixes being sorted first. Each document is walked from its end with one rank a byte (Ferragina,
 * Gagie and Manzini, 2012): that says before which row of the run each of its suffixes goes, which is most of their own order too. So a
 * radix sort by these rows and few comparisons of text take the place of a suffix array. Beside the run this takes 15
 * bytes a byte of the documents, or 7 and what counts of the run take, 0.6 of its bytes.
 */
import { FM_MOST_BYTES, type FmMemory } from "../../../kernels/fm.ts";
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

/** Bytes of memory for each row of the documents and of the run, rounded up. */
const [DOCUMENT_BYTES, RUN_BYTES] = [16, 1];

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

/** Rows of the run by the buckets that suffixes are spread to. */
interface Buckets {
  /** Low bits of a row that lie within a bucket. */
  readonly shift: number;
  readonly count: number;
  /** u32 by bucket: how many suffixes, then where its next one goes. */
  readonly cursors: number;
}

function bucketsOf(memory: FmMemory, rows: number, documentRows: number): Buckets {
  const shift = shiftOf(rows, documentRows);
  const count = Math.floor(rows / 2 ** shift) + 1;
  const cursors = memory.alloc(count * 4);
  memory.u32(cursors, count).fill(0);
  return { shift, count, cursors };
}

/** Writes to `places` (u32 by byte of the text) the rows of the run that suffixes go before, and counts them by bucket. */
async function walk(
  memory: FmMemory,
  a: Run & { readonly counts: Uint32Array },
  { text, starts }: Placed,
  lengths: readonly number[],
  { shift, cursors }: Buckets,
  places: number,
): Promise<void> {
  const { kernels, top } = memory;
  const pacer = new Pacer();
  const lanes = memory.alloc(LANES * 12);
  const ends = endsOf(memory, starts, lengths, true);
  const run = ranked(memory, a, a.counts);
  kernels.beginDocuments(run, ends, lengths.length, lanes);
  const given = [run, text, ends, lengths.length, places, cursors, shift, lanes, ROUNDS];
  while (kernels.walkDocuments(...given) > 0) if (pacer.isDue) await pacer.pause();
  memory.release(top);
}

/** Spreads suffixes to buckets. @returns entries, and room for those of the largest bucket */
async function spread(
  memory: FmMemory,
  rows: number,
  { text, marks }: Placed,
  { shift, count, cursors }: Buckets,
  places: number,
): Promise<{ entries: number; spare: number }> {
  const { kernels } = memory;
  const pacer = new Pacer();
  const entries = memory.alloc(rows * 8);
  const largest = kernels.beginBuckets(cursors, count);
  for (let from = 0; from < rows; from += SPREAD) {
    kernels.spreadPlaced(text, from, Math.min(rows, from + SPREAD), places, marks, shift, cursors, entries);
    if (pacer.isDue) await pacer.pause();
  }
  // what places took is free now
  return { entries, spare: largest * 2 <= rows ? places : memory.alloc(largest * 8) };
}

/** Sorts buckets and writes the run b, and its places among the rows of both in `bits`. @returns whether that was little work */
async function order(
  memory: FmMemory,
  [a, b, bits]: readonly [a: Run, b: Run, bits: number],
  { text, marks, prefix, starts }: Placed,
  lengths: readonly number[],
  { shift, count, cursors }: Buckets,
  { entries, spare }: { entries: number; spare: number },
): Promise<boolean> {
  const { kernels } = memory;
  const pacer = new Pacer();
  const begins = memory.alloc(lengths.length * 4);
  const ends = endsOf(memory, starts, lengths, false);
  const counters = memory.alloc(4 << ((shift + 1) >> 1));
  const fields = memory.alloc(64);
  const parts = [b.text, b.marks, b.samples, b.ends, begins, bits];
  const all = [text, entries, spare, counters, cursors, shift, marks, prefix, ...parts];
  memory.u32(fields, all.length).set(all);
  const effort = Math.min(2 ** 32 - 1, b.rows * MOST_EFFORT);
  kernels.beginOrder(text, ends, lengths.length, a.documentCount, b.text, bits, effort);
  const some = Math.max(1, Math.floor((count * ENTRIES) / b.rows));
  for (let from = 0; from < count; from += some) {
    if (kernels.orderPlaced(fields, from, Math.min(count, from + some)) === 0) return false;
    if (pacer.isDue) await pacer.pause();
  }
  const owners = memory.u32(begins, lengths.length).map((start) => lowerBound(starts, start));
  memory.u32(b.documents, lengths.length).set(owners);
  return true;
}

/**
 * Merges staged documents, later than those of a, whose parts have room for both. Other work has its turn meanwhile.
 * @returns undefined, and nothing is changed, where their suffixes had better be sorted: they hold zero bytes, repeat each other much, or need more memory than there may be
 */
export async function mergeDocuments(
  memory: FmMemory,
  a: Run & { readonly counts: Uint32Array },
  staged: Staged,
  rate: number,
  fold: Fold,
): Promise<Run | undefined> {
  const { top } = memory;
  const { lengths } = staged;
  const size = sizeOf(lengths, rate);
  const counts = countBytes(memory, staged.at, sumOf(lengths));
  const needed = DOCUMENT_BYTES * size.rows + RUN_BYTES * a.rows;
  if (counts[0]! > 0 || size.rows > MOST_ROWS || top + needed > FM_MOST_BYTES) return undefined;
  const both = sumSizes(a, size);
  const b = allocRun(memory, size);
  const bitBytes = Math.ceil(both.rows / 64) * 8;
  const bits = memory.alloc(bitBytes);
  memory.u8(bits, bitBytes).fill(0);
  const kept = memory.top;
  const placed = place(memory, staged, rate, fold);
  const buckets = bucketsOf(memory, a.rows, size.rows);
  const places = memory.alloc(size.rows * 4);
  await walk(memory, a, placed, lengths, buckets, places);
  const entries = await spread(memory, size.rows, placed, buckets, places);
  const isOrdered = await order(memory, [a, b, bits], placed, lengths, buckets, entries);
  memory.release(kept);
  if (isOrdered) interleave(memory, a, b, bits);
  memory.release(top);
  if (!isOrdered) return undefined;
  const table = foldTable(fold);
  const sums = a.counts.slice();
  for (const [byte, count] of counts.entries()) sums[table[byte]!]! += count;
  return { ...a, ...both, counts: sums };
}
