/**
 * WorkerPool: a few threads for reading, building and merging, started when there is work and ended when there has been none
 * for a while, so that an idle library holds none of their memory. With 0 workers tasks run inline.
 */
import { availableParallelism } from "node:os";
import { Worker } from "node:worker_threads";
import { builtFile } from "../../built-file.ts";
import { type ErrorCode, MnemeError } from "../../errors.ts";
import type { Task, TaskResult } from "./tasks.ts";
import { perform } from "./work.ts";

/** Threads of an open library unless the caller says otherwise. */
export const defaultWorkers = (): number => Math.min(4, availableParallelism());

const IDLE_MS = 3_000;

interface Job {
  readonly task: Task;
  readonly transfer: readonly ArrayBuffer[];
  readonly resolve: (result: never) => void;
  readonly reject: (error: unknown) => void;
}

interface Reply {
  readonly number: number;
  readonly result?: unknown;
  readonly error?: {
    readonly code: ErrorCode;
    readonly message: string;
    readonly details: Record<string, unknown>;
    readonly stack?: string;
  };
}

class Thread {
  readonly worker: Worker;
  job: Job | undefined;
  idleTimer: NodeJS.Timeout | undefined;

  constructor() {
    this.worker = new Worker(builtFile("memory/worker.js", import.meta.url));
    this.worker.unref();
  }
}

export class WorkerPool implements AsyncDisposable {
  readonly size: number;
  readonly #threads = new Set<Thread>();
  readonly #queue: Job[] = [];
  #number = 0;
  #closed = false;

  constructor(size: number) {
    this.size = size;
  }

  /** @throws MnemeError what the task threw; DISPOSED after close; INTERNAL when the thread died. */
  run<T extends Task>(task: T, transfer: readonly ArrayBuffer[] = []): Promise<TaskResult<T>> {
    if (this.#closed)
      return Promise.reject(new MnemeError("DISPOSED", "memory: closed while work was under way"));
    if (this.size === 0) return perform(task);
    return new Promise((resolve, reject) => {
      this.#queue.push({ task, transfer, resolve, reject });
      this.#next();
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closed = true;
    for (const job of this.#queue.splice(0))
      job.reject(new MnemeError("DISPOSED", "memory: closed while work was under way"));
    await Promise.all([...this.#threads].map((thread) => this.#end(thread)));
  }

  #next(): void {
    while (this.#queue.length > 0) {
      const thread =
        [...this.#threads].find((one) => !one.job) ??
        (this.#threads.size < this.size ? this.#start() : undefined);
      if (!thread) return;
      this.#give(thread, this.#queue.shift()!);
    }
  }

  #give(thread: Thread, job: Job): void {
    clearTimeout(thread.idleTimer);
    thread.job = job;
    thread.worker.ref();
    thread.worker.postMessage({ number: ++this.#number, task: job.task }, job.transfer as ArrayBuffer[]);
  }

  #start(): Thread {
    const thread = new Thread();
    this.#threads.add(thread);
    thread.worker.on("message", (reply: Reply) => this.#finish(thread, reply));
    thread.worker.on("error", (error) => this.#fail(thread, error));
    thread.worker.on("exit", (code) =>
      this.#fail(thread, new MnemeError("INTERNAL", `memory: a worker thread ended with code ${code}`)),
    );
    return thread;
  }

  #finish(thread: Thread, { result, error }: Reply): void {
    const job = thread.job;
    thread.job = undefined;
    thread.worker.unref();
    if (error)
      job?.reject(new MnemeError(error.code, error.message, { details: error.details, cause: error.stack }));
    else job?.resolve(result as never);
    thread.idleTimer = setTimeout(() => this.#end(thread), IDLE_MS);
    thread.idleTimer.unref();
    this.#next();
  }

  #fail(thread: Thread, error: unknown): void {
    clearTimeout(thread.idleTimer);
    this.#threads.delete(thread);
    const job = thread.job;
    thread.job = undefined;
    job?.reject(
      error instanceof MnemeError
        ? error
        : new MnemeError("INTERNAL", `memory: a worker thread failed: ${String(error)}`, { cause: error }),
    );
    if (!this.#closed) this.#next();
  }

  async #end(thread: Thread): Promise<void> {
    clearTimeout(thread.idleTimer);
    this.#threads.delete(thread);
    await thread.worker.terminate();
  }
}
