/** The worker thread: performs one task at a time and transfers the bytes it made. */
import { parentPort } from "node:worker_threads";
import { isMnemeError, MnemeError } from "../../errors.ts";
import type { Parts } from "../../index/segment.ts";
import type { PreparedSegment, Task } from "./tasks.ts";
import { perform } from "./work.ts";

interface Request {
  readonly number: number;
  readonly task: Task;
}

parentPort!.on("message", async ({ number, task }: Request) => {
  try {
    const result = await perform(task);
    const parts: Parts = result instanceof Map ? result : (result as PreparedSegment).parts;
    parentPort!.postMessage({ number, result }, transferable(parts.values()));
  } catch (error) {
    const known = isMnemeError(error)
      ? error
      : new MnemeError("INTERNAL", `worker: ${String(error)}`, { cause: error });
    parentPort!.postMessage({
      number,
      error: {
        code: known.code,
        message: known.message,
        details: known.details,
        stack: (error as Error).stack,
      },
    });
  }
});

/** Each buffer once; views of a larger buffer are copied by the clone instead. */
function transferable(values: Iterable<Uint8Array>): ArrayBuffer[] {
  const buffers = new Set<ArrayBuffer>();
  for (const value of values) {
    if (value.buffer instanceof ArrayBuffer && value.byteLength === value.buffer.byteLength)
      buffers.add(value.buffer);
  }
  return [...buffers];
}
