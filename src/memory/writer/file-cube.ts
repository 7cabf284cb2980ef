/**
 * file-cube: puts the rows of segments into the cube, one segment at a time, behind the writes: nobody waits for it, searches use what is filed. Rows
 * that were filed in the tail keep their labels. Nothing is lost when it is stopped: the next opening goes on.
 */
import { throwIfAborted } from "../../errors.ts";
import { buildCube, type Labels } from "../../index/cube/index.ts";
import { type RowIds, rowAt } from "../../index/segment.ts";
import { Pacer } from "../../pacer.ts";
import { cubePrefix, type Manifest, type SegmentEntry } from "../layout.ts";
import type { OpenSegment } from "../library.ts";
import { dropParts, partsGone } from "./drop-parts.ts";
import { cutIntoRuns, writeRun } from "./page-runs.ts";
import type { Writer } from "./writer.ts";

/** Segments that are not filed in the cube, or in an older one. */
export function segmentsToFile({ library, notFiled }: Writer): readonly OpenSegment[] {
  const { filing } = library.cube;
  if (!filing?.extractors) return [];
  const prefix = cubePrefix(filing.entry.id);
  return library.segments.filter(({ stored }) => !stored.has(prefix) && !notFiled.has(stored.entry.id));
}

/** Files a segment. Call it only from background work. @throws MnemeError CANCELLED; BUDGET: the segment stays unfiled; what an extractor throws */
export async function fileSegment(writer: Writer, segment: OpenSegment, signal: AbortSignal): Promise<void> {
  const { dimensions, id } = writer.library.cube.filing!.entry;
  const labels = await labelsOf(writer, segment, signal);
  const prefix = cubePrefix(id);
  const parts = new Map(
    [...buildCube(dimensions, labels)].map(([name, bytes]) => [prefix + name, bytes] as const),
  );
  const paged = cutIntoRuns(parts);
  const bytes = [...parts.values()].reduce((sum, { byteLength }) => sum + byteLength, 0);
  // refused before anything of it is durable: the structures claim it themselves once they hold it
  writer.library.budget.claim("cube: filing", { bytes })[Symbol.dispose]();
  await commit(writer, segment.stored.entry.id, paged);
}

async function labelsOf(
  { library }: Writer,
  { items, stored }: OpenSegment,
  signal: AbortSignal,
): Promise<Labels[]> {
  const pacer = new Pacer();
  const labels: Labels[] = [];
  for (let item = 0; item < items.count; item++) {
    throwIfAborted(signal, "cube");
    const { head } = await items.record(item);
    for (let ordinal = items.firstOrdinal(item); ordinal < items.firstOrdinal(item + 1); ordinal++) {
      labels.push(await labelsOfRow(library, stored.rows, ordinal, head, signal));
      if (pacer.isDue) await pacer.pause();
    }
  }
  return labels;
}

async function labelsOfRow(
  library: Writer["library"],
  rows: RowIds,
  ordinal: number,
  head: Parameters<Writer["library"]["cube"]["labelsOf"]>[1],
  signal: AbortSignal,
): Promise<Labels> {
  const row = rowAt(rows, ordinal);
  const known = library.cube.index?.tailLabels(row);
  return known ?? library.cube.labelsOf(await library.passageText(row), head, signal);
}

/** The pages go into the commit that names them, so that a crash leaves none behind; those of an older cube go. */
async function commit(
  writer: Writer,
  segmentId: number,
  { sizes, runs }: ReturnType<typeof cutIntoRuns>,
): Promise<void> {
  const { library, store } = writer;
  await writer.alone(async () => {
    const old = library.manifest;
    const filed = (one: SegmentEntry): SegmentEntry => {
      if (one.id !== segmentId) return one;
      const kept = Object.entries(one.parts).filter(([name]) => !/^cube\d+\//.test(name));
      return { ...one, parts: { ...Object.fromEntries(kept), ...sizes } };
    };
    const manifest: Manifest = { ...old, segments: old.segments.map(filed) };
    await store.batch((batch) => {
      for (const run of runs) writeRun(batch, segmentId, run);
      writer.putManifest(batch, manifest);
    });
    await library.adopt(manifest);
    await dropParts(writer, partsGone(old, manifest));
  });
}
