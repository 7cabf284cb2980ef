/** Blocks of a snapshot, read once, checked once and kept while they are used: least recently used goes first. */

import type { ByteSource } from "./byte-source.ts";
import { crc32 } from "./crc32.ts";
import { Block, type BlockReference, damaged } from "./snapshot-format.ts";
import type { MaybePromise } from "./store.ts";

export class BlockCache {
  readonly #source: ByteSource;
  readonly #location: string;
  readonly #capacityBytes: number;
  /** By offset, least recently used first. */
  readonly #blocks = new Map<number, Block>();
  readonly #coming = new Map<number, Promise<Block>>();
  #bytes = 0;

  constructor(source: ByteSource, location: string, capacityBytes: number) {
    this.#source = source;
    this.#location = location;
    this.#capacityBytes = capacityBytes;
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** @throws MnemeError CORRUPT where the block does not match its reference; the source's own errors */
  get(reference: BlockReference): MaybePromise<Block> {
    const known = this.#blocks.get(reference.offset);
    if (known) {
      this.#blocks.delete(reference.offset);
      this.#blocks.set(reference.offset, known);
      return known;
    }
    return this.#coming.get(reference.offset) ?? this.#fetch(reference);
  }

  #fetch(reference: BlockReference): MaybePromise<Block> {
    const { offset, length } = reference;
    if (offset + length > this.#source.size || length < 8)
      throw damaged(this.#location, `a reference to ${length} bytes at ${offset}`);
    const bytes = this.#source.read(offset, length);
    if (bytes instanceof Uint8Array) return this.#keep(reference, bytes);
    const coming = bytes.then((found) => this.#keep(reference, found));
    this.#coming.set(offset, coming);
    const forget = (): void => {
      this.#coming.delete(offset);
    };
    coming.then(forget, forget);
    return coming;
  }

  #keep(reference: BlockReference, bytes: Uint8Array): Block {
    if (bytes.length !== reference.length || crc32(bytes) !== reference.crc)
      throw damaged(this.#location, `the block at ${reference.offset} does not match its checksum`);
    const block = new Block(bytes);
    this.#blocks.set(reference.offset, block);
    this.#bytes += bytes.length;
    for (const [offset, oldest] of this.#blocks) {
      if (this.#bytes <= this.#capacityBytes) break;
      this.#blocks.delete(offset);
      this.#bytes -= oldest.bytes.length;
    }
    return block;
  }
}
