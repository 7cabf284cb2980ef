/** Room in kernel memory that only grows: for results that the kernels write without a copy. */
import { kernels, type Region } from "../../kernels/index.ts";

export class Scratch implements Disposable {
  #region: Region | undefined;

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
    const { buffer, byteOffset } = this.u8(count * 4);
    return new Uint32Array(buffer, byteOffset, count);
  }

  f32(count: number): Float32Array {
    const { buffer, byteOffset } = this.u8(count * 4);
    return new Float32Array(buffer, byteOffset, count);
  }

  [Symbol.dispose](): void {
    this.#region?.[Symbol.dispose]();
    this.#region = undefined;
  }
}
