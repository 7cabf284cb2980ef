/**
 * Queries over a shard whose blocks lie in memory or not: every step that meets a block which is absent stops, names it and is taken again
 * once it is there (Ferragina and Manzini, 2000, for the steps).
 */
import {
  accessInBlock,
  accessRank,
  accessSpan,
  endsInBlock,
  isEnd,
  rankInBlock,
  sampleAt,
} from "./read-block";
import { AT_DOCUMENTS, AT_OCCURRENCES, ENDS_BEFORE } from "./layout";

// a shard, u32 fields
// @ts-ignore: decorator
@inline const ROWS: usize = 0;
// @ts-ignore: decorator
@inline const SLOTS: usize = 4; // u32 by block: where it lies, or 0
// @ts-ignore: decorator
@inline const COLUMNS: usize = 8; // u8 [256]: place of each byte's count in a block
// @ts-ignore: decorator
@inline const STARTS: usize = 12; // u32 [256]: rows before those that begin with the byte
// @ts-ignore: decorator
@inline const TOTALS: usize = 16; // u32 [256]: rows by byte, ends not counted
// @ts-ignore: decorator
@inline const MISSING: usize = 20; // the block that a step stopped for

// @ts-ignore: decorator
@inline
function blockOf(shard: usize, row: u32): usize {
  const number = row >> 16;
  const block = <usize>load<u32>(<usize>load<u32>(shard + SLOTS) + (<usize>number << 2));
  if (block == 0) store<u32>(shard + MISSING, number);
  return block;
}

/** Rows before `row` that hold byte c, or -1 where the block is missing. */
function rank(shard: usize, c: u32, row: u32): i64 {
  if (row == 0) return 0;
  if (row >= load<u32>(shard + ROWS)) return <i64>load<u32>(<usize>load<u32>(shard + TOTALS) + (c << 2));
  const block = blockOf(shard, row);
  if (block == 0) return -1;
  const column = <usize>load<u8>(<usize>load<u32>(shard + COLUMNS) + c);
  const p = row & 0xffff;
  let sum = load<u32>(block + load<u32>(block + AT_OCCURRENCES) + (column << 2)) + rankInBlock(block, c, p);
  if (c == 0) sum -= load<u32>(block + ENDS_BEFORE) + endsInBlock(block, p);
  return <i64>sum;
}

/**
 * Narrows the rows [state 0, state 1) by the pattern's bytes from number state 2 on. @returns 1 when done, 0 when a block is missing
 */
export function narrow(shard: usize, pattern: usize, length: u32, state: usize): u32 {
  let low = load<u32>(state);
  let high = load<u32>(state + 4);
  let at = load<u32>(state + 8);
  const starts = <usize>load<u32>(shard + STARTS);
  const totals = <usize>load<u32>(shard + TOTALS);
  while (at < length && low < high) {
    const c = <u32>load<u8>(pattern + at);
    if (load<u32>(totals + (c << 2)) == 0) {
      low = high = 0;
      break;
    }
    const before = rank(shard, c, low);
    const through = before < 0 ? -1 : rank(shard, c, high);
    if (through < 0) {
      store<u32>(state, low);
      store<u32>(state + 4, high);
      store<u32>(state + 8, at);
      return 0;
    }
    const start = load<u32>(starts + (c << 2));
    low = start + <u32>before;
    high = start + <u32>through;
    at++;
  }
  store<u32>(state, low);
  store<u32>(state + 4, high);
  store<u32>(state + 8, at);
  return 1;
}

/**
 * What follows rows [low, high): low and high of each byte's rows to `out` (2 x 256 u32), then the count of ends. Begins with byte
 * number `from`. @returns 256 when done, else the byte to begin with once the missing block is there
 */
export function branch(shard: usize, low: u32, high: u32, from: u32, out: usize): u32 {
  const starts = <usize>load<u32>(shard + STARTS);
  const totals = <usize>load<u32>(shard + TOTALS);
  let sum: u32 = 0;
  for (let c = from; c < 256; c++) {
    const to = out + (c << 3);
    store<u64>(to, 0);
    if (load<u32>(totals + (c << 2)) == 0) continue;
    const before = rank(shard, c, low);
    const through = before < 0 ? -1 : rank(shard, c, high);
    if (through < 0) return c;
    const start = load<u32>(starts + (c << 2));
    store<u32>(to, start + <u32>before);
    store<u32>(to + 4, start + <u32>through);
  }
  for (let c: u32 = 0; c < 256; c++) sum += load<u32>(out + (c << 3) + 4) - load<u32>(out + (c << 3));
  store<u32>(out + 2048, high - low - sum);
  return 256;
}

