/** A growing run of fixed-size codes in kernel memory, where the kernels scan it without a copy. */
import { kernels, type Region } from "../../kernels/index.ts";

const FIRST_ROWS = 64;

export class CodeBuffer implements Disposable {
  readonly #stride: number;
  #region: Region | undefined;
  #used = 0;
  /** The view asked for last: a search asks for it again and again. */
  #view: Uint8Array = new Uint8Array(0);

  /** @param stride bytes of one row */
  constructor(stride: number) {
    this.#stride = stride;
  }

  /** Bytes held, slack included. */
  get bytes(): number {
    return this.#region?.byteLength ?? 0;
  }

  get rows(): number {
    return this.#used / this.#stride;
  }

  /** Copies `codes` (whole rows) to the end. A first append takes exactly its size. */
  append(codes: Uint8Array): void {
    const needed = this.#used + codes.byteLength;
    if (needed > this.bytes)
      this.#move(this.#used === 0 ? needed : Math.max(needed, this.bytes * 2, FIRST_ROWS * this.#stride));
    this.#region?.u8().set(codes, this.#used);
    this.#used = needed;
  }

  /** Makes room for so many bytes, of an empty buffer. */
  reserve(bytes: number): void {
    if (bytes > this.bytes) this.#move(bytes);
  }

  dropFirst(rows: number): void {
    this.#region?.u8().copyWithin(0, rows * this.#stride, this.#used);
    this.#used -= rows * this.#stride;
    if (this.#used === 0) this[Symbol.dispose]();
  }

  /** Borrowed: valid until the next append or drop. */
  view(): Uint8Array {
    const all = this.#region?.u8() ?? new Uint8Array(0);
    const { buffer, byteOffset, length } = this.#view;
    if (length !== this.#used || buffer !== all.buffer || byteOffset !== all.byteOffset)
      this.#view = all.subarray(0, this.#used);
    return this.#view;
  }

  [Symbol.dispose](): void {
    this.#region?.[Symbol.dispose]();
    this.#region = undefined;
    this.#used = 0;
  }

  #move(bytes: number): void {
    const region = kernels().arena.alloc(bytes);
    region.u8().set(this.view());
    this.#region?.[Symbol.dispose]();
    this.#region = region;
  }
}
