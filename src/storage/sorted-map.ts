/**
 * A map ordered by its string keys: a list of sorted chunks, binary search in both levels, O(sqrt n) inserts. Not a B-tree.
 * Keys compare by UTF-16 code unit, so byte strings (one character a byte) sort as bytes.
 */

import { lowerBound } from "../search-sorted.ts";

const CHUNK_ENTRIES = 512;

interface Chunk<V> {
  readonly keys: string[];
  readonly values: V[];
}

export class SortedMap<V> {
  readonly #chunks: Chunk<V>[] = [];
  readonly #index = new Map<string, V>();

  get size(): number {
    return this.#index.size;
  }

  get(key: string): V | undefined {
    return this.#index.get(key);
  }

  set(key: string, value: V): void {
    const known = this.#index.has(key);
    this.#index.set(key, value);
    if (this.#chunks.length === 0) this.#chunks.push({ keys: [], values: [] });
    const at = Math.max(0, this.#chunkBefore(key));
    const chunk = this.#chunks[at]!;
    const slot = lowerBound(chunk.keys, key);
    if (known) {
      chunk.values[slot] = value;
      return;
    }
    chunk.keys.splice(slot, 0, key);
    chunk.values.splice(slot, 0, value);
    if (chunk.keys.length > CHUNK_ENTRIES) this.#split(at);
  }

  delete(key: string): boolean {
    if (!this.#index.delete(key)) return false;
    const at = this.#chunkBefore(key);
    const chunk = this.#chunks[at]!;
    const slot = lowerBound(chunk.keys, key);
    chunk.keys.splice(slot, 1);
    chunk.values.splice(slot, 1);
    if (chunk.keys.length === 0) this.#chunks.splice(at, 1);
    return true;
  }

  /** Entries with start <= key < end in order. Do not change the map meanwhile. */
  *ascending(start: string, end: string): Generator<readonly [string, V]> {
    let at = Math.max(0, this.#chunkBefore(start));
    let slot = at < this.#chunks.length ? lowerBound(this.#chunks[at]!.keys, start) : 0;
    for (; at < this.#chunks.length; at++, slot = 0) {
      const { keys, values } = this.#chunks[at]!;
      for (; slot < keys.length; slot++) {
        if (keys[slot]! >= end) return;
        yield [keys[slot]!, values[slot]!];
      }
    }
  }

  /** The same entries, last first. */
  *descending(start: string, end: string): Generator<readonly [string, V]> {
    let at = this.#chunkBefore(end);
    let slot = at < 0 ? -1 : lowerBound(this.#chunks[at]!.keys, end) - 1;
    for (; at >= 0; at--, slot = (this.#chunks[at]?.keys.length ?? 0) - 1) {
      const { keys, values } = this.#chunks[at]!;
      for (; slot >= 0; slot--) {
        if (keys[slot]! < start) return;
        yield [keys[slot]!, values[slot]!];
      }
    }
  }

  /** The last chunk whose first key is <= key; -1 when there is none. */
  #chunkBefore(key: string): number {
    let low = 0;
    let high = this.#chunks.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.#chunks[middle]!.keys[0]! <= key) low = middle + 1;
      else high = middle;
    }
    return low - 1;
  }

  #split(at: number): void {
    const { keys, values } = this.#chunks[at]!;
    const half = keys.length >>> 1;
    this.#chunks.splice(at + 1, 0, { keys: keys.splice(half), values: values.splice(half) });
  }
}
