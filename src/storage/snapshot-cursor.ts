/** A position in the block tree of a snapshot, moving forwards or backwards between two keys. */
import type { BlockCache } from "./block-cache.ts";
import { compareBytes } from "./key.ts";
import { type Block, decodeReference, type Footer } from "./snapshot-format.ts";
import type { MaybePromise } from "./store.ts";

interface Frame {
  readonly block: Block;
  at: number;
}

export class SnapshotCursor {
  readonly #footer: Footer;
  readonly #cache: BlockCache;
  readonly #start: Uint8Array;
  readonly #end: Uint8Array;
  readonly #reverse: boolean;
  /** From the root to the leaf; empty before the first step. */
  #frames: Frame[] = [];
  #done: boolean;

  constructor(footer: Footer, cache: BlockCache, start: Uint8Array, end: Uint8Array, reverse: boolean) {
    this.#footer = footer;
    this.#cache = cache;
    this.#start = start;
    this.#end = end;
    this.#reverse = reverse;
    this.#done = footer.depth === 0 || compareBytes(start, end) >= 0;
  }

  /** Borrowed from the block. */
  get key(): Uint8Array {
    const { block, at } = this.#frames.at(-1)!;
    return block.key(at);
  }

  get value(): Uint8Array {
    const { block, at } = this.#frames.at(-1)!;
    return block.value(at);
  }

  /** Moves to the next entry; false after the last. */
  next(): MaybePromise<boolean> {
    if (this.#done) return false;
    if (this.#frames.length === 0) return this.#after(this.#seek(), () => this.#settle());
    this.#frames.at(-1)!.at += this.#reverse ? -1 : 1;
    return this.#settle();
  }

  /** Down to where the range begins; backwards to just before its end. */
  #seek(): MaybePromise<void> {
    const target = this.#reverse ? this.#end : this.#start;
    const descend = (block: Block): MaybePromise<void> => {
      if (this.#frames.length === this.#footer.depth - 1) {
        this.#frames.push({ block, at: block.lowerBound(target) - (this.#reverse ? 1 : 0) });
        return undefined;
      }
      const at = block.childFor(target);
      this.#frames.push({ block, at });
      return this.#after(this.#cache.get(decodeReference(block.value(at))), descend);
    };
    return this.#after(this.#cache.get(this.#footer.root), descend);
  }

  /** From a leaf position that may be just outside its block to an entry, or to the end. */
  #settle(): MaybePromise<boolean> {
    const leaf = this.#frames.at(-1)!;
    if (leaf.at >= 0 && leaf.at < leaf.block.count) {
      this.#done = this.#reverse
        ? compareBytes(this.key, this.#start) < 0
        : compareBytes(this.key, this.#end) >= 0;
      return !this.#done;
    }
    return this.#after(this.#neighbour(), (found) => (found ? this.#settle() : false));
  }

  /** The next leaf in the direction of travel. */
  #neighbour(): MaybePromise<boolean> {
    const step = this.#reverse ? -1 : 1;
    do {
      this.#frames.pop();
      const top = this.#frames.at(-1);
      if (!top) {
        this.#done = true;
        return false;
      }
      top.at += step;
    } while (this.#frames.at(-1)!.at < 0 || this.#frames.at(-1)!.at >= this.#frames.at(-1)!.block.count);
    return this.#descendEdge();
  }

  #descendEdge(): MaybePromise<boolean> {
    if (this.#frames.length === this.#footer.depth) return true;
    const { block, at } = this.#frames.at(-1)!;
    return this.#after(this.#cache.get(decodeReference(block.value(at))), (child) => {
      this.#frames.push({ block: child, at: this.#reverse ? child.count - 1 : 0 });
      return this.#descendEdge();
    });
  }

  #after<T, U>(value: MaybePromise<T>, then: (value: T) => MaybePromise<U>): MaybePromise<U> {
    return value instanceof Promise ? value.then(then) : then(value);
  }
}
