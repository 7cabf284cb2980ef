/**
 * Raw deflate streams (RFC 1951, 1996) into bytes. Codes of up to 10 bits are found in one look at a table of entries, longer ones bit by
 * bit as canonical codes.
 */

/** Bits of a code that a table answers. */
// @ts-ignore: decorator
@inline const LOOK: u32 = 10;
// @ts-ignore: decorator
@inline const MOST_BITS: u32 = 15;
// @ts-ignore: decorator
@inline const BAD: i32 = -1;

// An entry: bits of its code in [0, 8), extra bits in [8, 16), base in [16, 31), and for a literal, which is then the base, the top bit.
// 0 is no entry: a code that is longer, or none. The end of a block is a length of base 0.
// @ts-ignore: decorator
@inline const LITERAL: u32 = 0x8000_0000;
/** An entry whose symbol no stream may have. */
// @ts-ignore: decorator
@inline const NEVER: u32 = 0xffff;
// @ts-ignore: decorator
@inline const END: u32 = 256;
// @ts-ignore: decorator
@inline const LENGTHS: u32 = 257;

// The room of a code: entries, then of each length (u16) how many codes there are, the next code and its place, which only `build` needs,
// then the symbols in the order of their codes (u16).
// @ts-ignore: decorator
@inline const COUNTS: usize = 4 << LOOK;
// @ts-ignore: decorator
@inline const VALUES: usize = COUNTS + 32;
// @ts-ignore: decorator
@inline const PLACES: usize = VALUES + 32;
// @ts-ignore: decorator
@inline const SYMBOLS: usize = PLACES + 32;
// @ts-ignore: decorator
@inline const CODE_BYTES: usize = SYMBOLS + 2 * 288;
/** Where the lengths of codes stand in the state: after both codes. */
// @ts-ignore: decorator
@inline const CODE_LENGTHS: usize = 2 * CODE_BYTES;

const LENGTH_BASES = memory.data<u16>([
  3, 4, 5, 6, 7, 8, 9, 10, 11, 13, 15, 17, 19, 23, 27, 31, 35, 43, 51, 59, 67, 83, 99, 115, 131, 163, 195, 227, 258,
]);
const LENGTH_EXTRA = memory.data<u8>([0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3, 4, 4, 4, 4, 5, 5, 5, 5, 0]);
const DISTANCE_BASES = memory.data<u16>([
  1, 2, 3, 4, 5, 7, 9, 13, 17, 25, 33, 49, 65, 97, 129, 193, 257, 385, 513, 769, 1025, 1537, 2049, 3073, 4097, 6145, 8193, 12289, 16385,
  24577,
]);
/** The order in which a block gives the lengths of the code of lengths. */
const LENGTH_ORDER = memory.data<u8>([16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15]);

// Where the stream stands: bits not yet taken, how many of them count, the next byte, and the end.
let bits: u64 = 0;
let held: u32 = 0;
let next: usize = 0;
let end: usize = 0;

/** At least 56 bits are held after it. */
// @ts-ignore: decorator
@inline
function refill(): void {
  bits |= load<u64>(next) << held;
  next += (63 - held) >> 3;
  held |= 56;
}

// @ts-ignore: decorator
@inline
function take(count: u32): u32 {
  const value = <u32>(bits & ((<u64>1 << count) - 1));
  bits >>= count;
  held -= count;
  return value;
}

// @ts-ignore: decorator
@inline
function lengthOrLiteral(symbol: u32): u32 {
  if (symbol < END) return LITERAL | (symbol << 16);
  if (symbol == END) return 0;
  symbol -= LENGTHS;
  if (symbol > 28) return NEVER;
  return (<u32>load<u16>(LENGTH_BASES + (<usize>symbol << 1)) << 16) | (<u32>load<u8>(LENGTH_EXTRA + symbol) << 8);
}

// @ts-ignore: decorator
@inline
function distanceOf(symbol: u32): u32 {
  if (symbol > 29) return NEVER;
  const extra: u32 = symbol < 4 ? 0 : (symbol >> 1) - 1;
  return (<u32>load<u16>(DISTANCE_BASES + (<usize>symbol << 1)) << 16) | (extra << 8);
}

// @ts-ignore: decorator
@inline
function entryOf(symbol: u32, isDistance: bool): u32 {
  return isDistance ? distanceOf(symbol) : lengthOrLiteral(symbol);
}

/**
 * Makes a code from the lengths u8[0, count) of its symbols.
 * @returns whether there can be such a code; one that leaves bit patterns without a symbol is taken
 */
