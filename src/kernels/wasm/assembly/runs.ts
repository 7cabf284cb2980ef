/**
 * Kernels over UTF-16 text: case, classes of characters, and the two scanners that cut a text into runs and look each up in a table, so
 * that a word that was met before costs a few dozen cycles. See run-table.ts for the table and for what happens to a word that was not.
 */

// kinds of characters, in the low four bits; ../../run-table.ts says what they are
// @ts-ignore: decorator
@inline const WORD: u32 = 1;
// @ts-ignore: decorator
@inline const UNSPACED: u32 = 2;
// @ts-ignore: decorator
@inline const JOINER: u32 = 3;
// @ts-ignore: decorator
@inline const NUMBER: u32 = 2;
// @ts-ignore: decorator
@inline const SPACE: u32 = 3;
// @ts-ignore: decorator
@inline const KIND: u32 = 15;
/** The second half of a surrogate pair in pieces; either half in words. */
// @ts-ignore: decorator
@inline const ASTRAL: u32 = 16;
/** Kinds that only the caller can tell. */
// @ts-ignore: decorator
@inline const UNKNOWN: u32 = 254;
// @ts-ignore: decorator
@inline const MAX_DIGITS: u32 = 4;
/** A key is 32 bytes: so many units and the length. Longer runs are handed back. */
// @ts-ignore: decorator
@inline const MAX_RUN: usize = 15;
/** Bits of a slot that hold an entry + 1; the others hold those bits of its hash. */
// @ts-ignore: decorator
@inline const ENTRY: u32 = 0xfffff;

/** A-Z to a-z in place. @returns all units or-ed: below 128 the text was ASCII */
export function foldAscii(units: usize, count: usize): u32 {
  const a = i16x8.splat(0x41);
  const span = i16x8.splat(26);
  const bit = i16x8.splat(0x20);
  let all = i16x8.splat(0);
  const wide = count & ~7;
  let i: usize = 0;
  for (; i < wide; i += 8) {
    const x = v128.load(units + (i << 1));
    all = v128.or(all, x);
    v128.store(units + (i << 1), v128.or(x, v128.and(i16x8.lt_u(i16x8.sub(x, a), span), bit)));
  }
  all = v128.or(all, i8x16.shuffle(all, all, 8, 9, 10, 11, 12, 13, 14, 15, 0, 1, 2, 3, 4, 5, 6, 7));
  const low = i64x2.extract_lane(all, 0);
  let any = <u32>((low | (low >> 16) | (low >> 32) | (low >> 48)) & 0xffff);
  for (; i < count; i++) {
    const unit = <u32>load<u16>(units + (i << 1));
    any |= unit;
    if (unit - 0x41 < 26) store<u16>(units + (i << 1), <u16>(unit | 0x20));
  }
  return any;
}

/** kinds[i] = table[unit i], then 16 bytes that are no kind. @returns the largest kind met */
export function classify(units: usize, count: usize, table: usize, kinds: usize): u32 {
  let most: u32 = 0;
  for (let i: usize = 0; i < count; i++) {
    const kind = <u32>load<u8>(table + <usize>load<u16>(units + (i << 1)));
    store<u8>(kinds + i, <u8>kind);
    most = max(most, kind);
  }
  v128.store(kinds + count, i8x16.splat(-1));
  return most;
}

/** Past the run of `kind` that begins at `at`. */
// @ts-ignore: decorator
@inline
function runEnd(kinds: usize, at: usize, kind: u32): usize {
  const wanted = i8x16.splat(<i8>kind);
  const low = i8x16.splat(<i8>KIND);
  while (true) {
    const other = ~i8x16.bitmask(i8x16.eq(v128.and(v128.load(kinds + at), low), wanted)) & 0xffff;
    if (other != 0) return at + <usize>ctz(other);
    at += 16;
  }
}

/** Hash of the run that was looked up last. */
let hash: u32 = 0;

/** Entry of a run of at most MAX_RUN units, or -1; its hash stays in `hash`. */
// @ts-ignore: decorator
@inline
function find(run: usize, length: usize, slots: usize, mask: u32, keys: usize): i32 {
  // the key: its units, zeros behind them, and in the last lane its length
  const size = i16x8.splat(<i16>length);
  const a = v128.and(v128.load(run), i16x8.lt_u(i16x8(0, 1, 2, 3, 4, 5, 6, 7), size));
  const rest = v128.and(v128.load(run, 16), i16x8.lt_u(i16x8(8, 9, 10, 11, 12, 13, 14, 15), size));
  const b = i16x8.replace_lane(rest, 7, <i16>length);
  let h = (i64x2.extract_lane(a, 0) ^ 0x1f83d9abfb41bd6b) * 0x9e3779b97f4a7c15;
  h = (h ^ (h >>> 32) ^ i64x2.extract_lane(a, 1)) * 0xbf58476d1ce4e5b9;
  h ^= (i64x2.extract_lane(b, 0) * 0x94d049bb133111eb) ^ (i64x2.extract_lane(b, 1) * 0xd6e8feb86659fd93);
  h *= 0x9e3779b97f4a7c15;
  hash = <u32>(h >>> 32);
  const tag = hash & ~ENTRY;
  let slot = hash & mask;
  while (true) {
    const value = load<u32>(slots + (<usize>slot << 2));
    if (value == 0) return -1;
    if ((value & ~ENTRY) == tag) {
      const entry = (value & ENTRY) - 1;
      const key = keys + (<usize>entry << 5);
      const differ = v128.or(v128.xor(a, v128.load(key)), v128.xor(b, v128.load(key, 16)));
      if (!v128.any_true(differ)) return <i32>entry;
    }
    slot = (slot + 1) & mask;
  }
}

