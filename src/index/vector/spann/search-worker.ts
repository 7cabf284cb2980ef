/** A thread of SearchThreads: opens the index for reading, again when the store has changed, and searches it for what it is sent. */
import { parentPort, workerData } from "node:worker_threads";
import { carry } from "../../../carried-error.ts";
import { openPath } from "../../../storage/open-path.ts";
import { RowSet } from "../../row-set.ts";
import type { OpenedIndex, SearchJob, SearchReply } from "./search-threads.ts";
import { SpannIndex } from "./spann.ts";

const { location, name, options: settings } = workerData as OpenedIndex;
const port = parentPort!;
const store = await openPath(location, { mode: "read" });
let known: { readonly index: SpannIndex; readonly generation: number } | undefined;

async function indexAt(generation: number): Promise<SpannIndex> {
  if (known?.generation === generation) return known.index;
  known?.index[Symbol.dispose]();
  known = undefined;
  known = { index: await SpannIndex.open(store, name, settings), generation };
  return known.index;
}

const bytesHeld = (): number => known?.index.memory().reduce((sum, { bytes }) => sum + bytes, 0) ?? 0;

async function answer({ job, generation, queries, options, filter }: SearchJob): Promise<SearchReply> {
  const among = filter && { filter: RowSet.fromBytes(new Uint8Array(filter.buffer)) };
  try {
    if (store.generation() !== generation) return { job, bytes: bytesHeld() };
    const index = await indexAt(generation);
    const hits = await index.searchMany(queries, { ...options, ...among });
    return { job, bytes: bytesHeld(), ...(store.generation() === generation ? { hits } : {}) };
  } catch (error) {
    // of lists that were written meanwhile it is no error
    if (store.generation() !== generation) return { job, bytes: bytesHeld() };
    return { job, bytes: bytesHeld(), error: carry(error, "spann") };
  }
}

/** One after the other. */
let last: Promise<void> = Promise.resolve();

async function close(): Promise<void> {
  await last;
  known?.index[Symbol.dispose]();
  await store.close();
  port.close();
}

port.on("message", (asked: SearchJob | "close") => {
  if (asked === "close") void close();
  else last = last.then(async () => port.postMessage(await answer(asked)));
});
