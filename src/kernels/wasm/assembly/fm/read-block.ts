/** Rank and access inside one encoded block of rows. */
import { decodeBlock, widthOf, widthsFrom } from "./enumerate";
import {
  AT_ENDS,
  AT_LEAVES,
  AT_MARKS,
  AT_NODES,
  AT_PRESENT,
  AT_RECORDS,
  AT_SAMPLES,
  bitsAt,
  END_COUNT,
  LEAF,
  LEAVES,
  MARK_COUNT,
  NODE_BYTES,
  RECORD_BITS,
  ROWS,
  SAMPLE_WIDTH,
} from "./layout";
import { BY_LENGTHS, rankByLengths, remaining, unpackLengths } from "./run-lengths";

/** The bit that `ranked` met, for access. */
let turn: u32 = 0;
/** Bits from that one on which are known to be the same, the first included. */
let same: u32 = 0;

/** Fields of 6 bits behind the first 4 bytes of a record, a byte each. */
// @ts-ignore: decorator
@inline
function unpackClasses(record: v128): v128 {
  const threes = i8x16.shuffle(record, i32x4.splat(0), 4, 5, 6, 16, 7, 8, 9, 16, 10, 11, 12, 16, 13, 14, 15, 16);
  return v128.or(
    v128.or(v128.and(threes, i32x4.splat(0x3f)), v128.and(i32x4.shl(threes, 2), i32x4.splat(0x3f00))),
    v128.or(v128.and(i32x4.shl(threes, 4), i32x4.splat(0x3f0000)), v128.and(i32x4.shl(threes, 6), i32x4.splat(0x3f000000))),
  );
}

// @ts-ignore: decorator
@inline
function sumOfBytes(bytes: v128): u32 {
  const fours = i32x4.extadd_pairwise_i16x8_u(i16x8.extadd_pairwise_i8x16_u(bytes));
  const twos = i32x4.add(fours, i8x16.shuffle(fours, fours, 8, 9, 10, 11, 12, 13, 14, 15, 0, 1, 2, 3, 4, 5, 6, 7));
  return i32x4.extract_lane(twos, 0) + i32x4.extract_lane(twos, 1);
}

/** Ones before place p of a node, p > 0 unless `isAccess`; the bit there is left in `turn` where `isAccess`. */
// @ts-ignore: decorator
@inline
function ranked(block: usize, node: usize, p: u32, isAccess: bool): u32 {
  if (load<u32>(node + 4) & BY_LENGTHS) {
    const found = rankByLengths(block, node, p, isAccess);
    turn = found & 1;
    same = remaining;
    return found >> 1;
  }
  // a place behind the last bit may lie behind the last record
  const number = (isAccess ? p : p - 1) / RECORD_BITS;
  const rest = p - number * RECORD_BITS;
  const skip = rest / 63;
  const inside = rest - skip * 63;
  const record = block + load<u32>(block + AT_RECORDS) + (<usize>(load<u32>(node + 4) + number) << 4);
  // all 16 classes at once, those before the block kept: a loop would be mispredicted at its end
  const classes = unpackClasses(v128.load(record));
  const before = i8x16.lt_u(i8x16(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15), i8x16.splat(<i8>skip));
  const widths = v128.or(
    v128.or(
      i8x16.swizzle(widthsFrom(0), classes),
      i8x16.swizzle(widthsFrom(16), i8x16.sub(classes, i8x16.splat(16))),
    ),
    v128.or(
      i8x16.swizzle(widthsFrom(32), i8x16.sub(classes, i8x16.splat(32))),
      i8x16.swizzle(widthsFrom(48), i8x16.sub(classes, i8x16.splat(48))),
    ),
  );
  const rank = <u32>load<u16>(record) + sumOfBytes(v128.and(classes, before));
  const bit = <u32>load<u16>(record + 2) + sumOfBytes(v128.and(widths, before));
  const field = skip * 6;
  const k = <i32>((<u32>load<u16>(record + 4 + (field >> 3)) >> (field & 7)) & 63);
  if (k == 0) {
    turn = 0;
    same = 63 - inside;
    return rank;
  }
  if (k == 63) {
    turn = 1;
    same = 63 - inside;
    return rank + inside;
  }
  same = 1;
  if (!isAccess && inside == 0) return rank;
  const code = bitsAt(block + load<u32>(node + 8), bit, widthOf(k));
  const bits = decodeBlock(k, code, inside < 32 ? 1 : 2);
  if (isAccess) turn = <u32>(bits >> inside) & 1;
  return rank + <u32>popcnt<u64>(bits & ((<u64>1 << inside) - 1));
}

