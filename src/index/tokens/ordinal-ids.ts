/** Ids by ordinal in a plain array that grows. */
import type { Named } from "../vector/graph/row-names.ts";

export class OrdinalIds implements Named {
  #ids = new Uint32Array(16);
  #rows = 0;

  get rows(): number {
    return this.#rows;
  }

  get ids(): Uint32Array {
    return this.#ids;
  }

  get bytes(): number {
    return this.#ids.byteLength;
  }

  name(ids: Uint32Array, first: number): void {
    const end = first + ids.length;
    if (end > this.#ids.length) {
      const grown = new Uint32Array(Math.max(end, this.#ids.length * 2));
      grown.set(this.#ids);
      this.#ids = grown;
    }
    this.#ids.set(ids, first);
    this.#rows = Math.max(this.#rows, end);
  }
}
