/**
 * The memories that a model lies in. One WebAssembly memory ends at 4 GiB: caches, activations and small weights are in the kernels' own,
 * matrices that do not fit there in further ones, each with threads of its own that sleep while others work.
 */
import { LazyPool, type Pool, WasmFace } from "../kernels/index.ts";
import { MEMORY_BYTES } from "./sizes.ts";

export interface MemoriesOptions {
  /** Threads beside the caller's; default: one for each further core, 3 at most. */
  readonly workers?: number | undefined;
  /** Bytes of matrices that one further memory takes; default what one can hold, less the room of a step. */
  readonly annexBytes?: number;
}

/** Of a further memory, for activations and results of a step, and what lies between its regions. */
const STEP_ROOM = 1 << 28;

interface Annex {
  readonly face: WasmFace;
  readonly pool: LazyPool;
  /** Bytes of matrices that went there. */
  taken: number;
}

export class Memories implements AsyncDisposable {
  readonly face: WasmFace;
  readonly #workers: number | undefined;
  readonly #annexBytes: number;
  readonly #pool: LazyPool;
  readonly #annexes: Annex[] = [];

  constructor(face: WasmFace, { workers, annexBytes = MEMORY_BYTES - STEP_ROOM }: MemoriesOptions = {}) {
    this.face = face;
    this.#workers = workers;
    this.#annexBytes = annexBytes;
    this.#pool = new LazyPool(face, workers);
  }

  /** A further memory with room for a matrix. */
  annexFor(bytes: number): WasmFace {
    let annex = this.#annexes.at(-1);
    if (!annex || annex.taken + bytes > this.#annexBytes) {
      const face = new WasmFace();
      annex = { face, pool: new LazyPool(face, this.#workers), taken: 0 };
      this.#annexes.push(annex);
    }
    annex.taken += bytes;
    return annex.face;
  }

  /** Threads over a memory, once they run. */
  threads(face: WasmFace = this.face): Pool | undefined {
    if (face === this.face) return this.#pool.pool;
    return this.#annexes.find((annex) => annex.face === face)?.pool.pool;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const pools = [this.#pool, ...this.#annexes.splice(0).map(({ pool }) => pool)];
    await Promise.all(pools.map((pool) => pool[Symbol.asyncDispose]()));
  }
}
