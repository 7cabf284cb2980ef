/** Room in kernel memory that only grows: for results that the kernels write without a copy. */
import { kernels, type Region } from "../../kernels/index.ts";

export class Scratch implements Disposable {
  #region: Region | undefined;
  /** The views asked for last, which most often are asked for again. */
  #u32: Uint32Array = new Uint32Array(0);
  #f32: Float32Array = new Float32Array(0);

  get bytes(): number {
    return this.#region?.byteLength ?? 0;
  }

  /** Contents undefined. Borrowed until the next call. */
  u8(bytes: number): Uint8Array {
    if (this.bytes < bytes) {
      this[Symbol.dispose]();
      this.#region = kernels().arena.alloc(bytes);
    }
    return this.#region?.u8().subarray(0, bytes) ?? new Uint8Array(0);
  }

  u32(count: number): Uint32Array {
    if (!this.#isCurrent(this.#u32, count)) {
      const { buffer, byteOffset } = this.u8(count * 4);
      this.#u32 = new Uint32Array(buffer, byteOffset, count);
    }
    return this.#u32;
  }

  f32(count: number): Float32Array {
    if (!this.#isCurrent(this.#f32, count)) {
      const { buffer, byteOffset } = this.u8(count * 4);
      this.#f32 = new Float32Array(buffer, byteOffset, count);
    }
    return this.#f32;
  }

  /** Whether a view is one of so many values of the room as it is now: kernel memory that grew may have another buffer. */
  #isCurrent({ buffer, byteOffset, length }: Uint32Array | Float32Array, count: number): boolean {
    return length === count && byteOffset === this.#region?.pointer && buffer === kernels().arena.buffer;
  }

  [Symbol.dispose](): void {
    this.#region?.[Symbol.dispose]();
    this.#region = undefined;
  }
}
