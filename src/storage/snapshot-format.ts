/**
 * The snapshot file: a tree of sorted, immutable blocks, built bottom up in one pass, so that it can be streamed out and later read
 * by ranges. Little-endian.
 *
 *   header (32)  "MNEMESNP", version u32, zero..., CRC-32 of the 28 bytes before
 *   blocks       level 0 holds (key, value); level n holds (first key, reference) of the blocks below it
 *   footer (128) root reference, depth, counts, size, generation, SHA-256 of all before the footer, CRC-32, "MNEMEEND"
 *
 * A block: per entry key length u16, value length u32, key, value; then the offset of each entry u32; then their number u32. A
 * reference: offset u64, length u32, CRC-32 of the block. So every byte that a reader uses was checked on the way from the root.
 */
import { MnemeError } from "../errors.ts";
import { crc32 } from "./crc32.ts";
import { compareBytes } from "./key.ts";

export const SNAPSHOT_VERSION = 1;
export const HEADER_BYTES = 32;
export const FOOTER_BYTES = 128;
const HASH_BYTES = 32;
const ENTRY_BYTES = 6;
const MAGIC = "MNEMESNP";
const END_MAGIC = "MNEMEEND";

export interface BlockReference {
  readonly offset: number;
  readonly length: number;
  readonly crc: number;
}
const REFERENCE_BYTES = 16;

export interface Footer {
  readonly root: BlockReference;
  /** Levels of blocks; 0 for an empty snapshot. */
  readonly depth: number;
  readonly entries: number;
  readonly size: number;
  readonly generation: number;
  /** SHA-256 of everything before the footer. */
  readonly hash: Uint8Array;
}

const viewOf = (bytes: Uint8Array): DataView => new DataView(bytes.buffer, bytes.byteOffset, bytes.length);

function setText(bytes: Uint8Array, at: number, text: string): void {
  for (let i = 0; i < text.length; i++) bytes[at + i] = text.charCodeAt(i);
}

function hasText(bytes: Uint8Array, at: number, text: string): boolean {
  for (let i = 0; i < text.length; i++) if (bytes[at + i] !== text.charCodeAt(i)) return false;
  return true;
}

function setNumber(view: DataView, at: number, value: number): void {
  view.setUint32(at, value % 2 ** 32, true);
  view.setUint32(at + 4, Math.floor(value / 2 ** 32), true);
}

function getNumber(view: DataView, at: number): number {
  return view.getUint32(at, true) + view.getUint32(at + 4, true) * 2 ** 32;
}

export function encodeHeader(): Uint8Array {
  const bytes = new Uint8Array(HEADER_BYTES);
  setText(bytes, 0, MAGIC);
  viewOf(bytes).setUint32(8, SNAPSHOT_VERSION, true);
  viewOf(bytes).setUint32(28, crc32(bytes.subarray(0, 28)), true);
  return bytes;
}

export function encodeFooter(footer: Footer): Uint8Array {
  const bytes = new Uint8Array(FOOTER_BYTES);
  const view = viewOf(bytes);
  bytes.set(encodeReference(footer.root));
  view.setUint32(16, footer.depth, true);
  view.setUint32(20, SNAPSHOT_VERSION, true);
  setNumber(view, 24, footer.entries);
  setNumber(view, 32, footer.size);
  setNumber(view, 40, footer.generation);
  bytes.set(footer.hash, 48);
  view.setUint32(FOOTER_BYTES - 12, crc32(bytes.subarray(0, FOOTER_BYTES - 12)), true);
  setText(bytes, FOOTER_BYTES - 8, END_MAGIC);
  return bytes;
}

/**
 * Judges both ends of a file of `size` bytes. @param head its first 32 bytes, or all of a shorter file. @param tail its last 128.
 * @throws MnemeError FORMAT (foreign), VERSION (newer), CORRUPT (ours, damaged or cut off)
 */
