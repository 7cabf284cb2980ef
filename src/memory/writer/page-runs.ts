/**
 * The parts of a new segment, cut into runs of pages of a few megabytes, each a buffer of its own: a run goes from the thread that made
 * it to the thread that commits it without a copy, and nothing of it stays on the thread between them.
 */
import type { Parts } from "../../index/segment.ts";
import { PAGE_BYTES, writePages } from "../../storage/pages.ts";
import type { Batch } from "../../storage/store.ts";
import { NS } from "../layout.ts";

/** Bytes of a run, hence of a commit that other commits wait for: some tens of milliseconds of the disk's. */
const RUN_BYTES = 256 * PAGE_BYTES;

/** Whole pages of one part within a run, the last of the part maybe short. */
interface Section {
  readonly part: string;
  readonly firstPage: number;
  /** Where its bytes lie in the run. */
  readonly start: number;
  readonly end: number;
}

export interface PageRun {
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly sections: readonly Section[];
}

export interface PagedParts {
  /** Part name -> bytes. */
  readonly sizes: Readonly<Record<string, number>>;
  readonly runs: readonly PageRun[];
}

export const noParts: PagedParts = { sizes: {}, runs: [] };

export function cutIntoRuns(parts: Parts): PagedParts {
  const all = [...parts].filter(([, bytes]) => bytes.byteLength > 0);
  const runs: PageRun[] = [];
  let sections: Section[] = [];
  let length = 0;
  const flush = (): void => {
    if (sections.length > 0) runs.push(runOf(parts, sections, length));
    sections = [];
    length = 0;
  };
  for (const [part, { byteLength }] of all) {
    for (let at = 0; at < byteLength; ) {
      if (length + PAGE_BYTES > RUN_BYTES) flush();
      const room = Math.floor((RUN_BYTES - length) / PAGE_BYTES) * PAGE_BYTES;
      const taken = Math.min(byteLength - at, room);
      sections.push({ part, firstPage: at / PAGE_BYTES, start: length, end: length + taken });
      length += taken;
      at += taken;
    }
  }
  flush();
  return { sizes: Object.fromEntries(all.map(([part, bytes]) => [part, bytes.byteLength])), runs };
}

function runOf(parts: Parts, sections: readonly Section[], length: number): PageRun {
  const bytes = new Uint8Array(length);
  for (const { part, firstPage, start, end } of sections) {
    const from = firstPage * PAGE_BYTES;
    bytes.set(parts.get(part)!.subarray(from, from + end - start), start);
  }
  return { bytes, sections };
}

export function writeRun(batch: Batch, segment: number, { bytes, sections }: PageRun): void {
  for (const { part, firstPage, start, end } of sections)
    writePages(batch, NS.segments, [segment, part], bytes.subarray(start, end), firstPage);
}

export function joined(a: PagedParts, b: PagedParts): PagedParts {
  return { sizes: { ...a.sizes, ...b.sizes }, runs: [...a.runs, ...b.runs] };
}
