/**
 * BM25 over compressed posting lists, the format of index/text/postings.ts: blocks of 128 behind a skip table, full blocks bit-packed,
 * the last one varints. A cursor is a record of CURSOR_BYTES in memory that the caller fills in as far as `openPostings` says.
 */

const BLOCK: u32 = 128;

/** A cursor's fields, byte offsets. */
const BYTES = 0; // u32 pointer of the list
const COUNT = 4; // u32 postings
const TABLE = 8; // u32 pointer to 16 bytes a block: last ordinal, start, f32 bound, unused
const WINDOW_BLOCK = 12; // u32 first block that may reach into the window
const SCALE = 16; // f64 weight x (k1 + 1)
const DECODED = 24; // u32 pointer to room for 128 ordinals and 128 frequencies
const DECODED_BLOCK = 28; // u32 block that lies there, or NONE
const FIXED = 32; // f64 k1 (1 - b)
const SLOPE = 40; // f64 k1 b / average length

const NONE: u32 = 0xffffffff;

// @ts-ignore: decorator
@inline
function blocksOf(cursor: usize): u32 {
  return (load<u32>(cursor, COUNT) + BLOCK - 1) / BLOCK;
}

// @ts-ignore: decorator
@inline
function tableOf(cursor: usize, block: u32): usize {
  return <usize>load<u32>(cursor, TABLE) + ((<usize>block) << 4);
}

/** Reads the skip table. The caller has set BYTES, COUNT, TABLE, SCALE, DECODED, FIXED and SLOPE. */
export function openPostings(cursor: usize): void {
  const bytes = <usize>load<u32>(cursor, BYTES);
  const blocks = blocksOf(cursor);
  const scale = load<f64>(cursor, SCALE);
  store<u32>(cursor, 0, WINDOW_BLOCK);
  store<u32>(cursor, NONE, DECODED_BLOCK);
  if (load<u32>(cursor, COUNT) <= BLOCK) {
    const only = tableOf(cursor, 0);
    store<u32>(only, NONE, 0);
    store<u32>(only, 0, 4);
    store<f32>(only, <f32>scale, 8);
    return;
  }
  const fixed = load<f64>(cursor, FIXED);
  const slope = load<f64>(cursor, SLOPE);
  let at = bytes;
  let last: u32 = NONE; // -1: the first gap makes it the ordinal
  let start: u32 = 0;
  for (let block: u32 = 0; block < blocks; block++) {
    const entry = tableOf(cursor, block);
    for (let field: usize = 0; field < 16; field += 4) {
      let value = <u32>load<u8>(at++);
      if (value > 127) {
        value &= 127;
        for (let shift: u32 = 7; ; shift += 7) {
          const byte = <u32>load<u8>(at++);
          value |= (byte & 127) << shift;
          if (byte < 128) break;
        }
      }
      store<u32>(entry + field, value);
    }
    last += load<u32>(entry);
    store<u32>(entry, last);
    const length = load<u32>(entry, 4);
    store<u32>(entry, start, 4);
    start += length;
    const frequency = <f64>load<u32>(entry, 8);
    const shortest = <f64>load<u32>(entry, 12);
    // rounded up: a bound may not be below a score
    store<f32>(entry, <f32>((scale * frequency * 1.0000002) / (frequency + fixed + slope * shortest)), 8);
  }
  const head = <u32>(at - bytes);
  for (let block: u32 = 0; block < blocks; block++) {
    const entry = tableOf(cursor, block);
    store<u32>(entry, load<u32>(entry, 4) + head, 4);
  }
}

/** Moves the cursor's window to rows [start, end). @returns the largest score that this list can give a row there */
export function boundPostings(cursor: usize, start: u32, end: u32): f64 {
  const blocks = blocksOf(cursor);
  let block = load<u32>(cursor, WINDOW_BLOCK);
  while (block < blocks && load<u32>(tableOf(cursor, block)) < start) block++;
  store<u32>(cursor, block, WINDOW_BLOCK);
  let bound: f32 = 0;
  for (; block < blocks; block++) {
    const entry = tableOf(cursor, block);
    bound = max<f32>(bound, load<f32>(entry, 8));
    if (load<u32>(entry) >= end - 1) break;
  }
  return <f64>bound;
}

/** Value `i` of a run packed at `bits` each; reads up to 8 bytes beyond the run. */
// @ts-ignore: decorator
@inline
function unpacked(run: usize, i: u32, bits: u32, mask: u64): u32 {
  const bit = i * bits;
  return <u32>((load<u64>(run + (bit >> 3)) >> <u64>(bit & 7)) & mask);
}

