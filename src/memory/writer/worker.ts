/** The worker thread: performs one task at a time, says how far it is, stops when it is told to, and transfers the bytes it made. */
import { readlinkSync } from "node:fs";
import { parentPort, workerData } from "node:worker_threads";
import { carry } from "../../carried-error.ts";
import type { Parts } from "../../index/segment.ts";
import { standAsideFor } from "../../stand-aside.ts";
import type { PagedParts, PageRun } from "./page-runs.ts";
import type { PreparedSegment, ReadDocument, STOP, Task, WorkerData } from "./tasks.ts";
import { perform } from "./work.ts";

let stop: AbortController | undefined;

standAsideFor((workerData as WorkerData).answering);

parentPort!.on("message", async (message: Task | typeof STOP) => {
  if ("stop" in message) {
    stop?.abort();
    return;
  }
  stop = new AbortController();
  try {
    const onRows = (rows: number): void => parentPort!.postMessage({ rows });
    const result = await perform(message, { signal: stop.signal, onRows });
    parentPort!.postMessage({ result }, buffersOf(result));
  } catch (error) {
    parentPort!.postMessage({ error: carry(error, "worker") });
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

/** Buffers that a result may give away. Vectors are few bytes and may share a buffer: they are copied. */
function buffersOf(result: PreparedSegment | ReadDocument | PagedParts | Parts): ArrayBuffer[] {
  return result instanceof Map ? [] : runsOf(result).map(({ bytes }) => bytes.buffer);
}

function runsOf(result: PreparedSegment | ReadDocument | PagedParts): readonly PageRun[] {
  if ("item" in result) return [];
  if ("prepared" in result) return result.prepared.parts.runs;
  return "parts" in result ? result.parts.runs : result.runs;
}
