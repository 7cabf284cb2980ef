/**
 * compact: forgetting becomes final, segments are rewritten without dead rows and get the indexes that the plan
 * wants for them, the store gives its free pages back.
 */
import { throwIfAborted } from "../../errors.ts";
import type { WorkOptions } from "../types.ts";
import { fileSegments, segmentsToFile } from "./file-cube.ts";
import { flushTail } from "./flush.ts";
import { expireTrash } from "./forget.ts";
import { segmentsToShard, segmentsToUnshard, shardSegments, unshardSegments } from "./index-substrings.ts";
import { indexSegments, segmentsToIndex, segmentsToStrip, stripSegments } from "./index-vectors.ts";
import { compactionRuns, mergeRun } from "./merge.ts";
import type { Writer } from "./writer.ts";

export async function compact(
  writer: Writer,
  options: WorkOptions,
): Promise<{ bytesBefore: number; bytesAfter: number }> {
  const bytesBefore = writer.store.stats().bytes;
  await writer.inBackground(async () => {
    await writer.alone(() => expireTrash(writer, Date.now(), true));
    await flushTail(writer);
    const runs = compactionRuns(writer);
    for (const [done, run] of runs.entries()) {
      throwIfAborted(options.signal, "compact");
      options.onProgress?.({ phase: "compact", done, total: runs.length, bytes: 0, totalBytes: bytesBefore });
      await mergeRun(writer, run);
    }
    writer.notIndexed.clear();
    writer.notFiled.clear();
    await stripSegments(writer, segmentsToStrip(writer));
    await indexSegments(writer, segmentsToIndex(writer), options);
    writer.notSharded.clear();
    await unshardSegments(writer, segmentsToUnshard(writer));
    await shardSegments(writer, segmentsToShard(writer), options);
    await fileSegments(writer, segmentsToFile(writer), options);
  });
  const switching = (swap: () => Promise<void>): Promise<void> => writer.library.gate.write(swap);
  await writer.alone(() => writer.store.compact({ switching }));
  return { bytesBefore, bytesAfter: writer.store.stats().bytes };
}
