/**
 * A posting list: ascending ordinals and term frequencies, in blocks of 128. Full blocks are bit-packed, the last is varints. In front
 * stands a skip table with, per block, its last ordinal, its bytes, and what bounds any score in it (a frequency and a row length: block-max
 * indexes, Ding & Suel, Faster Top-k Document Retrieval Using Block-Max Indexes, SIGIR 2011).
 */
import { ByteReader, ByteWriter } from "../../varint.ts";

export const BLOCK = 128;

/** What follows the skip table of the list under work. */
const body = new ByteWriter();
const gaps = new Uint32Array(BLOCK);
const extra = new Uint32Array(BLOCK);

/** Appends the list of one term: places [start, end) of the two columns. @param lengths row lengths by ordinal, for the bounds */
export function writePostings(
  out: ByteWriter,
  ordinals: Uint32Array,
  frequencies: Uint32Array,
  start: number,
  end: number,
  lengths: Uint16Array,
): void {
  if (end - start < BLOCK) {
    varintBlock(out, ordinals, frequencies, start, end, -1);
    return;
  }
  body.clear();
  let before = -1;
  for (let first = start; first < end; first += BLOCK) {
    const last = Math.min(end, first + BLOCK);
    const at = body.length;
    if (last - first === BLOCK) packBlock(body, ordinals, frequencies, first, before);
    else varintBlock(body, ordinals, frequencies, first, last, before);
    if (end - start > BLOCK) {
      const { frequency, length } = boundsOf(ordinals, frequencies, first, last, lengths);
      out.varint(ordinals[last - 1]! - before);
      out.varint(body.length - at);
      out.varint(frequency);
      out.varint(length);
    }
    before = ordinals[last - 1]!;
  }
  out.append(body);
}

/**
 * The largest frequency, and the longest row in which it scores at least what any posting does, whatever the average length and k1 and b: a
 * posting of a smaller frequency in a shorter row scores no more than the largest one in a row longer in proportion.
 */
function boundsOf(
  ordinals: Uint32Array,
  frequencies: Uint32Array,
  start: number,
  end: number,
  lengths: Uint16Array,
): { frequency: number; length: number } {
  let frequency = 0;
  let length = 0xffff;
  for (let i = start; i < end; i++) frequency = Math.max(frequency, frequencies[i]!);
  for (let i = start; i < end; i++)
    length = Math.min(length, (lengths[ordinals[i]!]! * frequency) / frequencies[i]!);
  return { frequency, length: Math.floor(length) };
}

/** Gap and frequency share a number: an odd one has frequency 1, an even one is followed by the frequency. */
function varintBlock(
  out: ByteWriter,
  ordinals: Uint32Array,
  frequencies: Uint32Array,
  start: number,
  end: number,
  before: number,
): void {
  let last = before;
  for (let i = start; i < end; i++) {
    const gap = ordinals[i]! - last - 1;
    last = ordinals[i]!;
    if (frequencies[i] === 1) out.varint(gap * 2 + 1);
    else {
      out.varint(gap * 2);
      out.varint(frequencies[i]!);
    }
  }
}

/** One byte of gap width, one of frequency width, then 128 gaps and 128 frequencies - 1 at those widths. */
function packBlock(
  out: ByteWriter,
  ordinals: Uint32Array,
  frequencies: Uint32Array,
  start: number,
  before: number,
): void {
  let [last, anyGap, anyExtra] = [before, 0, 0];
  for (let i = 0; i < BLOCK; i++) {
    gaps[i] = ordinals[start + i]! - last - 1;
    last = ordinals[start + i]!;
    extra[i] = frequencies[start + i]! - 1;
    anyGap |= gaps[i]!;
    anyExtra |= extra[i]!;
  }
  const gapBits = 32 - Math.clz32(anyGap);
  const extraBits = 32 - Math.clz32(anyExtra);
  out.byte(gapBits);
  out.byte(extraBits);
  packBits(out, gaps, gapBits);
  packBits(out, extra, extraBits);
}

function packBits(out: ByteWriter, values: Uint32Array, bits: number): void {
  let pending = 0;
  let held = 0;
  for (let i = 0; i < BLOCK; i++) {
    // in halves, so that what is pending never passes 32 bits
    for (let left = bits, rest = values[i]!; left > 0; left -= 16, rest >>>= 16) {
      pending |= (rest & 0xffff) << held;
      held += Math.min(left, 16);
      for (; held >= 8; held -= 8) {
        out.byte(pending & 255);
        pending >>>= 8;
      }
    }
  }
  if (held > 0) out.byte(pending);
}

