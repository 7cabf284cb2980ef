/**
 * Threads that search beside the caller's, each by an index of its own over the same store: reading lists is most of a search, and one thread
 * can only read one at a time. What they find counts where the store is as it was when they were asked.
 */
import type { Worker } from "node:worker_threads";
import { builtFile } from "../../../built-file.ts";
import { type CarriedError, carried } from "../../../carried-error.ts";
import { MnemeError } from "../../../errors.ts";
import type { Matrix } from "../../../linalg/matrix.ts";
import { threadOptions } from "../../../thread-options.ts";
import type { Hits } from "../../hits.ts";
import type { SpannOptions, SpannSearchOptions } from "./spann.ts";

/** What a thread opens. */
export interface OpenedIndex {
  readonly location: string;
  readonly name: string;
  readonly options: Pick<SpannOptions, "cacheBytes" | "lists" | "pruning" | "confidence">;
}

export interface SearchJob {
  readonly job: number;
  /** Of the store, as it must be. */
  readonly generation: number;
  readonly queries: Matrix;
  readonly options: Omit<SpannSearchOptions, "filter" | "signal">;
  /** Words of the filter. */
  readonly filter: Uint32Array | undefined;
}

export interface SearchReply {
  readonly job: number;
  /** None where the store is not as it must be. */
  readonly hits?: readonly Hits[];
  /** What the thread's index holds. */
  readonly bytes: number;
  readonly error?: CarriedError;
}

interface Asked {
  readonly resolve: (hits: readonly Hits[] | undefined) => void;
  readonly reject: (error: unknown) => void;
}

export class SearchThreads implements Disposable {
  readonly count: number;
  readonly #threads: readonly SearchThread[];

  constructor(opened: OpenedIndex, count: number) {
    this.count = count;
    this.#threads = Array.from({ length: count }, () => new SearchThread(opened));
  }

  /** What the threads hold, or are expected to; 0 before `open`. */
  get bytes(): number {
    return this.#threads.reduce((sum, { bytes }) => sum + bytes, 0);
  }

  /** @param expected bytes of a thread that has not said what it holds */
  open(expected: number): void {
    for (const thread of this.#threads) thread.bytes ||= expected;
  }

  /**
   * @param thread number of it @param queries copied @param generation of the store, which holds all that was changed
   * @returns hits of each; undefined where the store has changed since. @throws as SpannIndex.search; INTERNAL where the thread died
   */
  search(
    thread: number,
    queries: Matrix,
    options: SpannSearchOptions,
    generation: number,
  ): Promise<readonly Hits[] | undefined> {
    return this.#threads[thread]!.search(queries, options, generation);
  }

  [Symbol.dispose](): void {
    for (const thread of this.#threads) thread[Symbol.dispose]();
  }
}

class SearchThread implements Disposable {
  /** Of its index. */
  bytes = 0;
  readonly #opened: OpenedIndex;
  readonly #asked = new Map<number, Asked>();
  #worker: Promise<Worker> | undefined;
  #jobs = 0;
  #isDisposed = false;

  constructor(opened: OpenedIndex) {
    this.#opened = opened;
  }

  async search(
    queries: Matrix,
    { filter, signal: _, ...options }: SpannSearchOptions,
    generation: number,
  ): Promise<readonly Hits[] | undefined> {
    const closed = new MnemeError("DISPOSED", "search: the index was closed; open it again");
    if (this.#isDisposed) throw closed;
    this.#worker ??= this.#start();
    const worker = await this.#worker;
    if (this.#isDisposed) throw closed;
    const job = this.#jobs++;
    const asked = { job, generation, queries: { ...queries, data: queries.data.slice() }, options };
    return new Promise((resolve, reject) => {
      this.#asked.set(job, { resolve, reject });
      worker.ref();
      worker.postMessage({ ...asked, filter: filter?.words } satisfies SearchJob);
    });
  }

  [Symbol.dispose](): void {
    this.#isDisposed = true;
    this.#lose(new MnemeError("DISPOSED", "search: the index was closed; open it again"));
    void this.#worker?.then((worker) => worker.postMessage("close"));
  }

  async #start(): Promise<Worker> {
    const { Worker } = await import("node:worker_threads");
    const file = builtFile("index/search-worker.js", import.meta.url);
    const worker = new Worker(file, { ...threadOptions, workerData: this.#opened });
    worker.unref();
    worker.on("message", (reply: SearchReply) => this.#hear(worker, reply));
    // a thread that fails says so twice, and another may search by then
    let isLost = false;
    const lost = (cause: unknown): void => {
      if (isLost) return;
      isLost = true;
      this.#lose(new MnemeError("INTERNAL", `search: a thread failed: ${String(cause)}`, { cause }));
    };
    worker.on("error", lost);
    worker.on("exit", (code) => {
      if (!this.#isDisposed) lost(new Error(`it ended with code ${code}`));
    });
    return worker;
  }

  #hear(worker: Worker, { job, hits, bytes, error }: SearchReply): void {
    const asked = this.#asked.get(job);
    this.#asked.delete(job);
    this.bytes = bytes;
    if (this.#asked.size === 0) worker.unref();
    if (error) asked?.reject(carried(error));
    else asked?.resolve(hits);
  }

  /** The next search starts another thread. */
  #lose(error: unknown): void {
    if (!this.#isDisposed) this.#worker = undefined;
    for (const { reject } of this.#asked.values()) reject(error);
    this.#asked.clear();
  }
}
