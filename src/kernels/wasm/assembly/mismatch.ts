/** Equal symbols of a text and a pattern at every alignment, and mismatches counted up to a bound. Symbols are u8, u16 or u32, all of one width. */

// @ts-ignore: decorator
@inline
function addWide(to: usize, a: v128): void {
  v128.store(to, i32x4.add(v128.load(to), i32x4.extend_low_i16x8_u(a)));
  v128.store(to, i32x4.add(v128.load(to, 16), i32x4.extend_high_i16x8_u(a)), 16);
}

// @ts-ignore: decorator
@inline
function addBytes(to: usize, a: v128): void {
  addWide(to, i16x8.extend_low_i8x16_u(a));
  addWide(to + 32, i16x8.extend_high_i8x16_u(a));
}

/**
 * counts[i] += positions j with text[i + j] = pattern[j], for `count` alignments, a multiple of 64; text is readable for count + length symbols and
 * 64 more. Bytes: alignments side by side in lanes, counted in bytes for 255 symbols at a time.
 */
export function matchBytes(text: usize, pattern: usize, length: usize, count: usize, counts: usize): void {
  for (let i: usize = 0; i < count; i += 64) {
    for (let from: usize = 0; from < length; from += 255) {
      let a = i8x16.splat(0), b = i8x16.splat(0), c = i8x16.splat(0), d = i8x16.splat(0);
      const end = min(length, from + 255);
      for (let j = from; j < end; j++) {
        const symbol = v128.load8_splat(pattern + j), at = text + i + j;
        a = i8x16.sub(a, i8x16.eq(symbol, v128.load(at)));
        b = i8x16.sub(b, i8x16.eq(symbol, v128.load(at, 16)));
        c = i8x16.sub(c, i8x16.eq(symbol, v128.load(at, 32)));
        d = i8x16.sub(d, i8x16.eq(symbol, v128.load(at, 48)));
      }
      const to = counts + (i << 2);
      addBytes(to, a);
      addBytes(to + 64, b);
      addBytes(to + 128, c);
      addBytes(to + 192, d);
    }
  }
}

/** The same of u16 symbols; `count` a multiple of 32. */
export function matchHalves(text: usize, pattern: usize, length: usize, count: usize, counts: usize): void {
  for (let i: usize = 0; i < count; i += 32) {
    for (let from: usize = 0; from < length; from += 65535) {
      let a = i16x8.splat(0), b = i16x8.splat(0), c = i16x8.splat(0), d = i16x8.splat(0);
      const end = min(length, from + 65535);
      for (let j = from; j < end; j++) {
        const symbol = v128.load16_splat(pattern + (j << 1)), at = text + ((i + j) << 1);
        a = i16x8.sub(a, i16x8.eq(symbol, v128.load(at)));
        b = i16x8.sub(b, i16x8.eq(symbol, v128.load(at, 16)));
        c = i16x8.sub(c, i16x8.eq(symbol, v128.load(at, 32)));
        d = i16x8.sub(d, i16x8.eq(symbol, v128.load(at, 48)));
      }
      const to = counts + (i << 2);
      addWide(to, a);
      addWide(to + 32, b);
      addWide(to + 64, c);
      addWide(to + 96, d);
    }
  }
}

/** The same of u32 symbols; `count` a multiple of 16. */
export function matchWords(text: usize, pattern: usize, length: usize, count: usize, counts: usize): void {
  for (let i: usize = 0; i < count; i += 16) {
    const to = counts + (i << 2);
    let a = v128.load(to), b = v128.load(to, 16), c = v128.load(to, 32), d = v128.load(to, 48);
    for (let j: usize = 0; j < length; j++) {
      const symbol = v128.load32_splat(pattern + (j << 2)), at = text + ((i + j) << 2);
      a = i32x4.sub(a, i32x4.eq(symbol, v128.load(at)));
      b = i32x4.sub(b, i32x4.eq(symbol, v128.load(at, 16)));
      c = i32x4.sub(c, i32x4.eq(symbol, v128.load(at, 32)));
      d = i32x4.sub(d, i32x4.eq(symbol, v128.load(at, 48)));
    }
    v128.store(to, a);
    v128.store(to, b, 16);
    v128.store(to, c, 32);
    v128.store(to, d, 48);
  }
}

