/** flush: the tail's items become a segment; their log records go in the same batch. */
import { rowIdsOf } from "../../index/segment.ts";
import { type Manifest, NS } from "../layout.ts";
import type { TailItem } from "../tail.ts";
import { noParts } from "./page-runs.ts";
import { nameSegment, namingStaged, stageSegment } from "./stage.ts";
import type { Writer } from "./writer.ts";

/** Flushes what is in the tail now. Call it only from background work: one at a time. */
export async function flushTail(writer: Writer): Promise<void> {
  const until = writer.library.tail.items.at(-1)?.firstRow ?? -1;
  for (let run = firstRun(writer); run.length > 0 && run[0]!.firstRow <= until; run = firstRun(writer))
    await flushRun(writer, run);
}

/** The tail up to the next segment's rows: segments hold disjoint, ascending ranges. */
function firstRun({ library }: Writer): readonly TailItem[] {
  const items = library.tail.items;
  const start = items[0]?.firstRow ?? 0;
  const barrier = Math.min(
    ...library.manifest.segments.map((entry) => entry.first).filter((first) => first > start),
  );
  return items.filter((item) => item.firstRow < barrier);
}

async function flushRun(writer: Writer, run: readonly TailItem[]): Promise<void> {
  const { library, trash } = writer;
  const space = library.activeSpace;
  const kept = run.filter(({ firstRow }) => library.live.has(firstRow) || trash.rows.has(firstRow));
  const parts = kept.length === 0 ? noParts : await writer.pool.run({ kind: "build", items: kept, space });
  const rows = rowIdsOf(
    kept.flatMap((item) => Array.from({ length: item.rows }, (_, i) => item.firstRow + i)),
  );
  const last = run.at(-1)!;
  const staged = rows.count === 0 ? undefined : await stageSegment(writer, parts);
  const name = (): Promise<void> =>
    writer.alone(async () => {
      let manifest!: Manifest;
      await writer.store.batch((batch) => {
        const old = library.manifest;
        const flushed = staged ? [nameSegment(batch, staged, rows)] : [];
        const segments = [...old.segments, ...flushed].sort((a, b) => a.first - b.first);
        manifest = { ...old, segments, nextSegment: Math.max(old.nextSegment, (staged?.id ?? 0) + 1) };
        writer.putManifest(batch, manifest);
        for (const item of run) batch.delete(NS.log, [item.firstRow]);
      });
      await library.adopt(manifest, () => library.trimTail(last.firstRow + last.rows - 1));
    });
  await namingStaged(writer, staged?.id, name);
}
