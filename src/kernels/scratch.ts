/** Scratch: arrays that lie outside the arena pass through regions of it, kept by name; they only grow. */
import type { Arena, Region } from "./arena.ts";
import { asBytes, type Numbers } from "./numbers.ts";

const LEAST_BYTES = 4096;

export class Scratch {
  readonly #arena: Arena;
  readonly #regions = new Map<string, Region>();

  constructor(arena: Arena) {
    this.#arena = arena;
  }

  /** Pointer to the array's values, copied to a region when they are not in the arena. */
  in(slot: string, array: Numbers, room: number = array.byteLength): number {
    if (this.#arena.holds(array)) return array.byteOffset;
    const region = this.region(slot, room);
    region.u8().set(asBytes(array));
    return region.pointer;
  }

  /** Where a result goes: to the array itself or, until `take`, to a region. */
  room(slot: string, array: Numbers): number {
    return this.#arena.holds(array) ? array.byteOffset : this.region(slot, array.byteLength).pointer;
  }

  /** Copies a result back unless it is already in place. */
  take(pointer: number, array: Numbers): void {
    if (this.#arena.holds(array)) return;
    asBytes(array).set(new Uint8Array(this.#arena.memory.buffer, pointer, array.byteLength));
  }

  /** At least so many bytes. */
  region(slot: string, bytes: number): Region {
    const known = this.#regions.get(slot);
    if (known && known.byteLength >= bytes) return known;
    known?.[Symbol.dispose]();
    const region = this.#arena.alloc(Math.max(bytes, LEAST_BYTES));
    this.#regions.set(slot, region);
    return region;
  }
}
