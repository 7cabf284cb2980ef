/**
 * BM25 over compressed posting lists, the format of index/text/postings.ts: blocks of 128 behind a skip table, full blocks bit-packed,
 * the last one varints. `openPostings` makes a table of a list once; each query has a cursor of its own on it, which the caller fills in.
 */

const BLOCK: u32 = 128;

/** A cursor's fields, byte offsets. */
const BYTES = 0; // u32 pointer of the list
const COUNT = 4; // u32 postings
const TABLE = 8; // u32 pointer to 16 bytes a block: last ordinal, start, f32 bound in shares of SCALE, unused
const WINDOW_BLOCK = 12; // u32 first block that may reach into the window
const SCALE = 16; // f64 weight x (k1 + 1)
const DECODED = 24; // u32 pointer to room for 128 ordinals and 128 frequencies
const DECODED_BLOCK = 28; // u32 block that lies there, or NONE
const FIXED = 32; // f64 k1 (1 - b)
const SLOPE = 40; // f64 k1 b / average length
const SATURATIONS = 48; // u32 pointer to f64 frequency / (frequency + FIXED + SLOPE length): frequencies from 1, lengths from 0

/** What the table of saturations holds: most postings by far. */
const TABLE_FREQUENCIES: u32 = 8;
const TABLE_LENGTHS: u32 = 1024;

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

/**
 * Reads the skip table of the list at BYTES into TABLE, for queries of all weights: bounds are shares of SCALE. The caller has set BYTES,
 * COUNT, TABLE, DECODED, FIXED and SLOPE. @param lengths of the rows: the only block of a short list is bounded by its largest score
 */
export function openPostings(cursor: usize, lengths: usize): void {
  const fixed = load<f64>(cursor, FIXED);
  const slope = load<f64>(cursor, SLOPE);
  store<u32>(cursor, NONE, DECODED_BLOCK);
  if (load<u32>(cursor, COUNT) <= BLOCK) return openOnly(cursor, lengths, fixed, slope);
  const bytes = <usize>load<u32>(cursor, BYTES);
  const blocks = blocksOf(cursor);
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
    const frequency = load<u32>(entry, 8);
    const shortest = load<u32>(entry, 12);
    store<f32>(entry, boundOf(frequency, fixed, slope, shortest), 8);
  }
  const head = <u32>(at - bytes);
  for (let block: u32 = 0; block < blocks; block++) {
    const entry = tableOf(cursor, block);
    store<u32>(entry, load<u32>(entry, 4) + head, 4);
  }
}

function openOnly(cursor: usize, lengths: usize, fixed: f64, slope: f64): void {
  const only = tableOf(cursor, 0);
  store<u32>(only, 0, 4);
  const size = decode(cursor, 0);
  const room = <usize>load<u32>(cursor, DECODED);
  const extras = extrasOf(cursor, 0, size);
  const bits = extras == 0 ? 0 : extraBitsOf(cursor, 0);
  const mask: u64 = ((<u64>1) << bits) - 1;
  let bound: f32 = 0;
  for (let i: u32 = 0; i < size; i++) {
    const frequency = extras == 0 ? load<u32>(room + (i << 2), 512) : unpacked(extras, i, bits, mask) + 1;
    const length = <u32>load<u16>(lengths + ((<usize>load<u32>(room + (i << 2))) << 1));
    bound = max<f32>(bound, boundOf(frequency, fixed, slope, length));
  }
  store<u32>(only, load<u32>(room + ((size - 1) << 2)));
  store<f32>(only, bound, 8);
}

/** A saturation, rounded up: a bound may not be below a score. */
// @ts-ignore: decorator
@inline
function boundOf(frequency: u32, fixed: f64, slope: f64, length: u32): f32 {
  return <f32>((<f64>frequency * 1.0000002) / (<f64>frequency + fixed + slope * <f64>length));
}

/** Before the first window. */
// @ts-ignore: decorator
@inline
export function rewindPostings(cursor: usize): void {
  store<u32>(cursor, 0, WINDOW_BLOCK);
}

/** Moves the cursor's window to rows [start, end), which come after those before. @returns the largest score that this list can give a row there */
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
  return <f64>bound * load<f64>(cursor, SCALE);
}

/** Value `i` of a run packed at `bits` each; reads up to 8 bytes beyond the run. */
// @ts-ignore: decorator
@inline
function unpacked(run: usize, i: u32, bits: u32, mask: u64): u32 {
  const bit = i * bits;
  return <u32>((load<u64>(run + (bit >> 3)) >> <u64>(bit & 7)) & mask);
}