// u32 fields of a scan, by their offsets: one pointer is cheaper to pass than ten numbers; ../../run-table.ts fills them in
// @ts-ignore: decorator
@inline const START: usize = 0;
// @ts-ignore: decorator
@inline const END: usize = 4;
// @ts-ignore: decorator
@inline const HASH: usize = 8;
// @ts-ignore: decorator
@inline const SHORT: usize = 12;
// @ts-ignore: decorator
@inline const UNITS: usize = 16;
// @ts-ignore: decorator
@inline const KINDS: usize = 20;
// @ts-ignore: decorator
@inline const COUNT: usize = 24;
// @ts-ignore: decorator
@inline const OUT: usize = 28;
// @ts-ignore: decorator
@inline const SLOTS: usize = 32;
// @ts-ignore: decorator
@inline const MASK: usize = 36;
// @ts-ignore: decorator
@inline const KEYS: usize = 40;

/** Tells the caller where a run lies that the table does not have; at the end of the text start is 2^32 - 1. */
// @ts-ignore: decorator
@inline
function leave(place: usize, start: usize, end: usize, isShort: bool): void {
  store<u32>(place, <u32>start, START);
  store<u32>(place, <u32>end, END);
  store<u32>(place, isShort ? hash : 0, HASH);
  store<u32>(place, isShort ? 1 : 0, SHORT);
}

/**
 * Words from unit END on: letters, marks and digits, joined by single apostrophes; runs of scripts without spaces are handed back.
 * @returns how many entries are in OUT, of which `before` were there already
 */
export function scanWords(place: usize, before: usize): usize {
  const units = <usize>load<u32>(place, UNITS);
  const kinds = <usize>load<u32>(place, KINDS);
  const count = <usize>load<u32>(place, COUNT);
  const out = <usize>load<u32>(place, OUT);
  const slots = <usize>load<u32>(place, SLOTS);
  const mask = load<u32>(place, MASK);
  const keys = <usize>load<u32>(place, KEYS);
  let written = before;
  let at = <usize>load<u32>(place, END);
  while (at < count) {
    const kind = <u32>load<u8>(kinds + at) & KIND;
    if (kind != WORD && kind != UNSPACED) {
      at++;
      continue;
    }
    let end = runEnd(kinds, at, kind);
    if (kind == WORD) {
      while (load<u8>(kinds + end) == JOINER && load<u8>(kinds + end, 1) == WORD) end = runEnd(kinds, end + 1, WORD);
    }
    const isShort = kind == WORD && end - at <= MAX_RUN;
    const entry = isShort ? find(units + (at << 1), end - at, slots, mask, keys) : -1;
    if (entry < 0) {
      leave(place, at, end, isShort);
      return written;
    }
    store<u32>(out + (written++ << 2), entry);
    at = end;
  }
  leave(place, <usize>-1, count, false);
  return written;
}

/** Letters of 's 'd 'm 't 'll 've 're after an apostrophe. */
// @ts-ignore: decorator
@inline
function contractionAt(at: usize, left: usize): usize {
  const one = <u32>load<u16>(at);
  const two = <u32>load<u16>(at, 2);
  if (left >= 2 && ((one == 0x6c && two == 0x6c) || (two == 0x65 && (one == 0x76 || one == 0x72)))) return 2;
  return left >= 1 && (one == 0x73 || one == 0x64 || one == 0x6d || one == 0x74) ? 1 : 0;
}

// @ts-ignore: decorator
@inline
function digitsEnd(kinds: usize, at: usize): usize {
  let digits: u32 = 0;
  while (true) {
    const kind = <u32>load<u8>(kinds + at);
    if ((kind & KIND) != NUMBER) return at;
    if ((kind & ASTRAL) == 0 && digits++ == MAX_DIGITS) return at;
    at++;
  }
}

/** Pieces from unit END on: '(?:[sdmt]|ll|ve|re)| ?\p{L}+| ?\p{N}{1,4}| ?[^\s\p{L}\p{N}]+|\s+ @returns as scanWords does */
export function scanPieces(place: usize, before: usize): usize {
  const units = <usize>load<u32>(place, UNITS);
  const kinds = <usize>load<u32>(place, KINDS);
  const count = <usize>load<u32>(place, COUNT);
  const out = <usize>load<u32>(place, OUT);
  const slots = <usize>load<u32>(place, SLOTS);
  const mask = load<u32>(place, MASK);
  const keys = <usize>load<u32>(place, KEYS);
  let written = before;
  let at = <usize>load<u32>(place, END);
  while (at < count) {
    const first = <u32>load<u16>(units + (at << 1));
    const contraction = first == 0x27 ? contractionAt(units + (at << 1) + 2, count - at - 1) : 0;
    let end: usize;
    if (contraction > 0) end = at + 1 + contraction;
    else {
      const body = first == 0x20 && at + 1 < count ? at + 1 : at;
      const kind = <u32>load<u8>(kinds + body) & KIND;
      end = kind == NUMBER ? digitsEnd(kinds, body) : runEnd(kinds, kind == SPACE ? at : body, kind);
    }
    const isShort = end - at <= MAX_RUN;
    const entry = isShort ? find(units + (at << 1), end - at, slots, mask, keys) : -1;
    if (entry < 0) {
      leave(place, at, end, isShort);
      return written;
    }
    store<u32>(out + (written++ << 2), entry);
    at = end;
  }
  leave(place, <usize>-1, count, false);
  return written;
}
