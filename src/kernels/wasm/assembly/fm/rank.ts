/**
 * Counting a byte among the first rows of a run: counts every 256 rows for bytes that are frequent, the rows themselves for rare ones (in
 * lists), and the bytes between, of which the half step that holds the row is looked through at once: two lines of the cache.
 */

// run a, u32 fields
// @ts-ignore: decorator
@inline export const TEXT: usize = 0;
// @ts-ignore: decorator
@inline export const ROWS: usize = 4;
// @ts-ignore: decorator
@inline export const TABLE: usize = 8; // u16 [row / 256][column], from the start of its super block
// @ts-ignore: decorator
@inline export const SUPERS: usize = 12; // u32 [row / 65536][column], rows before those that begin with the byte added
// @ts-ignore: decorator
@inline export const COLUMNS: usize = 16; // u8 [256], 255 for rare bytes
// @ts-ignore: decorator
@inline export const WIDTH: usize = 20;
// @ts-ignore: decorator
@inline export const ENDS: usize = 24;
// @ts-ignore: decorator
@inline export const END_COUNT: usize = 28;
// @ts-ignore: decorator
@inline export const STARTS: usize = 32; // u32 [256]: rows before those that begin with the byte
// @ts-ignore: decorator
@inline export const LISTS: usize = 36; // u32 [257]: where the list of each byte begins
// @ts-ignore: decorator
@inline export const PLACES: usize = 40; // u32: rows that hold a rare byte, ascending, list after list

// @ts-ignore: decorator
@inline const STEP: u32 = 8;
// @ts-ignore: decorator
@inline const RARE: u32 = 255;

// scratch of `buildRanks`: four tables of counts by column, so that bytes that repeat do not wait for each other, their sum where the super block
// begins, and where the next place of each rare byte goes
// @ts-ignore: decorator
@inline const BASE: usize = 4096;
// @ts-ignore: decorator
@inline const NEXT: usize = 5120;

// @ts-ignore: decorator
@inline
function countsOf(scratch: usize, at: usize): v128 {
  const first = i32x4.add(v128.load(scratch + at), v128.load(scratch + at, 1024));
  return i32x4.add(first, i32x4.add(v128.load(scratch + at, 2048), v128.load(scratch + at, 3072)));
}

/** A row of TABLE: counts from the start of the super block, eight at a time and so up to seven more than there are. */
// @ts-ignore: decorator
@inline
function writeCounts(scratch: usize, width: u32, table: usize): void {
  for (let c: usize = 0; c < <usize>width << 2; c += 32) {
    const low = i32x4.sub(countsOf(scratch, c), v128.load(scratch + c, BASE));
    const high = i32x4.sub(countsOf(scratch, c + 16), v128.load(scratch + c, BASE + 16));
    v128.store(table + (c >> 1), i16x8.narrow_i32x4_u(low, high));
  }
}

/** Fills TABLE, SUPERS and PLACES. @param scratch 6144 bytes */
export function buildRanks(run: usize, scratch: usize): void {
  const text = load<u32>(run + TEXT);
  const rows = load<u32>(run + ROWS);
  const width = load<u32>(run + WIDTH);
  const columns = load<u32>(run + COLUMNS);
  const starts = load<u32>(run + STARTS);
  let table = <usize>load<u32>(run + TABLE);
  let supers = <usize>load<u32>(run + SUPERS);
  memory.fill(scratch, 0, BASE);
  memory.copy(scratch + NEXT, load<u32>(run + LISTS), 1024);
  for (let c: u32 = 0; c < 256; c++) {
    const column = <u32>load<u8>(columns + c);
    if (column != RARE) store<u32>(scratch + (column << 2), load<u32>(starts + (c << 2)));
  }
  let end: u32 = 0;
  let rare: u32 = 0;
  for (let row: u32 = 0; ; row += 1 << STEP, table += width << 1) {
    if ((row & 0xffff) == 0) {
      for (let c: usize = 0; c < 1024; c += 16) v128.store(scratch + c, countsOf(scratch, c), BASE);
      memory.copy(supers, scratch + BASE, width << 2);
      supers += width << 2;
    }
    writeCounts(scratch, width, table);
    if (row >= rows) break;
    const stop = min(rows, row + (1 << STEP));
    let i = row;
    for (; i + 4 <= stop; i += 4) {
      const bytes = load<u32>(text + i);
      countRow(scratch, columns, bytes & 255);
      countRow(scratch + 1024, columns, (bytes >> 8) & 255);
      countRow(scratch + 2048, columns, (bytes >> 16) & 255);
      countRow(scratch + 3072, columns, bytes >> 24);
    }
    for (; i < stop; i++) countRow(scratch, columns, load<u8>(text + i));
    // rare bytes are counted in a column that none has
    if (rareIn(scratch) != rare) {
      rare = rareIn(scratch);
      end = listRare(run, scratch + NEXT, row, stop, end);
    }
  }
}

// @ts-ignore: decorator
@inline
function countRow(counts: usize, columns: usize, c: u32): void {
  const slot = counts + (<usize>load<u8>(columns + c) << 2);
  store<u32>(slot, load<u32>(slot) + 1);
}

// @ts-ignore: decorator
@inline
function rareIn(scratch: usize): u32 {
  return i32x4.extract_lane(countsOf(scratch, <usize>RARE << 2), 0);
}

