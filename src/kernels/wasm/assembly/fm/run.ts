/** A run: the transformed text of some documents, which are held backwards, with marks and samples by row. Here it is made of a suffix array. */

/** A document's bytes as symbols, from its last byte to its first, then the end. @param map 256 u16, by byte */
export function placeDocument(from: usize, length: i32, to: usize, map: usize, wide: bool): void {
  for (let i = 0; i < length; i++) {
    const symbol = load<u16>(map + (<usize>load<u8>(from + length - 1 - i) << 1));
    if (wide) store<u16>(to + (<usize>i << 1), symbol);
    else store<u8>(to + i, <u8>symbol);
  }
  if (wide) store<u16>(to + (<usize>length << 1), 0);
  else store<u8>(to + length, 0);
}

// @ts-ignore: decorator
@inline
function countOne(counts: usize, byte: u64): void {
  const slot = counts + (<usize>(byte & 255) << 2);
  store<u32>(slot, load<u32>(slot) + 1);
}

/** Counts bytes to 256 of 1024 zeroed u32: four tables, so that bytes that repeat do not wait for each other, added in the end. */
export function countBytes(from: usize, length: i32, counts: usize): void {
  let i = 0;
  for (; i + 8 <= length; i += 8) {
    const word = load<u64>(from + i);
    countOne(counts, word);
    countOne(counts + 1024, word >> 8);
    countOne(counts + 2048, word >> 16);
    countOne(counts + 3072, word >> 24);
    countOne(counts, word >> 32);
    countOne(counts + 1024, word >> 40);
    countOne(counts + 2048, word >> 48);
    countOne(counts + 3072, word >> 56);
  }
  for (; i < length; i++) countOne(counts, load<u8>(from + i));
  for (let c = counts; c < counts + 1024; c += 4)
    store<u32>(c, load<u32>(c) + load<u32>(c, 1024) + load<u32>(c, 2048) + load<u32>(c, 3072));
}

/** Sets the bits of every `rate`th symbol of a document that begins at `start`, but its first. */
export function markDocument(marks: usize, start: u32, length: u32, rate: u32): void {
  for (let j = rate; j < length; j += rate) setBit(marks, start + j);
}

// @ts-ignore: decorator
@inline
export function setBit(bits: usize, i: u32): void {
  const address = bits + (i >> 3);
  store<u8>(address, <u8>(<u32>load<u8>(address) | (1 << (i & 7))));
}

// @ts-ignore: decorator
@inline
export function hasBit(bits: usize, i: u32): bool {
  return (((<u32>load<u8>(bits + (i >> 3))) >> (i & 7)) & 1) != 0;
}

/** Ones before each 64 bits, to `prefix`. @returns all */
export function countMarks(marks: usize, n: u32, prefix: usize): u32 {
  let sum: u32 = 0;
  for (let i: u32 = 0; i < n; i += 64) {
    store<u32>(prefix + ((i >> 6) << 2), sum);
    sum += <u32>popcnt<u64>(load<u64>(marks + (i >> 3)));
  }
  return sum;
}

/**
 * Rows of a suffix array: bytes before each suffix, marks and samples of marked positions, rows that hold ends and where their documents
 * begin. `rowMarks` is zeroed. @param bytes 257 u8: byte of each symbol
 */
export function makeRun(
  text: usize,
  n: u32,
  wide: bool,
  sa: usize,
  bytes: usize,
  marks: usize,
  prefix: usize,
  rows: usize,
  rowMarks: usize,
  samples: usize,
  ends: usize,
  starts: usize,
): void {
  let endCount: usize = 0;
  let ahead: u32 = 0;
  for (let row: u32 = 0; row < n; row++) {
    const p = load<u32>(sa + (<usize>row << 2));
    if (row + 24 < n) {
      const next = load<u32>(sa + (<usize>(row + 24) << 2));
      ahead += touchText(text, wide, next) + <u32>load<u8>(marks + (next >> 3));
    }
    let symbol: u32 = 0;
    if (p > 0) symbol = wide ? <u32>load<u16>(text + (<usize>(p - 1) << 1)) : <u32>load<u8>(text + p - 1);
    if (symbol == 0) {
      store<u32>(ends + (endCount << 2), row);
      store<u32>(starts + (endCount << 2), p);
      endCount++;
    }
    store<u8>(rows + row, load<u8>(bytes + symbol));
    if (hasBit(marks, p)) {
      setBit(rowMarks, row);
      const before = load<u64>(marks + ((p >> 6) << 3)) & ((<u64>1 << (p & 63)) - 1);
      store<u32>(samples, load<u32>(prefix + ((p >> 6) << 2)) + <u32>popcnt<u64>(before));
      samples += 4;
    }
  }
  sink = ahead;
}

/** What was read ahead, so that no compiler leaves the reads out. */
let sink: u32 = 0;

// @ts-ignore: decorator
@inline
function touchText(text: usize, wide: bool, p: u32): u32 {
  return <u32>load<u8>(text + (wide ? p << 1 : p));
}