/** Whether the block holds the symbol; else -1; else the place of its leaf. */
// @ts-ignore: decorator
@inline
function leafOf(block: usize, symbol: u32): i32 {
  const present = block + load<u32>(block + AT_PRESENT);
  const w = symbol >> 6;
  const bits = load<u64>(present + (w << 3));
  if (((bits >> (symbol & 63)) & 1) == 0) return -1;
  let place = <i32>popcnt<u64>(bits & ((<u64>1 << (symbol & 63)) - 1));
  for (let i: u32 = 0; i < w; i++) place += <i32>popcnt<u64>(load<u64>(present + (i << 3)));
  return place;
}

/** Rows before `p` of the block that hold the byte, ends counted as zeros. */
export function rankInBlock(block: usize, symbol: u32, p: u32): u32 {
  const leaf = leafOf(block, symbol);
  if (leaf < 0) return 0;
  if (load<u32>(block + LEAVES) == 1) return p;
  let code = load<u32>(block + load<u32>(block + AT_LEAVES) + (<usize>leaf << 2));
  const nodes = block + load<u32>(block + AT_NODES);
  let node = nodes;
  for (let depth = code >> 24; depth > 0 && p > 0; depth--) {
    const side = code & 1;
    code >>= 1;
    const ones = ranked(block, node, p, false);
    p = side ? ones : p - ones;
    node = nodes + <usize>load<u16>(node + (side << 1)) * NODE_BYTES;
  }
  return p;
}

/** Symbol at row p of the block; its rank there is left in `accessRank`. */
export let accessRank: u32 = 0;
/** Rows from that one on that are known to hold the same symbol, it included. */
export let accessSpan: u32 = 0;

export function accessInBlock(block: usize, p: u32): u32 {
  if (load<u32>(block + LEAVES) == 1) {
    accessRank = p;
    accessSpan = load<u32>(block + ROWS) - p;
    return load<u32>(block + load<u32>(block + AT_LEAVES));
  }
  const nodes = block + load<u32>(block + AT_NODES);
  let child: u32 = 0;
  let span = load<u32>(block + ROWS) - p;
  do {
    const node = nodes + <usize>child * NODE_BYTES;
    const ones = ranked(block, node, p, true);
    span = min(span, same);
    p = turn ? ones : p - ones;
    child = <u32>load<u16>(node + (turn << 1));
  } while (child < LEAF);
  accessRank = p;
  accessSpan = span;
  return child - LEAF;
}

