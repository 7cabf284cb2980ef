/**
 * A long byte string compressed in blocks, so that any range is read by inflating the few blocks it touches.
 * Parts: NAME (compressed blocks, back to back) and NAME.table (u32 little-endian: raw length, then the end offset of each block).
 */
import type { Parts, SegmentSource } from "../index/segment.ts";
import type { MaybePromise } from "../storage/store.ts";
import { deflate, inflate } from "./compress.ts";

/** Raw bytes of a block: 16 KB keeps deflate within 6% of whole-file deflate and a passage costs one or two inflations. */
export const BLOCK_BYTES = 16_384;

/** Adds the two parts of `name` to `parts`. */
export function packBlocks(
  parts: Parts,
  name: string,
  bytes: Uint8Array,
  blockBytes: number = BLOCK_BYTES,
): void {
  const count = Math.ceil(bytes.byteLength / blockBytes);
  const table = new Uint32Array(1 + count);
  table[0] = bytes.byteLength;
  const blocks: Uint8Array[] = [];
  let end = 0;
  for (let block = 0; block < count; block++) {
    const packed = deflate(bytes.subarray(block * blockBytes, (block + 1) * blockBytes));
    blocks.push(packed);
    end += packed.byteLength;
    table[1 + block] = end;
  }
  parts.set(name, concat(blocks, end));
  parts.set(`${name}.table`, new Uint8Array(table.buffer));
}

/** Reads the whole of what packBlocks made, from parts in memory. Node only (merging). */
export function unpackBlocks(
  parts: Parts,
  name: string,
  blockBytes: number = BLOCK_BYTES,
): Uint8Array {
  const table = asU32(parts.get(`${name}.table`) ?? new Uint8Array(4));
  const packed = parts.get(name) ?? new Uint8Array(0);
  const bytes = new Uint8Array(table[0]!);
  for (let block = 0; block + 1 < table.length; block++) {
    const start = block === 0 ? 0 : table[block]!;
    bytes.set(
      inflate(packed.subarray(start, table[block + 1]), blockBytes) as Uint8Array,
      block * blockBytes,
    );
  }
  return bytes;
}

/** Blocks that stay inflated: passages of one answer often lie close together. */
const RECENT = 4;

/** Random access to a blocked string of an attached segment. The table is resident: 4 bytes per 16 KB. */
export class BlockText {
  readonly #source: SegmentSource;
  readonly #name: string;
  readonly #table: Uint32Array;
  readonly #blockBytes: number;
  /** Inflated lately, newest first. */
  #recent: { readonly block: number; readonly bytes: Uint8Array }[] = [];

  private constructor(source: SegmentSource, name: string, table: Uint32Array, blockBytes: number) {
    this.#source = source;
    this.#name = name;
    this.#table = table;
    this.#blockBytes = blockBytes;
  }

  static async open(
    source: SegmentSource,
    name: string,
    blockBytes: number = BLOCK_BYTES,
  ): Promise<BlockText> {
    const part = `${name}.table`;
    const [table] = await source.read([{ part, start: 0, end: source.size(part) }]);
    return new BlockText(source, name, asU32(table!), blockBytes);
  }

  get bytes(): number {
    return this.#table.byteLength + RECENT * this.#blockBytes;
  }

  /** Raw bytes of the whole string. */
  get length(): number {
    return this.#table[0] ?? 0;
  }

  /** Owned bytes [start, end) of the original. */
  read(start: number, end: number): MaybePromise<Uint8Array> {
    if (end <= start) return new Uint8Array(0);
    const first = Math.floor(start / this.#blockBytes);
    const last = Math.floor((end - 1) / this.#blockBytes);
    const known = first === last ? this.#recent.find(({ block }) => block === first) : undefined;
    if (known) return known.bytes.slice(start - first * this.#blockBytes, end - first * this.#blockBytes);
    const ranges = [];
    for (let block = first; block <= last; block++) {
      ranges.push({
        part: this.#name,
        start: block === 0 ? 0 : this.#table[block]!,
        end: this.#table[block + 1]!,
      });
    }
    const packed = this.#source.read(ranges);
    return packed instanceof Promise
      ? packed.then((blocks) => this.#join(blocks, first, start, end))
      : this.#join(packed, first, start, end);
  }

  #join(packed: readonly Uint8Array[], first: number, start: number, end: number): MaybePromise<Uint8Array> {
    const raw = packed.map((block) => inflate(block, this.#blockBytes));
    if (raw.some((block) => block instanceof Promise)) {
      return Promise.all(raw).then((blocks) => this.#cut(blocks, first, start, end));
    }
    return this.#cut(raw as Uint8Array[], first, start, end);
  }

  #cut(blocks: readonly Uint8Array[], first: number, start: number, end: number): Uint8Array {
    const last = blocks.length - 1;
    this.#recent = [{ block: first + last, bytes: blocks[last]! }, ...this.#recent.slice(0, RECENT - 1)];
    const offset = first * this.#blockBytes;
    const whole =
      blocks.length === 1
        ? blocks[0]!
        : concat(
            blocks,
            blocks.reduce((n, b) => n + b.byteLength, 0),
          );
    return whole.slice(start - offset, end - offset);
  }
}

export function concat(pieces: readonly Uint8Array[], length: number): Uint8Array {
  const whole = new Uint8Array(length);
  let offset = 0;
  for (const piece of pieces) {
    whole.set(piece, offset);
    offset += piece.byteLength;
  }
  return whole;
}

/** u32 view, copying when the bytes are not aligned. */
export function asU32(bytes: Uint8Array): Uint32Array {
  const aligned = bytes.byteOffset % 4 === 0 ? bytes : new Uint8Array(bytes);
  return new Uint32Array(aligned.buffer, aligned.byteOffset, aligned.byteLength >>> 2);
}
