/** A scan of codes that is timed: as the flat index does it, codes in kernel memory, 32 rows at a time where the coder has such a layout. */
import type { Coder, Metric } from "../src/codecs/codec.ts";
import { kernels, type Region } from "../src/kernels/index.ts";
import type { Matrix } from "../src/linalg/matrix.ts";

export class CodeScan implements Disposable {
  readonly coder: Coder;
  readonly rows: number;
  readonly #codes: Region;
  readonly #out: Region;
  readonly #query: Float32Array;
  readonly #metric: Metric;

  constructor(coder: Coder, rows: Matrix, query: Float32Array, metric: Metric) {
    this.coder = coder;
    this.rows = rows.rows;
    this.#query = query;
    this.#metric = metric;
    const codes = coder.encode(rows);
    const held = coder.scan ? coder.scan.arrange(codes, rows.rows) : codes;
    this.#codes = kernels().arena.alloc(held.length);
    this.#codes.u8().set(held);
    this.#out = kernels().arena.alloc(4 * (rows.rows + 32));
  }

  /** Bytes scanned. */
  get bytes(): number {
    return this.#codes.byteLength;
  }

  /** Bytes of a row in RAM, rounded to what a layout adds. */
  get bytesPerRow(): number {
    return this.coder.scan ? this.coder.scan.bytes / this.coder.scan.rows : this.coder.blockBytes!;
  }

  /** Scores of all rows; valid until the next scan. */
  scores(query: Float32Array = this.#query): Float32Array {
    const scorer = this.coder.scorer(query, this.#metric);
    const { scan } = this.coder;
    if (!scan) {
      const out = this.#out.f32().subarray(0, this.rows);
      scorer.score(this.#codes.u8(), 0, this.rows, out);
      return out;
    }
    const out = this.#out.f32().subarray(0, Math.ceil(this.rows / scan.rows) * scan.rows);
    scorer.scoreBlocks!(this.#codes.u8(), out);
    return out.subarray(0, this.rows);
  }

  /** Milliseconds of one scan, with what it prepares of its query. */
  time(query?: Float32Array): number {
    const started = performance.now();
    this.scores(query);
    return performance.now() - started;
  }

  [Symbol.dispose](): void {
    this.#codes[Symbol.dispose]();
    this.#out[Symbol.dispose]();
  }
}
