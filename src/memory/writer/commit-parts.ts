/** Gives a living segment parts that take the place of others. The pages are written first, a few megabytes at a time. */
import type { Manifest, SegmentEntry } from "../layout.ts";
import type { OpenSegment } from "../library.ts";
import { dropParts, partsGone } from "./drop-parts.ts";
import { type PagedParts, writeRun } from "./page-runs.ts";
import { namingStaged } from "./stage.ts";
import type { Writer } from "./writer.ts";

/** @param refused notes on segments that could not be used: the segment's goes when the new parts are there */
export async function commitParts(
  writer: Writer,
  { stored: { entry } }: OpenSegment,
  { sizes, runs }: PagedParts,
  isReplaced: (part: string) => boolean,
  refused: Map<number, string>,
): Promise<void> {
  const { library, store } = writer;
  const commit = async (): Promise<void> => {
    for (const run of runs) {
      await store.batch((batch) => writeRun(batch, entry.id, run), [run.bytes.buffer]);
      await new Promise((resolve) => setImmediate(resolve)); // a store in RAM commits at once
    }
    await writer.alone(async () => {
      const old = library.manifest;
      const changed = (one: SegmentEntry): SegmentEntry => {
        if (one.id !== entry.id) return one;
        const kept = Object.entries(one.parts).filter(([name]) => !isReplaced(name));
        return { ...one, parts: { ...Object.fromEntries(kept), ...sizes } };
      };
      const manifest: Manifest = { ...old, segments: old.segments.map(changed) };
      await store.batch((batch) => writer.putManifest(batch, manifest));
      refused.delete(entry.id);
      await library.adopt(manifest);
      await dropParts(writer, partsGone(old, manifest));
    });
  };
  await namingStaged(writer, entry.id, commit, Object.keys(sizes));
}