/** Writes `count` bytes that follow the row state 0, from number state 1 on. @returns 1 when done, 0 when a block is missing */
export function follow(shard: usize, count: u32, out: usize, state: usize): u32 {
  let row = load<u32>(state);
  let at = load<u32>(state + 4);
  for (; at < count; at++) {
    const block = blockOf(shard, row);
    if (block == 0) break;
    const p = row & 0xffff;
    const c = accessInBlock(block, p);
    store<u8>(out + at, <u8>c);
    row = lastToFirst(shard, block, c, p);
  }
  store<u32>(state, row);
  store<u32>(state + 4, at);
  return at == count ? 1 : 0;
}

/** Row of the suffix one longer; of the access made last. */
// @ts-ignore: decorator
@inline
function lastToFirst(shard: usize, block: usize, c: u32, p: u32): u32 {
  const column = <usize>load<u8>(<usize>load<u32>(shard + COLUMNS) + c);
  let sum = load<u32>(block + load<u32>(block + AT_OCCURRENCES) + (column << 2)) + accessRank;
  if (c == 0) sum -= load<u32>(block + ENDS_BEFORE) + endsInBlock(block, p);
  return load<u32>(<usize>load<u32>(shard + STARTS) + (c << 2)) + sum;
}

/**
 * Step number `steps` for `count` rows, ascending, each with a number: those that are marked leave their sample, or 2^31 + document at the
 * start of one, and the number of the step in `found` (2 u32 by number); the others move to the front with the symbol that led them on in
 * `bytes`. Begins at state 0; state 1 counts those that moved. @returns 1 when done, 0 when a block is missing
 */
export function locateStep(
  shard: usize,
  rows: usize,
  numbers: usize,
  count: u32,
  found: usize,
  steps: u32,
  bytes: usize,
  state: usize,
): u32 {
  let at = load<u32>(state);
  let moved = load<u32>(state + 4);
  // rows before `until` hold the symbol c, as the one before `row` did, and move to rows that follow each other
  let c: u32 = 0;
  let until: u32 = 0;
  let offset: u32 = 0;
  for (; at < count; at++) {
    const row = load<u32>(rows + (at << 2));
    const number = load<u32>(numbers + (at << 2));
    const block = blockOf(shard, row);
    if (block == 0) {
      store<u32>(state, at);
      store<u32>(state + 4, moved);
      return 0;
    }
    const p = row & 0xffff;
    const sample = sampleAt(block, p);
    if (sample >= 0) {
      store<u32>(found + (number << 3), <u32>sample);
      store<u32>(found + (number << 3), steps, 4);
      continue;
    }
    if (row >= until) {
      c = accessInBlock(block, p);
      // zeros may be ends
      until = c == 0 ? 0 : row + accessSpan;
      offset = lastToFirst(shard, block, c, p) - row;
    }
    if (c == 0) {
      const place = endsInBlock(block, p);
      if (isEnd(block, p, place)) {
        const list = block + load<u32>(block + AT_DOCUMENTS);
        store<u32>(found + (number << 3), 0x80000000 | load<u32>(list + (<usize>place << 2)));
        store<u32>(found + (number << 3), steps, 4);
        continue;
      }
    }
    store<u32>(rows + (moved << 2), row + offset);
    store<u32>(numbers + (moved << 2), number);
    store<u8>(bytes + moved, <u8>c);
    moved++;
  }
  store<u32>(state, at);
  store<u32>(state + 4, moved);
  return 1;
}

/** Sorts moved rows by symbol, which sorts them by row: within a symbol they are sorted. @param counts 256 u32 */
export function sortMoved(rows: usize, numbers: usize, bytes: usize, count: u32, toRows: usize, toNumbers: usize, counts: usize): void {
  memory.fill(counts, 0, 1024);
  for (let i: u32 = 0; i < count; i++) {
    const slot = counts + (<usize>load<u8>(bytes + i) << 2);
    store<u32>(slot, load<u32>(slot) + 1);
  }
  let sum: u32 = 0;
  for (let c: usize = 0; c < 1024; c += 4) {
    const some = load<u32>(counts + c);
    store<u32>(counts + c, sum);
    sum += some;
  }
  for (let i: u32 = 0; i < count; i++) {
    const slot = counts + (<usize>load<u8>(bytes + i) << 2);
    const to = load<u32>(slot);
    store<u32>(slot, to + 1);
    store<u32>(toRows + (to << 2), load<u32>(rows + (i << 2)));
    store<u32>(toNumbers + (to << 2), load<u32>(numbers + (i << 2)));
  }
}