/** Reads one list block by block. Arrays of a decoded block are reused: borrowed until the next decode. */
export class PostingList {
  readonly count: number;
  readonly blocks: number;
  readonly ordinals: Uint32Array = new Uint32Array(BLOCK);
  readonly frequencies: Uint32Array = new Uint32Array(BLOCK);
  readonly #bytes: Uint8Array;
  /** Per block: last ordinal, start in bytes. */
  readonly #lastOrdinals: Uint32Array;
  readonly #starts: Uint32Array;

  /** @param bytes exactly one list as `writePostings` wrote it, borrowed for the life of this object */
  constructor(bytes: Uint8Array, count: number) {
    this.count = count;
    this.blocks = Math.ceil(count / BLOCK);
    this.#bytes = bytes;
    this.#lastOrdinals = new Uint32Array(this.blocks);
    this.#starts = new Uint32Array(this.blocks);
    if (count > BLOCK) this.#readSkips();
  }

  /** Postings of block `block`, decoded into `ordinals` and `frequencies`. */
  decode(block: number): number {
    const before = block === 0 ? -1 : this.#lastOrdinals[block - 1]!;
    const size = Math.min(BLOCK, this.count - block * BLOCK);
    const at = this.#starts[block]!;
    if (size === BLOCK) this.#unpack(at, before);
    else this.#varints(at, size, before);
    return size;
  }

  /** Sets `held[i]` to 1 where the list has `wanted[i]`, ascending. Blocks that can have none are not decoded. */
  find(wanted: Uint32Array, held: Uint8Array): void {
    let block = -1;
    let size = 0;
    let at = 0;
    for (let i = 0; i < wanted.length; i++) {
      const ordinal = wanted[i]!;
      if (size === 0 || this.ordinals[size - 1]! < ordinal) {
        block++;
        while (block < this.blocks - 1 && this.#lastOrdinals[block]! < ordinal) block++;
        if (block >= this.blocks) return;
        size = this.decode(block);
        at = 0;
      }
      while (at < size && this.ordinals[at]! < ordinal) at++;
      if (at < size && this.ordinals[at] === ordinal) held[i] = 1;
    }
  }

  #readSkips(): void {
    const reader = new ByteReader(this.#bytes);
    let last = -1;
    let start = 0;
    for (let block = 0; block < this.blocks; block++) {
      last += reader.varint();
      this.#lastOrdinals[block] = last;
      this.#starts[block] = start;
      start += reader.varint();
      reader.varint(); // bounds of scores: the scorer's
      reader.varint();
    }
    for (let block = 0; block < this.blocks; block++) this.#starts[block]! += reader.at;
  }

  #varints(at: number, size: number, before: number): void {
    const reader = new ByteReader(this.#bytes, at);
    let last = before;
    for (let i = 0; i < size; i++) {
      const value = reader.varint();
      last += Math.floor(value / 2) + 1;
      this.ordinals[i] = last;
      this.frequencies[i] = value % 2 === 1 ? 1 : reader.varint();
    }
  }

  #unpack(at: number, before: number): void {
    const gapBits = this.#bytes[at]!;
    const extraBits = this.#bytes[at + 1]!;
    unpackBits(this.#bytes, at + 2, gapBits, this.ordinals);
    unpackBits(this.#bytes, at + 2 + gapBits * (BLOCK / 8), extraBits, this.frequencies);
    let last = before;
    for (let i = 0; i < BLOCK; i++) {
      last += this.ordinals[i]! + 1;
      this.ordinals[i] = last;
      this.frequencies[i]! += 1;
    }
  }
}

function unpackBits(bytes: Uint8Array, start: number, bits: number, out: Uint32Array): void {
  if (bits === 0) {
    out.fill(0);
    return;
  }
  const mask = bits === 32 ? 0xffff_ffff : (1 << bits) - 1;
  let at = start;
  let held = 0;
  let pending = 0;
  for (let i = 0; i < BLOCK; i++) {
    if (bits > 24) {
      out[i] = wideBits(bytes, start * 8 + i * bits, bits);
      continue;
    }
    while (held < bits) {
      pending |= bytes[at++]! << held;
      held += 8;
    }
    out[i] = pending & mask;
    pending >>>= bits;
    held -= bits;
  }
}

/** Widths that a 32-bit window cannot hold beside a partial byte; rare. */
function wideBits(bytes: Uint8Array, bit: number, bits: number): number {
  let value = 0;
  for (let i = 0; i < bits; i++) if (bytes[(bit + i) >> 3]! & (1 << ((bit + i) & 7))) value += 2 ** i;
  return value;
}