/**
 * For each text position a, and each pattern position b of its symbol, counts[a - b]++. Symbols are numbers u32; those of `first` to before `last` count.
 * lists: u32 [last - first + 1], where the positions of a symbol begin; positions: u32. counts: of alignment 0, with room for `length` before it.
 */
export function countPairs(text: usize, count: usize, first: u32, last: u32, lists: usize, positions: usize, counts: usize): void {
  const span = last - first;
  for (let a: usize = 0; a < count; a++) {
    const symbol = load<u32>(text + (a << 2)) - first;
    if (symbol >= span) continue;
    const list = lists + (<usize>symbol << 2);
    const end = positions + (<usize>load<u32>(list, 4) << 2);
    const here = counts + (a << 2);
    for (let at = positions + (<usize>load<u32>(list) << 2); at < end; at += 4) {
      const to = here - (<usize>load<u32>(at) << 2);
      store<u32>(to, load<u32>(to) + 1);
    }
  }
}

/** re[i] = 1 where text[i] = first, else 0; im[i] likewise of `second`. Symbols u32, `count` a multiple of 4. */
export function indicateSymbols(text: usize, count: usize, first: u32, second: u32, re: usize, im: usize): void {
  const one = f32x4.splat(1), a = i32x4.splat(first), b = i32x4.splat(second);
  for (let at: usize = 0; at < count << 2; at += 16) {
    const symbols = v128.load(text + at);
    v128.store(re + at, v128.and(i32x4.eq(symbols, a), one));
    v128.store(im + at, v128.and(i32x4.eq(symbols, b), one));
  }
}

/**
 * counts[i] += values[i] / length rounded, `count` of them, a multiple of 4. @returns the largest distance from a whole number
 */
export function addRounded(values: usize, scale: f32, count: usize, counts: usize): f32 {
  const by = f32x4.splat(scale);
  let worst = f32x4.splat(0);
  for (let at: usize = 0; at < count << 2; at += 16) {
    const value = f32x4.mul(v128.load(values + at), by);
    const whole = f32x4.nearest(value);
    worst = f32x4.max(worst, f32x4.abs(f32x4.sub(value, whole)));
    v128.store(counts + at, i32x4.add(v128.load(counts + at), i32x4.trunc_sat_f32x4_s(whole)));
  }
  return max(max(f32x4.extract_lane(worst, 0), f32x4.extract_lane(worst, 1)), max(f32x4.extract_lane(worst, 2), f32x4.extract_lane(worst, 3)));
}

/** Mismatches of `length` symbols of 1 << shift bytes, given up beyond `most`. Both are readable 16 bytes further. */
// @ts-ignore: decorator
@inline
function mismatches(text: usize, pattern: usize, length: usize, shift: usize, most: u32): u32 {
  const bytes = length << shift;
  let found: u32 = 0;
  for (let at: usize = 0; at < bytes; at += 16) {
    const x = v128.load(text + at), y = v128.load(pattern + at);
    let differ: u32 = shift == 0 ? ~i8x16.bitmask(i8x16.eq(x, y)) & 0xffff : shift == 1 ? ~i16x8.bitmask(i16x8.eq(x, y)) & 0xff : ~i32x4.bitmask(i32x4.eq(x, y)) & 0xf;
    const left = (bytes - at) >> shift;
    if (left < 16 >> shift) differ &= (1 << left) - 1;
    found += popcnt(differ);
    if (found > most) return found;
  }
  return found;
}

/**
 * Alignments from `from` to before `end` with at most `most` mismatches: their places and mismatches, u32, at most `room` of them.
 * @returns the alignment to go on from when there is no more room, else `end`; how many were found is left in `found`, u32
 */
export function scanMismatches(text: usize, from: usize, end: usize, pattern: usize, length: usize, shift: usize, most: u32, out: usize, room: u32, found: usize): usize {
  let count: u32 = 0, i = from;
  for (; i < end && count < room; i++) {
    const distance = mismatches(text + (i << shift), pattern, length, shift, most);
    if (distance > most) continue;
    store<u32>(out + (<usize>count << 3), <u32>i);
    store<u32>(out + (<usize>count << 3), distance, 4);
    count++;
  }
  store<u32>(found, count);
  return i;
}

/** Mismatches at one alignment, given up beyond `most`. */
export function mismatchesAt(text: usize, pattern: usize, length: usize, shift: usize, most: u32): u32 {
  return mismatches(text, pattern, length, shift, most);
}
