/** A run of documents by their suffix array: SA-IS over one block, about 5.5 times its bytes of memory. */
import type { FmMemory } from "../../../kernels/fm.ts";
import { lowerBound } from "../../../search-sorted.ts";
import { allocRun, emptySize, type Run, type RunSize, samplesOf, sumSizes } from "./run.ts";

/** What documents are indexed as: the same byte, or ASCII letters as small ones. */
export type Fold = "none" | "ascii";

const FOLDS: Record<Fold, Uint8Array> = {
  none: Uint8Array.from({ length: 256 }, (_, byte) => byte),
  ascii: Uint8Array.from({ length: 256 }, (_, byte) => (byte >= 65 && byte <= 90 ? byte + 32 : byte)),
};

/** The byte that each byte is indexed as. */
export const foldTable = (fold: Fold): Uint8Array => FOLDS[fold];

export function sizeOf(documents: readonly Uint8Array[], rate: number): RunSize {
  return documents.reduce(
    (sum, { length }) =>
      sumSizes(sum, { rows: length + 1, sampleCount: samplesOf(length, rate), documentCount: 1 }),
    emptySize,
  );
}

/** Symbols of the bytes that occur, from 1 on, and the byte of each symbol. */
function alphabet(documents: readonly Uint8Array[], fold: Uint8Array): { map: Uint16Array; bytes: number[] } {
  const present = new Uint8Array(256);
  for (const document of documents) for (const byte of document) present[fold[byte]!] = 1;
  const bytes = [0];
  const symbols = new Uint16Array(256);
  for (let byte = 0; byte < 256; byte++) {
    if (present[byte] === 0) continue;
    symbols[byte] = bytes.length;
    bytes.push(byte);
  }
  return { map: Uint16Array.from(fold, (byte) => symbols[byte]!), bytes };
}

/** @param documents none of them empty. @param into room for them, else it is handed out */
export function buildRun(
  memory: FmMemory,
  documents: readonly Uint8Array[],
  rate: number,
  fold: Fold,
  into?: Run,
): Run {
  const size = sizeOf(documents, rate);
  const run = { ...(into ?? allocRun(memory, size)), ...size };
  const { kernels, top } = memory;
  const { rows } = size;
  const { map, bytes } = alphabet(documents, foldTable(fold));
  const wide = bytes.length > 256;
  const text = memory.alloc(rows * (wide ? 2 : 1));
  const markBytes = Math.ceil(rows / 64) * 8;
  const marks = memory.alloc(markBytes);
  const prefix = memory.alloc(Math.ceil(rows / 64) * 4);
  const mapAt = memory.alloc(512);
  const bytesAt = memory.alloc(257);
  const begins = memory.alloc(documents.length * 4);
  const suffixes = memory.alloc(rows * 4 + bytes.length * 8);
  memory.u16(mapAt, 256).set(map);
  memory.u8(bytesAt, bytes.length).set(bytes);
  memory.u8(marks, markBytes).fill(0);
  const starts = new Uint32Array(documents.length);
  let at = 0;
  for (const [d, document] of documents.entries()) {
    // staged where the suffix array will be
    memory.u8(suffixes, document.length).set(document);
    kernels.placeDocument(suffixes, document.length, text + at * (wide ? 2 : 1), mapAt, Number(wide));
    kernels.markDocument(marks, at, document.length, rate);
    starts[d] = at;
    at += document.length + 1;
  }
  kernels.countMarks(marks, rows, prefix);
  kernels.sortSuffixes(text, rows, bytes.length, Number(wide), suffixes, Math.ceil(memory.top / 64) * 64);
  kernels.makeRun(
    ...[text, rows, Number(wide), suffixes, bytesAt, marks, prefix],
    ...[run.text, run.marks, run.samples, run.ends, begins],
  );
  const owners = memory.u32(begins, documents.length).map((start) => lowerBound(starts, start));
  memory.u32(run.documents, documents.length).set(owners);
  memory.release(top);
  return run;
}
