/**
 * index-substrings: gives segments the shards of substrings that the library shall have, one segment at a time, in a worker, from the texts
 * that the segment holds. They are read through meanwhile. What is stopped is done by the next opening.
 */
import { ITEMS } from "../items-kind.ts";
import type { OpenSegment } from "../library.ts";
import { holdsShards, SUBSTRINGS } from "../substrings/substrings.ts";
import type { WorkOptions } from "../types.ts";
import { commitParts } from "./commit-parts.ts";
import { noParts } from "./page-runs.ts";
import type { TaskControl } from "./tasks.ts";
import type { Writer } from "./writer.ts";

/** Texts of fewer bytes are read through in a millisecond or two. */
const LEAST_BYTES = 256 << 10;

/** What of a segment a worker needs. */
const TEXT_PARTS: ReadonlySet<string> = new Set([`items/${ITEMS}`, "items/text", "items/text.table"]);

/** Segments that shall have shards and have none, or damaged ones. */
export function segmentsToShard({ library, notSharded }: Writer): readonly OpenSegment[] {
  if (!library.wantsSubstrings) return [];
  return library.segments.filter(({ stored: { entry }, items }) => {
    if (items.textBytes < LEAST_BYTES || notSharded.has(entry.id)) return false;
    return library.substrings.refused.has(entry.id) || !holdsShards(entry.parts);
  });
}

/** Segments whose shards nobody wants any more. */
export function segmentsToUnshard({ library }: Writer): readonly OpenSegment[] {
  if (library.wantsSubstrings) return [];
  return library.segments.filter(({ stored: { entry } }) => holdsShards(entry.parts));
}

/** Remembers whether the library shall have shards. */
export async function keepSubstrings(writer: Writer, wanted: boolean): Promise<void> {
  if ((writer.library.manifest.substrings ?? false) === wanted) return;
  await writer.alone(async () => {
    const manifest = { ...writer.library.manifest, substrings: wanted };
    await writer.store.batch((batch) => writer.putManifest(batch, manifest));
    await writer.library.adopt(manifest);
  });
}

/** Builds what is missing. Call it only from background work. @throws MnemeError CANCELLED */
export async function shardSegments(
  writer: Writer,
  segments: readonly OpenSegment[],
  { signal, onProgress }: WorkOptions,
): Promise<void> {
  const totalBytes = segments.reduce((sum, { items }) => sum + items.textBytes, 0);
  const total = segments.reduce((sum, { items }) => sum + items.count, 0);
  let [done, bytes] = [0, 0];
  for (const segment of segments) {
    const { count, textBytes } = segment.items;
    await shardSegment(writer, segment, {
      ...(signal ? { signal } : {}),
      onRows: (texts) =>
        onProgress?.({
          phase: "optimize",
          done: done + texts,
          total,
          bytes: bytes + Math.round((textBytes * texts) / count),
          totalBytes,
        }),
    });
    done += count;
    bytes += textBytes;
  }
}

/** Drops shards. Call it only from background work. */
export async function unshardSegments(writer: Writer, segments: readonly OpenSegment[]): Promise<void> {
  for (const segment of segments)
    await commitParts(writer, segment, noParts, isShard, writer.library.substrings.refused);
}

const isShard = (part: string): boolean => part.startsWith(SUBSTRINGS);

async function shardSegment(writer: Writer, segment: OpenSegment, control: TaskControl): Promise<void> {
  const { stored } = segment;
  const { rows, parts } = await stored.input((part) => TEXT_PARTS.has(part));
  const transfer = [...parts.values()].map(({ buffer }) => buffer as ArrayBuffer);
  const task = { kind: "substrings", count: rows.count, parts } as const;
  const made = await writer.pool.run(task, { ...control, transfer });
  await commitParts(writer, segment, made, isShard, writer.library.substrings.refused);
}
