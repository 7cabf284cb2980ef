/**
 * Enumerative codes of 63-bit blocks: a block of a class (its number of ones) is one number below C(63, class) (Cover, 1973; Raman, Raman
 * and Rao, 2002). Blocks are numbered by halves: ones of the first 32 bits, then the number of that half, then of the other; halves again
 * by halves of 16 bits, which stand in a table. So a rank inside a block decodes one half, not bit after bit.
 */

/** Classes next to the middle are stored as they are: their codes would take nearly 63 bits. */
// @ts-ignore: decorator
@inline const PLAIN_FROM: i32 = 28;
// @ts-ignore: decorator
@inline const PLAIN_TO: i32 = 35;

// @ts-ignore: decorator
@inline const NUMBER_16: usize = 0; // u16 by pattern: its number within its class
// @ts-ignore: decorator
@inline const PATTERN_16: usize = 131072; // u16 by start of class + number
// @ts-ignore: decorator
@inline const START_16: usize = 262144; // u32 by class
// @ts-ignore: decorator
@inline const PAIRS_32: usize = 262272; // u32 [class of 33][ones of the first half, 18]
// @ts-ignore: decorator
@inline const PAIRS_31: usize = 264704; // the same of 31 bits
// @ts-ignore: decorator
@inline const PAIRS_63: usize = 267136; // u64 [class of 64][ones of the first half, 34]
// @ts-ignore: decorator
@inline const CHOOSE_16: usize = 284544; // u32 by class
// @ts-ignore: decorator
@inline const CHOOSE_15: usize = 284672;
// @ts-ignore: decorator
@inline const CHOOSE_31: usize = 284800;
// @ts-ignore: decorator
@inline const WIDTHS: usize = 284928; // u8 by class
// @ts-ignore: decorator
@inline const CHOOSE: usize = 284992; // u64 [64][64], of which the others are made
/** Bytes of all tables. */
// @ts-ignore: decorator
@inline export const TABLE_BYTES: usize = 317760;

let tables: usize = 0;

function choose(n: i32, k: i32): u64 {
  if (k < 0 || k > n) return 0;
  return load<u64>(tables + CHOOSE + ((<usize>(n * 64 + k)) << 3));
}

/** Numbers of the first block with so many ones in the first half, by class. */
function makePairs32(room: usize, low: i32, high: i32): void {
  for (let k = 0; k <= low + high; k++) {
    let sum: u64 = 0;
    for (let j = 0; j <= 17; j++) {
      store<u32>(room + ((<usize>(k * 18 + j)) << 2), <u32>min<u64>(sum, 0xffffffff));
      sum += choose(low, j) * choose(high, k - j);
    }
  }
}

/** Makes the tables at `room`, once. */
export function makeTables(room: usize): void {
  tables = room;
  memory.fill(room, 0, TABLE_BYTES);
  for (let n = 0; n < 64; n++)
    for (let k = 0; k <= n; k++) {
      const value: u64 = k == 0 || k == n ? 1 : choose(n - 1, k - 1) + choose(n - 1, k);
      store<u64>(room + CHOOSE + ((<usize>(n * 64 + k)) << 3), value);
    }
  let start: u32 = 0;
  for (let k = 0; k <= 16; k++) {
    let number: u32 = 0;
    store<u32>(room + START_16 + (<usize>k << 2), start);
    store<u32>(room + CHOOSE_16 + (<usize>k << 2), <u32>choose(16, k));
    store<u32>(room + CHOOSE_15 + (<usize>k << 2), <u32>choose(15, k));
    for (let pattern = 0; pattern < 65536; pattern++) {
      if (popcnt<i32>(pattern) != k) continue;
      store<u16>(room + NUMBER_16 + (<usize>pattern << 1), <u16>number);
      store<u16>(room + PATTERN_16 + (<usize>(start + number) << 1), <u16>pattern);
      number++;
    }
    start += number;
  }
  for (let k = 0; k <= 31; k++) store<u32>(room + CHOOSE_31 + (<usize>k << 2), <u32>choose(31, k));
  makePairs32(room + PAIRS_32, 16, 16);
  makePairs32(room + PAIRS_31, 16, 15);
  for (let k = 0; k < 64; k++) {
    let sum: u64 = 0;
    for (let j = 0; j <= 33; j++) {
      store<u64>(room + PAIRS_63 + ((<usize>(k * 34 + j)) << 3), sum);
      sum += choose(32, j) * choose(31, k - j);
    }
    const most = k == 63 ? 1 : choose(63, k);
    const width = k >= PLAIN_FROM && k <= PLAIN_TO ? 63 : 64 - <i32>clz<u64>(most - 1);
    store<u8>(room + WIDTHS + k, <u8>(most == 1 ? 0 : width));
  }
}

