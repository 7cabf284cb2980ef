/** Heads under change: those of an index with some put anew or taken away, while searches go on among the old ones. */
import { squaredDistance } from "./distance.ts";
import type { CentreHeads, CodedHead, NearestHeads } from "./heads.ts";

export class HeadsDraft {
  readonly #heads: CentreHeads;
  /** What differs; undefined where a head is taken away. */
  readonly #changed = new Map<number, CodedHead | undefined>();
  #count: number;

  constructor(heads: CentreHeads) {
    this.#heads = heads;
    this.#count = heads.count;
  }

  /** Lists that there are or were. */
  get count(): number {
    return this.#count;
  }

  get changed(): Iterable<number> {
    return this.#changed.keys();
  }

  set(list: number, centre: Float32Array): void {
    this.#changed.set(list, this.#heads.coded(centre));
    this.#count = Math.max(this.#count, list + 1);
  }

  remove(list: number): void {
    this.#changed.set(list, undefined);
  }

  /** As a query will know it. Borrowed. */
  centre(list: number): Float32Array {
    return this.#changed.get(list)?.centre ?? this.#heads.centre(list);
  }

  /** Whether a list's centre is the one that it has in the index. */
  isAsBefore(list: number): boolean {
    return !this.#changed.has(list);
  }

  isThere(list: number): boolean {
    return this.#changed.has(list) ? this.#changed.get(list) !== undefined : this.#heads.isThere(list);
  }

  nearest(query: Float32Array, wanted: number): Pick<NearestHeads, "count" | "lists" | "distances"> {
    const old = this.#heads.nearest(query, wanted + this.#changed.size);
    if (this.#changed.size === 0) return old;
    const all: { list: number; distance: number }[] = [];
    for (let i = 0; i < old.count; i++)
      if (!this.#changed.has(old.lists[i]!)) all.push({ list: old.lists[i]!, distance: old.distances[i]! });
    for (const [list, head] of this.#changed)
      if (head) all.push({ list, distance: squaredDistance(query, head.centre) });
    all.sort((a, b) => a.distance - b.distance || a.list - b.list);
    all.length = Math.min(all.length, wanted);
    return {
      count: all.length,
      lists: Uint32Array.from(all, ({ list }) => list),
      distances: Float32Array.from(all, ({ distance }) => distance),
    };
  }

  /** Makes the changes those of the index. */
  apply(): void {
    for (const [list, head] of this.#changed)
      if (head) this.#heads.put(list, head);
      else this.#heads.remove(list);
  }
}