export function decodeEnds(head: Uint8Array, tail: Uint8Array, size: number, location: string): Footer {
  const begins = head.length >= 8 && hasText(head, 0, MAGIC);
  const ends = tail.length === FOOTER_BYTES && hasText(tail, FOOTER_BYTES - 8, END_MAGIC);
  if (!begins && !ends)
    throw new MnemeError("FORMAT", `open ${location}: not a Mneme snapshot`, { details: { location } });
  if (head.length < HEADER_BYTES || !ends) throw damaged(location, `cut off at ${size} bytes`);
  const soundHead = begins && viewOf(head).getUint32(28, true) === crc32(head.subarray(0, 28));
  const view = viewOf(tail);
  const soundTail = view.getUint32(FOOTER_BYTES - 12, true) === crc32(tail.subarray(0, FOOTER_BYTES - 12));
  if (!soundHead || !soundTail) throw damaged(location, "its header or footer does not match its checksum");
  const version = Math.max(viewOf(head).getUint32(8, true), view.getUint32(20, true));
  if (version > SNAPSHOT_VERSION)
    throw new MnemeError(
      "VERSION",
      `open ${location}: snapshot format ${version}, this build reads up to ${SNAPSHOT_VERSION}: update mneme`,
    );
  const footer: Footer = {
    root: decodeReference(tail),
    depth: view.getUint32(16, true),
    entries: getNumber(view, 24),
    size: getNumber(view, 32),
    generation: getNumber(view, 40),
    hash: tail.slice(48, 48 + HASH_BYTES),
  };
  if (footer.size !== size) throw damaged(location, `${size} bytes where ${footer.size} were written`);
  return footer;
}

export function damaged(location: string, what: string): MnemeError {
  return new MnemeError(
    "CORRUPT",
    `${location}: damaged snapshot, ${what}; fetch it again or use another copy`,
    {
      details: { location },
    },
  );
}

export function encodeReference(reference: BlockReference): Uint8Array {
  const bytes = new Uint8Array(REFERENCE_BYTES);
  const view = viewOf(bytes);
  setNumber(view, 0, reference.offset);
  view.setUint32(8, reference.length, true);
  view.setUint32(12, reference.crc, true);
  return bytes;
}

export function decodeReference(bytes: Uint8Array): BlockReference {
  const view = viewOf(bytes);
  return { offset: getNumber(view, 0), length: view.getUint32(8, true), crc: view.getUint32(12, true) };
}

/** Gathers the entries of one block. */
export class BlockBuilder {
  #entries: { readonly key: Uint8Array; readonly value: Uint8Array }[] = [];
  #bytes = 4;

  get bytes(): number {
    return this.#bytes;
  }
  get count(): number {
    return this.#entries.length;
  }
  get firstKey(): Uint8Array {
    return this.#entries[0]!.key;
  }

  /** Keeps both arrays until `finish`. */
  add(key: Uint8Array, value: Uint8Array): void {
    this.#entries.push({ key, value });
    this.#bytes += ENTRY_BYTES + key.length + value.length + 4;
  }

  /** The block's bytes; the builder is empty again. */
  finish(): Uint8Array {
    const bytes = new Uint8Array(this.#bytes);
    const view = viewOf(bytes);
    let at = 0;
    let slot = this.#bytes - 4 - 4 * this.#entries.length;
    for (const { key, value } of this.#entries) {
      view.setUint32(slot, at, true);
      slot += 4;
      view.setUint16(at, key.length, true);
      view.setUint32(at + 2, value.length, true);
      bytes.set(key, at + ENTRY_BYTES);
      bytes.set(value, at + ENTRY_BYTES + key.length);
      at += ENTRY_BYTES + key.length + value.length;
    }
    view.setUint32(slot, this.#entries.length, true);
    this.#entries = [];
    this.#bytes = 4;
    return bytes;
  }
}

/** A block that matched its checksum, hence trusted. Views are borrowed from it. */
export class Block {
  readonly bytes: Uint8Array;
  readonly count: number;
  readonly #view: DataView;
  readonly #slots: number;

  constructor(bytes: Uint8Array) {
    this.bytes = bytes;
    this.#view = viewOf(bytes);
    this.count = this.#view.getUint32(bytes.length - 4, true);
    this.#slots = bytes.length - 4 - 4 * this.count;
  }

  key(index: number): Uint8Array {
    const at = this.#view.getUint32(this.#slots + 4 * index, true);
    return this.bytes.subarray(at + ENTRY_BYTES, at + ENTRY_BYTES + this.#view.getUint16(at, true));
  }

  value(index: number): Uint8Array {
    const at = this.#view.getUint32(this.#slots + 4 * index, true);
    const start = at + ENTRY_BYTES + this.#view.getUint16(at, true);
    return this.bytes.subarray(start, start + this.#view.getUint32(at + 2, true));
  }

  /** First entry whose key is >= `key`; `count` when there is none. */
  lowerBound(key: Uint8Array): number {
    let low = 0;
    let high = this.count;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (compareBytes(this.key(middle), key) < 0) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  /** The child whose range holds `key`: the last whose first key is <= `key`, else the first. */
  childFor(key: Uint8Array): number {
    const at = this.lowerBound(key);
    return at < this.count && compareBytes(this.key(at), key) === 0 ? at : Math.max(0, at - 1);
  }
}