/** Decodes the ordinals of a block; frequencies too where they stand between them, in the last block. @returns how many */
function decode(cursor: usize, block: u32): u32 {
  const room = <usize>load<u32>(cursor, DECODED);
  const left = load<u32>(cursor, COUNT) - block * BLOCK;
  const size = min(BLOCK, left);
  if (load<u32>(cursor, DECODED_BLOCK) == block) return size;
  store<u32>(cursor, block, DECODED_BLOCK);
  let at = <usize>load<u32>(cursor, BYTES) + <usize>load<u32>(tableOf(cursor, block), 4);
  let last: u32 = block == 0 ? NONE : load<u32>(tableOf(cursor, block - 1));
  if (size == BLOCK) {
    const bits = <u32>load<u8>(at);
    const gaps = at + 2;
    const mask: u64 = ((<u64>1) << bits) - 1;
    if (bits <= 8) {
      // eight gaps fit one word
      for (let i: u32 = 0; i < BLOCK; i += 8, at += bits) {
        let word = load<u64>(at, 2);
        const to = room + (i << 2);
        last += <u32>(word & mask) + 1;
        store<u32>(to, last, 0);
        word >>= bits;
        last += <u32>(word & mask) + 1;
        store<u32>(to, last, 4);
        word >>= bits;
        last += <u32>(word & mask) + 1;
        store<u32>(to, last, 8);
        word >>= bits;
        last += <u32>(word & mask) + 1;
        store<u32>(to, last, 12);
        word >>= bits;
        last += <u32>(word & mask) + 1;
        store<u32>(to, last, 16);
        word >>= bits;
        last += <u32>(word & mask) + 1;
        store<u32>(to, last, 20);
        word >>= bits;
        last += <u32>(word & mask) + 1;
        store<u32>(to, last, 24);
        word >>= bits;
        last += <u32>(word & mask) + 1;
        store<u32>(to, last, 28);
      }
      return BLOCK;
    }
    for (let i: u32 = 0; i < BLOCK; i++) {
      last += unpacked(gaps, i, bits, mask) + 1;
      store<u32>(room + (i << 2), last);
    }
    return BLOCK;
  }
  for (let i: u32 = 0; i < size; i++) {
    let value: u64 = 0;
    let frequency: u32 = 1;
    let shift: u64 = 0;
    for (;;) {
      const byte = <u64>load<u8>(at++);
      value |= (byte & 127) << shift;
      if (byte < 128) break;
      shift += 7;
    }
    if (!(value & 1)) {
      frequency = 0;
      let more: u32 = 0;
      for (;;) {
        const byte = <u32>load<u8>(at++);
        frequency |= (byte & 127) << more;
        if (byte < 128) break;
        more += 7;
      }
    }
    last += <u32>(value >> 1) + 1;
    store<u32>(room + (i << 2), last);
    store<u32>(room + (i << 2), frequency, 512);
  }
  return size;
}

/** Where the packed frequencies - 1 of a full block begin, or 0 for the last block, whose frequencies are decoded. */
// @ts-ignore: decorator
@inline
function extrasOf(cursor: usize, block: u32, size: u32): usize {
  if (size < BLOCK) return 0;
  const at = <usize>load<u32>(cursor, BYTES) + <usize>load<u32>(tableOf(cursor, block), 4);
  return at + 2 + (<usize>load<u8>(at) << 4);
}

/** Bits of a packed frequency. */
// @ts-ignore: decorator
@inline
function extraBitsOf(cursor: usize, block: u32): u32 {
  return <u32>load<u8>(<usize>load<u32>(cursor, BYTES) + <usize>load<u32>(tableOf(cursor, block), 4), 1);
}

/** Adds this list's scores of rows [start, end) to sums[row - start] (f64). lengths: u16 a row. */
export function accumulatePostings(cursor: usize, start: u32, end: u32, lengths: usize, sums: usize): void {
  const blocks = blocksOf(cursor);
  const room = <usize>load<u32>(cursor, DECODED);
  const scale = load<f64>(cursor, SCALE);
  const fixed = load<f64>(cursor, FIXED);
  const slope = load<f64>(cursor, SLOPE);
  for (let block = load<u32>(cursor, WINDOW_BLOCK); block < blocks; block++) {
    if (block > 0 && load<u32>(tableOf(cursor, block - 1)) >= end - 1) return;
    const size = decode(cursor, block);
    const extras = extrasOf(cursor, block, size);
    const bits = extras == 0 ? 0 : extraBitsOf(cursor, block);
    const mask: u64 = ((<u64>1) << bits) - 1;
    for (let i: u32 = 0; i < size; i++) {
      const row = load<u32>(room + (i << 2));
      if (row < start) continue;
      if (row >= end) return;
      const frequency = <f64>(extras == 0 ? load<u32>(room + (i << 2), 512) : bits == 0 ? 1 : unpacked(extras, i, bits, mask) + 1);
      const at = sums + (<usize>(row - start) << 3);
      const length = <f64>load<u16>(lengths + ((<usize>row) << 1));
      store<f64>(at, load<f64>(at) + (scale * frequency) / (frequency + fixed + slope * length));
    }
  }
}

