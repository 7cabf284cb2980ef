/**
 * index-vectors: gives large segments the index that the plan wants for them, one segment at a time, in a worker, from the fine codes that
 * the segment has. Searches scan it meanwhile. Nothing is lost when it is stopped: what is missing is built by the next opening.
 */
import { INDEX_PREFIX, markOf, type VectorIndex } from "../../index/vector/kinds.ts";
import { mostEffort } from "../../index/vector/plan.ts";
import { FINE, rowBytes } from "../../index/vector/vectors-kind.ts";
import type { OpenSegment } from "../library.ts";
import { holdsIndex, isIndexPart } from "../plan-vectors.ts";
import { codersOf, vectorsPrefix } from "../spaces.ts";
import type { WorkOptions } from "../types.ts";
import { commitParts } from "./commit-parts.ts";
import { noParts, type PagedParts } from "./page-runs.ts";
import type { Writer } from "./writer.ts";

/** Segments that lack the index wanted for them, or whose index cannot be used. None while a reembed fills in a second space. */
export function segmentsToIndex({ library, notIndexed }: Writer): readonly OpenSegment[] {
  const { manifest, segments, spaceVectors } = library;
  if (manifest.spaces.length > 1) return [];
  return segments.filter(({ stored: { entry } }) => {
    const wanted = spaceVectors.wanted(entry);
    if (wanted === "flat" || notIndexed.has(entry.id)) return false;
    // where the plan chose, an index that was found slower than a scan has but told so
    const sign = spaceVectors.isChosen ? INDEX_PREFIX[wanted] : markOf(wanted);
    return spaceVectors.refused.has(entry.id) || !holdsIndex(entry.parts, manifest.active, sign);
  });
}

/** Segments that hold parts of an index that is not wanted. */
export function segmentsToStrip({ library }: Writer): readonly OpenSegment[] {
  return library.segments.filter(({ stored: { entry } }) => {
    const unwanted = unwantedPart(library.spaceVectors.wanted(entry), library.manifest.active);
    return Object.keys(entry.parts).some(unwanted);
  });
}

/** Builds what is missing. Call it only from background work. @throws MnemeError CANCELLED */
export async function indexSegments(
  writer: Writer,
  segments: readonly OpenSegment[],
  { signal, onProgress }: WorkOptions,
): Promise<void> {
  const total = segments.reduce((sum, { stored }) => sum + stored.rows.count, 0);
  let before = 0;
  for (const segment of segments) {
    const tell = (rows: number): void =>
      onProgress?.({ phase: "optimize", done: before + rows, total, bytes: 0, totalBytes: 0 });
    await indexSegment(writer, segment, { ...(signal ? { signal } : {}), onRows: tell });
    before += segment.stored.rows.count;
  }
}

/** Drops parts that are not wanted. Call it only from background work. */
export async function stripSegments(writer: Writer, segments: readonly OpenSegment[]): Promise<void> {
  for (const segment of segments)
    await commit(writer, segment, writer.library.spaceVectors.wanted(segment.stored.entry), noParts);
}

async function indexSegment(
  writer: Writer,
  segment: OpenSegment,
  { signal, onRows }: { signal?: AbortSignal; onRows: (rows: number) => void },
): Promise<void> {
  const { library, pool } = writer;
  const { entry } = segment.stored;
  const index = library.spaceVectors.wanted(entry);
  if (index === "flat") return;
  const space = library.activeSpace;
  const part = vectorsPrefix(space.id) + FINE;
  const fine = (await segment.stored.input((name) => name === part)).parts.get(part)!;
  const most = library.spaceVectors.isChosen
    ? { mostEffort: mostEffort(entry.count, rowBytes(codersOf(space).coarse)) }
    : {};
  const options = { transfer: [fine.buffer as ArrayBuffer], onRows, ...(signal ? { signal } : {}) };
  const parts = await pool.run({ kind: "index", index, fine, space, ...most }, options);
  await commit(writer, segment, index, parts);
}

/** New parts take the place of all that other kinds have. */
function commit(writer: Writer, segment: OpenSegment, kind: VectorIndex, parts: PagedParts): Promise<void> {
  const { manifest, spaceVectors } = writer.library;
  return commitParts(writer, segment, parts, unwantedPart(kind, manifest.active), spaceVectors.refused);
}

/** Parts of other kinds than the wanted one, and of other spaces. */
function unwantedPart(kind: VectorIndex, spaceId: number): (part: string) => boolean {
  const prefix = kind === "flat" ? undefined : vectorsPrefix(spaceId) + INDEX_PREFIX[kind];
  return (part) => isIndexPart(part) && !(prefix !== undefined && part.startsWith(prefix));
}
