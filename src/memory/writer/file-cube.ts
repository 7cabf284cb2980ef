/**
 * file-cube: puts the rows of segments into the cube, one segment at a time, behind the writes: nobody waits for it, searches use what is filed. Rows
 * that were filed in the tail keep their labels. Nothing is lost when it is stopped: the next opening goes on.
 */
import { throwIfAborted } from "../../errors.ts";
import type { Labels } from "../../index/cube/index.ts";
import { type RowIds, rowAt } from "../../index/segment.ts";
import { Pacer } from "../../pacer.ts";
import { standardOnly } from "../cube/filing.ts";
import { aboutOf } from "../cube/library-cube.ts";
import { cubePrefix, type Manifest, type SegmentEntry } from "../layout.ts";
import type { OpenSegment } from "../library.ts";
import type { WorkOptions } from "../types.ts";
import { dropParts, partsGone } from "./drop-parts.ts";
import { type PagedParts, writeRun } from "./page-runs.ts";
import { pagedCube } from "./paged-cube.ts";
import type { TextToFile } from "./tasks.ts";
import type { Writer } from "./writer.ts";

/** Segments that are not filed in the cube, or in an older one. */
export function segmentsToFile({ library, notFiled }: Writer): readonly OpenSegment[] {
  const { filing } = library.cube;
  if (!filing?.extractors) return [];
  const prefix = cubePrefix(filing.entry.id);
  return library.segments.filter(({ stored }) => !stored.has(prefix) && !notFiled.has(stored.entry.id));
}

/** Files segments. Call it only from background work. @throws MnemeError CANCELLED; BUDGET: a segment stays unfiled; what an extractor throws */
export async function fileSegments(
  writer: Writer,
  segments: readonly OpenSegment[],
  { signal = writer.closing.signal }: WorkOptions,
): Promise<void> {
  for (const segment of segments) await fileSegment(writer, segment, signal);
}

async function fileSegment(writer: Writer, segment: OpenSegment, signal: AbortSignal): Promise<void> {
  const { dimensions, id } = writer.library.cube.filing!.entry;
  const prefix = cubePrefix(id);
  const paged =
    (await filedByWorker(writer, segment, prefix, signal)) ??
    pagedCube(prefix, dimensions, await labelsOf(writer, segment, signal));
  const bytes = Object.values(paged.sizes).reduce((sum, size) => sum + size, 0);
  // refused before anything of it is durable: the structures claim it themselves once they hold it
  writer.library.budget.claim("cube: filing", { bytes })[Symbol.dispose]();
  await commit(writer, segment.stored.entry.id, paged);
}

/** Rules that every thread has are followed by a worker; labels that the tail has are not looked for again. */
async function filedByWorker(
  { library, pool }: Writer,
  { items, stored }: OpenSegment,
  prefix: string,
  signal: AbortSignal,
): Promise<PagedParts | undefined> {
  const { entry } = library.cube.filing!;
  const dimensions = standardOnly(entry);
  if (!dimensions || library.cube.index?.tailLabels(rowAt(stored.rows, 0))) return undefined;
  const pacer = new Pacer();
  const texts: TextToFile[] = [];
  for (let item = 0; item < items.count; item++) {
    throwIfAborted(signal, "cube");
    const about = aboutOf((await items.record(item)).head);
    for (let ordinal = items.firstOrdinal(item); ordinal < items.firstOrdinal(item + 1); ordinal++) {
      texts.push({ text: await library.passageText(rowAt(stored.rows, ordinal)), about });
      if (pacer.isDue) await pacer.pause();
    }
  }
  return pool.run({ kind: "file", texts, dimensions, order: entry.dimensions, prefix }, { signal });
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
async function commit(writer: Writer, segmentId: number, { sizes, runs }: PagedParts): Promise<void> {
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
