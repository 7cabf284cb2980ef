/**
 * Staging: the pages of a new segment are written before the commit that names it, a few megabytes at a time, so that a commit of
 * another item never waits for a whole segment. Pages that no manifest names are invisible; what a crash leaves behind goes with the
 * next opening. A small segment is not staged: its pages go into the commit itself, which then waits for the disk once.
 */
import type { RowIds } from "../../index/segment.ts";
import { Pacer } from "../../pacer.ts";
import { writePages } from "../../storage/pages.ts";
import type { Batch, Key } from "../../storage/store.ts";
import { decodeManifest, MANIFEST_KEY, NS, rowBounds, type SegmentEntry } from "../layout.ts";
import { SUBSTRINGS } from "../substrings/substrings.ts";
import { type PagedParts, type PageRun, writeRun } from "./page-runs.ts";
import type { Writer } from "./writer.ts";

/** A segment below this goes into its commit. */
const SMALL_BYTES = 1 << 20;
/** The segment is not part of the library yet. */
export interface StagedSegment {
  readonly id: number;
  /** Part name -> bytes. */
  readonly sizes: PagedParts["sizes"];
  /** What the naming commit writes; empty when the pages are durable already. */
  readonly unwritten: readonly PageRun[];
}

/** The parts change hands. @throws MnemeError DISK_FULL: nothing is left behind */
export async function stageSegment(writer: Writer, { sizes, runs }: PagedParts): Promise<StagedSegment> {
  const id = writer.takeSegmentId();
  const total = Object.values(sizes).reduce((sum, bytes) => sum + bytes, 0);
  if (total < SMALL_BYTES) return { id, sizes, unwritten: runs };
  try {
    for (const run of runs) {
      await writer.store.batch((batch) => writeRun(batch, id, run), [run.bytes.buffer]);
      await new Promise((resolve) => setImmediate(resolve)); // a store in RAM commits at once
    }
  } catch (error) {
    await dropSegment(writer, id).catch(() => {}); // the first error says what is wrong
    throw error;
  }
  return { id, sizes, unwritten: [] };
}

/**
 * Runs the commit that names staged pages. Where it fails, a full disk for one, they go at once, rather than stay until the next opening;
 * what failed after it was durable has been named, and stays. @param segment undefined: nothing was staged. @param parts of a living segment; default: all of a new one
 */
export async function namingStaged<T>(
  writer: Writer,
  segment: number | undefined,
  commit: () => Promise<T>,
  parts?: readonly string[],
): Promise<T> {
  try {
    return await commit();
  } catch (error) {
    if (segment !== undefined) await dropUnnamed(writer, segment, parts).catch(() => {}); // the first error says what is wrong
    throw error;
  }
}

async function dropUnnamed({ store }: Writer, segment: number, parts?: readonly string[]): Promise<void> {
  const manifest = store.get(NS.library, MANIFEST_KEY);
  const named =
    manifest && decodeManifest(manifest, store.location).segments.find(({ id }) => id === segment);
  const gone: Key[] = parts
    ? parts.filter((part) => !(part in (named?.parts ?? {}))).map((part) => [segment, part])
    : named
      ? []
      : [[segment]];
  if (gone.length === 0) return;
  await store.batch((batch) => {
    for (const prefix of gone) batch.deletePrefix(NS.segments, prefix);
  });
}

/** Writes what staging left to the naming commit. @returns the segment's entry of the manifest */
export function nameSegment(
  batch: Batch,
  { id, sizes, unwritten }: StagedSegment,
  rows: RowIds,
): SegmentEntry {
  for (const run of unwritten) writeRun(batch, id, run);
  if (!rows.ids) return { id, ...rowBounds(rows), parts: sizes };
  const bytes = new Uint8Array(rows.ids.buffer, rows.ids.byteOffset, rows.ids.byteLength);
  writePages(batch, NS.segments, [id, "rows"], bytes);
  return { id, ...rowBounds(rows), parts: { ...sizes, rows: bytes.byteLength } };
}

/**
 * Pages that the manifest does not name: of segments that were staged and never committed or merged and not yet deleted, and of vectors
 * or shards in living segments, which were given up and not yet deleted. A look for each segment and its indexes, none for their pages.
 */
export async function dropOrphans(writer: Writer): Promise<void> {
  const named = new Map(writer.library.manifest.segments.map(({ id, parts }) => [id, parts]));
  const pacer = new Pacer();
  for (let next: Key = []; ; ) {
    const found = writer.store.firstKey(NS.segments, { start: next });
    if (!found) return;
    const [id, part] = found as [number, string, number];
    const parts = named.get(id);
    if (!parts) await dropSegment(writer, id);
    else if (isIndex(part) && !(part in parts))
      await writer.store.batch((batch) => batch.deletePrefix(NS.segments, [id, part]));
    next = parts ? afterPart(id, part) : [id + 1];
    if (pacer.isDue) await pacer.pause();
  }
}

/** Parts that come and go, by how their names begin, in order; others live as long as their segment. */
const INDEXES = [SUBSTRINGS, "vectors"] as const;
const isIndex = (part: string): boolean => INDEXES.some((prefix) => part.startsWith(prefix));

/** Where the next such part of a segment begins at the earliest, or the next segment. */
function afterPart(id: number, part: string): Key {
  if (isIndex(part)) return [id, `${part}\u0000`]; // the least name above this one
  const next = INDEXES.find((prefix) => part < prefix);
  return next ? [id, next] : [id + 1];
}

async function dropSegment(writer: Writer, id: number): Promise<void> {
  await writer.store.batch((batch) => batch.deletePrefix(NS.segments, [id]));
}
