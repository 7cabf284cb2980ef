/** The thread behind CommitThread: it has the file open a second time, commits what it is sent, and rewrites the file when asked to. */
import { parentPort, workerData } from "node:worker_threads";
import { carry } from "../carried-error.ts";
import type { MnemeError } from "../errors.ts";
import type { CommitJob, CommitReply } from "./commit-thread.ts";
import { temporaryFile } from "./library-folder.ts";
import { loadLmdb } from "./lmdb-binding.ts";
import { COPY_BYTES, rewriteFile } from "./lmdb-copy.ts";
import { type EngineOptions, LmdbEngine } from "./lmdb-engine.ts";
import { unpackWrites } from "./packed-writes.ts";
import { toCommitError, toStoreError } from "./store-errors.ts";
import { GENERATION_KEY, generationBytes } from "./store-header.ts";

const lmdb = await loadLmdb();
const port = parentPort!;
const openEngine = (path: string): LmdbEngine => new LmdbEngine(lmdb, path, workerData as EngineOptions);
let engine: LmdbEngine | undefined;

async function engineOf(path: string): Promise<LmdbEngine> {
  if (engine && engine.path !== path) await letGo();
  engine ??= openEngine(path);
  return engine;
}

async function letGo(): Promise<void> {
  await engine?.close();
  engine = undefined;
}

async function perform(job: CommitJob): Promise<void> {
  switch (job.kind) {
    case "commit":
      return (await engineOf(job.path)).commit(unpackWrites(job.writes, job.given), {
        key: GENERATION_KEY,
        value: generationBytes(job.generation),
      });
    case "rewrite":
      return rewriteFile(await engineOf(job.path), job.folder, job.target, openEngine);
    case "close":
      await letGo();
      return port.close();
    default:
      return job satisfies never;
  }
}

/** After a failure LMDB's state in memory is unknown: this end lets go of the file, and the other opens it anew. */
async function answer(job: CommitJob): Promise<CommitReply> {
  try {
    await perform(job);
    return {};
  } catch (error) {
    await letGo();
    return { error: carry(judge(error, job), "store") };
  }
}

/** Here, since telling a full disk from a failing one writes to it. */
function judge(error: unknown, job: CommitJob): MnemeError {
  switch (job.kind) {
    case "commit":
      return toCommitError(error, "batch", job.folder, job.path, job.bytes);
    case "rewrite":
      return toCommitError(
        error,
        "compact",
        job.folder,
        temporaryFile(job.folder, job.target.number),
        COPY_BYTES,
      );
    case "close":
      return toStoreError(error, "close", engine?.path ?? "the library");
    default:
      return job satisfies never;
  }
}

// One job after another: the other end sends the next when it has this one's answer.
port.on("message", async (job: CommitJob) => port.postMessage(await answer(job)));
port.postMessage("up");
