/**
 * Two runs become one in place. Every document of the second is walked from its end while its rows are counted in the first, which sets a
 * bit where they go (Sirén, 2009); then the parts are merged from behind. Takes one rank a byte of the second run, and beside the runs about
 * half the bytes of the first and 2.2 times those of the second.
 */
import type { FmMemory } from "../../../kernels/fm.ts";
import { Pacer } from "../../../pacer.ts";
import { countRun, type Run, startsOf, sumSizes } from "./run.ts";

// as in the kernels (wasm/assembly/fm/walk.ts)
const STEP = 256;
const SUPER = 65_536;
const LANES = 16;
const RARE = 255;
const LINKED = 32_768;
/** Steps of all lanes between two looks at the clock: some milliseconds. */
const ROUNDS = 2048;

/** Where rows of the first run are counted: a column of counts costs 2 bytes a step, a row in a list 4. */
function layout(
  counts: Uint32Array,
  rows: number,
): { columns: Uint8Array; width: number; lists: Uint32Array } {
  const columns = new Uint8Array(256).fill(RARE);
  const lists = new Uint32Array(257);
  let width = 0;
  for (let byte = 0; byte < 256; byte++) {
    const isRare = counts[byte]! * 2 * STEP < rows || width === RARE;
    if (!isRare) columns[byte] = width++;
    lists[byte + 1] = lists[byte]! + (isRare ? counts[byte]! : 0);
  }
  return { columns, width, lists };
}

/** Describes the first run and its counts to the kernels. */
export function ranked(memory: FmMemory, run: Run, counts: Uint32Array): number {
  const { columns, width, lists } = layout(counts, run.rows);
  const { text, rows, ends, documentCount } = run;
  const fields = memory.alloc(64);
  const table = memory.alloc((Math.floor(rows / STEP) + 2) * width * 2);
  const supers = memory.alloc((Math.floor(rows / SUPER) + 2) * width * 4);
  const columnsAt = memory.alloc(256);
  const startsAt = memory.alloc(1024);
  const listsAt = memory.alloc(1028);
  const places = memory.alloc(lists[256]! * 4);
  const scratch = memory.alloc(6144);
  memory.u8(columnsAt, 256).set(columns);
  memory.u32(startsAt, 256).set(startsOf(counts, documentCount));
  memory.u32(listsAt, 257).set(lists);
  const pointers = [
    text,
    rows,
    table,
    supers,
    columnsAt,
    width,
    ends,
    documentCount,
    startsAt,
    listsAt,
    places,
  ];
  memory.u32(fields, pointers.length).set(pointers);
  memory.kernels.buildRanks(fields, scratch);
  return fields;
}

/** Writes down the steps of the second run. */
function linked(
  memory: FmMemory,
  { text, rows, ends, documentCount }: Run,
  counts: Uint32Array,
): [number, number] {
  const links = memory.alloc(rows * 2);
  const bases = memory.alloc(Math.ceil(rows / LINKED) * 1024);
  const startsAt = memory.alloc(1024);
  const scratch = memory.alloc(1024);
  memory.u32(startsAt, 256).set(startsOf(counts, documentCount));
  memory.kernels.linkRows(text, rows, ends, documentCount, startsAt, links, bases, scratch);
  return [links, bases];
}

/** Rows of b go between those of a, in place, where `bits` has ones for them: a bit by row of both. */
export function interleave({ kernels }: FmMemory, a: Run, b: Run, bits: number): void {
  kernels.mergeText(a.text, a.rows, b.text, b.rows, bits);
  kernels.mergeSamples(
    ...[a.marks, a.rows, a.samples, a.sampleCount],
    ...[b.marks, b.rows, b.samples, b.sampleCount],
    bits,
    a.sampleCount,
  );
  kernels.mergeEnds(
    ...[a.ends, a.documents, a.documentCount],
    ...[b.ends, b.documents, b.documentCount],
    bits,
    a.rows + b.rows,
  );
}

/** Merges b, of later documents, into a, whose parts have room for both. Other work has its turn meanwhile. */
export async function mergeRuns(memory: FmMemory, a: Run, b: Run): Promise<Run> {
  const { kernels, top } = memory;
  const both = sumSizes(a, b);
  const bitBytes = Math.ceil(both.rows / 64) * 8;
  const bits = memory.alloc(bitBytes);
  memory.u8(bits, bitBytes).fill(0);
  const lanes = memory.alloc(LANES * 16);
  const [countsA, countsB] = [countRun(memory, a), countRun(memory, b)];
  const [links, bases] = linked(memory, b, countsB);
  const fields = ranked(memory, a, countsA);
  const pacer = new Pacer();
  kernels.beginWalk(fields, b.documentCount, bits, lanes);
  while (kernels.markMerged(fields, b.text, links, bases, b.documentCount, bits, lanes, ROUNDS) > 0)
    if (pacer.isDue) await pacer.pause();
  interleave(memory, a, b, bits);
  memory.release(top);
  return { ...a, ...both, counts: countsA.map((count, byte) => count + countsB[byte]!) };
}
