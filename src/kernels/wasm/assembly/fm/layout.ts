/** Bytes of a block of rows: where its parts stand. fm-block.ts of the reference reads the same layout. */

/** Rows of a block. */
// @ts-ignore: decorator
@inline export const BLOCK_ROWS: i32 = 65536;
/** Bits of one record of a node: 16 blocks of 63. */
// @ts-ignore: decorator
@inline export const RECORD_BITS: i32 = 1008;

// offsets of the header's u32 fields
// @ts-ignore: decorator
@inline export const ROWS: usize = 0;
// @ts-ignore: decorator
@inline export const ENDS_BEFORE: usize = 4;
// @ts-ignore: decorator
@inline export const LEAVES: usize = 8;
// @ts-ignore: decorator
@inline export const END_COUNT: usize = 12;
// @ts-ignore: decorator
@inline export const AT_OCCURRENCES: usize = 16;
// @ts-ignore: decorator
@inline export const AT_PRESENT: usize = 20;
// @ts-ignore: decorator
@inline export const AT_LEAVES: usize = 24;
// @ts-ignore: decorator
@inline export const AT_NODES: usize = 28;
// @ts-ignore: decorator
@inline export const AT_RECORDS: usize = 32;
// @ts-ignore: decorator
@inline export const AT_MARKS: usize = 36;
// @ts-ignore: decorator
@inline export const MARK_COUNT: usize = 40;
// @ts-ignore: decorator
@inline export const AT_SAMPLES: usize = 44;
// @ts-ignore: decorator
@inline export const SAMPLE_WIDTH: usize = 48;
// @ts-ignore: decorator
@inline export const AT_ENDS: usize = 52;
// @ts-ignore: decorator
@inline export const AT_DOCUMENTS: usize = 56;
// @ts-ignore: decorator
@inline export const BYTES: usize = 60;
// @ts-ignore: decorator
@inline export const HEADER_BYTES: usize = 64;

/** A node: u16 child of a zero, u16 child of a one, u32 first record, u32 start of its stream from the start of the block. */
// @ts-ignore: decorator
@inline export const NODE_BYTES: usize = 12;
/** Children from here on are leaves: this + symbol. */
// @ts-ignore: decorator
@inline export const LEAF: u32 = 0x8000;

/** A field of up to 63 bits that begins at any bit. */
// @ts-ignore: decorator
@inline
export function bitsAt(from: usize, bit: u32, width: i32): u64 {
  const address = from + (bit >> 3);
  const shift = bit & 7;
  let value = load<u64>(address) >> shift;
  if (<i32>shift + width > 64) value |= <u64>load<u8>(address + 8) << (64 - shift);
  return value & ((<u64>1 << width) - 1);
}

/** Ors a field into zeroed bytes. */
// @ts-ignore: decorator
@inline
export function putBits(to: usize, bit: u32, width: i32, value: u64): void {
  const address = to + (bit >> 3);
  const shift = bit & 7;
  store<u64>(address, load<u64>(address) | (value << shift));
  if (<i32>shift + width > 64) store<u8>(address + 8, <u8>(value >> (64 - shift)));
}
