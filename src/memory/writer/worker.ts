/** The worker thread: performs one task at a time and transfers the bytes it made. */
import { readlinkSync } from "node:fs";
import { parentPort } from "node:worker_threads";
import { isMnemeError, MnemeError } from "../../errors.ts";
import type { Parts } from "../../index/segment.ts";
import type { PreparedSegment, ReadDocument, Task } from "./tasks.ts";
import { perform } from "./work.ts";

parentPort!.on("message", async (task: Task) => {
  try {
    const result = await perform(task);
    parentPort!.postMessage({ result }, transferable(bytesOf(result)));
  } catch (error) {
    const known = isMnemeError(error)
      ? error
      : new MnemeError("INTERNAL", `worker: ${String(error)}`, { cause: error });
    parentPort!.postMessage({
      error: {
        code: known.code,
        message: known.message,
        details: known.details,
        stack: (error as Error).stack,
      },
    });
  }
});
parentPort!.postMessage({ threadId: systemThreadId() });

/** Linux names a thread by a number of its own, by which its priority is set. */
function systemThreadId(): number | undefined {
  try {
    return Number(/\d+$/.exec(readlinkSync("/proc/thread-self"))?.[0]) || undefined;
  } catch {
    return undefined;
  }
}

function bytesOf(result: PreparedSegment | ReadDocument | Parts): Iterable<Uint8Array> {
  if (result instanceof Map) return result.values();
  if ("item" in result) return [];
  return ("prepared" in result ? result.prepared : result).parts.values();
}

/** Each buffer once; views of a larger buffer are copied by the clone instead. */
function transferable(values: Iterable<Uint8Array>): ArrayBuffer[] {
  const buffers = new Set<ArrayBuffer>();
  for (const value of values) {
    if (value.buffer instanceof ArrayBuffer && value.byteLength === value.buffer.byteLength)
      buffers.add(value.buffer);
  }
  return [...buffers];
}
