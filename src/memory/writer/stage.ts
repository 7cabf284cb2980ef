/**
 * Staging: the pages of a new segment are written before the commit that names it, a few megabytes at a time, so that no single write
 * holds up the event loop. Pages that no manifest names are invisible; what a crash leaves behind goes with the next opening.
 */
import type { Parts, RowIds } from "../../index/segment.ts";
import { NS, rowBounds, type SegmentEntry } from "../layout.ts";
import { PAGE_BYTES, putPage } from "../stored-segment.ts";
import type { Writer } from "./writer.ts";

/** Bytes per write: about ten milliseconds. */
const WRITE_BYTES = 2 << 20;
/** Ids beyond the manifest's that an interrupted writer may have used: more than it can have under way at once. */
const ORPHAN_IDS = 64;

/** Pages are durable, the segment is not part of the library yet. */
export interface StagedSegment {
  readonly id: number;
  /** Part name -> bytes. */
  readonly parts: Readonly<Record<string, number>>;
}

/** @param ids row ids when they are not contiguous. @throws MnemeError DISK_FULL: nothing is left behind */
export async function stageSegment(
  writer: Writer,
  parts: Parts,
  ids: Uint32Array | null = null,
): Promise<StagedSegment> {
  const id = writer.takeSegmentId();
  const all = new Map(parts);
  if (ids) all.set("rows", new Uint8Array(ids.buffer, ids.byteOffset, ids.byteLength));
  const sizes: Record<string, number> = {};
  try {
    for (const [part, bytes] of all) {
      if (bytes.byteLength === 0) continue;
      sizes[part] = bytes.byteLength;
      for (let at = 0; at < bytes.byteLength; at += WRITE_BYTES - (WRITE_BYTES % PAGE_BYTES)) {
        await writeRun(writer, id, part, bytes, at);
      }
    }
  } catch (error) {
    await dropSegment(writer, id).catch(() => {}); // the first error says what is wrong
    throw error;
  }
  return { id, parts: sizes };
}

async function writeRun(
  writer: Writer,
  id: number,
  part: string,
  bytes: Uint8Array,
  start: number,
): Promise<void> {
  const end = Math.min(bytes.byteLength, start + WRITE_BYTES - (WRITE_BYTES % PAGE_BYTES));
  await writer.store.batch((batch) => {
    for (let at = start; at < end; at += PAGE_BYTES) putPage(batch, id, part, at / PAGE_BYTES, bytes);
  });
  await new Promise((resolve) => setImmediate(resolve));
}

export function stagedEntry({ id, parts }: StagedSegment, rows: RowIds): SegmentEntry {
  return { id, ...rowBounds(rows), parts };
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
