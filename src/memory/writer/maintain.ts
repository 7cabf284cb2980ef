/**
 * Maintenance: what is queued behind the writes. A large tail is flushed into a segment, many small segments are merged. A run of
 * segments that has tail rows between its own is merged only after those are flushed: segments hold ranges of rows that do not overlap.
 */
import { labelVectors, needsLabelVectors } from "../cube/label-vectors.ts";
import { fileSegments, segmentsToFile } from "./file-cube.ts";
import { flushTail } from "./flush.ts";
import { segmentsToShard, shardSegments } from "./index-substrings.ts";
import { indexSegments, segmentsToIndex } from "./index-vectors.ts";
import { hasTailWithin, mergeRun, pickMerge } from "./merge.ts";
import type { Writer } from "./writer.ts";

/** A tail beyond either bound is flushed in the background: it is rebuilt at open, and costs RAM uncompressed. */
const TAIL_ROWS = 1024;
const TAIL_BYTES = 8 << 20;
/** So many times as large a tail makes its writer wait, who would otherwise outrun the flush until the budget is spent. */
const MOST_TAILS = 4;

/** Queues a flush when the tail is large. @returns when the caller may write on: at once, unless the tail is very large */
export async function flushIfLarge(writer: Writer): Promise<void> {
  if (!isTailBeyond(writer, 1)) return;
  if (!writer.flushQueued) {
    writer.flushQueued = true;
    const flushed = writer.inBackground(async () => {
      writer.flushQueued = false;
      await flushTail(writer);
      mergeIfMany(writer);
    });
    flushed.catch(() => {}); // reported by inBackground and thrown by idle
  }
  // a reembed may hold the queue for hours: nobody waits for a model to write
  const isReembedding = writer.library.manifest.spaces.length > 1;
  if (isTailBeyond(writer, MOST_TAILS) && !isReembedding) await writer.inBackground(async () => {});
}

function isTailBeyond({ library: { tail } }: Writer, times: number): boolean {
  return tail.rows >= times * TAIL_ROWS || tail.bytes >= times * TAIL_BYTES;
}

/** Queues a merge when there is one to do, and the building of indexes that segments lack. */
export function mergeIfMany(writer: Writer): void {
  if (writer.mergeQueued || !hasWork(writer)) return;
  writer.mergeQueued = true;
  void writer
    .inBackground(async () => {
      writer.mergeQueued = false;
      for (let run = pickMerge(writer); run; run = pickMerge(writer)) {
        if (hasTailWithin(writer, run)) await flushTail(writer);
        else await mergeRun(writer, run);
      }
      await inTurn(writer, segmentsToIndex, indexSegments, writer.notIndexed);
      await inTurn(writer, segmentsToShard, shardSegments, writer.notSharded);
      await inTurn(writer, segmentsToFile, fileSegments, writer.notFiled);
      await embedLabels(writer);
    })
    .catch(() => {}); // reported by inBackground and thrown by idle
}

function hasWork(writer: Writer): boolean {
  return (
    pickMerge(writer) !== undefined ||
    needsLabelVectors(writer.library, writer.embedder) ||
    [segmentsToIndex, segmentsToShard, segmentsToFile].some((missing) => missing(writer).length > 0)
  );
}

/** Rows of the tail are filed behind the writes: a search that comes before files them itself, unless a model is asked. */
export function fileBehind(writer: Writer): void {
  const { library, closing } = writer;
  if (!library.cube.filing?.extractors) return;
  const filed = writer.inBackground(async () => {
    await library.cube.file(library.tail, closing.signal);
    await embedLabels(writer);
  });
  filed.catch(() => {}); // reported by inBackground
}

/** Labels of the cube get their vectors before a search asks for them. */
async function embedLabels({ library, embedder, closing: { signal } }: Writer): Promise<void> {
  const { index } = library.cube;
  if (!index || signal.aborted || !needsLabelVectors(library, embedder)) return;
  try {
    await labelVectors(library, index, embedder, signal);
  } catch (error) {
    // the next search makes them
    if (!signal.aborted) throw error;
  }
}

/** One segment at a time: a merge may come between, and closing stops it. */
async function inTurn(
  writer: Writer,
  missing: typeof segmentsToIndex,
  build: typeof indexSegments,
  failed: Set<number>,
): Promise<void> {
  const { signal } = writer.closing;
  const [next, ...others] = missing(writer);
  if (!next || signal.aborted) return;
  try {
    await build(writer, [next], { signal });
  } catch (error) {
    if (signal.aborted) return;
    failed.add(next.stored.entry.id);
    throw error;
  }
  if (others.length > 0) mergeIfMany(writer);
}
