/** Scratch: arrays that lie outside the arena pass through regions of it, kept by name; they only grow. */
import type { Arena, Region } from "./arena.ts";
import { asBytes, type Numbers } from "./numbers.ts";

/** Bytes copied at once for arrays outside the arena: small enough for the second-level cache. */
export const BLOCK_BYTES = 1 << 18;
const LEAST_BYTES = 4096;
const SLOTS = ["query", "rows", "out", "a", "b", "c", "codes", "table", "scales"] as const;
export type Slot = (typeof SLOTS)[number];

export class Scratch {
  readonly #arena: Arena;
  readonly #regions = new Map<Slot, Region>();

  constructor(arena: Arena) {
    this.#arena = arena;
    // plain memory that grows within a call detaches what the call was given: room for a block is made before there are views
    if (typeof SharedArrayBuffer === "undefined" || !(arena.buffer instanceof SharedArrayBuffer))
      for (const slot of SLOTS) this.region(slot, BLOCK_BYTES);
  }

  /** Pointer to the array's values, copied to a region when they are not in the arena. */
  in(slot: Slot, array: Numbers, room: number = array.byteLength): number {
    if (this.#arena.holds(array)) return array.byteOffset;
    const region = this.region(slot, room);
    region.u8().set(asBytes(array));
    return region.pointer;
  }

  /** Where a result goes: to the array itself or, until `take`, to a region. */
  room(slot: Slot, array: Numbers): number {
    return this.#arena.holds(array) ? array.byteOffset : this.region(slot, array.byteLength).pointer;
  }

  /** Copies a result back unless it is already in place. */
  take(pointer: number, array: Numbers): void {
    if (this.#arena.holds(array)) return;
    asBytes(array).set(new Uint8Array(this.#arena.memory.buffer, pointer, array.byteLength));
  }

  /** At least so many bytes. */
  region(slot: Slot, bytes: number): Region {
    const known = this.#regions.get(slot);
    if (known && known.byteLength >= bytes) return known;
    known?.[Symbol.dispose]();
    const region = this.#arena.alloc(Math.max(bytes, LEAST_BYTES));
    this.#regions.set(slot, region);
    return region;
  }
}
