/**
 * CommitThread: commits made by a thread of its own, so that the thread that answers never waits for the disk. It starts when there is
 * more than a little to write and ends when there has been nothing for a while. One job at a time: CommitQueue sees to that.
 */
import { Worker } from "node:worker_threads";
import { builtFile } from "../built-file.ts";
import { type CarriedError, carried } from "../carried-error.ts";
import { MnemeError } from "../errors.ts";
import { threadOptions } from "../thread-options.ts";
import type { Write } from "./batch-log.ts";
import type { DataFile } from "./library-folder.ts";
import type { EngineOptions } from "./lmdb-engine.ts";
import { packWrites } from "./packed-writes.ts";

/** Where a commit goes. */
export interface CommitTarget {
  /** Of the library. */
  readonly folder: string;
  /** Of the data file. */
  readonly path: string;
  /** After the commit. */
  readonly generation: number;
  /** About what the file grows by. */
  readonly bytes: number;
}

export type CommitJob =
  | (CommitTarget & {
      readonly kind: "commit";
      readonly writes: ArrayBuffer;
      /** Buffers that values lie in. */
      readonly given: readonly ArrayBuffer[];
    })
  | { readonly kind: "rewrite"; readonly path: string; readonly folder: string; readonly target: DataFile }
  | { readonly kind: "close" };

export interface CommitReply {
  readonly error?: CarriedError;
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
  /** Resolves when the thread that was told to end has ended. */
  #ended: Promise<unknown> = Promise.resolve();

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

  /** Durable when it resolves. @throws MnemeError as toCommitError says; this end must then open the file anew. */
  commit(target: CommitTarget, writes: readonly Write[], given: readonly ArrayBuffer[]): Promise<void> {
    const packed = packWrites(writes, given);
    return this.#ask({ kind: "commit", ...target, writes: packed, given }, [packed, ...given]);
  }

  /** @see rewriteFile */
  rewrite(path: string, folder: string, target: DataFile): Promise<void> {
    return this.#ask({ kind: "rewrite", path, folder, target });
  }

  /** Lets go of the file and ends the thread; a later job starts it again. */
  async close(): Promise<void> {
    clearTimeout(this.#idleTimer);
    const worker = this.#worker;
    if (worker) {
      this.#worker = undefined;
      this.#up = false;
      this.#ended = new Promise((resolve) => worker.once("exit", resolve));
      worker.ref();
      worker.postMessage({ kind: "close" } satisfies CommitJob);
    }
    await this.#ended; // also of one that ends because it was idle
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
    else this.#settle(worker, reply.error && carried(reply.error));
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
