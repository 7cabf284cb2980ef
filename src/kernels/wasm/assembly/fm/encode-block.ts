/**
 * A block of rows of the transformed text as bytes that answer rank and access by themselves: counts before the block, a Huffman-shaped
 * wavelet tree of this block's own symbols (fixed blocks: Kärkkäinen and Puglisi, 2011), each node in enumerative codes or as lengths of
 * runs, whichever is smaller (hybrid bit vectors: Kärkkäinen, Kempa and Puglisi, 2014), and the marked rows with their samples. An end of a document stands in the rows as a 0 and in a list apart.
 */
import { encodeBlock, widthOf } from "./enumerate";
import {
  AT_DOCUMENTS,
  AT_ENDS,
  AT_LEAVES,
  AT_MARKS,
  AT_NODES,
  AT_OCCURRENCES,
  AT_PRESENT,
  AT_RECORDS,
  AT_SAMPLES,
  BYTES,
  bitsAt,
  END_COUNT,
  ENDS_BEFORE,
  HEADER_BYTES,
  LEAF,
  LEAVES,
  MARK_COUNT,
  NODE_BYTES,
  putBits,
  RECORD_BITS,
  ROWS,
  SAMPLE_WIDTH,
} from "./layout";
import { BY_LENGTHS, encodeLengths, MOST_BYTES, sizeByLengths, streamBehind } from "./run-lengths";

// scratch: u32 tables, then the bits of the nodes
// @ts-ignore: decorator
@inline const FREQUENCY: usize = 0;
// @ts-ignore: decorator
@inline const WEIGHT: usize = 1024; // 512 items: leaves by ascending frequency, then nodes
// @ts-ignore: decorator
@inline const SYMBOL: usize = 3072;
// @ts-ignore: decorator
@inline const ZERO: usize = 4096; // child of each item
// @ts-ignore: decorator
@inline const ONE: usize = 6144;
// @ts-ignore: decorator
@inline const CODE: usize = 8192; // of each item: path from the root, first step lowest; length in the top 8 bits
// @ts-ignore: decorator
@inline const CODES: usize = 10240; // by symbol
// @ts-ignore: decorator
@inline const CURSOR: usize = 11264; // by node: where its next bit goes, from BITS
// @ts-ignore: decorator
@inline const CHILDREN: usize = 12288; // by node: two u16
// @ts-ignore: decorator
@inline const BITS: usize = 13312;
/** Scratch that encoding or decoding a block may need: tables and up to 24 levels of bits. */
// @ts-ignore: decorator
@inline export const SCRATCH_BYTES: usize = 13312 + 24 * 8192 + 256 * 16;

// @ts-ignore: decorator
@inline
function word(base: usize, i: i32): u32 {
  return load<u32>(base + (<usize>i << 2));
}

// @ts-ignore: decorator
@inline
function setWord(base: usize, i: i32, value: u32): void {
  store<u32>(base + (<usize>i << 2), value);
}

function align(at: usize, to: usize): usize {
  return (at + to - 1) & ~(to - 1);
}

function histogram(text: usize, rows: i32, counts: usize): void {
  memory.fill(counts, 0, 1024);
  for (let i = 0; i < rows; i++) {
    const slot = counts + (<usize>load<u8>(text + i) << 2);
    store<u32>(slot, load<u32>(slot) + 1);
  }
}

/** Leaves by ascending frequency. @returns how many symbols there are */
function sortLeaves(s: usize): i32 {
  let leaves = 0;
  for (let c = 0; c < 256; c++) {
    const weight = word(s + FREQUENCY, c);
    if (weight == 0) continue;
    let i = leaves++;
    for (; i > 0 && word(s + WEIGHT, i - 1) > weight; i--) {
      setWord(s + WEIGHT, i, word(s + WEIGHT, i - 1));
      setWord(s + SYMBOL, i, word(s + SYMBOL, i - 1));
    }
    setWord(s + WEIGHT, i, weight);
    setWord(s + SYMBOL, i, c);
  }
  return leaves;
}

/** Huffman's tree by two queues: items 0 to leaves - 1 are leaves, the others nodes, the last one the root. */
function growTree(s: usize, leaves: i32): void {
  let leaf = 0;
  let node = leaves;
  for (let made = leaves; made < 2 * leaves - 1; made++) {
    let sum: u32 = 0;
    for (let side = 0; side < 2; side++) {
      const useLeaf = leaf < leaves && (node >= made || word(s + WEIGHT, leaf) <= word(s + WEIGHT, node));
      const item = useLeaf ? leaf++ : node++;
      sum += word(s + WEIGHT, item);
      setWord(s + (side == 0 ? ZERO : ONE), made, item);
    }
    setWord(s + WEIGHT, made, sum);
  }
}

