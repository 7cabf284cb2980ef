/**
 * Where the rows of a run b go among those of a run a: every document of b is walked from its end, with one rank in a for each byte (Sirén,
 * 2009, for the walk; Ferragina, Gagie and Manzini, 2012, for one rank a byte). Steps in b are looked up: they are all taken, so they are
 * written down first, 2 bytes each. Ends of documents are ordered by document, so that runs are sets of strings (Bauer, Cox and Rosone, 2011).
 */
import { setBit } from "./run";

// run a, u32 fields
// @ts-ignore: decorator
@inline const TEXT: usize = 0;
// @ts-ignore: decorator
@inline const ROWS: usize = 4;
// @ts-ignore: decorator
@inline const TABLE: usize = 8; // u16 [row / 256][column], from the start of its super block
// @ts-ignore: decorator
@inline const SUPERS: usize = 12; // u32 [row / 65536][column], rows before those that begin with the byte added
// @ts-ignore: decorator
@inline const COLUMNS: usize = 16; // u8 [256], 255 for rare bytes
// @ts-ignore: decorator
@inline const WIDTH: usize = 20;
// @ts-ignore: decorator
@inline const ENDS: usize = 24;
// @ts-ignore: decorator
@inline const END_COUNT: usize = 28;
// @ts-ignore: decorator
@inline const STARTS: usize = 32; // u32 [256]: rows before those that begin with the byte
// @ts-ignore: decorator
@inline const LISTS: usize = 36; // u32 [257]: where the list of each byte begins
// @ts-ignore: decorator
@inline const PLACES: usize = 40; // u32: rows that hold a rare byte, ascending, list after list

// @ts-ignore: decorator
@inline const STEP: u32 = 8;
// @ts-ignore: decorator
@inline const RARE: u32 = 255;

