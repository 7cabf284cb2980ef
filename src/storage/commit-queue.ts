/**
 * CommitQueue: the commits of a store in the order of their calls, one under way at a time. Batches that wait together become one
 * transaction, so they wait for the disk once (group commit; DeWitt et al., Implementation Techniques for Main Memory Database Systems, 1984).
 */
import type { Write } from "./batch-log.ts";
import type { MaybePromise } from "./store.ts";

/** Batches are gathered up to so many writes: a commit far larger than what came in would keep the last ones waiting. */
const MOST_WRITES = 4096;

/** One batch: its writes, and the buffers that change hands with it. */
export interface QueuedBatch {
  readonly writes: readonly Write[];
  readonly given: readonly ArrayBuffer[];
}

/** Commits batches as one transaction. @returns the generation before it; each batch that writes makes one more */
export type CommitTogether = (batches: readonly QueuedBatch[]) => MaybePromise<number>;

interface WaitingBatch extends QueuedBatch {
  readonly resolve: (generation: number) => void;
  readonly reject: (error: unknown) => void;
}

/** Settles its own caller, never rejects. */
type WaitingJob = () => Promise<void>;

export class CommitQueue {
  readonly #commit: CommitTogether;
  readonly #waiting: (WaitingBatch | WaitingJob)[] = [];
  #running: Promise<void> | undefined;

  constructor(commit: CommitTogether) {
    this.#commit = commit;
  }

  /** @returns the batch's generation, once it is durable. With nothing before it the commit begins at once. */
  batch(batch: QueuedBatch): Promise<number> {
    return new Promise((resolve, reject) => this.#add({ ...batch, resolve, reject }));
  }

  /** Runs `job` while no commit is under way. */
  alone<T>(job: () => Promise<T>): Promise<T> {
    return new Promise((resolve, reject) => this.#add(() => job().then(resolve, reject)));
  }

  /** Resolves when nothing waits any more. */
  async idle(): Promise<void> {
    while (this.#running) await this.#running;
  }

  #add(entry: WaitingBatch | WaitingJob): void {
    this.#waiting.push(entry);
    this.#running ??= this.#run();
  }

  async #run(): Promise<void> {
    for (let next = this.#waiting[0]; next; next = this.#waiting[0]) {
      if (typeof next !== "function") await this.#settle(this.#takeBatches());
      else {
        this.#waiting.shift();
        await next();
      }
    }
    this.#running = undefined;
  }

  #takeBatches(): WaitingBatch[] {
    const taken: WaitingBatch[] = [];
    let writes = 0;
    for (let next = this.#waiting[0]; next && typeof next !== "function"; next = this.#waiting[0]) {
      writes += next.writes.length;
      if (taken.length > 0 && writes > MOST_WRITES) break;
      taken.push(next);
      this.#waiting.shift();
    }
    return taken;
  }

  async #settle(batches: readonly WaitingBatch[]): Promise<void> {
    try {
      const before = this.#commit(batches);
      let generation = typeof before === "number" ? before : await before;
      for (const { writes, resolve } of batches) resolve(writes.length > 0 ? ++generation : generation);
    } catch (error) {
      for (const { reject } of batches) reject(error);
    }
  }
}