/** Codes by symbol, children by node (node 0 is the root) and room for the bits of each node. */
function spreadCodes(s: usize, leaves: i32): void {
  const root = 2 * leaves - 2;
  setWord(s + CODE, root, 0);
  let room: usize = BITS;
  for (let item = root; item >= leaves; item--) {
    const code = word(s + CODE, item);
    const depth = code >> 24;
    const path = code & 0xffffff;
    const node = root - item;
    for (let side: u32 = 0; side < 2; side++) {
      const child = <i32>word(s + (side == 0 ? ZERO : ONE), item);
      const next = ((depth + 1) << 24) | path | (side << depth);
      setWord(s + CODE, child, next);
      let named: u32 = root - child;
      if (child < leaves) {
        const symbol = word(s + SYMBOL, child);
        setWord(s + CODES, symbol, next);
        named = LEAF + symbol;
      }
      store<u16>(s + CHILDREN + (<usize>node << 2) + (<usize>side << 1), <u16>named);
    }
    const bytes = align((word(s + WEIGHT, item) >> 3) + 16, 8);
    setWord(s + CURSOR, node, <u32>(room << 3));
    memory.fill(s + room, 0, bytes);
    room += bytes;
  }
}

/** Appends to every node the turns of the symbols that pass it. */
function spreadBits(text: usize, rows: i32, s: usize): void {
  for (let i = 0; i < rows; i++) {
    let code = word(s + CODES, <i32>load<u8>(text + i));
    const depth = code >> 24;
    let node: u32 = 0;
    for (let level: u32 = 0; level < depth; level++) {
      const turn = code & 1;
      code >>= 1;
      const cursor = s + CURSOR + (<usize>node << 2);
      const bit = load<u32>(cursor);
      store<u32>(cursor, bit + 1);
      const address = s + (bit >> 3);
      store<u8>(address, <u8>(<u32>load<u8>(address) | (turn << (bit & 7))));
      node = <u32>load<u16>(s + CHILDREN + (<usize>node << 2) + (<usize>turn << 1));
    }
  }
}

/** Bytes that a node of `length` bits takes in enumerative codes. */
function sizeOfNode(bits: usize, length: u32): u32 {
  let size: u32 = 0;
  for (let i: u32 = 0; i < length; i += 63) size += widthOf(<i32>popcnt<u64>(bitsAt(bits, i, 63)));
  return ((size + 7) >> 3) + ((length + RECORD_BITS - 1) / RECORD_BITS) * 16;
}

/** One node's records and stream. @returns the end of its stream */
function encodeNode(bits: usize, length: i32, records: usize, stream: usize): usize {
  let rank: u32 = 0;
  let to: u32 = 0;
  let record = records;
  store<u64>(stream, 0);
  for (let start = 0; start < length; start += RECORD_BITS) {
    store<u16>(record, <u16>rank);
    store<u16>(record + 2, <u16>to);
    const end = min(length, start + RECORD_BITS);
    let field: u32 = 0;
    for (let i = start; i < end; i += 63, field += 6) {
      const block = bitsAt(bits, i, 63);
      const k = <i32>popcnt<u64>(block);
      putBits(record + 4, field, 6, k);
      const width = widthOf(k);
      if (width > 0) {
        store<u64>(stream + (to >> 3) + 1, 0);
        store<u64>(stream + (to >> 3) + 9, 0);
        putBits(stream, to, width, encodeBlock(block, k));
      }
      rank += k;
      to += width;
    }
    record += 16;
  }
  return stream + ((to + 7) >> 3);
}

function encodeTree(text: usize, rows: i32, out: usize, from: usize, s: usize): usize {
  histogram(text, rows, s + FREQUENCY);
  const leaves = sortLeaves(s);
  let at = from;
  store<u32>(out + LEAVES, leaves);
  store<u32>(out + AT_PRESENT, <u32>(at - out));
  memory.fill(at, 0, 32);
  for (let i = 0; i < leaves; i++) {
    const symbol = word(s + SYMBOL, i);
    const byte = at + (symbol >> 3);
    store<u8>(byte, <u8>(<u32>load<u8>(byte) | (1 << (symbol & 7))));
  }
  at += 32;
  store<u32>(out + AT_LEAVES, <u32>(at - out));
  if (leaves == 1) {
    store<u32>(at, word(s + SYMBOL, 0));
    store<u32>(out + AT_NODES, <u32>(at - out));
    store<u32>(out + AT_RECORDS, <u32>(at - out));
    return at + 4;
  }
  growTree(s, leaves);
  spreadCodes(s, leaves);
  for (let c = 0; c < 256; c++) {
    if (word(s + FREQUENCY, c) == 0) continue;
    store<u32>(at, word(s + CODES, c));
    at += 4;
  }
  const nodes = at;
  store<u32>(out + AT_NODES, <u32>(nodes - out));
  const root = 2 * leaves - 2;
  at = nodes + <usize>(leaves - 1) * NODE_BYTES;
  memory.fill(at, 0, 16);
  at = align(at, 16);
  store<u32>(out + AT_RECORDS, <u32>(at - out));
  const starts = s + SYMBOL; // no longer needed: where each node's bits begin
  for (let node = 0; node < leaves - 1; node++) setWord(starts, node, word(s + CURSOR, node) >> 3);
  spreadBits(text, rows, s);
  let record: u32 = 0;
  for (let node = 0; node < leaves - 1; node++) {
    const length = word(s + WEIGHT, root - node);
    const bits = s + word(starts, node);
    const most = min(MOST_BYTES, sizeOfNode(bits, length));
    const byLengths = sizeByLengths(bits, length, most) < most;
    store<u32>(nodes + <usize>node * NODE_BYTES, word(s + CHILDREN, node));
    store<u32>(nodes + <usize>node * NODE_BYTES + 4, byLengths ? BY_LENGTHS : record);
    if (!byLengths) record += (length + RECORD_BITS - 1) / RECORD_BITS;
  }
  const records = at;
  at += <usize>record << 4;
  memory.fill(records, 0, (<usize>record << 4) + 16);
  for (let node = 0; node < leaves - 1; node++) {
    const description = nodes + <usize>node * NODE_BYTES;
    const length = word(s + WEIGHT, root - node);
    const bits = s + word(starts, node);
    if (load<u32>(description + 4) == BY_LENGTHS) {
      store<u32>(description + 4, BY_LENGTHS | <u32>(at - out));
      store<u32>(description + 8, <u32>(streamBehind(at, length) - out));
      at = encodeLengths(bits, length, at);
      continue;
    }
    store<u32>(description + 8, <u32>(at - out));
    at = encodeNode(bits, length, records + (<usize>load<u32>(description + 4) << 4), at);
  }
  // what is read past the last stream, and a byte to align what follows
  memory.fill(at, 0, 10);
  return at + 9;
}

