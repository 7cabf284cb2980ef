/**
 * Bits of a node as lengths of their runs, in Elias's gamma codes (1975): smaller than enumerative codes where text repeats, for rows with
 * the same text behind them hold the same byte. Every 512 bits have a record (ones before them, place of their codes), the first bit, and
 * lengths that end with them. A table takes all codes at once that fit in 11 bits.
 */
import { bitsAt, putBits } from "./layout";

/** Bits of a record: 2 to this. */
// @ts-ignore: decorator
@inline const STEP: u32 = 9;
/** Of so many steps at least, each so-manieth is looked at first. */
// @ts-ignore: decorator
@inline const LEAST_SAMPLED: u32 = 16;
// @ts-ignore: decorator
@inline const SAMPLED: u32 = 8;
/** u16 ones before it, u16 place in the stream. */
// @ts-ignore: decorator
@inline const RECORD: usize = 4;
/** Bits looked up at once. */
// @ts-ignore: decorator
@inline const WINDOW: u32 = 11;
/** Set in the second word of a node that is held so; the rest is where its records begin in the block. */
// @ts-ignore: decorator
@inline export const BY_LENGTHS: u32 = 0x80000000;
/** Places in a longer stream would not fit in 16 bits. */
// @ts-ignore: decorator
@inline export const MOST_BYTES: u32 = 8192;

/** u32 by 11 bits: 4 of bits taken, 4 of whether the runs are odd, 8 of their bits, 8 of those of the first, third and so on. */
let table: usize = 0;

/** Makes the table at `room`, of 8192 bytes, once. */
export function makeLengths(room: usize): void {
  table = room;
  for (let pattern: u32 = 0; pattern < 1 << WINDOW; pattern++) {
    let taken: u32 = 0;
    let total: u32 = 0;
    let first: u32 = 0;
    let odd: u32 = 0;
    for (let rest = pattern; rest != 0; rest = pattern >> taken) {
      const width = <u32>ctz<u32>(rest);
      if (taken + 2 * width + 1 > WINDOW) break;
      const length = lengthOf(<u64>rest, width);
      taken += 2 * width + 1;
      total += length;
      if (odd == 0) first += length;
      odd ^= 1;
    }
    store<u32>(room + (<usize>pattern << 2), taken | (odd << 4) | (total << 8) | (first << 16));
  }
}

/** The length whose code, of 2 width + 1 bits, comes first. */
// @ts-ignore: decorator
@inline
function lengthOf(code: u64, width: u32): u32 {
  const low = (<u32>1 << width) - 1;
  return (<u32>1 << width) | (<u32>(code >> (width + 1)) & low);
}

/** Codes from bit `at` on: 57 bits or more of them. */
// @ts-ignore: decorator
@inline
function codesAt(stream: usize, at: u32): u64 {
  return load<u64>(stream + (at >> 3)) >> (at & 7);
}

/** The run that begins at bit `at` of a node, cut at `end`. */
// @ts-ignore: decorator
@inline
function runAt(bits: usize, at: u32, end: u32): u32 {
  const first = <u64>((<u32>load<u8>(bits + (at >> 3)) >> (at & 7)) & 1);
  let to = at;
  while (to < end) {
    // ones where bits differ from the first
    const word = (load<u64>(bits + (to >> 3)) ^ (0 - first)) >> (to & 7);
    const room = 64 - (to & 7);
    const same = word == 0 ? room : <u32>ctz<u64>(word);
    to += same;
    if (same < room) break;
  }
  return min(to, end) - at;
}

/** Bits of the codes between two records. */
// @ts-ignore: decorator
@inline
function sizeOfStep(bits: usize, start: u32, length: u32): u32 {
  const end = min(length, start + (1 << STEP));
  let size: u32 = 1;
  for (let at = start; at < end; ) {
    const run = runAt(bits, at, end);
    size += 2 * (31 - <u32>clz<u32>(run)) + 1;
    at += run;
  }
  return size;
}

/**
 * Bytes that a node of `length` bits would take; it can be held so where they are fewer than MOST_BYTES. A long node is looked at here and
 * there first: where that is far above `most` bytes, the rest is not counted. @returns `most` or more then
 */
export function sizeByLengths(bits: usize, length: u32, most: u32): u32 {
  const records = ((length + (1 << STEP) - 1) >> STEP) << 2;
  let size: u32 = 0;
  if (length >= <u32>LEAST_SAMPLED << STEP) {
    let steps: u32 = 0;
    for (let start: u32 = 0; start < length; start += <u32>SAMPLED << STEP, steps++)
      size += sizeOfStep(bits, start, length);
    if (<u64>size * (length >> STEP) > (<u64>most * 9) * steps) return most;
    size = 0;
  }
  for (let start: u32 = 0; start < length; start += 1 << STEP) size += sizeOfStep(bits, start, length);
  return ((size + 7) >> 3) + records;
}

