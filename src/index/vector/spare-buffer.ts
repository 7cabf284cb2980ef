/** One buffer that is used again and again: memory outside the heap that every search allocates anew is what makes the collector run. */

/** Bytes on loan; whoever disposes of it lets the next one have the buffer. */
export interface Lease extends Disposable {
  /** Contents undefined. */
  readonly bytes: Uint8Array;
}

export class SpareBuffer {
  #spare: Uint8Array | undefined;

  /** Bytes kept for the next lease. */
  get bytes(): number {
    return this.#spare?.byteLength ?? 0;
  }

  /** The spare buffer when it is there and large enough, else a new one. */
  lease(bytes: number): Lease {
    const known = this.#spare;
    this.#spare = undefined;
    const whole = known && known.byteLength >= bytes ? known : new Uint8Array(Math.ceil(bytes * 1.25));
    return {
      bytes: whole.subarray(0, bytes),
      [Symbol.dispose]: () => {
        if (whole.byteLength > this.bytes) this.#spare = whole;
      },
    };
  }
}
