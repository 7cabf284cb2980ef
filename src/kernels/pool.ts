/**
 * Pool: worker threads over the kernels' one shared memory. Fork and join by atomics: scans are cut into tasks, whoever is free takes the
 * next one, and the caller, once it has nothing else to do, takes tasks too. So a thread that the system does not let run costs nothing
 * but its help. Node only; elsewhere, and with 0 workers, the caller does it all.
 */
import type { Worker } from "node:worker_threads";
import { builtFile } from "../built-file.ts";
import { MnemeError } from "../errors.ts";
import { threadOptions } from "../thread-options.ts";
import type { Region } from "./arena.ts";
import type { WasmKernels } from "./module.ts";
import { type RowScan, rowScan, type Scan, ScanList } from "./scan.ts";
import type { WasmFace } from "./wasm.ts";

export interface PoolOptions {
  readonly workers: number;
}

/** Words of the control block. GENERATION: grows with every fork, workers sleep on it. */
export const GENERATION = 0;
/** 1 while tasks may be taken. */
export const OPEN = 1;
/** Number of the next task to take, and how many there are. */
export const NEXT = 2;
export const TASKS = 3;
/** Workers that may be at a task: the list of scans may change when there are none and none may begin. */
export const ACTIVE = 4;
/** Set where a kernel threw since the scans under way began. */
export const FAILED = 5;
/** Workers that must be woken. */
export const ASLEEP = 6;
/** The next task to take, and where they end, of those that were added to scans under way. */
const ADDED_NEXT = 7;
const ADDED_END = 8;
/** Tasks that are done of those before the added ones. */
const DONE = 9;
export const CONTROL_WORDS = 16;
/** Room for the list of scans, behind the control words. */
export const LIST_BYTES = 1 << 16;

/** Tasks of all scans, for each thread, at least: a slow thread holds the others up for one of them. */
const TASKS_A_THREAD = 8;
const SPINS = 2_000;
/** As long as a task or two: what was added goes on meanwhile. */
const FIRST_SPINS = 20_000;
const JOIN_TIMEOUT_MS = 30_000;

/** Takes a task of those from `next` to before `end`. @returns its number; -1 when there are none. */
function take(control: Int32Array, next: number, end: number): number {
  for (;;) {
    const task = Atomics.load(control, next);
    // more may have come meanwhile: nobody counts beyond what there is
    if (task >= Atomics.load(control, end)) return -1;
    if (Atomics.compareExchange(control, next, task, task + 1) === task) return task;
  }
}

/** Runs tasks of an open pool until there are none to take. */
export function takeTasks(control: Int32Array, list: ScanList, kernels: WasmKernels): void {
  takeFirst(control, list, kernels);
  for (;;) {
    const task = take(control, ADDED_NEXT, ADDED_END);
    if (task < 0) return;
    run(control, list, kernels, task);
  }
}

/** The same, but for those that were added to scans under way. */
function takeFirst(control: Int32Array, list: ScanList, kernels: WasmKernels): void {
  for (;;) {
    const task = take(control, NEXT, TASKS);
    if (task < 0) return;
    run(control, list, kernels, task);
    Atomics.add(control, DONE, 1);
  }
}

function run(control: Int32Array, list: ScanList, kernels: WasmKernels, task: number): void {
  try {
    list.run(kernels, task);
  } catch {
    Atomics.store(control, FAILED, 1);
  }
}

/** Scans under way. They must be joined, or disposed of, before what they read and write is freed. */
export interface Fork extends Disposable {
  /** Helps until all is done. @returns false when it could not be done: a kernel failed, or a worker does not answer */
  join(): boolean;
}

/** Scans that begin and end together. */
interface Round {
  /** Whether all were done. */
  done: boolean;
  isAddedTo: boolean;
}

export class Pool implements AsyncDisposable {
  readonly #ready: Promise<void>;
  readonly #face: WasmFace;
  readonly #workers: readonly Worker[];
  readonly #room: Region;
  readonly #list: ScanList;
  #failure: unknown;
  #closed = false;
  /** Scans under way. */
  #round: Round | undefined;

