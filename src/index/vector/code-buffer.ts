/** A growing run of fixed-size codes, kept where the kernels can scan it without a copy. */

const FIRST_ROWS = 64;

export class CodeBuffer implements Disposable {
  readonly #stride: number;
  #data = new Uint8Array(0);
  #used = 0;

  /** @param stride bytes of one row */
  constructor(stride: number) {
    this.#stride = stride;
  }

  /** Bytes held, slack included. */
  get bytes(): number {
    return this.#data.byteLength;
  }

  get rows(): number {
    return this.#used / this.#stride;
  }

  /** Copies `codes` (whole rows) to the end. A first append takes exactly its size. */
  append(codes: Uint8Array): void {
    const needed = this.#used + codes.byteLength;
    if (needed > this.#data.byteLength) {
      const grown =
        this.#used === 0 ? needed : Math.max(needed, this.#data.byteLength * 2, FIRST_ROWS * this.#stride);
      const data = new Uint8Array(grown);
      data.set(this.#data.subarray(0, this.#used));
      this.#data = data;
    }
    this.#data.set(codes, this.#used);
    this.#used = needed;
  }

  dropFirst(rows: number): void {
    this.#data = this.#data.slice(rows * this.#stride, this.#used);
    this.#used = this.#data.byteLength;
  }

  /** Borrowed: valid until the next append or drop. */
  view(): Uint8Array {
    return this.#data.subarray(0, this.#used);
  }

  [Symbol.dispose](): void {
    this.#data = new Uint8Array(0);
    this.#used = 0;
  }
}