/** About how many postings the list has in a stretch of the rows of a segment. */
// @ts-ignore: decorator
@inline
export function expectedPostings(cursor: usize, stretch: u32, rows: u32): u32 {
  return <u32>((<u64>load<u32>(cursor, COUNT) * stretch) / rows);
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

/** Between 0 and 1: what a posting scores as a share of the largest score. */
// @ts-ignore: decorator
@inline
function saturation(table: usize, fixed: f64, slope: f64, frequency: u32, length: u32): f64 {
  if (frequency <= TABLE_FREQUENCIES && length < TABLE_LENGTHS)
    return load<f64>(table + (<usize>((frequency - 1) * TABLE_LENGTHS + length) << 3));
  return <f64>frequency / (<f64>frequency + fixed + slope * <f64>length);
}

/** Adds this list's scores of rows [start, end) to sums[row - start] (f64). lengths: u16 a row. */
export function accumulatePostings(cursor: usize, start: u32, end: u32, lengths: usize, sums: usize): void {
  const blocks = blocksOf(cursor);
  const room = <usize>load<u32>(cursor, DECODED);
  const scale = load<f64>(cursor, SCALE);
  const fixed = load<f64>(cursor, FIXED);
  const slope = load<f64>(cursor, SLOPE);
  const table = <usize>load<u32>(cursor, SATURATIONS);
  const base = sums - ((<usize>start) << 3);
  for (let block = load<u32>(cursor, WINDOW_BLOCK); block < blocks; block++) {
    if (block > 0 && load<u32>(tableOf(cursor, block - 1)) >= end - 1) return;
    const size = decode(cursor, block);
    const extras = extrasOf(cursor, block, size);
    const bits = extras == 0 ? 0 : extraBitsOf(cursor, block);
    const mask: u64 = ((<u64>1) << bits) - 1;
    let i: u32 = 0;
    while (i + 8 < size && load<u32>(room + ((i + 8) << 2)) < start) i += 8;
    while (i < size && load<u32>(room + (i << 2)) < start) i++;
    let last = size;
    while (last > i && load<u32>(room + ((last - 1) << 2)) >= end) last--;
    // eight frequencies fit one word, and none is above those of the table
    if (extras != 0 && bits <= 3) {
      for (; i < last; i = (i + 8) & ~7) {
        let word = load<u64>(extras + <usize>((i >> 3) * bits)) >> <u64>((i & 7) * bits);
        const stop = min((i + 8) & ~7, last);
        for (let j = i; j < stop; j++, word >>= <u64>bits) {
          const row = load<u32>(room + (j << 2));
          const length = <u32>load<u16>(lengths + ((<usize>row) << 1));
          const extra = <u32>(word & mask);
          const at = base + (<usize>row << 3);
          const share =
            length < TABLE_LENGTHS
              ? load<f64>(table + (<usize>((extra << 10) + length) << 3))
              : saturation(table, fixed, slope, extra + 1, length);
          store<f64>(at, load<f64>(at) + scale * share);
        }
      }
    } else {
      for (; i < last; i++) {
        const row = load<u32>(room + (i << 2));
        const frequency = extras == 0 ? load<u32>(room + (i << 2), 512) : unpacked(extras, i, bits, mask) + 1;
        const length = <u32>load<u16>(lengths + ((<usize>row) << 1));
        const at = base + (<usize>row << 3);
        store<f64>(at, load<f64>(at) + scale * saturation(table, fixed, slope, frequency, length));
      }
    }
    if (last < size) return;
  }
}

/** The first block that may reach into the cursor's window. */
// @ts-ignore: decorator
@inline
export function windowBlock(cursor: usize): u32 {
  return load<u32>(cursor, WINDOW_BLOCK);
}

/** Adds this list's scores to scores[i] (f64) of rows[i] (u32, ascending), none of which lies before block `first`. */
export function completePostings(
  cursor: usize,
  rows: usize,
  count: u32,
  lengths: usize,
  scores: usize,
  first: u32,
): void {
  const blocks = blocksOf(cursor);
  const room = <usize>load<u32>(cursor, DECODED);
  const scale = load<f64>(cursor, SCALE);
  const fixed = load<f64>(cursor, FIXED);
  const slope = load<f64>(cursor, SLOPE);
  const table = <usize>load<u32>(cursor, SATURATIONS);
  let block = first;
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
    const frequency = extras == 0 ? load<u32>(room + (at << 2), 512) : unpacked(extras, at, bits, ((<u64>1) << bits) - 1) + 1;
    const length = <u32>load<u16>(lengths + ((<usize>row) << 1));
    const to = scores + (<usize>i << 3);
    store<f64>(to, load<f64>(to) + scale * saturation(table, fixed, slope, frequency, length));
  }
}
