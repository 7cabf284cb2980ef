/**
 * Rows that have come and are not in the stored lists yet: in RAM with the lists that they belong in, where searches find them, and in the
 * log of the store. They go to their lists many at a time, so that a list is not written anew for every row (the in-memory part of an LSM
 * tree: O'Neil et al., 1996). Numbers of rows ascend, so the oldest row is the one of the least number.
 */
import { squaredDistance } from "./distance.ts";

/** Rough bytes of a row beside its values: its number, its place among those of its lists. */
const ROW_BYTES = 200;

const NONE: readonly number[] = [];

export class PendingRows {
  readonly #width: number;
  #values = new Float32Array(0);
  #ids = new Uint32Array(0);
  /** Lists that the row in a slot is still to come to. */
  readonly #listsOf: number[][] = [];
  readonly #free: number[] = [];
  /** Slots by the rows' numbers, ascending. */
  readonly #slots = new Map<number, number>();
  readonly #lists = new Map<number, number[]>();

  /** @param width values of a row */
  constructor(width: number) {
    this.#width = width;
  }

  /** Rows that there are. */
  get count(): number {
    return this.#slots.size;
  }

  get bytes(): number {
    return this.#values.byteLength + this.#ids.byteLength + this.#slots.size * ROW_BYTES;
  }

  /** The oldest row, if there is any. */
  get oldest(): number | undefined {
    return this.#slots.keys().next().value;
  }

  /** Numbers of the rows, ascending. Borrowed: nothing may be added meanwhile. */
  ids(): Iterable<number> {
    return this.#slots.keys();
  }

  /** @param values copied. @param lists at least one */
  add(id: number, values: Float32Array, lists: readonly number[]): void {
    const slot = this.#free.pop() ?? this.#next();
    this.#values.set(values, slot * this.#width);
    this.#ids[slot] = id;
    this.#listsOf[slot] = [...lists];
    this.#slots.set(id, slot);
    for (const list of lists) {
      const slots = this.#lists.get(list);
      if (slots) slots.push(slot);
      else this.#lists.set(list, [slot]);
    }
  }

  /** A row goes, and is in no list. */
  delete(id: number): void {
    const slot = this.#slots.get(id);
    if (slot === undefined) return;
    for (const list of this.#listsOf[slot]!) {
      const slots = this.#lists.get(list)!.filter((other) => other !== slot);
      if (slots.length > 0) this.#lists.set(list, slots);
      else this.#lists.delete(list);
    }
    this.#release(id, slot);
  }

  /** Slots of the rows of a list. Borrowed until something changes. */
  of(list: number): readonly number[] {
    return this.#lists.get(list) ?? NONE;
  }

  /** Lists that a row is still to come to. */
  listsOf(id: number): readonly number[] {
    const slot = this.#slots.get(id);
    return slot === undefined ? NONE : this.#listsOf[slot]!;
  }

  id(slot: number): number {
    return this.#ids[slot]!;
  }

  /** Borrowed until something changes. */
  values(slot: number): Float32Array {
    return this.#values.subarray(slot * this.#width, (slot + 1) * this.#width);
  }

  distance(slot: number, query: Float32Array): number {
    return squaredDistance(query, this.values(slot));
  }

  /** The rows of a list have come to it. */
  settle(list: number): void {
    for (const slot of this.of(list)) {
      const left = this.#listsOf[slot]!.filter((other) => other !== list);
      this.#listsOf[slot] = left;
      if (left.length === 0) this.#release(this.#ids[slot]!, slot);
    }
    this.#lists.delete(list);
  }

  #release(id: number, slot: number): void {
    this.#slots.delete(id);
    this.#listsOf[slot] = [];
    this.#free.push(slot);
  }

  #next(): number {
    const slot = this.#listsOf.length;
    if (slot >= this.#ids.length) {
      const room = Math.max(64, slot * 2);
      const [values, ids] = [new Float32Array(room * this.#width), new Uint32Array(room)];
      values.set(this.#values);
      ids.set(this.#ids);
      [this.#values, this.#ids] = [values, ids];
    }
    this.#listsOf.push([]);
    return slot;
  }
}
