/** Two runs become one in place, by the places that were found for the rows of the second (walk.ts, sort-placed.ts). */

/** Bytes moved at once. */
// @ts-ignore: decorator
@inline const CHUNK: usize = 16;

/**
 * Bytes of rows of b go between those of a, in place from the end: a has room for both. Rows of a between two of b are moved by 16 bytes,
 * which may write below where they belong: what is there is written later, and is not yet to be read while 16 rows of b are left.
 */
export function mergeText(a: usize, rowsA: u32, b: usize, rowsB: u32, bits: usize): void {
  let from = a + rowsA;
  let ib = b + rowsB;
  let to = a + rowsA + rowsB;
  for (let first = (rowsA + rowsB - 1) & ~63; ib > b; first -= 64) {
    let word = load<u64>(bits + (first >> 3));
    while (word != 0 && ib > b + CHUNK) {
      const place = 63 - clz<u64>(word);
      word ^= <u64>1 << place;
      // rows of a behind this one of b
      const target = a + first + <usize>place + 1;
      for (; to > target + CHUNK; to -= CHUNK, from -= CHUNK) v128.store(to - CHUNK, v128.load(from - CHUNK));
      v128.store(to - CHUNK, v128.load(from - CHUNK));
      from -= to - target;
      to = target - 1;
      store<u8>(to, load<u8>(--ib));
    }
    for (; word != 0; ) {
      const place = 63 - clz<u64>(word);
      word ^= <u64>1 << place;
      const target = a + first + <usize>place + 1;
      while (to > target) store<u8>(--to, load<u8>(--from));
      store<u8>(--to, load<u8>(--ib));
    }
  }
}

/** Up to 64 bits from any place on, those behind them zero. */
// @ts-ignore: decorator
@inline
function bitsAt64(bits: usize, from: u32, count: u32): u64 {
  if (count == 0) return 0;
  const address = bits + (from >> 3);
  const shift = <u64>(from & 7);
  let value = load<u64>(address) >> shift;
  if (shift > 0) value |= <u64>load<u8>(address, 8) << (64 - shift);
  return count == 64 ? value : value & ((<u64>1 << count) - 1);
}

/** The low bits, which are few, moved to the places of ones in `mask`. */
// @ts-ignore: decorator
@inline
function deposit(bits: u64, mask: u64): u64 {
  let out: u64 = 0;
  for (; bits != 0; bits &= bits - 1) out |= <u64>1 << selectOne(mask, <u32>ctz<u64>(bits));
  return out;
}

/** Place of the one of this number: by halves, each of which has its ones counted. */
// @ts-ignore: decorator
@inline
function selectOne(word: u64, number: u32): u64 {
  let at: u64 = 0;
  for (let width: u64 = 32; width > 0; width >>= 1) {
    const low = <u32>popcnt<u64>((word >> at) & ((<u64>1 << width) - 1));
    if (number >= low) {
      number -= low;
      at += width;
    }
  }
  return at;
}

/** Marks and samples likewise. Marks of a are zero beyond its rows. @param slots of a, which samples of b follow */
export function mergeSamples(
  marksA: usize,
  rowsA: u32,
  samplesA: usize,
  countA: u32,
  marksB: usize,
  rowsB: u32,
  samplesB: usize,
  countB: u32,
  bits: usize,
  slots: u32,
): void {
  let ia = rowsA;
  let ib = rowsB;
  let to = samplesA + (<usize>(countA + countB) << 2);
  let sa = samplesA + (<usize>countA << 2);
  let sb = samplesB + (<usize>countB << 2);
  // words of 64 rows, from the last
  for (let first = (rowsA + rowsB - 1) & ~63; ; first -= 64) {
    const some = min<u32>(64, rowsA + rowsB - first);
    const word = load<u64>(bits + (first >> 3));
    const ones = <u32>popcnt<u64>(word);
    ib -= ones;
    ia -= some - ones;
    const ofA = bitsAt64(marksA, ia, some - ones);
    const ofB = bitsAt64(marksB, ib, ones);
    store<u64>(marksA + (first >> 3), deposit(ofA, ~word) | deposit(ofB, word));
    // a mark of b lies among the rows of b where its place in the word has a one
    for (let marks = load<u64>(marksA + (first >> 3)); marks != 0; ) {
      const place = 63 - clz<u64>(marks);
      marks ^= <u64>1 << place;
      to -= 4;
      if ((word >> place) & 1) {
        sb -= 4;
        store<u32>(to, load<u32>(sb) + slots);
      } else {
        sa -= 4;
        store<u32>(to, load<u32>(sa));
      }
    }
    if (ib == 0) break;
  }
}

/** Rows of ends: each moves by the rows of the other run before it. `prefix` as of countMarks over `bits`. */
export function mergeEnds(
  endsA: usize,
  documentsA: usize,
  countA: u32,
  endsB: usize,
  documentsB: usize,
  countB: u32,
  bits: usize,
  rows: u32,
): void {
  let a = countA;
  let b = countB;
  let ia: u32 = 0;
  let ib: u32 = 0;
  for (let i: u32 = 0; i < rows; i += 64) {
    const some = min<u32>(64, rows - i);
    const ones = <u32>popcnt<u64>(load<u64>(bits + (i >> 3)));
    ib += ones;
    ia += some - ones;
  }
  let to = countA + countB;
  // from the end, 64 rows at a time; steps with no end in them are passed whole
  for (let i = (rows - 1) & ~63; b > 0 || a > 0; i -= 64) {
    const some = min<u32>(64, rows - i);
    const word = load<u64>(bits + (i >> 3));
    const ones = <u32>popcnt<u64>(word);
    const noneA = a == 0 || load<u32>(endsA + ((a - 1) << 2)) < ia - (some - ones);
    const noneB = b == 0 || load<u32>(endsB + ((b - 1) << 2)) < ib - ones;
    if (noneA && noneB) {
      ia -= some - ones;
      ib -= ones;
    } else {
      for (let m = some; m > 0; ) {
        m--;
        if ((word >> m) & 1) {
          ib--;
          if (b > 0 && load<u32>(endsB + ((b - 1) << 2)) == ib) {
            b--;
            to--;
            store<u32>(endsA + (to << 2), i + m);
            store<u32>(documentsA + (to << 2), load<u32>(documentsB + (b << 2)) + countA);
          }
        } else {
          ia--;
          if (a > 0 && load<u32>(endsA + ((a - 1) << 2)) == ia) {
            a--;
            to--;
            const document = load<u32>(documentsA + (a << 2));
            store<u32>(endsA + (to << 2), i + m);
            store<u32>(documentsA + (to << 2), document);
          }
        }
      }
    }
    if (i == 0) break;
  }
}