function build(code: usize, lengths: usize, count: u32, isDistance: bool): bool {
  memory.fill(code, 0, SYMBOLS);
  for (let i: u32 = 0; i < count; i++) {
    const at = code + COUNTS + (<usize>load<u8>(lengths + i) << 1);
    store<u16>(at, load<u16>(at) + 1);
  }
  store<u16>(code + COUNTS, 0);
  let left: i32 = 1;
  let value: u32 = 0;
  let place: u32 = 0;
  for (let length: usize = 1; length <= MOST_BITS; length++) {
    const some = <u32>load<u16>(code + COUNTS + (length << 1));
    left = (left << 1) - <i32>some;
    if (left < 0) return false;
    store<u16>(code + VALUES + (length << 1), <u16>value);
    store<u16>(code + PLACES + (length << 1), <u16>place);
    value = (value + some) << 1;
    place += some;
  }
  for (let symbol: u32 = 0; symbol < count; symbol++) {
    const length = <u32>load<u8>(lengths + symbol);
    if (!length) continue;
    const own = code + (<usize>length << 1);
    const at = load<u16>(own, PLACES);
    store<u16>(own, at + 1, PLACES);
    store<u16>(code + SYMBOLS + (<usize>at << 1), <u16>symbol);
    const next = load<u16>(own, VALUES);
    store<u16>(own, next + 1, VALUES);
    if (length > LOOK) continue;
    const entry = entryOf(symbol, isDistance) | length;
    const step: u32 = 1 << length;
    for (let look = reversed(next, length); look < 1 << LOOK; look += step) store<u32>(code + (<usize>look << 2), entry);
  }
  return true;
}

/** Codes stand in a stream with their first bit lowest. */
// @ts-ignore: decorator
@inline
function reversed(value: u32, length: u32): u32 {
  let all = value;
  all = ((all >> 1) & 0x5555) | ((all & 0x5555) << 1);
  all = ((all >> 2) & 0x3333) | ((all & 0x3333) << 2);
  all = ((all >> 4) & 0x0f0f) | ((all & 0x0f0f) << 4);
  all = ((all >> 8) & 0x00ff) | ((all & 0x00ff) << 8);
  return all >> (16 - length);
}

/** The symbol of the next code, bit by bit. @returns symbol << 8 | length of the code, or NEVER for none */
function search(code: usize, bits: u64): u32 {
  let value: u32 = 0;
  let first: u32 = 0;
  let place: u32 = 0;
  for (let length: u32 = 1; length <= MOST_BITS; length++) {
    value |= <u32>(bits >> (length - 1)) & 1;
    const count = <u32>load<u16>(code + COUNTS + (<usize>length << 1));
    if (value - first < count) return (<u32>load<u16>(code + SYMBOLS + (<usize>(place + value - first) << 1)) << 8) | length;
    place += count;
    first = (first + count) << 1;
    value <<= 1;
  }
  return NEVER;
}

/** The entry of the next code. @returns NEVER for none */
// @ts-ignore: decorator
@inline
function entryOfNext(code: usize, bits: u64, isDistance: bool): u32 {
  const entry = load<u32>(code + (<usize>(<u32>bits & ((1 << LOOK) - 1)) << 2));
  if (entry) return entry;
  const found = search(code, bits);
  return found == NEVER ? NEVER : entryOf(found >> 8, isDistance) | (found & 255);
}

/** The codes of a block that brings its own. */
function readCodes(state: usize): bool {
  refill();
  const literals = take(5) + LENGTHS;
  const distances = take(5) + 1;
  const known = take(4) + 4;
  const lengths = state + CODE_LENGTHS;
  memory.fill(lengths, 0, 19);
  for (let i: u32 = 0; i < known; i++) {
    refill();
    store<u8>(lengths + load<u8>(LENGTH_ORDER + i), <u8>take(3));
  }
  // the distances' room serves for the code of lengths
  const code = state + CODE_BYTES;
  if (!build(code, lengths, 19, false)) return false;
  const all = literals + distances;
  let i: u32 = 0;
  while (i < all) {
    refill();
    if (next > end + 16) return false;
    // no code of lengths has more bits than a look, and all its symbols are literals
    const entry = load<u32>(code + (<usize>(<u32>bits & ((1 << LOOK) - 1)) << 2));
    if (!entry) return false;
    take(entry & 255);
    const symbol = (entry & ~LITERAL) >> 16;
    if (symbol < 16) {
      store<u8>(lengths + i++, <u8>symbol);
      continue;
    }
    let value: u8 = 0;
    let times: u32;
    if (symbol == 16) {
      if (!i) return false;
      value = load<u8>(lengths + i - 1);
      times = 3 + take(2);
    } else times = symbol == 17 ? 3 + take(3) : 11 + take(7);
    if (i + times > all) return false;
    memory.fill(lengths + i, value, times);
    i += times;
  }
  // a block without an end would have no way out
  if (!load<u8>(lengths + END)) return false;
  return build(state, lengths, literals, false) && build(code, lengths + literals, distances, true);
}