/** Where the stream of a node of `length` bits begins, whose records begin at `records`. */
// @ts-ignore: decorator
@inline
export function streamBehind(records: usize, length: u32): usize {
  return records + <usize>((length + (1 << STEP) - 1) >> STEP) * RECORD;
}

/** Writes records and codes of a node. @returns the end of its stream */
export function encodeLengths(bits: usize, length: u32, records: usize): usize {
  const stream = streamBehind(records, length);
  let to: u32 = 0;
  let rank: u32 = 0;
  store<u64>(stream, 0);
  for (let start: u32 = 0, record = records; start < length; start += 1 << STEP, record += RECORD) {
    const end = min(length, start + (1 << STEP));
    store<u16>(record, <u16>rank);
    store<u16>(record + 2, <u16>to);
    let bit = (<u32>load<u8>(bits + (start >> 3)) >> (start & 7)) & 1;
    store<u64>(stream + (to >> 3) + 1, 0);
    putBits(stream, to++, 1, bit);
    for (let at = start; at < end; bit ^= 1) {
      const run = runAt(bits, at, end);
      const width = 31 - <u32>clz<u32>(run);
      const low = run & ((1 << width) - 1);
      store<u64>(stream + (to >> 3) + 1, 0);
      putBits(stream, to, 2 * width + 1, (<u64>low << (width + 1)) | (<u64>1 << width));
      to += 2 * width + 1;
      if (bit) rank += run;
      at += run;
    }
  }
  return stream + ((to + 7) >> 3);
}

/** Bits from the one that `rankByLengths` met on that are known to be the same. */
export let remaining: u32 = 0;

/**
 * Twice the ones before place p of a node (p > 0 where the bit there is not wanted), and the bit there where `isAccess`.
 * @param node of the block, BY_LENGTHS
 */
export function rankByLengths(block: usize, node: usize, p: u32, isAccess: bool): u32 {
  const number = (isAccess ? p : p - 1) >> STEP;
  const rest = p - (number << STEP);
  const record = block + <usize>(load<u32>(node + 4) & ~BY_LENGTHS) + <usize>number * RECORD;
  const stream = block + load<u32>(node + 8);
  // runs are passed while they end before this
  const stop = isAccess ? rest + 1 : rest;
  let rank = <u32>load<u16>(record);
  let at = <u32>load<u16>(record + 2);
  let bit = (<u32>load<u8>(stream + (at >> 3)) >> (at & 7)) & 1;
  at++;
  let passed: u32 = 0;
  let codes = codesAt(stream, at);
  let width = <u32>ctz<u64>(codes);
  let length = lengthOf(codes, width);
  while (passed + length < stop) {
    const entry = load<u32>(table + (<usize>(<u32>codes & ((1 << WINDOW) - 1)) << 2));
    const total = (entry >> 8) & 255;
    if (total > 0 && passed + total < stop) {
      const first = entry >> 16;
      rank += bit ? first : total - first;
      passed += total;
      at += entry & 15;
      bit ^= (entry >> 4) & 1;
    } else {
      rank += bit ? length : 0;
      passed += length;
      at += 2 * width + 1;
      bit ^= 1;
    }
    codes = codesAt(stream, at);
    width = <u32>ctz<u64>(codes);
    length = lengthOf(codes, width);
  }
  remaining = passed + length - rest;
  return ((rank + (bit ? rest - passed : 0)) << 1) | bit;
}

/** Bits of a node of `length` to zeroed bytes. @returns its ones */
export function unpackLengths(block: usize, node: usize, length: u32, to: usize): u32 {
  const stream = block + load<u32>(node + 8);
  let at: u32 = 0;
  let ones: u32 = 0;
  for (let start: u32 = 0; start < length; start += 1 << STEP) {
    const end = min(length, start + (1 << STEP));
    let bit = <u32>bitsAt(stream, at++, 1);
    for (let place = start; place < end; bit ^= 1) {
      const codes = bitsAt(stream, at, 32);
      const width = <u32>ctz<u64>(codes);
      const run = lengthOf(codes, width);
      at += 2 * width + 1;
      if (bit) {
        ones += run;
        for (let i: u32 = 0; i < run; i += 32)
          putBits(to, place + i, 32, (<u64>1 << <u64>min<u32>(32, run - i)) - 1);
      }
      place += run;
    }
  }
  return ones;
}
