/**
 * WorkerPool: a few threads for reading, building and merging, started when there is work and ended when there has been none
 * for a while, so that an idle library holds none of their memory. What somebody waits for gets a thread of its own when all are busy
 * with long work. With 0 workers tasks run inline.
 */
import { availableParallelism, setPriority } from "node:os";
import { Worker } from "node:worker_threads";
import { builtFile } from "../../built-file.ts";
import { type CarriedError, carried } from "../../carried-error.ts";
import { MnemeError } from "../../errors.ts";
import { Answering } from "../../stand-aside.ts";
import { threadOptions } from "../../thread-options.ts";
import { STOP, type Task, type TaskControl, type TaskResult, type WorkerData } from "./tasks.ts";
import { perform } from "./work.ts";

/** Threads of an open library unless the caller says otherwise. */
export const defaultWorkers = (): number => Math.min(4, availableParallelism());

/**
 * How long a thread waits for more work. A new one has its code compiled by the engine anew: a second of a core, in threads of the engine
 * that give way to nobody. One that waits gives what it holds back bit by bit.
 */
const IDLE_MS = 20_000;
/**
 * Nice value of threads that give way: a search then gets fourteen fifteenths of a core that it shares with one. Not more: a thread
 * that hardly runs holds locks of the process the longer.
 */
const GIVING_WAY = 12;

export interface RunOptions extends TaskControl {
  /** Buffers of the task that change hands. */
  readonly transfer?: readonly ArrayBuffer[];
  /** Somebody waits for this one: it goes before all others, and may use one thread more. */
  readonly urgent?: boolean;
}

interface Job extends RunOptions {
  readonly task: Task;
  readonly resolve: (result: never) => void;
  readonly reject: (error: unknown) => void;
}

interface Hello {
  /** The system's number of the thread, where it has one. */
  readonly threadId: number | undefined;
}

/** How far the thread is. */
interface Step {
  readonly rows: number;
}

interface Reply {
  readonly result?: unknown;
  readonly error?: CarriedError;
}

const closed = (): MnemeError => new MnemeError("DISPOSED", "memory: closed while work was under way");

class Thread {
  readonly worker: Worker;
  job: Job | undefined;
  idleTimer: NodeJS.Timeout | undefined;
  threadId: number | undefined;

  constructor(workerData: WorkerData) {
    this.worker = new Worker(builtFile("memory/worker.js", import.meta.url), {
      ...threadOptions,
      workerData,
    });
    this.worker.unref();
  }

  /** From now on, for as long as it lives: raising the priority again would need a privilege. */
  giveWay(): void {
    if (this.threadId === undefined) return;
    try {
      setPriority(this.threadId, GIVING_WAY);
    } catch {
      // a system that does not let us: searches and indexing then share the cores evenly
    }
    this.threadId = undefined;
  }
}

export class WorkerPool implements AsyncDisposable {
  readonly size: number;
  /** Who waits for answers: threads at work stand aside for them. */
  readonly answering: Answering = new Answering();
  readonly #threads = new Set<Thread>();
  readonly #queue: Job[] = [];
  #closed = false;

  constructor(size: number) {
    this.size = size;
  }

