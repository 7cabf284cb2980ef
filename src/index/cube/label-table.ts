/**
 * Labels of one dimension in the bytes of a segment, looked up where they lie: a library has hundreds of thousands, and objects for them would take
 * several times their bytes. Layout, little-endian: u32 count; u32 hashes, ascending; u32 starts, one more; then for each label its key, its display
 * form (empty: the key), how many rows have it, and its cell.
 */
import { asU32 } from "../../bytes.ts";
import { MnemeError } from "../../errors.ts";
import { lowerBound } from "../../search-sorted.ts";
import { ByteReader, ByteWriter } from "../../varint.ts";
import type { Cell } from "./cell.ts";

const WORD = 4;
const encoder = new TextEncoder();
const decoder = new TextDecoder();

export interface LabelEntry {
  readonly key: string;
  readonly label: string;
  readonly cell: Cell;
}

/** FNV-1a over UTF-16 (Fowler, Noll and Vo, 1991). */
function hashOf(key: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < key.length; i++) hash = Math.imul(hash ^ key.charCodeAt(i), 0x01000193);
  return hash >>> 0;
}

export function encodeLabels(entries: Iterable<LabelEntry>): Uint8Array {
  const hashed = [...entries].map((entry) => ({ ...entry, hash: hashOf(entry.key) }));
  hashed.sort((a, b) => a.hash - b.hash || (a.key < b.key ? -1 : 1));
  const body = new ByteWriter();
  const head = new Uint32Array(2 + 2 * hashed.length);
  head[0] = hashed.length;
  hashed.forEach(({ hash, key, label, cell }, i) => {
    head[1 + i] = hash;
    head[1 + hashed.length + i] = body.length;
    putText(body, key);
    putText(body, label === key ? "" : label);
    body.varint(cell.count);
    body.bytes(cell.finish());
  });
  head[1 + 2 * hashed.length] = body.length;
  const bytes = new Uint8Array(head.byteLength + body.length);
  bytes.set(new Uint8Array(head.buffer));
  bytes.set(body.written, head.byteLength);
  return bytes;
}

function putText(out: ByteWriter, text: string): void {
  const bytes = encoder.encode(text);
  out.varint(bytes.length);
  out.bytes(bytes);
}

export class LabelTable {
  readonly #hashes: Uint32Array;
  readonly #starts: Uint32Array;
  readonly #body: Uint8Array;
  readonly byteLength: number;

  /** @throws MnemeError CORRUPT */
  constructor(bytes: Uint8Array) {
    const words = asU32(bytes.subarray(0, bytes.byteLength & ~(WORD - 1)));
    const count = words[0] ?? 0;
    const bodyAt = WORD * (2 + 2 * count);
    this.#hashes = words.subarray(1, 1 + count);
    this.#starts = words.subarray(1 + count, 2 + 2 * count);
    this.#body = bytes.subarray(bodyAt);
    this.byteLength = bytes.byteLength;
    if (bytes.byteLength < bodyAt || this.#starts[count] !== this.#body.byteLength)
      throw new MnemeError(
        "CORRUPT",
        `cube: ${bytes.byteLength} bytes are not those of ${count} labels; restore a snapshot or open with another cube`,
      );
  }

  get count(): number {
    return this.#hashes.length;
  }

  /** Number of a label, or -1. */
  find(key: string): number {
    const hash = hashOf(key);
    for (let i = lowerBound(this.#hashes, hash); this.#hashes[i] === hash; i++)
      if (this.keyAt(i) === key) return i;
    return -1;
  }

  keyAt(number: number): string {
    return textOf(new ByteReader(this.#body, this.#starts[number]!));
  }

  labelAt(number: number): string {
    const reader = new ByteReader(this.#body, this.#starts[number]!);
    const key = textOf(reader);
    return textOf(reader) || key;
  }

  /** Rows of a label. */
  rowsAt(number: number): number {
    return this.#cellOf(number).varint();
  }

  /** Calls `take` for each ordinal of a label, ascending. */
  each(number: number, take: (ordinal: number, times: number) => void): void {
    const reader = this.#cellOf(number);
    const count = reader.varint();
    for (let i = 0, ordinal = -1; i < count; i++) {
      ordinal += reader.varint() + 1;
      take(ordinal, reader.varint());
    }
  }

  #cellOf(number: number): ByteReader {
    const reader = new ByteReader(this.#body, this.#starts[number]!);
    for (let text = 0; text < 2; text++) {
      const length = reader.varint();
      reader.at += length;
    }
    return reader;
  }
}

function textOf(reader: ByteReader): string {
  const length = reader.varint();
  reader.at += length;
  return decoder.decode(reader.bytes.subarray(reader.at - length, reader.at));
}
