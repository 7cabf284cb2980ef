/** A pool whose threads start when there is work for them; until they run, and where they cannot, there is none. */
import { type Pool, startPool } from "./pool.ts";
import type { WasmFace } from "./wasm.ts";

/** Beyond a few threads memory is the limit, not the cores. */
const MOST_WORKERS = 3;

export class LazyPool implements AsyncDisposable {
  readonly #face: WasmFace;
  readonly #most: number;
  #opening: Promise<void> | undefined;
  #pool: Pool | undefined;
  #closed = false;

  /** @param most threads beside the caller's; never more than there are further cores */
  constructor(face: WasmFace, most: number = MOST_WORKERS) {
    this.#face = face;
    this.#most = Math.min(most, MOST_WORKERS);
  }

  /** The pool once it is there; the first call has it started. */
  get pool(): Pool | undefined {
    if (this.#most > 0 && !this.#closed) this.#opening ??= this.#open();
    return this.#pool;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closed = true;
    await this.#opening;
    const pool = this.#pool;
    this.#pool = undefined;
    await pool?.[Symbol.asyncDispose]();
  }

  async #open(): Promise<void> {
    try {
      const { availableParallelism } = await import("node:os");
      const workers = Math.min(this.#most, availableParallelism() - 1);
      if (workers > 0) this.#pool = await startPool(this.#face, { workers });
    } catch {
      // no threads here (a browser, a bundle without the worker's file): the caller's own thread does
    }
  }
}
