/** Which row an ordinal is, and the other way round. The way back is only known once somebody asks for it. */
import { NO_ROW } from "../../../kernels/index.ts";

export class RowNames {
  #ids: Uint32Array;
  #count: number;
  #ordinals: Uint32Array | undefined;

  /** @param ids of ordinals 0, 1, ...; owned from now on */
  constructor(ids: Uint32Array) {
    this.#ids = ids;
    this.#count = ids.length;
  }

  get bytes(): number {
    return this.#ids.byteLength + (this.#ordinals?.byteLength ?? 0);
  }

  rowAt(ordinal: number): number {
    return this.#ids[ordinal]!;
  }

  /** NO_ROW for a row that is not there. */
  ordinalOf(row: number): number {
    this.#ordinals ??= this.#inverse();
    return this.#ordinals[row] ?? NO_ROW;
  }

  set(ordinal: number, row: number): void {
    if (ordinal >= this.#ids.length) this.#ids = grown(this.#ids, ordinal + 1);
    this.#ids[ordinal] = row;
    this.#count = Math.max(this.#count, ordinal + 1);
    if (!this.#ordinals) return;
    if (row >= this.#ordinals.length) this.#ordinals = grown(this.#ordinals, row + 1);
    this.#ordinals[row] = ordinal;
  }

  /** The row's ordinal is nobody's. */
  forget(row: number): void {
    const ordinal = this.ordinalOf(row);
    this.#ordinals![row] = NO_ROW;
    this.#ids[ordinal] = NO_ROW;
  }

  #inverse(): Uint32Array {
    const ids = this.#ids.subarray(0, this.#count);
    const last = ids.reduce((most, id) => (id === NO_ROW ? most : Math.max(most, id)), -1);
    const ordinals = new Uint32Array(last + 1).fill(NO_ROW);
    ids.forEach((id, ordinal) => {
      if (id !== NO_ROW) ordinals[id] = ordinal;
    });
    return ordinals;
  }
}

function grown(words: Uint32Array, length: number): Uint32Array {
  const larger = new Uint32Array(Math.max(length, Math.ceil(words.length * 1.25))).fill(NO_ROW);
  larger.set(words);
  return larger;
}