/** Adds this list's scores to scores[i] (f64) of rows[i] (u32, ascending). */
export function completePostings(cursor: usize, rows: usize, count: u32, lengths: usize, scores: usize): void {
  const blocks = blocksOf(cursor);
  const room = <usize>load<u32>(cursor, DECODED);
  const scale = load<f64>(cursor, SCALE);
  const fixed = load<f64>(cursor, FIXED);
  const slope = load<f64>(cursor, SLOPE);
  let block: u32 = 0;
  let size: u32 = 0;
  let at: u32 = 0;
  let open = false;
  for (let i: u32 = 0; i < count; i++) {
    const row = load<u32>(rows + (i << 2));
    if (!open || load<u32>(tableOf(cursor, block)) < row) {
      if (open) block++;
      while (block < blocks && load<u32>(tableOf(cursor, block)) < row) block++;
      if (block >= blocks) return;
      size = decode(cursor, block);
      open = true;
      at = 0;
    }
    while (at + 8 < size && load<u32>(room + ((at + 8) << 2)) <= row) at += 8;
    while (at < size && load<u32>(room + (at << 2)) < row) at++;
    if (at >= size || load<u32>(room + (at << 2)) != row) continue;
    const extras = extrasOf(cursor, block, size);
    const bits = extras == 0 ? 0 : extraBitsOf(cursor, block);
    const frequency = <f64>(extras == 0 ? load<u32>(room + (at << 2), 512) : unpacked(extras, at, bits, ((<u64>1) << bits) - 1) + 1);
    const length = <f64>load<u16>(lengths + ((<usize>row) << 1));
    const to = scores + (<usize>i << 3);
    store<f64>(to, load<f64>(to) + (scale * frequency) / (frequency + fixed + slope * length));
  }
}

/** Rows of a window whose sum is above zero and at least `threshold`, ascending, with their sums; the sums become zero. @returns how many */
export function collectSums(sums: usize, count: u32, start: u32, threshold: f64, rows: usize, scores: usize): u32 {
  let found: u32 = 0;
  const wide = count & ~3;
  const least = f64x2.splat(threshold);
  const zero = f64x2.splat(0);
  let i: u32 = 0;
  for (; i < wide; i += 4) {
    const at = sums + (<usize>i << 3);
    const a = v128.load(at, 0);
    const b = v128.load(at, 16);
    let mask = i64x2.bitmask(v128.and(f64x2.ge(a, least), f64x2.gt(a, zero)));
    mask |= i64x2.bitmask(v128.and(f64x2.ge(b, least), f64x2.gt(b, zero))) << 2;
    while (mask != 0) {
      const lane = <u32>ctz(mask);
      mask &= mask - 1;
      store<u32>(rows + (found << 2), start + i + lane);
      store<f64>(scores + (<usize>found << 3), load<f64>(at + (<usize>lane << 3)));
      found++;
    }
  }
  for (; i < count; i++) {
    const sum = load<f64>(sums + (<usize>i << 3));
    if (sum > 0 && sum >= threshold) {
      store<u32>(rows + (found << 2), start + i);
      store<f64>(scores + (<usize>found << 3), sum);
      found++;
    }
  }
  memory.fill(sums, 0, <usize>count << 3);
  return found;
}

/** Closes the ranks of rows whose bit, at `first` + row, is set in `bits`. @returns how many stay */
export function restrictRows(rows: usize, scores: usize, count: u32, bits: usize, first: u32): u32 {
  let kept: u32 = 0;
  for (let i: u32 = 0; i < count; i++) {
    const row = load<u32>(rows + (i << 2));
    const bit = first + row;
    if (((<u32>load<u8>(bits + (bit >> 3)) >> (bit & 7)) & 1) == 0) continue;
    store<u32>(rows + (kept << 2), row);
    store<f64>(scores + (<usize>kept << 3), load<f64>(scores + (<usize>i << 3)));
    kept++;
  }
  return kept;
}

/** The k-th largest of `count` scores (f64), 1 <= k <= count, by quickselect over a copy in `room`. */
export function kthScore(scores: usize, count: u32, k: u32, room: usize): f64 {
  memory.copy(room, scores, <usize>count << 3);
  const wanted = <i32>k - 1;
  let low: i32 = 0;
  let high: i32 = <i32>count - 1;
  while (low < high) {
    const pivot = load<f64>(room + (<usize>((low + high) >>> 1) << 3));
    let i = low;
    let j = high;
    while (i <= j) {
      while (load<f64>(room + (<usize>i << 3)) > pivot) i++;
      while (load<f64>(room + (<usize>j << 3)) < pivot) j--;
      if (i <= j) {
        const held = load<f64>(room + (<usize>i << 3));
        store<f64>(room + (<usize>i << 3), load<f64>(room + (<usize>j << 3)));
        store<f64>(room + (<usize>j << 3), held);
        i++;
        j--;
      }
    }
    if (wanted <= j) high = j;
    else if (wanted >= i) low = i;
    else break;
  }
  return load<f64>(room + (<usize>wanted << 3));
}

/** Closes the ranks of rows whose score is at least `threshold`. @returns how many stay */
export function keepScores(rows: usize, scores: usize, count: u32, threshold: f64): u32 {
  let kept: u32 = 0;
  for (let i: u32 = 0; i < count; i++) {
    const score = load<f64>(scores + (<usize>i << 3));
    if (score < threshold) continue;
    store<u32>(rows + (kept << 2), load<u32>(rows + (i << 2)));
    store<f64>(scores + (<usize>kept << 3), score);
    kept++;
  }
  return kept;
}