  /** @param room CONTROL_WORDS, then LIST_BYTES; the pool frees it */
  constructor(face: WasmFace, workers: readonly Worker[], room: Region) {
    this.#face = face;
    this.#workers = workers;
    this.#room = room;
    this.#list = new ScanList(face.arena, room.pointer + CONTROL_WORDS * 4, LIST_BYTES);
    this.#ready = Promise.all(workers.map((worker) => this.#running(worker))).then(() => {});
    this.#ready.catch((error: unknown) => {
      this.#failure = error;
    });
    for (const worker of workers) {
      worker.unref();
      worker.on("error", (error) => {
        this.#failure = error;
      });
    }
  }

  /** Settles when every thread runs; the process does not end before. @throws MnemeError DISPOSED, INTERNAL when a thread did not come to run */
  async ready(): Promise<void> {
    if (this.#closed) throw new MnemeError("DISPOSED", "pool: used after close");
    for (const worker of this.#workers) worker.ref();
    try {
      await this.#ready;
    } finally {
      for (const worker of this.#workers) worker.unref();
    }
  }

  /** The control words, and the list behind them. */
  get #control(): Int32Array {
    return this.#room.i32();
  }

  /** Threads that share the work, the caller included. */
  get threads(): number {
    return this.#workers.length + 1;
  }

  /** Runs one scan on all threads; returns when all rows are done. @throws MnemeError DISPOSED, INTERNAL when a worker died. */
  scan(scan: RowScan): void {
    if (this.#closed) throw new MnemeError("DISPOSED", "pool: used after close");
    if (this.#failure)
      throw new MnemeError("INTERNAL", "pool: a worker thread died; open a new pool", {
        cause: this.#failure,
      });
    const fork = this.fork([rowScan(scan)]);
    if (!fork) throw new MnemeError("INTERNAL", "pool: another scan is under way; join it first");
    if (!fork.join())
      throw new MnemeError("INTERNAL", `pool: ${scan.kernel} failed; are its pointers inside the arena?`);
  }

  /** Lets the workers begin with some scans. @returns undefined where they cannot: closed, at other scans, or a worker died */
  fork(scans: readonly Scan[]): Fork | undefined {
    return this.#round ? undefined : this.#begin(scans);
  }

  /**
   * The same behind scans that are under way, if there are any: those are joined by themselves then, and end when these do. May be called
   * once for them.
   */
  add(scans: readonly Scan[]): Fork | undefined {
    const round = this.#round;
    if (!round) return this.#begin(scans);
    if (round.isAddedTo) return undefined;
    const tasks = this.#list.append(scans, this.#tasksEach(scans));
    if (tasks < 0) return undefined;
    round.isAddedTo = true;
    Atomics.store(this.#control, ADDED_END, tasks);
    this.#wake();
    return this.#forkOf(round, () => this.#join(round));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#closed) return;
    this.#stop();
    this.#closed = true;
    await Promise.all(this.#workers.map((worker) => worker.terminate()));
    this.#room[Symbol.dispose]();
  }

  #running(worker: Worker): Promise<void> {
    return new Promise((resolve, reject) => {
      const ended = (): void =>
        reject(
          this.#closed
            ? new MnemeError("DISPOSED", "pool: closed before its threads ran")
            : new MnemeError("INTERNAL", "pool: a worker thread ended before it ran"),
        );
      worker
        .once("message", () => resolve())
        .once("error", reject)
        .once("exit", ended);
    });
  }

  #begin(scans: readonly Scan[]): Fork | undefined {
    if (this.#closed || this.#failure) return undefined;
    const tasks = this.#list.write(scans, this.#tasksEach(scans));
    if (tasks < 0) return undefined;
    const round: Round = { done: false, isAddedTo: false };
    this.#round = round;
    this.#control[NEXT] = 0;
    this.#control[ADDED_NEXT] = tasks;
    this.#control[ADDED_END] = tasks;
    this.#control[DONE] = 0;
    // of scans that nobody joined
    this.#control[FAILED] = 0;
    Atomics.store(this.#control, TASKS, tasks);
    Atomics.store(this.#control, OPEN, 1);
    this.#wake();
    return this.#forkOf(round, () => (round.isAddedTo ? this.#joinFirst(round) : this.#join(round)));
  }

  #forkOf(round: Round, join: () => boolean): Fork {
    return {
      join,
      [Symbol.dispose]: () => {
        if (this.#round === round) this.#stop();
      },
    };
  }

  /** Tasks that each of the scans is cut into. */
  #tasksEach(scans: readonly Scan[]): number {
    return Math.ceil((this.threads * TASKS_A_THREAD) / scans.length);
  }

  #wake(): void {
    if (this.#workers.length === 0) return;
    Atomics.add(this.#control, GENERATION, 1);
    if (Atomics.load(this.#control, ASLEEP) > 0) Atomics.notify(this.#control, GENERATION);
  }

  /** Waits for the scans that a round began with; what was added goes on. @returns whether they are done */
  #joinFirst(round: Round): boolean {
    if (this.#round !== round) return round.done;
    const control = this.#control;
    takeFirst(control, this.#list, this.#face.instance.exports);
    for (let spin = 0; spin < FIRST_SPINS; spin++)
      if (Atomics.load(control, DONE) === control[TASKS]) return Atomics.load(control, FAILED) === 0;
    // a thread that the system does not let run
    return this.#join(round);
  }

  /** Ends a round: all its scans are done. @returns whether they are, also when it has ended before */
  #join(round: Round): boolean {
    if (this.#round !== round) return round.done;
    takeTasks(this.#control, this.#list, this.#face.instance.exports);
    round.done = this.#stop() && Atomics.load(this.#control, FAILED) === 0;
    return round.done;
  }

  /** No task begins any more; waits for those that have begun. @returns whether all have ended */
  #stop(): boolean {
    if (!this.#round) return true;
    this.#round = undefined;
    const control = this.#control;
    Atomics.store(control, OPEN, 0);
    Atomics.store(control, NEXT, control[TASKS]!);
    Atomics.store(control, ADDED_NEXT, control[ADDED_END]!);
    for (let spin = 0; spin < SPINS; spin++) if (Atomics.load(control, ACTIVE) === 0) return true;
    const deadline = Date.now() + JOIN_TIMEOUT_MS;
    for (let active = Atomics.load(control, ACTIVE); active > 0; active = Atomics.load(control, ACTIVE)) {
      Atomics.wait(control, ACTIVE, active, 1000);
      if (Date.now() < deadline) continue;
      this.#failure = new MnemeError(
        "INTERNAL",
        `pool: ${active} of ${this.#workers.length} workers did not finish in ${JOIN_TIMEOUT_MS} ms`,
      );
      return false;
    }
    return true;
  }
}

/** Starts the threads. They help as soon as they run; the pool can be used at once. @throws MnemeError RANGE */
export async function startPool(face: WasmFace, { workers }: PoolOptions): Promise<Pool> {
  if (!Number.isInteger(workers) || workers < 0)
    throw new MnemeError("RANGE", `pool: workers must be a whole number from 0, got ${workers}`);
  const shared =
    typeof SharedArrayBuffer !== "undefined" && face.instance.memory.buffer instanceof SharedArrayBuffer;
  const threads = shared && workers > 0 ? await import("node:worker_threads") : undefined;
  const room = face.arena.alloc(CONTROL_WORDS * 4 + LIST_BYTES);
  room.i32().fill(0);
  if (!threads) return new Pool(face, [], room);
  const { memory, module } = face.instance;
  const workerData = { memory, module, pointer: room.pointer };
  const file = builtFile("kernels/worker.js", import.meta.url);
  const started = Array.from(
    { length: workers },
    () => new threads.Worker(file, { ...threadOptions, workerData }),
  );
  return new Pool(face, started, room);
}

/** The same, and waits until every thread runs. @throws MnemeError RANGE, INTERNAL */
export async function openPool(face: WasmFace, options: PoolOptions): Promise<Pool> {
  const pool = await startPool(face, options);
  try {
    await pool.ready();
  } catch (cause) {
    await pool[Symbol.asyncDispose]();
    throw new MnemeError("INTERNAL", "pool: a worker thread did not start", { cause });
  }
  return pool;
}
