/**
 * Suffixes of documents in order, by the rows of a run that they go before (walk-documents.ts): these are nearly the order already. They
 * are spread by their high bits, each bucket is sorted by the low ones, and the few that go before the same row are compared byte by byte.
 */
import { setBit } from "./run";

// An entry of 64 bits: place in the text, whether it is marked, the byte before it, low bits of the row that it goes before.
// @ts-ignore: decorator
@inline const MARK: u64 = 28;
// @ts-ignore: decorator
@inline const BYTE: u64 = 29;
// @ts-ignore: decorator
@inline const LOW: u64 = 37;
/** Sorted by insertion up to so many of the same row. */
// @ts-ignore: decorator
@inline const FEW: usize = 8;

// @ts-ignore: decorator
@inline
function placeOf(entry: u64): u32 {
  return <u32>entry & ((1 << 28) - 1);
}

/** Counts to where each bucket begins. @returns the largest */
export function beginBuckets(histogram: usize, buckets: u32): u32 {
  let sum: u32 = 0;
  let most: u32 = 0;
  for (let slot = histogram; slot < histogram + (<usize>buckets << 2); slot += 4) {
    const count = load<u32>(slot);
    most = max(most, count);
    store<u32>(slot, sum);
    sum += count;
  }
  return most;
}

/** Spreads places [from, to) of the text to buckets; ends of documents are left out. @param cursors where the next of each bucket goes */
export function spreadPlaced(text: usize, from: u32, to: u32, rows: usize, marks: usize, shift: u32, cursors: usize, entries: usize): void {
  const mask = (<u32>1 << shift) - 1;
  for (let at = from; at < to; at++) {
    if (load<u8>(text + at) == 0) continue;
    const row = load<u32>(rows + (<usize>at << 2));
    const cursor = cursors + (<usize>(row >> shift) << 2);
    const slot = load<u32>(cursor);
    store<u32>(cursor, slot + 1);
    const mark = (<u32>load<u8>(marks + (at >> 3)) >> (at & 7)) & 1;
    const entry = (<u64>(row & mask) << LOW) | (<u64>load<u8>(text + at - 1) << BYTE) | (<u64>mark << MARK) | <u64>at;
    store<u64>(entries + (<usize>slot << 3), entry);
  }
}

/** One pass of a radix sort of entries by `bits` of their rows from `first` on. */
function sortDigit(from: usize, count: usize, to: usize, first: u64, bits: u64, counters: usize): void {
  const mask = (<u64>1 << bits) - 1;
  memory.fill(counters, 0, <usize>4 << <usize>bits);
  const end = from + (count << 3);
  for (let at = from; at < end; at += 8) {
    const slot = counters + (<usize>((load<u64>(at) >> first) & mask) << 2);
    store<u32>(slot, load<u32>(slot) + 8);
  }
  let sum: u32 = <u32>to;
  for (let slot = counters; slot < counters + (<usize>4 << <usize>bits); slot += 4) {
    const some = load<u32>(slot);
    store<u32>(slot, sum);
    sum += some;
  }
  for (let at = from; at < end; at += 8) {
    const entry = load<u64>(at);
    const slot = counters + (<usize>((entry >> first) & mask) << 2);
    const place = load<u32>(slot);
    store<u32>(slot, place + 8);
    store<u64>(place, entry);
  }
}

/** What was read ahead, so that no compiler leaves the reads out. */
let sink: u32 = 0;

/** Reads the text of entries of the same row, to have it in the cache when they are compared: WebAssembly has no prefetch. */
function readTied(text: usize, from: usize, to: usize): void {
  let ahead: u32 = 0;
  for (let at = from + 8; at < to; at += 8) {
    const entry = load<u64>(at);
    const before = load<u64>(at - 8);
    if (entry >> LOW == before >> LOW) ahead += <u32>load<u8>(text + placeOf(entry)) + <u32>load<u8>(text + placeOf(before));
  }
  sink = ahead;
}

/** Words of text compared since `beginOrder`, and how many may be. */
let effort: u64 = 0;
let allowed: u64 = 0;
/** Rows, samples and ends written. */
let row: u32 = 0;
let sampled: u32 = 0;
let ended: u32 = 0;

/** Eight bytes as a number that is ordered as they are, zeros behind an end. */
// @ts-ignore: decorator
@inline
function wordAt(text: usize): u64 {
  const bytes = v128.load64_zero(text);
  const word = <u64>i64x2.extract_lane(i8x16.shuffle(bytes, bytes, 7, 6, 5, 4, 3, 2, 1, 0, 15, 14, 13, 12, 11, 10, 9, 8), 0);
  const most: u64 = 0x7f7f7f7f7f7f7f7f;
  const zeros = ~(((word & most) + most) | word | most);
  return zeros == 0 ? word : word & ~(<u64>0xffffffffffffffff >> clz<u64>(zeros));
}