  /** @throws MnemeError what the task threw; ARGUMENT where it cannot be sent; DISPOSED by close; INTERNAL when the thread died. */
  run<T extends Task>(task: T, options: RunOptions = {}): Promise<TaskResult<T>> {
    if (this.#closed) return Promise.reject(closed());
    if (this.size === 0) return perform(task, options);
    const { signal } = options;
    let job!: Job;
    const stop = (): void => this.#stop(job);
    const done = new Promise<TaskResult<T>>((resolve, reject) => {
      job = { task, ...options, resolve, reject };
      const at = options.urgent ? this.#queue.findIndex((other) => !other.urgent) : -1;
      this.#queue.splice(at < 0 ? this.#queue.length : at, 0, job);
      signal?.addEventListener("abort", stop, { once: true });
      if (signal?.aborted) stop();
      this.#next();
    });
    return signal ? done.finally(() => signal.removeEventListener("abort", stop)) : done;
  }

  /** Starts all threads and has them perform `task`, so that they are ready when the work comes. */
  warm(task: Task): void {
    for (let i = this.#threads.size; i < this.size; i++) this.run(task).catch(() => {}); // the work itself will say it
  }

  /** Somebody searches: threads at work get what searches leave of the cores. */
  giveWay(): void {
    for (const thread of this.#threads) if (thread.job) thread.giveWay();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closed = true;
    for (const job of this.#queue.splice(0)) job.reject(closed());
    await Promise.all([...this.#threads].map((thread) => this.#end(thread)));
  }

  /** One that has not begun is not begun; one under way is told to stop, and answers that it was. */
  #stop(job: Job): void {
    const at = this.#queue.indexOf(job);
    if (at >= 0) {
      this.#queue.splice(at, 1);
      job.reject(new MnemeError("CANCELLED", `memory: ${job.task.kind} was stopped before it began`));
    }
    for (const thread of this.#threads) if (thread.job === job) thread.worker.postMessage(STOP);
  }

  #next(): void {
    for (let job = this.#queue[0]; job; job = this.#queue[0]) {
      const thread = this.#threadFor(job);
      if (!thread) return;
      this.#queue.shift();
      this.#give(thread, job);
    }
  }

  #threadFor(job: Job): Thread | undefined {
    const most = this.size + (job.urgent ? 1 : 0);
    const threads = [...this.#threads];
    if (threads.filter((thread) => thread.job).length >= most) return undefined;
    return threads.find((thread) => !thread.job) ?? this.#start();
  }

  #give(thread: Thread, job: Job): void {
    clearTimeout(thread.idleTimer);
    thread.job = job;
    thread.worker.ref();
    try {
      thread.worker.postMessage(job.task, (job.transfer ?? []) as ArrayBuffer[]);
    } catch (cause) {
      // what a caller gave may hold what no thread can be sent: a function, an object of the system
      const why = cause instanceof Error ? cause.message : String(cause);
      const message = `memory: cannot be sent to a thread (${why}); give plain values`;
      this.#settle(thread, (failed) => failed.reject(new MnemeError("ARGUMENT", message, { cause })));
    }
  }

  #start(): Thread {
    const thread = new Thread({ answering: this.answering.count });
    this.#threads.add(thread);
    thread.worker.on("message", (message: Hello | Step | Reply) => {
      if ("threadId" in message) thread.threadId = message.threadId;
      else if ("rows" in message) thread.job?.onRows?.(message.rows);
      else this.#finish(thread, message);
    });
    thread.worker.on("error", (error) => this.#fail(thread, error));
    thread.worker.on("exit", (code) =>
      this.#fail(thread, new MnemeError("INTERNAL", `memory: a worker thread ended with code ${code}`)),
    );
    return thread;
  }

  #finish(thread: Thread, { result, error }: Reply): void {
    this.#settle(thread, (job) => (error ? job.reject(carried(error)) : job.resolve(result as never)));
    this.#next();
  }

  /** The thread waits for its next job, for a while. */
  #settle(thread: Thread, settle: (job: Job) => void): void {
    const { job } = thread;
    thread.job = undefined;
    thread.worker.unref();
    if (job) settle(job);
    thread.idleTimer = setTimeout(() => this.#end(thread), IDLE_MS);
    thread.idleTimer.unref();
  }

  #fail(thread: Thread, error: unknown): void {
    clearTimeout(thread.idleTimer);
    this.#threads.delete(thread);
    const job = thread.job;
    thread.job = undefined;
    if (this.#closed) {
      job?.reject(closed());
      return;
    }
    job?.reject(
      error instanceof MnemeError
        ? error
        : new MnemeError("INTERNAL", `memory: a worker thread failed: ${String(error)}`, { cause: error }),
    );
    this.#next();
  }

  async #end(thread: Thread): Promise<void> {
    clearTimeout(thread.idleTimer);
    this.#threads.delete(thread);
    await thread.worker.terminate();
  }
}
