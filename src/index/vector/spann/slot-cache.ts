/**
 * Pieces of an index that were read from the store, in kernel memory: slots of one size, the least recently used refilled first by the clock
 * algorithm (Corbato, A Paging Experiment with the Multics System, 1968).
 */
import { MnemeError } from "../../../errors.ts";
import { kernels, type Region } from "../../../kernels/index.ts";

const NONE = 0xffff_ffff;

export class SlotCache implements Disposable {
  readonly slotBytes: number;
  readonly capacity: number;
  readonly #region: Region;
  /** Key of each slot. */
  readonly #keys: Uint32Array;
  /** Turn in which a slot was used last, and whether the hand has passed it since. */
  readonly #turns: Uint32Array;
  readonly #used: Uint8Array;
  /** Open addressing: slot + 1 of a key, 0 where there is none. */
  readonly #table: Uint32Array;
  #turn = 1;
  #hand = 0;

  /** @throws MnemeError RANGE for a capacity without slots */
  constructor(slotBytes: number, capacity: number) {
    if (!(capacity >= 1)) throw new MnemeError("RANGE", `spann: a cache of ${capacity} slots; it needs one`);
    this.slotBytes = slotBytes;
    this.capacity = capacity;
    this.#region = kernels().arena.alloc(slotBytes * capacity);
    this.#keys = new Uint32Array(capacity).fill(NONE);
    this.#turns = new Uint32Array(capacity);
    this.#used = new Uint8Array(capacity);
    this.#table = new Uint32Array(2 ** Math.ceil(Math.log2(2 * capacity + 1)));
  }

  /** Bytes that a cache of so many slots holds, beside the slots. */
  static overhead(capacity: number): number {
    return capacity * 9 + 4 * 2 ** Math.ceil(Math.log2(2 * capacity + 1));
  }

  get bytes(): number {
    return this.#region.byteLength + SlotCache.overhead(this.capacity);
  }

  /** From here on slots that were used before may be refilled, until the next call those used since may not. */
  begin(): void {
    this.#turn++;
  }

  /** Pointer to the bytes of a key, or -1. */
  find(key: number): number {
    for (let at = this.#home(key); ; at = (at + 1) & (this.#table.length - 1)) {
      const slot = this.#table[at]! - 1;
      if (slot < 0) return -1;
      if (this.#keys[slot] !== key) continue;
      this.#touch(slot);
      return this.#region.pointer + slot * this.slotBytes;
    }
  }

  /** A slot for a key that is not there, filled with `bytes`. @returns its pointer, -1 when all slots are in use in this turn */
  put(key: number, bytes: Uint8Array): number {
    const slot = this.#free();
    if (slot < 0) return -1;
    if (this.#keys[slot] !== NONE) this.#remove(this.#keys[slot]!);
    this.#keys[slot] = key;
    this.#insert(key, slot);
    this.#touch(slot);
    this.#region.u8().set(bytes, slot * this.slotBytes);
    return this.#region.pointer + slot * this.slotBytes;
  }

  /** Forgets a key, if it is there. */
  drop(key: number): void {
    for (let at = this.#home(key); this.#table[at] !== 0; at = (at + 1) & (this.#table.length - 1)) {
      const slot = this.#table[at]! - 1;
      if (this.#keys[slot] !== key) continue;
      this.#remove(key);
      this.#keys[slot] = NONE;
      this.#used[slot] = 0;
      this.#turns[slot] = 0;
      return;
    }
  }

  [Symbol.dispose](): void {
    this.#region[Symbol.dispose]();
  }

  #touch(slot: number): void {
    this.#turns[slot] = this.#turn;
    this.#used[slot] = 1;
  }

  #free(): number {
    for (let step = 0; step < 2 * this.capacity; step++) {
      const slot = this.#hand;
      this.#hand = slot + 1 === this.capacity ? 0 : slot + 1;
      if (this.#turns[slot] === this.#turn) continue;
      if (this.#used[slot] === 0) return slot;
      this.#used[slot] = 0;
    }
    return -1;
  }

  #home(key: number): number {
    return (Math.imul(key, 0x9e3779b1) >>> 7) & (this.#table.length - 1);
  }

  #insert(key: number, slot: number): void {
    let at = this.#home(key);
    while (this.#table[at] !== 0) at = (at + 1) & (this.#table.length - 1);
    this.#table[at] = slot + 1;
  }

  /** Closes the gap that the key leaves, so that no key behind it gets lost. */
  #remove(key: number): void {
    const mask = this.#table.length - 1;
    let gap = this.#home(key);
    while (this.#keys[this.#table[gap]! - 1] !== key) gap = (gap + 1) & mask;
    for (let at = (gap + 1) & mask; this.#table[at] !== 0; at = (at + 1) & mask) {
      const home = this.#home(this.#keys[this.#table[at]! - 1]!);
      if (((at - home) & mask) < ((at - gap) & mask)) continue;
      this.#table[gap] = this.#table[at]!;
      gap = at;
    }
    this.#table[gap] = 0;
  }
}