/** Marked rows by 256s: u16 count before each, then their low bytes. */
function encodeMarks(marks: usize, rows: i32, out: usize, from: usize): usize {
  const buckets = (rows + 255) >> 8;
  let at = from + (<usize>buckets << 1);
  let count: u32 = 0;
  store<u32>(out + AT_MARKS, <u32>(from - out));
  for (let bucket = 0; bucket < buckets; bucket++) {
    store<u16>(from + (<usize>bucket << 1), <u16>count);
    for (let i = 0; i < 4; i++) {
      let bits = load<u64>(marks + (<usize>bucket << 5) + (<usize>i << 3));
      for (; bits != 0; bits &= bits - 1) {
        store<u8>(at++, <u8>(i * 64 + <i32>ctz<u64>(bits)));
        count++;
      }
    }
  }
  store<u32>(out + MARK_COUNT, count);
  return at;
}

function encodeSamples(samples: usize, width: i32, out: usize, from: usize): usize {
  const count = load<u32>(out + MARK_COUNT);
  const bytes = (<usize>count * <usize>width + 7) >> 3;
  memory.fill(from, 0, bytes + 16);
  for (let i: u32 = 0; i < count; i++) putBits(from, i * <u32>width, width, <u64>load<u32>(samples + (<usize>i << 2)));
  store<u32>(out + AT_SAMPLES, <u32>(from - out));
  store<u32>(out + SAMPLE_WIDTH, width);
  return from + bytes + 9;
}

/**
 * Encodes rows [first, first + rows) of a run; `counts` (256 u32) holds the symbols before them and is moved on.
 * @param columns 256 u8: place of each symbol among `width` counts. @param marks bits of the run's rows from `first` on, padded with
 * zeros. @param ends rows of the run that hold ends, from `first` on; `documents` theirs. @returns bytes written, a multiple of 16
 */
export function encodeRows(
  text: usize,
  first: u32,
  rows: i32,
  counts: usize,
  columns: usize,
  columnCount: i32,
  marks: usize,
  samples: usize,
  sampleWidth: i32,
  ends: usize,
  documents: usize,
  endCount: u32,
  endsBefore: u32,
  out: usize,
  scratch: usize,
): usize {
  store<u32>(out + ROWS, rows);
  store<u32>(out + ENDS_BEFORE, endsBefore);
  store<u32>(out + END_COUNT, endCount);
  let at = out + HEADER_BYTES;
  store<u32>(out + AT_OCCURRENCES, <u32>(at - out));
  for (let c = 0; c < 256; c++) {
    const column = <usize>load<u8>(columns + c);
    if (column < <usize>columnCount) store<u32>(at + (column << 2), word(counts, c));
  }
  at += <usize>columnCount << 2;
  at = encodeTree(text, rows, out, at, scratch);
  for (let c = 0; c < 256; c++) setWord(counts, c, word(counts, c) + word(scratch + FREQUENCY, c));
  at = encodeMarks(marks, rows, out, align(at, 2));
  at = encodeSamples(samples, sampleWidth, out, at);
  at = align(at, 4);
  store<u32>(out + AT_DOCUMENTS, <u32>(at - out));
  memory.copy(at, documents, <usize>endCount << 2);
  at += <usize>endCount << 2;
  store<u32>(out + AT_ENDS, <u32>(at - out));
  for (let i: u32 = 0; i < endCount; i++, at += 2) store<u16>(at, <u16>(load<u32>(ends + (<usize>i << 2)) - first));
  const bytes = align(at, 16) - out;
  memory.fill(at, 0, out + bytes - at);
  store<u32>(out + BYTES, <u32>bytes);
  return bytes;
}