/** Fills TABLE, SUPERS and PLACES. @param scratch 3 x 256 u32 */
export function buildRanks(run: usize, scratch: usize): void {
  const text = load<u32>(run + TEXT);
  const rows = load<u32>(run + ROWS);
  const width = load<u32>(run + WIDTH);
  const columns = load<u32>(run + COLUMNS);
  const starts = load<u32>(run + STARTS);
  const places = load<u32>(run + PLACES);
  const ends = load<u32>(run + ENDS);
  const endCount = load<u32>(run + END_COUNT);
  let table = <usize>load<u32>(run + TABLE);
  let supers = <usize>load<u32>(run + SUPERS);
  const counts = scratch;
  const base = scratch + 1024;
  const next = scratch + 2048;
  memory.copy(next, load<u32>(run + LISTS), 1024);
  for (let c: u32 = 0; c < 256; c++) {
    const column = <u32>load<u8>(columns + c);
    if (column != RARE) store<u32>(counts + (column << 2), load<u32>(starts + (c << 2)));
  }
  let end: u32 = 0;
  for (let row: u32 = 0; ; row += 1 << STEP) {
    if ((row & 0xffff) == 0) {
      memory.copy(base, counts, width << 2);
      memory.copy(supers, counts, width << 2);
      supers += width << 2;
    }
    for (let c: u32 = 0; c < width; c++, table += 2)
      store<u16>(table, <u16>(load<u32>(counts + (c << 2)) - load<u32>(base + (c << 2))));
    if (row >= rows) break;
    const stop = min(rows, row + (1 << STEP));
    for (let i = row; i < stop; i++) {
      const c = <u32>load<u8>(text + i);
      const column = <u32>load<u8>(columns + c);
      if (column != RARE) {
        const slot = counts + (<usize>column << 2);
        store<u32>(slot, load<u32>(slot) + 1);
        continue;
      }
      if (c == 0 && end < endCount && load<u32>(ends + (end << 2)) == i) {
        end++;
        continue;
      }
      const slot = next + (<usize>c << 2);
      const to = load<u32>(slot);
      store<u32>(slot, to + 1);
      store<u32>(places + (to << 2), i);
    }
  }
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

/** Where the step of row begins or ends that is nearer to it. */
// @ts-ignore: decorator
@inline
function nearest(row: u32): u32 {
  return (row + (1 << (STEP - 1))) >> STEP;
}

// @ts-ignore: decorator
@inline
function matches(from: usize, at: usize, wanted: v128, places: v128, length: v128): v128 {
  return v128.and(i8x16.eq(v128.load(from + at), wanted), i8x16.lt_s(i8x16.add(places, i8x16.splat(<i8>at)), length));
}

/** Of up to 128 bytes those that are c; without a branch, which would be mispredicted. */
// @ts-ignore: decorator
@inline
function occurrences(from: usize, length: u32, c: u32): u32 {
  const wanted = i8x16.splat(<i8>c);
  const most = i8x16.splat(<i8>(<i32>length - 128));
  const places = i8x16(-128, -127, -126, -125, -124, -123, -122, -121, -120, -119, -118, -117, -116, -115, -114, -113);
  const first = i8x16.add(matches(from, 0, wanted, places, most), matches(from, 16, wanted, places, most));
  const second = i8x16.add(matches(from, 32, wanted, places, most), matches(from, 48, wanted, places, most));
  const third = i8x16.add(matches(from, 64, wanted, places, most), matches(from, 80, wanted, places, most));
  const fourth = i8x16.add(matches(from, 96, wanted, places, most), matches(from, 112, wanted, places, most));
  const all = i8x16.neg(i8x16.add(i8x16.add(first, second), i8x16.add(third, fourth)));
  const fours = i32x4.extadd_pairwise_i16x8_u(i16x8.extadd_pairwise_i8x16_u(all));
  const twos = i32x4.add(fours, i8x16.shuffle(fours, fours, 8, 9, 10, 11, 12, 13, 14, 15, 0, 1, 2, 3, 4, 5, 6, 7));
  return i32x4.extract_lane(twos, 0) + i32x4.extract_lane(twos, 1);
}

/**
 * Writes down the step from each row of a run: `links` u16 by row, from the start of its 32,768 rows, 65,535 at ends; `bases` u32
 * [row / 32768][byte]: the row that the first of that byte leads to. @param starts as of a run
 */
export function linkRows(text: usize, rows: u32, ends: usize, endCount: u32, starts: usize, links: usize, bases: usize, counts: usize): void {
  memory.copy(counts, starts, 1024);
  let end: u32 = 0;
  for (let first: u32 = 0; first < rows; first += 0x8000, bases += 1024) {
    memory.copy(bases, counts, 1024);
    const last = min(rows, first + 0x8000);
    for (let row = first; row < last; ) {
      const next = end < endCount ? load<u32>(ends + (end << 2)) : last;
      for (const stop = min(next, last); row < stop; row++) {
        const c = <usize>load<u8>(text + row) << 2;
        const to = load<u32>(counts + c);
        store<u32>(counts + c, to + 1);
        store<u16>(links + (<usize>row << 1), <u16>(to - load<u32>(bases + c)));
      }
      if (row < last) {
        store<u16>(links + (<usize>row << 1), 0xffff);
        row++;
        end++;
      }
    }
  }
}

// @ts-ignore: decorator
@inline const LANES: usize = 16;
// lanes: u32 rows of b, rows of a, bytes of the step, places to set
// @ts-ignore: decorator
@inline const ROW_A: usize = 4 * LANES;
// @ts-ignore: decorator
@inline const BYTE: usize = 8 * LANES;
// @ts-ignore: decorator
@inline const PLACE: usize = 12 * LANES;

/** What was read ahead, so that no compiler leaves the reads out. */
let sink: u32 = 0;

/** Documents that are walked, and how many have been begun. */
let active: usize = 0;
let begun: u32 = 0;

/**
 * Begins the walk of run b: sets in zeroed `bits` the places of its first rows. @param lanes 4 x 16 u32
 */
export function beginWalk(a: usize, documents: u32, bits: usize, lanes: usize): void {
  const row = load<u32>(a + END_COUNT);
  for (let d: u32 = 0; d < documents; d++) setBit(bits, row + d);
  active = 0;
  for (begun = 0; active < LANES && begun < documents; active++, begun++) {
    store<u32>(lanes + (active << 2), begun);
    store<u32>(lanes + (active << 2), row, ROW_A);
  }
}

/** One step in b of every lane; another document, if there is one, takes the place of one that ends. */
function stepLanes(lanes: usize, text: usize, links: usize, bases: usize, documents: u32, first: u32): void {
  for (let lane: usize = 0; lane < active; ) {
    const place = lanes + (lane << 2);
    const i = load<u32>(place);
    const link = <u32>load<u16>(links + (<usize>i << 1));
    if (link == 0xffff) {
      if (begun < documents) {
        store<u32>(place, begun++);
        store<u32>(place, first, ROW_A);
      } else {
        active--;
        store<u32>(place, load<u32>(lanes + (active << 2)));
        store<u32>(place, load<u32>(lanes + (active << 2), ROW_A), ROW_A);
      }
      continue;
    }
    const c = <u32>load<u8>(text + i);
    store<u32>(place, load<u32>(bases + (<usize>(i >> 15) << 10) + (<usize>c << 2)) + link);
    store<u32>(place, c, BYTE);
    lane++;
  }
}

/**
 * Goes on with the walk for so many rounds: sets in `bits` the places that rows of b take among those of both runs, documents of a first. Several documents are walked side
 * by side, in short loops: what each step waits for is read for all of them before it is used.
 * @returns documents under way: 0 when all are walked
 */
export function markMerged(a: usize, text: usize, links: usize, bases: usize, documents: u32, bits: usize, lanes: usize, rounds: u32): usize {
  const first = load<u32>(a + END_COUNT);
  const textA = <usize>load<u32>(a + TEXT);
  const rows = load<u32>(a + ROWS);
  const table = <usize>load<u32>(a + TABLE);
  const supers = <usize>load<u32>(a + SUPERS);
  const columns = <usize>load<u32>(a + COLUMNS);
  const width = load<u32>(a + WIDTH);
  let ahead: u32 = 0;
  for (; active > 0 && rounds > 0; rounds--) {
    for (let lane: usize = 0; lane < active << 2; lane += 4) {
      const i = <usize>load<u32>(lanes + lane);
      ahead += <u32>load<u8>(text + i) + <u32>load<u16>(links + (i << 1));
    }
    stepLanes(lanes, text, links, bases, documents, first);
    const last = lanes + (active << 2);
    for (let lane = lanes; lane < last; lane += 4) {
      const row = load<u32>(lane, ROW_A);
      const near = nearest(row);
      const from = textA + min(row, near << STEP);
      ahead += <u32>load<u8>(from) + <u32>load<u8>(from + 64);
      ahead += <u32>load<u16>(table + ((near * width + <u32>load<u8>(columns + load<u32>(lane, BYTE))) << 1));
    }
    for (let lane = lanes; lane < last; lane += 4) {
      const c = load<u32>(lane, BYTE);
      const row = load<u32>(lane, ROW_A);
      const column = <u32>load<u8>(columns + c);
      let among: u32;
      if (column == RARE) among = rareRank(a, c, row);
      else {
        const near = nearest(row);
        const from = min(near << STEP, rows);
        const some = occurrences(textA + min(row, from), row > from ? row - from : from - row, c);
        among = load<u32>(supers + (((near >> (16 - STEP)) * width + column) << 2));
        among += <u32>load<u16>(table + ((near * width + column) << 1)) + (row > from ? some : 0 - some);
        if (c == 0) among -= below(load<u32>(a + ENDS), 0, first, row);
      }
      store<u32>(lane, among, ROW_A);
      store<u32>(lane, load<u32>(lane) + among, PLACE);
    }
    for (let lane = lanes; lane < last; lane += 4) setBit(bits, load<u32>(lane, PLACE));
  }
  sink = ahead;
  return active;
}

function rareRank(a: usize, c: u32, row: u32): u32 {
  const lists = <usize>load<u32>(a + LISTS) + (<usize>c << 2);
  const before = below(load<u32>(a + PLACES), load<u32>(lists), load<u32>(lists, 4), row);
  return load<u32>(<usize>load<u32>(a + STARTS) + (<usize>c << 2)) + before;
}