/** The codes that need not be brought. */
function fixedCodes(state: usize): void {
  const lengths = state + CODE_LENGTHS;
  memory.fill(lengths, 8, 144);
  memory.fill(lengths + 144, 9, 112);
  memory.fill(lengths + 256, 7, 24);
  memory.fill(lengths + 280, 8, 8);
  build(state, lengths, 288, false);
  memory.fill(lengths, 5, 30);
  build(state + CODE_BYTES, lengths, 30, true);
}

/** Copies within the output; up to 7 bytes behind its end are written too. */
// @ts-ignore: decorator
@inline
function repeat(to: usize, distance: usize, length: usize): void {
  let from = to - distance;
  const stop = to + length;
  if (distance >= 8) {
    do {
      store<u64>(to, load<u64>(from));
      to += 8;
      from += 8;
    } while (to < stop);
  } else {
    do store<u8>(to++, load<u8>(from++));
    while (to < stop);
  }
}

/**
 * The symbols of a block, until its end or until the output's: where the output then ends, or 0 for what no stream may have. What stands in
 * globals is held in locals meanwhile, which are registers.
 */
function inflateBlock(state: usize, start: usize, to: usize, stop: usize): usize {
  const distances = state + CODE_BYTES;
  const last = end + 16;
  let at = to;
  let stream = bits;
  let count = held;
  let from = next;
  while (at < stop) {
    stream |= load<u64>(from) << count;
    from += (63 - count) >> 3;
    count |= 56;
    if (from > last) return 0;
    let entry = entryOfNext(state, stream, false);
    stream >>= entry & 255;
    count -= entry & 255;
    if (entry & LITERAL) {
      store<u8>(at++, <u8>(entry >> 16));
      entry = entryOfNext(state, stream, false);
      stream >>= entry & 255;
      count -= entry & 255;
      if (entry & LITERAL) {
        store<u8>(at++, <u8>(entry >> 16));
        continue;
      }
      stream |= load<u64>(from) << count;
      from += (63 - count) >> 3;
      count |= 56;
    }
    if (entry < 1 << 16) {
      if ((entry & NEVER) == NEVER) return 0;
      break;
    }
    let extra = (entry >> 8) & 255;
    const length = (entry >> 16) + (<u32>stream & ((1 << extra) - 1));
    stream >>= extra;
    count -= extra;
    entry = entryOfNext(distances, stream, true);
    if ((entry & NEVER) == NEVER) return 0;
    stream >>= entry & 255;
    count -= entry & 255;
    extra = (entry >> 8) & 255;
    const distance = (entry >> 16) + (<u32>stream & ((1 << extra) - 1));
    stream >>= extra;
    count -= extra;
    if (distance > at - start) return 0;
    repeat(at, distance, length);
    at += length;
  }
  bits = stream;
  held = count;
  next = from;
  return at;
}

/** Bytes of room for the tables. */
export function inflateStateBytes(): usize {
  return CODE_LENGTHS + 320;
}

/**
 * The first `wanted` bytes of what was deflated. Behind the input are 64 readable bytes of any value, and behind the wanted output 272 that
 * may be written.
 * @returns bytes made, at least `wanted` unless the stream ended before; -1 for what is no deflate stream
 */
export function inflateRaw(from: usize, size: usize, to: usize, wanted: usize, state: usize): i32 {
  bits = 0;
  held = 0;
  next = from;
  end = from + size;
  const stop = to + wanted;
  let at = to;
  let isLast = false;
  while (!isLast && at < stop) {
    refill();
    isLast = take(1) != 0;
    const kind = take(2);
    if (kind == 0) {
      take(held & 7);
      next -= held >> 3;
      bits = 0;
      held = 0;
      if (next + 4 > end) return BAD;
      const length = <usize>load<u16>(next);
      if (length != (<usize>load<u16>(next, 2) ^ 0xffff)) return BAD;
      next += 4;
      if (next + length > end) return BAD;
      const some = min(length, stop - at);
      memory.copy(at, next, some);
      at += some;
      next += length;
      continue;
    }
    if (kind == 1) fixedCodes(state);
    else if (kind == 3 || !readCodes(state)) return BAD;
    at = inflateBlock(state, to, at, stop);
    if (!at) return BAD;
  }
  // what lay behind the end was no part of the stream
  if (next - (held >> 3) > end) return BAD;
  return <i32>(at - to);
}
