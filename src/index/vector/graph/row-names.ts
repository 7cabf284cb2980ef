/** Which row an ordinal is, as the index itself has it, and the other way round. The way back is only known once somebody asks for it. */
import { NO_ROW } from "../../../kernels/index.ts";

/** What has the ids of ordinals: a graph, for one. */
export interface Named {
  /** Ordinals that have or had an id. */
  readonly rows: number;
  readonly ids: Uint32Array;
  /** Names ordinals from `first` on. */
  name(ids: Uint32Array, first: number): void;
}

export class RowNames {
  readonly #named: Named;
  #ordinals: Uint32Array | undefined;

  /** @param named borrowed */
  constructor(named: Named) {
    this.#named = named;
  }

  /** Of the way back. */
  get bytes(): number {
    return this.#ordinals?.byteLength ?? 0;
  }

  /** NO_ROW for an ordinal that is no row's. */
  rowAt(ordinal: number): number {
    return this.#named.ids[ordinal]!;
  }

  /** NO_ROW for a row that is not there. */
  ordinalOf(row: number): number {
    this.#ordinals ??= this.#inverse();
    return this.#ordinals[row] ?? NO_ROW;
  }

  /** Names ordinals from `first` on. */
  set(first: number, rows: Uint32Array): void {
    this.#named.name(rows, first);
    if (!this.#ordinals) return;
    rows.forEach((row, i) => {
      if (row >= this.#ordinals!.length) this.#ordinals = grown(this.#ordinals!, row + 1);
      this.#ordinals![row] = first + i;
    });
  }

  /** The row's ordinal is nobody's. */
  forget(row: number): void {
    const ordinal = this.ordinalOf(row);
    this.#ordinals![row] = NO_ROW;
    this.#named.name(Uint32Array.of(NO_ROW), ordinal);
  }

  #inverse(): Uint32Array {
    const ids = this.#named.ids.subarray(0, this.#named.rows);
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
