/**
 * Staging: the pages of a new segment are written before the commit that names it, a few megabytes at a time, so that a commit of
 * another item never waits for a whole segment. Pages that no manifest names are invisible; what a crash leaves behind goes with the
 * next opening. A small segment is not staged: its pages go into the commit itself, which then waits for the disk once.
 */
import type { Parts, RowIds } from "../../index/segment.ts";
import { Pacer } from "../../pacer.ts";
import { PAGE_BYTES, writePages } from "../../storage/pages.ts";
import type { Batch } from "../../storage/store.ts";
import { NS, rowBounds, type SegmentEntry } from "../layout.ts";
import type { Writer } from "./writer.ts";

/** Bytes per write: a few milliseconds of copying here, some tens of the disk's. A whole number of pages. */
const WRITE_BYTES = 256 * PAGE_BYTES;
/** A segment below this goes into its commit. */
const SMALL_BYTES = 1 << 20;
/** Ids beyond the manifest's that an interrupted writer may have used: more than it can have under way at once. */
const ORPHAN_IDS = 64;

/** The segment is not part of the library yet. */
export interface StagedSegment {
  readonly id: number;
  /** Part name -> bytes. */
  readonly sizes: Readonly<Record<string, number>>;
  /** Parts that the naming commit writes; empty when their pages are durable already. */
  readonly unwritten: Parts;
}

/** @param ids row ids when they are not contiguous. @throws MnemeError DISK_FULL: nothing is left behind */
export async function stageSegment(
  writer: Writer,
  parts: Parts,
  ids: Uint32Array | null = null,
): Promise<StagedSegment> {
  const id = writer.takeSegmentId();
  const all: Parts = new Map([...parts].filter(([, bytes]) => bytes.byteLength > 0));
  if (ids) all.set("rows", new Uint8Array(ids.buffer, ids.byteOffset, ids.byteLength));
  const sizes = Object.fromEntries([...all].map(([part, bytes]) => [part, bytes.byteLength]));
  const total = Object.values(sizes).reduce((sum, bytes) => sum + bytes, 0);
  if (total < SMALL_BYTES) return { id, sizes, unwritten: all };
  try {
    for (const [part, bytes] of all) await writeInRuns(writer, id, part, bytes);
  } catch (error) {
    await dropSegment(writer, id).catch(() => {}); // the first error says what is wrong
    throw error;
  }
  return { id, sizes, unwritten: new Map() };
}

async function writeInRuns(writer: Writer, id: number, part: string, bytes: Uint8Array): Promise<void> {
  const pacer = new Pacer();
  for (let at = 0; at < bytes.byteLength; at += WRITE_BYTES) {
    await writer.store.batch((batch) =>
      writePages(batch, NS.segments, [id, part], bytes, at, at + WRITE_BYTES),
    );
    if (pacer.isDue) await pacer.pause();
  }
}

/** Writes what staging left to the naming commit. @returns the segment's entry of the manifest */
export function nameSegment(
  batch: Batch,
  { id, sizes, unwritten }: StagedSegment,
  rows: RowIds,
): SegmentEntry {
  for (const [part, bytes] of unwritten) writePages(batch, NS.segments, [id, part], bytes);
  return { id, ...rowBounds(rows), parts: sizes };
}

/** Pages of segments that were staged and never committed. */
export async function dropOrphans(writer: Writer): Promise<void> {
  const first = writer.library.manifest.nextSegment;
  for (let id = first; id < first + ORPHAN_IDS; id++) {
    const [found] = [...writer.store.range(NS.segments, { prefix: [id], limit: 1 })];
    if (found) await dropSegment(writer, id);
  }
}

async function dropSegment(writer: Writer, id: number): Promise<void> {
  await writer.store.batch((batch) => batch.deletePrefix(NS.segments, [id]));
}
