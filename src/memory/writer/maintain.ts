/**
 * Maintenance: what is queued behind the writes. A large tail is flushed into a segment, many small segments are merged. A run of
 * segments that has tail rows between its own is merged only after those are flushed: segments hold ranges of rows that do not overlap.
 */
import { flushTail } from "./flush.ts";
import { hasTailWithin, mergeRun, pickMerge } from "./merge.ts";
import type { Writer } from "./writer.ts";

/** A tail beyond either bound is flushed in the background: it is rebuilt at open, and costs RAM uncompressed. */
const TAIL_ROWS = 1024;
const TAIL_BYTES = 8 << 20;

export function flushIfLarge(writer: Writer): void {
  const { tail } = writer.library;
  if (tail.rows < TAIL_ROWS && tail.bytes < TAIL_BYTES) return;
  if (writer.flushQueued) return;
  writer.flushQueued = true;
  void writer
    .inBackground(async () => {
      writer.flushQueued = false;
      await flushTail(writer);
      mergeIfMany(writer);
    })
    .catch(() => {}); // reported by inBackground and thrown by idle
}

/** Queues a merge when there is one to do. */
export function mergeIfMany(writer: Writer): void {
  if (writer.mergeQueued || !pickMerge(writer)) return;
  writer.mergeQueued = true;
  void writer
    .inBackground(async () => {
      writer.mergeQueued = false;
      for (let run = pickMerge(writer); run; run = pickMerge(writer)) {
        if (hasTailWithin(writer, run)) await flushTail(writer);
        else await mergeRun(writer, run);
      }
    })
    .catch(() => {}); // reported by inBackground and thrown by idle
}