/** Lists the rare bytes of rows [from, to). @param end ends of documents before them. @returns those before `to` */
function listRare(run: usize, next: usize, from: u32, to: u32, end: u32): u32 {
  const text = load<u32>(run + TEXT);
  const columns = load<u32>(run + COLUMNS);
  const places = load<u32>(run + PLACES);
  const ends = load<u32>(run + ENDS);
  const endCount = load<u32>(run + END_COUNT);
  for (let i = from; i < to; i++) {
    const c = <u32>load<u8>(text + i);
    if (<u32>load<u8>(columns + c) != RARE) continue;
    while (end < endCount && load<u32>(ends + (end << 2)) < i) end++;
    if (c == 0 && end < endCount && load<u32>(ends + (end << 2)) == i) continue;
    const slot = next + (<usize>c << 2);
    const to = load<u32>(slot);
    store<u32>(slot, to + 1);
    store<u32>(places + (to << 2), i);
  }
  return end;
}
/** Numbers of an ascending list [low, high) below `row`. */
// @ts-ignore: decorator
@inline
function below(list: usize, low: u32, high: u32, row: u32): u32 {
  const from = low;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (load<u32>(list + (middle << 2)) < row) low = middle + 1;
    else high = middle;
  }
  return low - from;
}

/** Which half step a row lies in. */
// @ts-ignore: decorator
@inline
function halfOf(row: u32): u32 {
  return row >> (STEP - 1);
}

/** The step whose counts are those nearest to the rows of a half. */
// @ts-ignore: decorator
@inline
function nearest(half: u32): u32 {
  return (half + 1) >> 1;
}

// @ts-ignore: decorator
@inline
function matches(from: usize, at: usize, wanted: v128, places: v128, length: v128): v128 {
  return v128.and(i8x16.eq(v128.load(from + at), wanted), i8x16.lt_s(i8x16.add(places, i8x16.splat(<i8>at)), length));
}

/** Of 128 bytes those that are c, from place `low` to before `high`; without a branch, which would be mispredicted. */
// @ts-ignore: decorator
@inline
function occurrences(from: usize, low: u32, high: u32, c: u32): u32 {
  const wanted = i8x16.splat(<i8>c);
  const most = i8x16.splat(<i8>(<i32>(high - low) - 128));
  const first = i8x16(-128, -127, -126, -125, -124, -123, -122, -121, -120, -119, -118, -117, -116, -115, -114, -113);
  const places = i8x16.sub(first, i8x16.splat(<i8>low));
  const a = i8x16.add(matches(from, 0, wanted, places, most), matches(from, 16, wanted, places, most));
  const b = i8x16.add(matches(from, 32, wanted, places, most), matches(from, 48, wanted, places, most));
  const c1 = i8x16.add(matches(from, 64, wanted, places, most), matches(from, 80, wanted, places, most));
  const d = i8x16.add(matches(from, 96, wanted, places, most), matches(from, 112, wanted, places, most));
  const all = i8x16.neg(i8x16.add(i8x16.add(a, b), i8x16.add(c1, d)));
  const fours = i32x4.extadd_pairwise_i16x8_u(i16x8.extadd_pairwise_i8x16_u(all));
  const twos = i32x4.add(fours, i8x16.shuffle(fours, fours, 8, 9, 10, 11, 12, 13, 14, 15, 0, 1, 2, 3, 4, 5, 6, 7));
  return i32x4.extract_lane(twos, 0) + i32x4.extract_lane(twos, 1);
}

/** Reads what `rankOf` will read, to have it in the cache. */
// @ts-ignore: decorator
@inline
export function touchRank(text: usize, table: usize, supers: usize, columns: usize, width: u32, c: u32, row: u32): u32 {
  const half = halfOf(row);
  const near = nearest(half);
  const from = text + (half << (STEP - 1));
  const column = <u32>load<u8>(columns + c);
  const slot = table + ((near * width + column) << 1);
  return <u32>load<u8>(from) + <u32>load<u8>(from + 64) + <u32>load<u16>(slot) + load<u32>(supers + (((near >> (16 - STEP)) * width + column) << 2));
}

/** Rows before those that begin with the byte c, and those that hold it before `row`: the row that a step with it leads to. */
// @ts-ignore: decorator
@inline
export function rankOf(a: usize, text: usize, table: usize, supers: usize, columns: usize, width: u32, rows: u32, c: u32, row: u32): u32 {
  const column = <u32>load<u8>(columns + c);
  if (column == RARE) return rareRank(a, c, row);
  const half = halfOf(row);
  const near = nearest(half);
  const inside = row & ((1 << (STEP - 1)) - 1);
  const from = half << (STEP - 1);
  const isBefore = (half & 1) != 0; // the counts are those of the end of the half
  const low = isBefore ? inside : 0;
  const high = isBefore ? min<u32>(1 << (STEP - 1), rows - from) : inside;
  const some = occurrences(text + from, low, high, c);
  let among = load<u32>(supers + (((near >> (16 - STEP)) * width + column) << 2));
  among += <u32>load<u16>(table + ((near * width + column) << 1)) + (isBefore ? 0 - some : some);
  if (c == 0) among -= below(load<u32>(a + ENDS), 0, load<u32>(a + END_COUNT), row);
  return among;
}

function rareRank(a: usize, c: u32, row: u32): u32 {
  const lists = <usize>load<u32>(a + LISTS) + (<usize>c << 2);
  const before = below(load<u32>(a + PLACES), load<u32>(lists), load<u32>(lists, 4), row);
  return load<u32>(<usize>load<u32>(a + STARTS) + (<usize>c << 2)) + before;
}
