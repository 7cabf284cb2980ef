/**
 * A run in kernel memory: the transformed text of some documents (none of them empty), held backwards so that patterns are matched from
 * left to right, and what is needed to locate. An end of a document stands in the text as a 0 and in a list apart, so that a document may
 * hold any byte.
 */
import type { FmMemory } from "../../../kernels/fm.ts";

export interface RunSize {
  /** Bytes of text and one end a document. */
  readonly rows: number;
  readonly sampleCount: number;
  readonly documentCount: number;
}

/** Pointers to the parts of a run. */
export interface Run extends RunSize {
  /** How often each byte occurs, where that is known. */
  readonly counts?: Uint32Array;
  /** u8 by row. */
  readonly text: number;
  /** A bit by row: it has a sample. */
  readonly marks: number;
  /** u32 by marked row: number of the sample in order of the documents. */
  readonly samples: number;
  /** u32: rows that hold ends, ascending. */
  readonly ends: number;
  /** u32 by end: whose start it stands before. */
  readonly documents: number;
}

const ALIGN = 64;
const PARTS = ["text", "marks", "samples", "ends", "documents"] as const;

export const emptySize: RunSize = { rows: 0, sampleCount: 0, documentCount: 0 };

export const sumSizes = (a: RunSize, b: RunSize): RunSize => ({
  rows: a.rows + b.rows,
  sampleCount: a.sampleCount + b.sampleCount,
  documentCount: a.documentCount + b.documentCount,
});

/** Samples of a document of `length` bytes, one each `rate` bytes but none at its start. */
export const samplesOf = (length: number, rate: number): number => Math.floor((length - 1) / rate);

/** Bytes of each part, with room for kernels that read past its end. */
function partBytes({ rows, sampleCount, documentCount }: RunSize): number[] {
  const bytes = [rows, Math.ceil(rows / 64) * 8, sampleCount * 4, documentCount * 4, documentCount * 4];
  return bytes.map((some) => Math.ceil(some / ALIGN + 1) * ALIGN);
}

/** Room for a run of the size, its marks zeroed. */
export function allocRun(memory: FmMemory, size: RunSize): Run {
  const sizes = partBytes(size);
  const at = memory.alloc(sizes.reduce((sum, bytes) => sum + bytes, 0));
  const run = placed(at, size, sizes);
  memory.u8(run.marks, sizes[1]!).fill(0);
  return run;
}

function placed(at: number, size: RunSize, sizes: readonly number[]): Run {
  let next = at;
  const places = PARTS.map((part, i) => {
    const place = next;
    next += sizes[i]!;
    return [part, place] as const;
  });
  return { ...size, ...(Object.fromEntries(places) as Record<(typeof PARTS)[number], number>) };
}

/** Moves the parts of the run, the last thing handed out, apart so that each has room for a run of `size`, new marks zeroed. */
export function widenRun(memory: FmMemory, run: Run, size: RunSize): Run {
  const sizes = partBytes(size);
  memory.release(run.text);
  const at = memory.alloc(sizes.reduce((sum, bytes) => sum + bytes, 0));
  const wide = placed(at, run, sizes);
  const used = partBytes(run);
  for (let i = PARTS.length - 1; i >= 0; i--) {
    const part = PARTS[i]!;
    const some = used[i]!;
    memory.u8(0, wide[part] + some).copyWithin(wide[part], run[part], run[part] + some);
    // marks are read by 256 rows, beyond the last one too
    if (part === "marks") memory.u8(wide.marks + some, sizes[i]! - some).fill(0);
  }
  return wide;
}

/** How often each byte occurs among `length` bytes at `at`. */
export function countBytes(memory: FmMemory, at: number, length: number): Uint32Array {
  const { top } = memory;
  const tables = memory.alloc(4096);
  memory.u32(tables, 1024).fill(0);
  memory.kernels.countBytes(at, length, tables);
  const counts = memory.u32(tables, 256).slice();
  memory.release(top);
  return counts;
}

/** How often each byte occurs; ends are left out. */
export function countRun(memory: FmMemory, run: Run): Uint32Array {
  if (run.counts) return run.counts;
  const counts = countBytes(memory, run.text, run.rows);
  counts[0]! -= run.documentCount;
  return counts;
}

/** Rows before those that begin with each byte: first come the ends. */
export function startsOf(counts: Uint32Array, documents: number): Uint32Array {
  const starts = new Uint32Array(256);
  let sum = documents;
  for (let byte = 0; byte < 256; byte++) {
    starts[byte] = sum;
    sum += counts[byte]!;
  }
  return starts;
}

/** Numbers the bytes that stand in rows, 0 always among them; 255 for others, of which there are none when `width` is 256. */
export function columnsOf(counts: Uint32Array): { readonly columns: Uint8Array; readonly width: number } {
  const columns = new Uint8Array(256).fill(255);
  let width = 0;
  for (let byte = 0; byte < 256; byte++) if (counts[byte]! > 0 || byte === 0) columns[byte] = width++;
  return { columns, width };
}
