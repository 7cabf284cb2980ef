/**
 * Pool: worker threads over the kernels' one shared memory. Fork and join by atomics: the caller takes a share of the rows itself,
 * spins briefly, then waits. Node only; elsewhere, and with 0 workers, the caller does it all.
 */
import type { Worker } from "node:worker_threads";
import { builtFile } from "../built-file.ts";
import { MnemeError } from "../errors.ts";
import type { Region } from "./arena.ts";
import { KERNEL_NAMES, type KernelName } from "./module.ts";
import type { WasmFace } from "./wasm.ts";

export interface PoolOptions {
  readonly workers: number;
}

/** Words of the control block: generation, workers done, then a slot of arguments per worker. */
export const GENERATION = 0;
export const DONE = 1;
/** Set by a worker whose kernel threw. */
export const FAILED = 2;
export const SLOTS = 16;
export const SLOT_WORDS = 16;

const SPINS = 2_000;
const JOIN_TIMEOUT_MS = 30_000;

/** A kernel over rows that can be cut anywhere: arguments (query, rows, count, ...rest, out). All arrays in the arena. */
export interface Scan {
  readonly kernel: "dotF32" | "l2F32" | "dotI8" | "l2I8" | "dotF32I8" | "dotF32U4" | "hamming" | "binaryDot4";
  readonly query: number;
  readonly rows: number;
  readonly count: number;
  readonly stride: number;
  readonly rest: readonly number[];
  /** Pointer to `count` 4-byte results. */
  readonly out: number;
}

export class Pool implements AsyncDisposable {
  readonly #face: WasmFace;
  readonly #workers: readonly Worker[];
  readonly #control: Region | undefined;
  #failure: unknown;
  #closed = false;

  constructor(face: WasmFace, workers: readonly Worker[], control: Region | undefined) {
    this.#face = face;
    this.#workers = workers;
    this.#control = control;
    for (const worker of workers) {
      worker.unref();
      worker.on("error", (error) => {
        this.#failure = error;
      });
    }
  }

  /** Threads that share the work, the caller included. */
  get threads(): number {
    return this.#workers.length + 1;
  }

  /** Runs one scan on all threads; returns when all rows are done. @throws MnemeError DISPOSED, INTERNAL when a worker died. */
  scan(scan: Scan): void {
    if (this.#closed) throw new MnemeError("DISPOSED", "pool: used after close");
    if (this.#failure)
      throw new MnemeError("INTERNAL", "pool: a worker thread died; open a new pool", {
        cause: this.#failure,
      });
    const share = Math.ceil(scan.count / this.threads);
    if (!this.#control) {
      this.#run(scan, 0, scan.count);
      return;
    }
    const words = this.#control.i32();
    this.#workers.forEach((_, i) => {
      const first = Math.min(scan.count, share * (i + 1));
      words.set(argumentsOf(scan, first, Math.min(scan.count, first + share)), SLOTS + i * SLOT_WORDS);
    });
    Atomics.store(words, DONE, 0);
    Atomics.add(words, GENERATION, 1);
    Atomics.notify(words, GENERATION);
    this.#run(scan, 0, Math.min(scan.count, share));
    this.#join(words);
    if (Atomics.exchange(words, FAILED, 0) !== 0) {
      throw new MnemeError(
        "INTERNAL",
        `pool: ${scan.kernel} failed in a worker; are its pointers inside the arena?`,
      );
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    await Promise.all(this.#workers.map((worker) => worker.terminate()));
    this.#control?.[Symbol.dispose]();
  }

  #run(scan: Scan, first: number, end: number): void {
    if (end <= first) return;
    const { kernel, query, rows, stride, rest, out } = scan;
    this.#face.instance.exports[kernel](query, rows + first * stride, end - first, ...rest, out + first * 4);
  }

  #join(words: Int32Array): void {
    const wanted = this.#workers.length;
    for (let spin = 0; spin < SPINS; spin++) if (Atomics.load(words, DONE) === wanted) return;
    const deadline = Date.now() + JOIN_TIMEOUT_MS;
    for (let done = Atomics.load(words, DONE); done !== wanted; done = Atomics.load(words, DONE)) {
      Atomics.wait(words, DONE, done, 1000);
      if (Date.now() > deadline) {
        this.#failure = new MnemeError(
          "INTERNAL",
          `pool: ${wanted - done} of ${wanted} workers did not finish in ${JOIN_TIMEOUT_MS} ms`,
        );
        throw this.#failure;
      }
    }
  }
}

/** What a worker finds in its slot: kernel, argument count, arguments. Count 0 of rows means nothing to do. */
function argumentsOf({ kernel, query, rows, stride, rest, out }: Scan, first: number, end: number): number[] {
  const args = [query, rows + first * stride, end - first, ...rest, out + first * 4];
  return [KERNEL_NAMES.indexOf(kernel as KernelName), args.length, ...args];
}

/** Starts the threads and waits until each is ready. @throws MnemeError RANGE */
export async function openPool(face: WasmFace, { workers }: PoolOptions): Promise<Pool> {
  if (!Number.isInteger(workers) || workers < 0)
    throw new MnemeError("RANGE", `pool: workers must be a whole number from 0, got ${workers}`);
  const shared =
    typeof SharedArrayBuffer !== "undefined" && face.instance.memory.buffer instanceof SharedArrayBuffer;
  if (workers === 0 || !shared) return new Pool(face, [], undefined);
  const { Worker: NodeWorker } = await import("node:worker_threads");
  const control = face.arena.alloc((SLOTS + workers * SLOT_WORDS) * 4);
  control.i32().fill(0);
  const { memory, module } = face.instance;
  const started = Array.from({ length: workers }, (_, number) => {
    const workerData = { memory, module, control: control.pointer, number };
    return new NodeWorker(builtFile("kernels/worker.js", import.meta.url), { workerData });
  });
  await Promise.all(
    started.map(
      (worker) =>
        new Promise<void>((resolve, reject) => worker.once("message", () => resolve()).once("error", reject)),
    ),
  );
  return new Pool(face, started, control);
}
