/**
 * Two runs become one in place. Every document of the second is walked from its end while its rows are counted in both runs, which sets a
 * bit where they go (Sirén, 2009); then the parts are merged from behind. Takes two ranks a byte of the second run, and beside the runs
 * about 0.8 of their bytes.
 */
import type { FmMemory } from "../../../kernels/fm.ts";
import { columnsOf, countRun, type Run, startsOf, sumSizes } from "./run.ts";

const STEP = 512;
const SUPER = 65_536;
const LANES = 16;

/** Describes a run and its counts to the kernels (wasm/assembly/fm/run.ts). */
function ranked(memory: FmMemory, run: Run): number {
  const counts = countRun(memory, run);
  const { columns, width } = columnsOf(counts);
  const fields = memory.alloc(64);
  const table = memory.alloc((Math.floor(run.rows / STEP) + 2) * width * 2);
  const supers = memory.alloc((Math.floor(run.rows / SUPER) + 2) * width * 4);
  const columnsAt = memory.alloc(256);
  const startsAt = memory.alloc(1024);
  const scratch = memory.alloc(2048);
  memory.u8(columnsAt, 256).set(columns);
  memory.u32(startsAt, 256).set(startsOf(counts, run.documentCount));
  const { text, rows, ends, documentCount } = run;
  memory.u32(fields, 9).set([text, rows, table, supers, columnsAt, width, ends, documentCount, startsAt]);
  memory.kernels.buildRanks(fields, scratch);
  return fields;
}

/** Merges b, of later documents, into a, whose parts have room for both. */
export function mergeRuns(memory: FmMemory, a: Run, b: Run): Run {
  const { kernels, top } = memory;
  const both = sumSizes(a, b);
  const bitBytes = Math.ceil(both.rows / 64) * 8;
  const bits = memory.alloc(bitBytes);
  memory.u8(bits, bitBytes).fill(0);
  const lanes = memory.alloc(LANES * 12);
  kernels.markMerged(ranked(memory, a), ranked(memory, b), bits, lanes);
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
    both.rows,
  );
  memory.release(top);
  return { ...a, ...both };
}
