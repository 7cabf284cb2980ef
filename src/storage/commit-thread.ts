/**
 * CommitThread: commits made by a thread of its own, so that the thread that answers never waits for the disk. It starts when there is
 * more than a little to write and ends when there has been nothing for a while. One job at a time: CommitQueue sees to that.
 */
import { Worker } from "node:worker_threads";
import { builtFile } from "../built-file.ts";
import { type ErrorCode, MnemeError } from "../errors.ts";
import { threadOptions } from "../thread-options.ts";
import type { Write } from "./batch-log.ts";
import type { DataFile } from "./library-folder.ts";
import type { EngineOptions } from "./lmdb-engine.ts";
import { packWrites } from "./packed-writes.ts";

export type CommitJob =
  | {
      readonly kind: "commit";
      readonly path: string;
      readonly writes: ArrayBuffer;
      /** Buffers that values lie in. */
      readonly given: readonly ArrayBuffer[];
      readonly generation: number;
    }
  | { readonly kind: "rewrite"; readonly path: string; readonly folder: string; readonly target: DataFile }
  | { readonly kind: "close" };

export interface CommitReply {
  readonly error?: {
    readonly code?: string | number | undefined;
    readonly message: string;
    /** Set for a MnemeError. */
    readonly details?: Readonly<Record<string, unknown>>;
  };
}

interface Asked {
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

/** A commit below this is made where it was called rather than wait for the thread to start. */
const SMALL_BYTES = 256 << 10;
/** Small commits of a program that needs no thread for them. */
const FEW_COMMITS = 4;
const IDLE_MS = 10_000;

export class CommitThread {
  readonly #options: EngineOptions;
  #worker: Worker | undefined;
  #up = false;
  #small = 0;
  #asked: Asked | undefined;
  #idleTimer: NodeJS.Timeout | undefined;

  constructor(options: EngineOptions) {
    this.#options = options;
  }

  /** Whether the thread should make a commit of `bytes`; starts it where it will soon be wanted. */
  takes(bytes: number): boolean {
    if (this.#up) return true;
    if (bytes < SMALL_BYTES && ++this.#small <= FEW_COMMITS) return false;
    this.#start();
    return bytes >= SMALL_BYTES;
  }

  /** Durable when it resolves. @throws what LMDB said; both ends must then open the file anew. */
  commit(
    path: string,
    writes: readonly Write[],
    given: readonly ArrayBuffer[],
    generation: number,
  ): Promise<void> {
    const packed = packWrites(writes, given);
    return this.#ask({ kind: "commit", path, writes: packed, given, generation }, [packed, ...given]);
  }

  /** @see rewriteFile */
  rewrite(path: string, folder: string, target: DataFile): Promise<void> {
    return this.#ask({ kind: "rewrite", path, folder, target });
  }

  /** Lets go of the file and ends the thread; a later job starts it again. */
  async close(): Promise<void> {
    clearTimeout(this.#idleTimer);
    const worker = this.#worker;
    if (!worker) return;
    this.#worker = undefined;
    this.#up = false;
    const ended = new Promise((resolve) => worker.once("exit", resolve));
    worker.ref();
    worker.postMessage({ kind: "close" } satisfies CommitJob);
    await ended;
  }

  #ask(job: CommitJob, transfer: readonly ArrayBuffer[] = []): Promise<void> {
    const worker = this.#start();
    clearTimeout(this.#idleTimer);
    worker.ref();
    return new Promise((resolve, reject) => {
      this.#asked = { resolve, reject };
      worker.postMessage(job, transfer as ArrayBuffer[]);
    });
  }

  #start(): Worker {
    if (this.#worker) return this.#worker;
    const worker = new Worker(builtFile("storage/commit-worker.js", import.meta.url), {
      ...threadOptions,
      workerData: this.#options,
    });
    worker.unref();
    worker.on("message", (reply: CommitReply | "up") => this.#hear(worker, reply));
    worker.on("error", (error) => this.#lose(worker, error));
    worker.on("exit", (code) => this.#lose(worker, new Error(`it ended with code ${code}`)));
    this.#worker = worker;
    return worker;
  }

  #hear(worker: Worker, reply: CommitReply | "up"): void {
    if (worker !== this.#worker) return;
    if (reply === "up") this.#up = true;
    else this.#settle(worker, reply.error && toError(reply.error));
  }

  #settle(worker: Worker, error: unknown): void {
    const asked = this.#asked;
    this.#asked = undefined;
    worker.unref();
    this.#idleTimer = setTimeout(() => void this.close(), IDLE_MS);
    this.#idleTimer.unref();
    if (error) asked?.reject(error);
    else asked?.resolve();
  }

  #lose(worker: Worker, cause: unknown): void {
    if (worker !== this.#worker) return;
    this.#worker = undefined;
    this.#up = false;
    clearTimeout(this.#idleTimer);
    this.#asked?.reject(
      new MnemeError("INTERNAL", `store: its commit thread failed: ${String(cause)}`, { cause }),
    );
    this.#asked = undefined;
  }
}

/** The error as it was thrown over there: numbers are LMDB's, names without details the file system's. */
function toError({ code, message, details }: NonNullable<CommitReply["error"]>): Error {
  if (details) return new MnemeError(code as ErrorCode, message, { details });
  return Object.assign(new Error(message), { code });
}
