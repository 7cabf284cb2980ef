/** Rooms in kernel memory by name, that grow when more is asked for: what they held is then gone. */
import type { Arena, Region } from "./arena.ts";

export class Rooms implements Disposable {
  readonly #arena: Arena;
  readonly #rooms = new Map<string, Region>();

  constructor(arena: Arena) {
    this.#arena = arena;
  }

  get bytes(): number {
    return [...this.#rooms.values()].reduce((sum, { byteLength }) => sum + byteLength, 0);
  }

  /** The room as it was left; undefined before it was first reserved. */
  get(name: string): Region | undefined {
    return this.#rooms.get(name);
  }

  /** A room of so many bytes at least. Borrowed until it is reserved again. */
  reserve(name: string, bytes: number): Region {
    const known = this.#rooms.get(name);
    if (known && known.byteLength >= bytes) return known;
    known?.[Symbol.dispose]();
    this.#rooms.delete(name); // there may be no memory for the next one
    const room = this.#arena.alloc(Math.ceil(bytes * 1.25) + 64);
    this.#rooms.set(name, room);
    return room;
  }

  [Symbol.dispose](): void {
    for (const room of this.#rooms.values()) room[Symbol.dispose]();
    this.#rooms.clear();
  }
}
