/**
 * Writes a long byte string in compressed blocks (their format: block-text.ts). Blocks that another writer made can be taken over as they
 * are, so that merging segments neither inflates nor deflates what stays.
 */

import { asU32, concat } from "../bytes.ts";
import type { Parts } from "../index/segment.ts";
import { standAside } from "../stand-aside.ts";
import { deflate, inflate } from "./compress.ts";

export class BlockWriter {
  readonly #blockBytes: number;
  readonly #blocks: Uint8Array[] = [];
  readonly #table: number[] = [];
  /** Bytes that wait for their block to be full. */
  #pending: Uint8Array[] = [];
  #pendingBytes = 0;
  #packedBytes = 0;
  #length = 0;

  constructor(blockBytes: number) {
    this.#blockBytes = blockBytes;
  }

  /** Raw bytes so far. */
  get length(): number {
    return this.#length;
  }

  add(bytes: Uint8Array): void {
    this.#length += bytes.byteLength;
    for (let at = 0; at < bytes.byteLength; ) {
      const end = Math.min(bytes.byteLength, at + this.#blockBytes - this.#pendingBytes);
      this.#pending.push(bytes.subarray(at, end));
      this.#pendingBytes += end - at;
      at = end;
      if (this.#pendingBytes === this.#blockBytes) this.#close();
    }
  }

  /** Takes over all blocks of `name` in `parts`. */
  copy(parts: Parts, name: string): void {
    this.#close();
    const table = tableOf(parts, name);
    const packed = parts.get(name) ?? new Uint8Array(0);
    const from = this.#length;
    for (let i = 0; i < table.length; i += 2) {
      const start = i === 0 ? 0 : table[i - 1]!;
      this.#push(packed.subarray(start, table[i + 1]!), from + table[i]!);
    }
    this.#length = from + (table.at(-2) ?? 0);
  }

  /** Adds the two parts of `name` to `parts`. */
  finish(parts: Parts, name: string): void {
    this.#close();
    parts.set(name, concat(this.#blocks, this.#packedBytes));
    parts.set(`${name}.table`, new Uint8Array(Uint32Array.from(this.#table).buffer));
  }

  #close(): void {
    if (this.#pendingBytes === 0) return;
    standAside();
    const raw = this.#pending.length === 1 ? this.#pending[0]! : concat(this.#pending, this.#pendingBytes);
    const end = (this.#table.at(-2) ?? 0) + this.#pendingBytes;
    this.#pending = [];
    this.#pendingBytes = 0;
    this.#push(deflate(raw), end);
  }

  #push(packed: Uint8Array, rawEnd: number): void {
    this.#blocks.push(packed);
    this.#packedBytes += packed.byteLength;
    this.#table.push(rawEnd, this.#packedBytes);
  }
}

/** The whole of what a writer made, from parts in memory. */
export function unpackBlocks(parts: Parts, name: string): Uint8Array {
  const table = tableOf(parts, name);
  const packed = parts.get(name) ?? new Uint8Array(0);
  const bytes = new Uint8Array(table.at(-2) ?? 0);
  for (let i = 0; i < table.length; i += 2) {
    const [rawStart, start] = i === 0 ? [0, 0] : [table[i - 2]!, table[i - 1]!];
    const block = packed.subarray(start, table[i + 1]!);
    bytes.set(inflate(block, table[i]! - rawStart), rawStart);
  }
  return bytes;
}

function tableOf(parts: Parts, name: string): Uint32Array {
  return asU32(parts.get(`${name}.table`) ?? new Uint8Array(0));
}