/** Ends of documents before row p of the block. */
export function endsInBlock(block: usize, p: u32): u32 {
  const ends = block + load<u32>(block + AT_ENDS);
  let low: u32 = 0;
  let high = load<u32>(block + END_COUNT);
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (<u32>load<u16>(ends + (<usize>middle << 1)) < p) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** Whether row p holds an end, which `endsInBlock` places at `place`. */
// @ts-ignore: decorator
@inline
export function isEnd(block: usize, p: u32, place: u32): bool {
  if (place >= load<u32>(block + END_COUNT)) return false;
  return <u32>load<u16>(block + load<u32>(block + AT_ENDS) + (<usize>place << 1)) == p;
}

/** Sample of a marked row, or -1. */
export function sampleAt(block: usize, p: u32): i64 {
  const marks = block + load<u32>(block + AT_MARKS);
  const buckets = (load<u32>(block + ROWS) + 255) >> 8;
  const bucket = p >> 8;
  const lows = marks + (<usize>buckets << 1);
  let i = <u32>load<u16>(marks + (<usize>bucket << 1));
  const end = bucket + 1 < buckets ? <u32>load<u16>(marks + (<usize>(bucket + 1) << 1)) : load<u32>(block + MARK_COUNT);
  const low = i8x16.splat(<i8>p);
  for (; i < end; i += 16) {
    let hits = i8x16.bitmask(i8x16.eq(v128.load(lows + i), low));
    if (end - i < 16) hits &= (1 << (end - i)) - 1;
    if (hits == 0) continue;
    const width = load<u32>(block + SAMPLE_WIDTH);
    return <i64>bitsAt(block + load<u32>(block + AT_SAMPLES), (i + ctz<i32>(hits)) * width, <i32>width);
  }
  return -1;
}

/** All rows of the block again, to `out`; `scratch` as for encoding. */
export function decodeRows(block: usize, out: usize, scratch: usize): void {
  const rows = load<u32>(block + ROWS);
  const leaves = load<u32>(block + LEAVES);
  if (leaves == 1) {
    memory.fill(out, <u8>load<u32>(block + load<u32>(block + AT_LEAVES)), rows);
    return;
  }
  const nodes = block + load<u32>(block + AT_NODES);
  const lengths = scratch;
  const cursors = scratch + 1024;
  let room: usize = 2048;
  store<u32>(lengths, rows);
  for (let i: u32 = 0; i < leaves - 1; i++) {
    const node = nodes + <usize>i * NODE_BYTES;
    const length = load<u32>(lengths + (<usize>i << 2));
    const ones = unpackNode(block, node, length, scratch + room);
    store<u32>(cursors + (<usize>i << 2), <u32>room << 3);
    room += ((length >> 3) + 16) & ~7;
    const zero = <u32>load<u16>(node);
    const one = <u32>load<u16>(node + 2);
    if (zero < LEAF) store<u32>(lengths + (<usize>zero << 2), length - ones);
    if (one < LEAF) store<u32>(lengths + (<usize>one << 2), ones);
  }
  for (let row: u32 = 0; row < rows; row++) {
    let child: u32 = 0;
    do {
      const cursor = cursors + (<usize>child << 2);
      const bit = load<u32>(cursor);
      store<u32>(cursor, bit + 1);
      const side = (<u32>load<u8>(scratch + (bit >> 3)) >> (bit & 7)) & 1;
      child = <u32>load<u16>(nodes + <usize>child * NODE_BYTES + (<usize>side << 1));
    } while (child < LEAF);
    store<u8>(out + row, <u8>(child - LEAF));
  }
}

/** Bits of a node to zeroed bytes. @returns its ones */
function unpackNode(block: usize, node: usize, length: u32, to: usize): u32 {
  memory.fill(to, 0, ((length >> 3) + 16) & ~7);
  if (load<u32>(node + 4) & BY_LENGTHS) return unpackLengths(block, node, length, to);
  let record = block + load<u32>(block + AT_RECORDS) + (<usize>load<u32>(node + 4) << 4);
  const stream = block + load<u32>(node + 8);
  let total: u32 = 0;
  for (let start: u32 = 0; start < length; start += RECORD_BITS, record += 16) {
    let bit = <u32>load<u16>(record + 2);
    for (let i: u32 = 0; i < 16 && start + i * 63 < length; i++) {
      const k = <i32>bitsAt(record + 4, i * 6, 6);
      const width = widthOf(k);
      const bits = k == 0 ? 0 : decodeBlock(k, width > 0 ? bitsAt(stream, bit, width) : 0, 3);
      bit += width;
      total += k;
      const at = start + i * 63;
      const address = to + (at >> 3);
      const shift = at & 7;
      store<u64>(address, load<u64>(address) | (bits << shift));
      if (shift > 1) store<u8>(address + 8, <u8>(bits >> (64 - shift)));
    }
  }
  return total;
}