/** Widths of 16 classes from `first` on. */
// @ts-ignore: decorator
@inline
export function widthsFrom(first: usize): v128 {
  return v128.load(tables + WIDTHS + first);
}

/** Bits of the number of a block of the class. */
// @ts-ignore: decorator
@inline
export function widthOf(k: i32): i32 {
  return <i32>load<u8>(tables + WIDTHS + k);
}

// @ts-ignore: decorator
@inline
function number16(pattern: u32): u32 {
  return <u32>load<u16>(tables + NUMBER_16 + (<usize>pattern << 1));
}

// @ts-ignore: decorator
@inline
function pattern16(k: u32, number: u32): u32 {
  return <u32>load<u16>(tables + PATTERN_16 + (<usize>(load<u32>(tables + START_16 + (<usize>k << 2)) + number) << 1));
}

// @ts-ignore: decorator
@inline
function numberHalf(pairs: usize, chooses: usize, half: u32): u32 {
  const low = half & 0xffff;
  const high = half >> 16;
  const k = popcnt<u32>(half);
  const j = popcnt<u32>(low);
  const base = load<u32>(pairs + (<usize>(k * 18 + j) << 2));
  return base + number16(low) * load<u32>(chooses + (<usize>(k - j) << 2)) + number16(high);
}

// @ts-ignore: decorator
@inline
function patternHalf(pairs: usize, chooses: usize, k: u32, number: u32): u32 {
  const row = pairs + (<usize>(k * 18) << 2);
  let j: u32 = k >> 1;
  while (load<u32>(row + (<usize>j << 2)) > number) j--;
  while (j < 16 && j < k && load<u32>(row + (<usize>(j + 1) << 2)) <= number) j++;
  const rest = number - load<u32>(row + (<usize>j << 2));
  const each = load<u32>(chooses + (<usize>(k - j) << 2));
  const low = rest / each;
  return pattern16(j, low) | (pattern16(k - j, rest - low * each) << 16);
}

/** Number of a block of class k within its class. */
export function encodeBlock(bits: u64, k: i32): u64 {
  if (k >= PLAIN_FROM && k <= PLAIN_TO) return bits;
  const low = <u32>bits;
  const high = <u32>(bits >> 32);
  const j = popcnt<u32>(low);
  const base = load<u64>(tables + PAIRS_63 + (<usize>(k * 34 + j) << 3));
  const each = <u64>load<u32>(tables + CHOOSE_31 + (<usize>(k - j) << 2));
  return (
    base +
    <u64>numberHalf(tables + PAIRS_32, tables + CHOOSE_16, low) * each +
    <u64>numberHalf(tables + PAIRS_31, tables + CHOOSE_15, high)
  );
}

/** The block again, of which the half before bit 32, or the other one, may be left out as zeros by `halves` (1, 2, 3 for both). */
// @ts-ignore: decorator
@inline
export function decodeBlock(k: i32, number: u64, halves: i32): u64 {
  if (k >= PLAIN_FROM && k <= PLAIN_TO) return number;
  if (k == 0) return 0;
  if (k == 63) return 0x7fffffffffffffff;
  const row = tables + PAIRS_63 + (<usize>(k * 34) << 3);
  let j = k >> 1;
  while (load<u64>(row + (<usize>j << 3)) > number) j--;
  while (j < 32 && j < k && load<u64>(row + (<usize>(j + 1) << 3)) <= number) j++;
  const rest = number - load<u64>(row + (<usize>j << 3));
  const each = load<u32>(tables + CHOOSE_31 + (<usize>(k - j) << 2));
  let low: u32;
  let high: u32;
  if (rest >> 32 == 0) {
    low = <u32>rest / each;
    high = <u32>rest - low * each;
  } else {
    const quotient = rest / <u64>each;
    low = <u32>quotient;
    high = <u32>(rest - quotient * <u64>each);
  }
  let bits: u64 = 0;
  if (halves & 1) bits = <u64>patternHalf(tables + PAIRS_32, tables + CHOOSE_16, <u32>j, low);
  else bits = (<u64>1 << j) - 1; // as many ones, wherever
  if (halves & 2) bits |= <u64>patternHalf(tables + PAIRS_31, tables + CHOOSE_15, <u32>(k - j), high) << 32;
  return bits;
}
