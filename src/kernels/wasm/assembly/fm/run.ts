/**
 * A run: the transformed text of some documents, which are held backwards, with marks and samples by row. Here it is made of a suffix
 * array, and two runs are merged: ends of documents are ordered by document, so that runs are sets of strings that merge in any memory
 * (Sirén, 2009; Bauer, Cox and Rosone, 2011).
 */

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

/** Adds to 256 counts. */
export function countBytes(from: usize, length: i32, counts: usize): void {
  for (let i = 0; i < length; i++) {
    const slot = counts + (<usize>load<u8>(from + i) << 2);
    store<u32>(slot, load<u32>(slot) + 1);
  }
}

/** Sets the bits of every `rate`th symbol of a document that begins at `start`, but its first. */
export function markDocument(marks: usize, start: u32, length: u32, rate: u32): void {
  for (let j = rate; j < length; j += rate) setBit(marks, start + j);
}

// @ts-ignore: decorator
@inline
function setBit(bits: usize, i: u32): void {
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
    if (row + 24 < n) ahead += touchText(text, wide, load<u32>(sa + (<usize>(row + 24) << 2)));
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

// @ts-ignore: decorator
@inline
function touchText(text: usize, wide: bool, p: u32): u32 {
  return <u32>load<u8>(text + (wide ? p << 1 : p));
}

// a run with ranks, u32 fields
// @ts-ignore: decorator
@inline const TEXT: usize = 0;
// @ts-ignore: decorator
@inline const ROWS: usize = 4;
// @ts-ignore: decorator
@inline const TABLE: usize = 8; // u16 [row / 256][column], from the start of its super block
// @ts-ignore: decorator
@inline const SUPERS: usize = 12; // u32 [row / 65536][column]
// @ts-ignore: decorator
@inline const COLUMNS: usize = 16; // u8 [256]
// @ts-ignore: decorator
@inline const WIDTH: usize = 20;
// @ts-ignore: decorator
@inline const ENDS: usize = 24;
// @ts-ignore: decorator
@inline const END_COUNT: usize = 28;
// @ts-ignore: decorator
@inline const STARTS: usize = 32; // u32 [256]: rows before those that begin with the byte

// @ts-ignore: decorator
@inline const STEP: u32 = 9;

/** Fills TABLE and SUPERS of a run. */
export function buildRanks(run: usize, counts: usize): void {
  const text = load<u32>(run + TEXT);
  const rows = load<u32>(run + ROWS);
  const width = load<u32>(run + WIDTH);
  const columns = load<u32>(run + COLUMNS);
  let table = <usize>load<u32>(run + TABLE);
  let supers = <usize>load<u32>(run + SUPERS);
  memory.fill(counts, 0, 2048);
  const base = counts + 1024;
  for (let row: u32 = 0; ; row += 1 << STEP) {
    if ((row & 0xffff) == 0) {
      memory.copy(base, counts, width << 2);
      memory.copy(supers, counts, width << 2);
      supers += width << 2;
    }
    for (let c: u32 = 0; c < width; c++, table += 2)
      store<u16>(table, <u16>(load<u32>(counts + (c << 2)) - load<u32>(base + (c << 2))));
    if (row >= rows) break;
    const end = min(rows, row + (1 << STEP));
    for (let i = row; i < end; i++) {
      const slot = counts + (<usize>load<u8>(columns + load<u8>(text + i)) << 2);
      store<u32>(slot, load<u32>(slot) + 1);
    }
  }
}

// @ts-ignore: decorator
@inline
function occurrences(from: usize, to: usize, c: u32): u32 {
  const wanted = i8x16.splat(<i8>c);
  let sum: u32 = 0;
  for (; from + 16 <= to; from += 16) sum += <u32>popcnt<i32>(i8x16.bitmask(i8x16.eq(v128.load(from), wanted)));
  if (from < to) {
    const bits = i8x16.bitmask(i8x16.eq(v128.load(from), wanted));
    sum += <u32>popcnt<i32>(bits & ((1 << <i32>(to - from)) - 1));
  }
  return sum;
}

/** Rows before `row` with byte c: from the nearer end of a step of 512. */
// @ts-ignore: decorator
@inline
function rank(run: usize, c: u32, row: u32): u32 {
  const column = <u32>load<u8>(load<u32>(run + COLUMNS) + c);
  const width = load<u32>(run + WIDTH);
  if (column >= width) return 0;
  const rows = load<u32>(run + ROWS);
  const text = load<u32>(run + TEXT);
  const step = (row + (1 << (STEP - 1))) >> STEP;
  const near = step << STEP;
  let sum = load<u32>(load<u32>(run + SUPERS) + (((near >> 16) * width + column) << 2));
  sum += <u32>load<u16>(load<u32>(run + TABLE) + ((step * width + column) << 1));
  if (near <= row) sum += occurrences(text + near, text + row, c);
  else sum -= occurrences(text + row, text + min(near, rows), c);
  return c == 0 ? sum - endsBefore(run, row) : sum;
}

function endsBefore(run: usize, row: u32): u32 {
  const ends = load<u32>(run + ENDS);
  let low: u32 = 0;
  let high = load<u32>(run + END_COUNT);
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (load<u32>(ends + (middle << 2)) < row) low = middle + 1;
    else high = middle;
  }
  return low;
}

