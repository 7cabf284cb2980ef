/** A run of documents by their suffix array: SA-IS over one block, about 5.5 times its bytes of memory. */
import type { FmMemory } from "../../../kernels/fm.ts";
import { lowerBound } from "../../../search-sorted.ts";
import { allocRun, countBytes, emptySize, type Run, type RunSize, samplesOf, sumSizes } from "./run.ts";

/** What documents are indexed as: the same byte, or ASCII letters as small ones. */
export type Fold = "none" | "ascii";

const FOLDS: Record<Fold, Uint8Array> = {
  none: Uint8Array.from({ length: 256 }, (_, byte) => byte),
  ascii: Uint8Array.from({ length: 256 }, (_, byte) => (byte >= 65 && byte <= 90 ? byte + 32 : byte)),
};

/** The byte that each byte is indexed as. */
export const foldTable = (fold: Fold): Uint8Array => FOLDS[fold];

/** Documents one after the other in kernel memory, none of them empty. */
export interface Staged {
  readonly at: number;
  readonly lengths: readonly number[];
}

export const sumOf = (lengths: readonly number[]): number => lengths.reduce((sum, length) => sum + length, 0);

/** Of the run of documents of such lengths, none of them 0. */
export function sizeOf(lengths: readonly number[], rate: number): RunSize {
  return lengths.reduce(
    (sum, length) =>
      sumSizes(sum, { rows: length + 1, sampleCount: samplesOf(length, rate), documentCount: 1 }),
    emptySize,
  );
}

/** Symbols of the bytes that occur, from 1 on, and the byte of each symbol. */
function alphabet(
  memory: FmMemory,
  { at, lengths }: Staged,
  fold: Uint8Array,
): { map: Uint16Array; bytes: number[] } {
  const present = new Uint8Array(256);
  for (const [byte, count] of countBytes(memory, at, sumOf(lengths)).entries())
    if (count > 0) present[fold[byte]!] = 1;
  const bytes = [0];
  const symbols = new Uint16Array(256);
  for (let byte = 0; byte < 256; byte++) {
    if (present[byte] === 0) continue;
    symbols[byte] = bytes.length;
    bytes.push(byte);
  }
  return { map: Uint16Array.from(fold, (byte) => symbols[byte]!), bytes };
}

/** The run of staged documents, the last thing handed out. */
export function buildRun(memory: FmMemory, staged: Staged, rate: number, fold: Fold): Run {
  const run = allocRun(memory, sizeOf(staged.lengths, rate));
  const { kernels, top } = memory;
  const { rows, documentCount } = run;
  const { map, bytes } = alphabet(memory, staged, foldTable(fold));
  const wide = Number(bytes.length > 256);
  const text = memory.alloc(rows * (1 + wide));
  const markBytes = Math.ceil(rows / 64) * 8;
  const marks = memory.alloc(markBytes);
  const prefix = memory.alloc(Math.ceil(rows / 64) * 4);
  const mapAt = memory.alloc(512);
  const bytesAt = memory.alloc(257);
  const begins = memory.alloc(documentCount * 4);
  const suffixes = memory.alloc(rows * 4 + bytes.length * 8);
  memory.u16(mapAt, 256).set(map);
  memory.u8(bytesAt, bytes.length).set(bytes);
  memory.u8(marks, markBytes).fill(0);
  const starts = new Uint32Array(documentCount);
  let at = 0;
  for (const [d, length] of staged.lengths.entries()) {
    // so many ends stand before it in the text, none where it is staged
    kernels.placeDocument(staged.at + at - d, length, text + at * (1 + wide), mapAt, wide);
    kernels.markDocument(marks, at, length, rate);
    starts[d] = at;
    at += length + 1;
  }
  kernels.countMarks(marks, rows, prefix);
  kernels.sortSuffixes(text, rows, bytes.length, wide, suffixes, Math.ceil(memory.top / 64) * 64);
  kernels.makeRun(
    ...[text, rows, wide, suffixes, bytesAt, marks, prefix],
    ...[run.text, run.marks, run.samples, run.ends, begins],
  );
  const owners = memory.u32(begins, documentCount).map((start) => lowerBound(starts, start));
  memory.u32(run.documents, documentCount).set(owners);
  memory.release(top);
  return run;
}

/** Copies documents to kernel memory. */
export function stage(memory: FmMemory, documents: readonly Uint8Array[]): Staged {
  const lengths = documents.map(({ length }) => length);
  const at = memory.alloc(sumOf(lengths));
  let next = at;
  for (const document of documents) {
    memory.u8(next, document.length).set(document);
    next += document.length;
  }
  return { at, lengths };
}
