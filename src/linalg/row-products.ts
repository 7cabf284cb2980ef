/** Inner products of chosen rows with a set of centres, block by block in kernel memory: the work that clustering consists of. */
import { kernels, type LazyPool, type Region, type Scan } from "../kernels/index.ts";
import type { Matrix } from "./matrix.ts";

/** Rows of a block. */
export const BLOCK_ROWS = 256;

export class RowProducts implements Disposable {
  readonly #cols: number;
  readonly #pool: LazyPool | undefined;
  readonly #rows: Region;
  #centres: Region;
  #out: Region;
  #count = 0;
  #squares = new Float32Array(0);

  /** @param pool threads that help, borrowed */
  constructor(cols: number, pool?: LazyPool) {
    this.#cols = cols;
    this.#pool = pool;
    this.#rows = kernels().arena.alloc(BLOCK_ROWS * cols * 4);
    this.#centres = kernels().arena.alloc(cols * 4);
    this.#out = kernels().arena.alloc(BLOCK_ROWS * 4);
  }

  /** Squared norms of the centres. Borrowed. */
  get squares(): Float32Array {
    return this.#squares;
  }

  /** Copies the centres, `count` rows of `cols` values. */
  setCentres(centres: Float32Array): void {
    const count = centres.length / this.#cols;
    if (centres.byteLength > this.#centres.byteLength) {
      this.#centres[Symbol.dispose]();
      this.#out[Symbol.dispose]();
      this.#centres = kernels().arena.alloc(centres.byteLength);
      this.#out = kernels().arena.alloc(count * BLOCK_ROWS * 4);
    }
    this.#centres.f32().set(centres);
    this.#count = count;
    if (this.#squares.length !== count) this.#squares = new Float32Array(count);
    for (let c = 0; c < count; c++) {
      let sum = 0;
      for (let i = c * this.#cols; i < (c + 1) * this.#cols; i++) sum += centres[i]! * centres[i]!;
      this.#squares[c] = sum;
    }
  }

  /**
   * Products of rows `ids[from, to)`, at most BLOCK_ROWS, with all centres.
   * @returns centres x rows, borrowed until the next call
   */
  of({ data }: Matrix, ids: Uint32Array, from: number, to: number): Float32Array {
    const cols = this.#cols;
    const block = this.#rows.f32();
    for (let i = from; i < to; i++) {
      const start = ids[i]! * cols;
      block.set(data.subarray(start, start + cols), (i - from) * cols);
    }
    this.#multiply(to - from);
    return this.#out.f32().subarray(0, this.#count * (to - from));
  }

  /** The block that the last products were of. Borrowed. */
  get block(): Float32Array {
    return this.#rows.f32();
  }

  /** Products of each pair of centres, centres x centres, owned. */
  ofCentres(): Float32Array {
    const bytes = this.#count * this.#cols * 4;
    using out = kernels().arena.alloc(this.#count * this.#count * 4);
    const all = this.#centres.f32().subarray(0, bytes / 4);
    const to = out.f32().subarray(0, this.#count ** 2);
    kernels().matmulTransposedF32(all, all, to, this.#count, this.#cols, this.#count);
    return to.slice();
  }

  [Symbol.dispose](): void {
    this.#rows[Symbol.dispose]();
    this.#centres[Symbol.dispose]();
    this.#out[Symbol.dispose]();
  }

  #multiply(rows: number): void {
    const { pointer } = this.#centres;
    const cols = this.#cols;
    const scan: Scan = {
      kernel: "matmulTransposedF32",
      count: this.#count,
      args: [pointer, this.#rows.pointer, this.#out.pointer, this.#count, cols, rows],
      countAt: 3,
      steps: [cols * 4, 0, rows * 4, 0, 0, 0],
    };
    if (this.#pool?.pool?.fork([scan])?.join()) return;
    kernels().instance.exports.matmulTransposedF32(...scan.args);
  }
}