function isEndRow(run: usize, row: u32): bool {
  const place = endsBefore(run, row);
  return place < load<u32>(run + END_COUNT) && load<u32>(load<u32>(run + ENDS) + (place << 2)) == row;
}

// @ts-ignore: decorator
@inline const LANES: u32 = 16;

/** What was read ahead, so that no compiler leaves the reads out. */
let sink: u32 = 0;

/** Reads what `rank` is going to: reads of several lanes go on side by side, where the steps of one wait for each other. */
// @ts-ignore: decorator
@inline
function touch(run: usize, text: usize, table: usize, columns: usize, width: u32, c: u32, row: u32): u32 {
  const column = <u32>load<u8>(columns + c);
  const near = (row + (1 << (STEP - 1))) >> STEP;
  const middle = (row + (near << STEP)) >> 1;
  return (
    <u32>load<u16>(table + ((near * width + column) << 1)) +
    <u32>load<u8>(text + row) +
    <u32>load<u8>(text + (near << STEP)) +
    <u32>load<u8>(text + middle)
  );
}

/**
 * Sets in zeroed `bits` the places that rows of run b take among those of both runs, documents of a first. Several documents are
 * walked side by side, since each step waits for memory. @param lanes 3 x 16 u32
 */
export function markMerged(a: usize, b: usize, bits: usize, lanes: usize): void {
  const first = load<u32>(a + END_COUNT);
  const documents = load<u32>(b + END_COUNT);
  const text = load<u32>(b + TEXT);
  const textA = load<u32>(a + TEXT);
  const startsA = load<u32>(a + STARTS);
  const startsB = load<u32>(b + STARTS);
  const tableA = load<u32>(a + TABLE);
  const tableB = load<u32>(b + TABLE);
  const columnsA = load<u32>(a + COLUMNS);
  const columnsB = load<u32>(b + COLUMNS);
  const widthA = load<u32>(a + WIDTH);
  const widthB = load<u32>(b + WIDTH);
  const symbols = lanes + (LANES << 3);
  for (let d: u32 = 0; d < documents; d++) setBit(bits, first + d);
  let next: u32 = 0;
  let active: u32 = 0;
  let ahead: u32 = 0;
  for (; active < LANES && next < documents; active++, next++) {
    store<u32>(lanes + (active << 3), next);
    store<u32>(lanes + (active << 3) + 4, first);
  }
  while (active > 0) {
    for (let lane: u32 = 0; lane < active; lane++)
      store<u32>(symbols + (lane << 2), <u32>load<u8>(text + load<u32>(lanes + (lane << 3))));
    for (let lane: u32 = 0; lane < active; lane++) {
      const c = load<u32>(symbols + (lane << 2));
      const place = lanes + (lane << 3);
      ahead += touch(b, text, tableB, columnsB, widthB, c, load<u32>(place));
      ahead += touch(a, textA, tableA, columnsA, widthA, c, load<u32>(place + 4));
    }
    for (let lane: u32 = 0; lane < active; lane++) {
      const place = lanes + (lane << 3);
      const i = load<u32>(place);
      const r = load<u32>(place + 4);
      const c = load<u32>(symbols + (lane << 2));
      if (c == 0 && isEndRow(b, i)) {
        if (next < documents) {
          store<u32>(place, next++);
          store<u32>(place + 4, first);
        } else {
          active--;
          store<u64>(place, load<u64>(lanes + (active << 3)));
          store<u32>(symbols + (lane << 2), load<u32>(symbols + (active << 2)));
          lane--;
        }
        continue;
      }
      const to = load<u32>(startsB + (c << 2)) + rank(b, c, i);
      const among = load<u32>(startsA + (c << 2)) + rank(a, c, r);
      store<u32>(place, to);
      store<u32>(place + 4, among);
      setBit(bits, to + among);
    }
  }
  sink = ahead;
}