/** Whether the suffix of entry a comes before that of b, of an earlier place; two that end alike are in order of place. */
function isBefore(text: usize, a: u64, b: u64): bool {
  let p = text + placeOf(a);
  let q = text + placeOf(b);
  while (true) {
    effort++;
    const x = wordAt(p);
    const y = wordAt(q);
    if (x != y) return x < y;
    if ((x & 255) == 0 || effort > allowed) return false;
    p += 8;
    q += 8;
  }
}

/** Sorts entries of one row, which are in order of place, by merging. */
function sortTied(text: usize, from: usize, to: usize, spare: usize): void {
  if (to - from <= FEW << 3) {
    for (let i = from + 8; i < to; i += 8) {
      const entry = load<u64>(i);
      let j = i;
      for (; j > from && isBefore(text, entry, load<u64>(j - 8)); j -= 8) store<u64>(j, load<u64>(j - 8));
      store<u64>(j, entry);
    }
    return;
  }
  const middle = from + (((to - from) >> 4) << 3);
  sortTied(text, from, middle, spare);
  sortTied(text, middle, to, spare);
  memory.copy(spare, from, middle - from);
  const end = spare + (middle - from);
  let right = middle;
  for (let left = spare; left < end; from += 8) {
    const isRight = right < to && isBefore(text, load<u64>(right), load<u64>(left));
    store<u64>(from, load<u64>(isRight ? right : left));
    if (isRight) right += 8;
    else left += 8;
  }
}

/** Begins with the ends of the documents, which are in order. @param runEnds ends of the run, whose rows come before */
export function beginOrder(
  text: usize,
  ends: usize,
  documents: u32,
  runEnds: u32,
  rows: usize,
  bits: usize,
  words: u32,
): void {
  effort = 0;
  allowed = <u64>words;
  sampled = 0;
  ended = 0;
  for (row = 0; row < documents; row++) {
    store<u8>(rows + row, load<u8>(text + load<u32>(ends + (<usize>row << 2)) - 1));
    setBit(bits, runEnds + row);
  }
}

/**
 * Goes on with buckets [from, to): rows of the documents (bytes, marks, samples, rows that hold ends and where their documents begin), and
 * in `bits` their places among the rows of both. @param fields u32: text, entries, spare room for the largest bucket, counters, cursors (ends
 * of buckets), shift, marks of the text, prefix of these, rows, marks, samples, ends, starts, bits. @returns whether it was not too much work
 */
export function orderPlaced(fields: usize, from: u32, to: u32): bool {
  const text = <usize>load<u32>(fields);
  const entries = <usize>load<u32>(fields, 4);
  const spare = <usize>load<u32>(fields, 8);
  const counters = <usize>load<u32>(fields, 12);
  const cursors = <usize>load<u32>(fields, 16);
  const shift = load<u32>(fields, 20);
  const high: u64 = <u64>((shift + 1) >> 1);
  for (let bucket = from; bucket < to; bucket++) {
    const start = entries + (bucket > 0 ? <usize>load<u32>(cursors + ((<usize>bucket - 1) << 2)) << 3 : 0);
    const end = entries + (<usize>load<u32>(cursors + (<usize>bucket << 2)) << 3);
    const count = (end - start) >> 3;
    if (count == 0) continue;
    sortDigit(start, count, spare, LOW, high, counters);
    sortDigit(spare, count, start, LOW + high, high, counters);
    readTied(text, start, end);
    for (let at = start; at < end; ) {
      const low = load<u64>(at) >> LOW;
      let next = at + 8;
      while (next < end && load<u64>(next) >> LOW == low) next += 8;
      if (next > at + 8) sortTied(text, at, next, spare);
      at = next;
    }
    if (effort > allowed) return false;
    writeRows(fields, start, end, bucket << shift);
  }
  return true;
}

/** Rows of sorted entries; `base` is the first row of their bucket. */
function writeRows(fields: usize, from: usize, to: usize, base: u32): void {
  const textMarks = <usize>load<u32>(fields, 24);
  const prefix = <usize>load<u32>(fields, 28);
  const rows = <usize>load<u32>(fields, 32);
  const marks = <usize>load<u32>(fields, 36);
  const samples = <usize>load<u32>(fields, 40);
  const ends = <usize>load<u32>(fields, 44);
  const starts = <usize>load<u32>(fields, 48);
  const bits = <usize>load<u32>(fields, 52);
  for (let at = from; at < to; at += 8, row++) {
    const entry = load<u64>(at);
    const byte = <u8>(entry >> BYTE);
    const place = placeOf(entry);
    store<u8>(rows + row, byte);
    setBit(bits, base + <u32>(entry >> LOW) + row);
    if (byte == 0) {
      store<u32>(ends + (<usize>ended << 2), row);
      store<u32>(starts + (<usize>ended << 2), place);
      ended++;
    }
    if (((entry >> MARK) & 1) != 0) {
      setBit(marks, row);
      const before = load<u64>(textMarks + (<usize>(place >> 6) << 3)) & ((<u64>1 << (place & 63)) - 1);
      store<u32>(samples + (<usize>sampled << 2), load<u32>(prefix + (<usize>(place >> 6) << 2)) + <u32>popcnt<u64>(before));
      sampled++;
    }
  }
}
