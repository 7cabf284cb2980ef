/**
 * Cells of few-bit codes behind a graph of their centres. A walk finds the cells nearest to a query; the codes of their rows are scored 16 at
 * a time by tables (fast scan: Andre et al., VLDB 2015), and the best are told apart from the rest. A code holds what a row differs from
 * its centre by, rotated, on a grid of 1 to 4 bits a value (RaBitQ: Gao & Long, SIGMOD 2024; more bits: arXiv:2409.09913). Two bytes a row
 * turn the product of query and code into the row's key: what the code is multiplied by, and what is added.
 */
import { dotWide, dotWideFour } from "./graph-codes";
import {
  acquire, BIAS, COARSE, DIMS, DIM, entryOf, FACTOR, FOUND, hasBit, insert, keyOf, LOG, NONE, OFFSET, POOL, QUERY, QUERY_SCALE,
  release, rowOf, ROWS, STRIDE, VALUES, WIDTH,
} from "./graph-state";
import { keyFrom, prepare, walk } from "./graph";
import { writePrepared } from "./graph-rows";

/** Fields of the record of cells, byte offsets. A slot is the place of a row: those of a cell lie side by side. */
const STARTS: usize = 0; // pointer to cells + 1 u32: the first slot of each
const BLOCKS: usize = 4; // pointer to codes: of 16 slots for each bit, the lowest first, and each eight values a byte a slot: four bits of the first four values below, of the others above
const RANGES: usize = 8; // pointer to four f32 a cell: least factor, its step, least addend, its step
const FACTORS: usize = 12; // pointer to u8 a slot
const ADDENDS: usize = 16; // pointer to u8 a slot
const IDS: usize = 20; // pointer to u32 a slot
const BITS: usize = 24;
const DELETED: usize = 28; // pointer to one bit a slot, or 0

const BLOCK_ROWS: u32 = 16;
/** The most that a table entry has: four of them fit a byte. */
const MOST_ENTRY: f32 = 63;

/** Table of the query in the scratch's LOG: of each four values 16 bytes. @returns what table sums are multiplied by, and in `least` what is added */
function fillTable(scratch: usize, dims: usize, table: usize): f32 {
  const values = <usize>load<u32>(scratch, VALUES);
  let most: f32 = 0;
  for (let i: usize = 0; i < dims; i += 4) {
    const x = f32x4.abs(v128.load(values + (i << 2)));
    most = max(most, f32x4.extract_lane(x, 0) + f32x4.extract_lane(x, 1) + f32x4.extract_lane(x, 2) + f32x4.extract_lane(x, 3));
  }
  const step: f32 = most > 0 ? most / MOST_ENTRY : 1;
  const by: f32 = (<f32>1) / step;
  for (let i: usize = 0; i < dims; i += 4) {
    const at = values + (i << 2);
    const a = load<f32>(at) * by, b = load<f32>(at, 4) * by, c = load<f32>(at, 8) * by, d = load<f32>(at, 12) * by;
    const low: f32 = min<f32>(a, 0) + min<f32>(b, 0) + min<f32>(c, 0) + min<f32>(d, 0);
    // sums of the two lower values by lanes, those of the two upper ones added
    const pairs = f32x4(-low, a - low, b - low, a + b - low);
    const v0 = i32x4.trunc_sat_f32x4_u(f32x4.nearest(pairs));
    const v1 = i32x4.trunc_sat_f32x4_u(f32x4.nearest(f32x4.add(pairs, f32x4.splat(c))));
    const v2 = i32x4.trunc_sat_f32x4_u(f32x4.nearest(f32x4.add(pairs, f32x4.splat(d))));
    const v3 = i32x4.trunc_sat_f32x4_u(f32x4.nearest(f32x4.add(pairs, f32x4.splat(c + d))));
    v128.store(table + (i << 2), i8x16.narrow_i16x8_u(i16x8.narrow_i32x4_u(v0, v1), i16x8.narrow_i32x4_u(v2, v3)));
  }
  return step;
}

/** Sum of the values of the query, and sum of the negative ones of each four. */
function sumOf(values: usize, dims: usize, negative: bool): f32 {
  let sum = f32x4.splat(0);
  for (let i: usize = 0; i < dims; i += 4) {
    const x = v128.load(values + (i << 2));
    sum = f32x4.add(sum, negative ? f32x4.min(x, f32x4.splat(0)) : x);
  }
  return f32x4.extract_lane(sum, 0) + f32x4.extract_lane(sum, 1) + f32x4.extract_lane(sum, 2) + f32x4.extract_lane(sum, 3);
}

/** What is added to table sums times their step: a code's values lie around zero, in steps of one. */
// @ts-ignore: decorator
@inline
function codeBias(values: usize, dims: usize, bits: u32): f32 {
  return <f32>((1 << bits) - 1) * (sumOf(values, dims, true) - <f32>0.5 * sumOf(values, dims, false));
}

/** What the low and the high halves of 16 bytes name in two tables, added. */
// @ts-ignore: decorator
@inline
function entriesOf(codes: usize, table: usize): v128 {
  const both = v128.load(codes);
  const low = i8x16.swizzle(v128.load(table), v128.and(both, i8x16.splat(15)));
  return i8x16.add(low, i8x16.swizzle(v128.load(table, 16), i8x16.shr_u(both, 4)));
}

/** Sums of table entries of 16 rows, i32 each. @param groups of four values, an even number */
// @ts-ignore: decorator
@inline
function sumBlock(block: usize, groups: usize, bits: u32, table: usize, out: usize): void {
  const plane = groups << 3;
  const wide = groups & ~3;
  let a = i32x4.splat(0), b = i32x4.splat(0), c = i32x4.splat(0), d = i32x4.splat(0);
  let codes = block + <usize>bits * plane;
  for (let bit: u32 = 0; bit < bits; bit++) {
    // the highest bit first: what came before counts twice
    codes -= plane;
    let even = i16x8.splat(0), odd = i16x8.splat(0);
    for (let g: usize = 0; g < wide; g += 4) {
      const sums = i8x16.add(entriesOf(codes + (g << 3), table + (g << 4)), entriesOf(codes + (g << 3) + 16, table + (g << 4) + 32));
      even = i16x8.add(even, sums);
      odd = i16x8.add(odd, i16x8.shr_u(sums, 8));
    }
    if (wide != groups) {
      const sums = entriesOf(codes + (wide << 3), table + (wide << 4));
      even = i16x8.add(even, sums);
      odd = i16x8.add(odd, i16x8.shr_u(sums, 8));
    }
    // bytes were added in pairs: without the odd ones the even ones remain
    even = i16x8.sub(even, i16x8.shl(odd, 8));
    const first = i16x8.shuffle(even, odd, 0, 8, 1, 9, 2, 10, 3, 11);
    const last = i16x8.shuffle(even, odd, 4, 12, 5, 13, 6, 14, 7, 15);
    a = i32x4.add(i32x4.shl(a, 1), i32x4.extend_low_i16x8_u(first));
    b = i32x4.add(i32x4.shl(b, 1), i32x4.extend_high_i16x8_u(first));
    c = i32x4.add(i32x4.shl(c, 1), i32x4.extend_low_i16x8_u(last));
    d = i32x4.add(i32x4.shl(d, 1), i32x4.extend_high_i16x8_u(last));
  }
  v128.store(out, a);
  v128.store(out, b, 16);
  v128.store(out, c, 32);
  v128.store(out, d, 48);
}

/** Bytes of four slots as f32. */
// @ts-ignore: decorator
@inline
function four(bytes: usize): v128 {
  return f32x4.convert_i32x4_u(i32x4.extend_low_i16x8_u(i16x8.extend_low_i8x16_u(v128.load32_zero(bytes))));
}

/** Cells nearest to the query of a scratch by all centres, to POOL. @returns how many */
function nearestCells(graph: usize, scratch: usize, most: u32): u32 {
  const coarse = <usize>load<u32>(graph, COARSE);
  const stride = <usize>load<u32>(graph, STRIDE);
  const dims = <usize>load<u32>(graph, DIMS);
  const query = <usize>load<u32>(scratch, QUERY);
  const scale = load<f32>(scratch, QUERY_SCALE);
  const bias = load<f32>(scratch, BIAS);
  const pool = <usize>load<u32>(scratch, POOL);
  const cells = load<u32>(graph, ROWS);
  let size: u32 = 0;
  for (let cell: u32 = 0; cell < cells; cell += 4) {
    const some = min<u32>(4, cells - cell);
    const code = coarse + <usize>cell * stride;
    // behind the last cell the sums of the first of four are computed again, and not used
    let sums = dotWideFour(query, code, some > 1 ? code + stride : code, some > 2 ? code + 2 * stride : code, some > 3 ? code + 3 * stride : code, dims);
    for (let j: u32 = 0; j < some; j++) {
      const key = keyFrom(i32x4.extract_lane(sums, 0), code + <usize>j * stride + dims, scale, bias);
      sums = i32x4.shuffle(sums, sums, 1, 2, 3, 0);
      insert(pool, size, most, entryOf(key, cell + j));
      if (size < most) size++;
    }
  }
  return size;
}

/**
 * The `kept` rows of best keys in the `probes` nearest cells of each query. @param effort list that the walk over the centres has, or 0: all
 * centres are looked at @param slots kept u32 a query, NONE where there are fewer @param scores kept f32 a query
 * @param prepared width i16 and four f32 a query: the centred query, its scale, offset, factor and bias, as scoreCellRows takes them
 */
export function searchCells(graph: usize, cells: usize, queries: usize, count: u32, probes: u32, effort: u32, kept: u32, allowed: usize, allowedRows: u32, slots: usize, scores: usize, prepared: usize): void {
  const scratch = acquire(graph);
  const dim = <usize>load<u32>(graph, DIM);
  const width = <usize>load<u32>(graph, WIDTH);
  for (let q: u32 = 0; q < count; q++) {
    prepare(graph, scratch, queries + <usize>q * (dim << 2));
    const size = effort == 0 ? nearestCells(graph, scratch, probes) : walk(graph, scratch, max(effort, probes), 0, 0, 0);
    const found = scanCells(graph, cells, scratch, min(size, probes), kept, allowed, allowedRows);
    write(scratch, found, kept, slots, scores, prepared, width);
    slots += <usize>kept << 2;
    scores += <usize>kept << 2;
    prepared += (width << 1) + 16;
  }
  release(scratch);
}

/** What FOUND has, and the query as scoreFineRows takes it. */
function write(scratch: usize, found: u32, kept: u32, slots: usize, scores: usize, prepared: usize, width: usize): void {
  const list = <usize>load<u32>(scratch, FOUND);
  const offset = load<f32>(scratch, OFFSET);
  const factor = load<f32>(scratch, FACTOR);
  for (let i: u32 = 0; i < kept; i++) {
    const entry = i < found ? load<u64>(list + (<usize>i << 3)) : 0;
    store<u32>(slots + (<usize>i << 2), i < found ? rowOf(entry) : NONE);
    store<f32>(scores + (<usize>i << 2), i < found ? offset + factor * keyOf(entry) : 0);
  }
  writePrepared(scratch, width, prepared);
}

/**
 * The `kept` rows of best keys among given slots: few of many. @param asked count u32, ascending; deleted ones are passed over
 * @param slots kept u32 @param scores kept f32 @param prepared as searchCells writes it
 */
export function searchCellSlots(graph: usize, cells: usize, query: usize, asked: usize, count: u32, kept: u32, slots: usize, scores: usize, prepared: usize): void {
  const scratch = acquire(graph);
  prepare(graph, scratch, query);
  const dims = <usize>load<u32>(graph, DIMS);
  const groups = dims >> 2;
  const bits = load<u32>(cells, BITS);
  const starts = <usize>load<u32>(cells, STARTS);
  const blockBytes = <usize>bits * (groups << 3);
  const deleted = <usize>load<u32>(cells, DELETED);
  const coarse = <usize>load<u32>(graph, COARSE);
  const stride = <usize>load<u32>(graph, STRIDE);
  const list = <usize>load<u32>(scratch, FOUND);
  const values = <usize>load<u32>(scratch, VALUES);
  const table = <usize>load<u32>(scratch, LOG);
  const step = fillTable(scratch, dims, table);
  const bias = codeBias(values, dims, bits);
  let size: u32 = 0;
  let cell: usize = 0;
  let centre: f32 = 0;
  let known: u32 = NONE;
  let block: u32 = NONE;
  for (let i: u32 = 0; i < count; i++) {
    const slot = load<u32>(asked + (<usize>i << 2));
    if (deleted != 0 && hasBit(deleted, slot) != 0) continue;
    while (load<u32>(starts + (cell << 2), 4) <= slot) cell++;
    if (<u32>cell != known) {
      known = <u32>cell;
      const code = coarse + cell * stride;
      centre = keyFrom(dotWide(<usize>load<u32>(scratch, QUERY), code, dims), code + dims, load<f32>(scratch, QUERY_SCALE), load<f32>(scratch, BIAS));
    }
    if (slot >> 4 != block) {
      block = slot >> 4;
      sumBlock(<usize>load<u32>(cells, BLOCKS) + <usize>block * blockBytes, groups, bits, table, values);
    }
    const range = <usize>load<u32>(cells, RANGES) + (cell << 4);
    const factor = load<f32>(range) + load<f32>(range, 4) * <f32>load<u8>(<usize>load<u32>(cells, FACTORS) + slot);
    const addend = load<f32>(range, 8) + load<f32>(range, 12) * <f32>load<u8>(<usize>load<u32>(cells, ADDENDS) + slot);
    const sum = load<i32>(values + (<usize>(slot & 15) << 2));
    insert(list, size, kept, entryOf(centre + addend + factor * (<f32>sum * step + bias), slot));
    if (size < kept) size++;
  }
  write(scratch, size, kept, slots, scores, prepared, <usize>load<u32>(graph, WIDTH));
  release(scratch);
}

/** Scores the rows of cells that POOL names; the best are put into FOUND. @returns how many */
function scanCells(graph: usize, cells: usize, scratch: usize, probes: u32, kept: u32, allowed: usize, allowedRows: u32): u32 {
  const dims = <usize>load<u32>(graph, DIMS);
  const groups = dims >> 2;
  const bits = load<u32>(cells, BITS);
  const starts = <usize>load<u32>(cells, STARTS);
  const blocks = <usize>load<u32>(cells, BLOCKS);
  const blockBytes = <usize>bits * (groups << 3);
  const ranges = <usize>load<u32>(cells, RANGES);
  const factors = <usize>load<u32>(cells, FACTORS);
  const addends = <usize>load<u32>(cells, ADDENDS);
  const ids = <usize>load<u32>(cells, IDS);
  const deleted = <usize>load<u32>(cells, DELETED);
  const pool = <usize>load<u32>(scratch, POOL);
  const list = <usize>load<u32>(scratch, FOUND);
  const values = <usize>load<u32>(scratch, VALUES);
  const table = <usize>load<u32>(scratch, LOG);
  const step = fillTable(scratch, dims, table);
  const bias = codeBias(values, dims, bits);
  // the table is made: the room of the values takes the keys of a block
  const keys = values;
  let size: u32 = 0;
  for (let p: u32 = 0; p < probes; p++) {
    const entry = load<u64>(pool + (<usize>p << 3));
    const cell = <usize>rowOf(entry);
    const first = load<u32>(starts + (cell << 2));
    const end = load<u32>(starts + (cell << 2), 4);
    const range = ranges + (cell << 4);
    const base = f32x4.splat(keyOf(entry) + load<f32>(range, 8));
    const addendStep = v128.load32_splat(range, 12);
    const leastFactor = v128.load32_splat(range);
    const factorStep = v128.load32_splat(range, 4);
    for (let slot = first & ~(BLOCK_ROWS - 1); slot < end; slot += BLOCK_ROWS) {
      sumBlock(blocks + <usize>(slot >> 4) * blockBytes, groups, bits, table, keys);
      const worst = f32x4.splat(size == kept ? keyOf(load<u64>(list + (<usize>(kept - 1) << 3))) : -f32.MAX_VALUE);
      let better: u32 = 0;
      for (let i: usize = 0; i < 4; i++) {
        const at = <usize>slot + (i << 2);
        const product = f32x4.add(f32x4.mul(f32x4.convert_i32x4_s(v128.load(keys + (i << 4))), f32x4.splat(step)), f32x4.splat(bias));
        const factor = f32x4.add(leastFactor, f32x4.mul(factorStep, four(factors + at)));
        const key = f32x4.add(f32x4.add(base, f32x4.mul(addendStep, four(addends + at))), f32x4.mul(product, factor));
        v128.store(keys + (i << 4), key);
        better |= <u32>i32x4.bitmask(f32x4.gt(key, worst)) << <u32>(i << 2);
      }
      for (; better != 0; better &= better - 1) {
        const lane = ctz(better);
        const row = slot + lane;
        if (row < first || row >= end) continue;
        if (deleted != 0 && hasBit(deleted, row) != 0) continue;
        if (allowed != 0) {
          const id = load<u32>(ids + (<usize>row << 2));
          if (id >= allowedRows || hasBit(allowed, id) == 0) continue;
        }
        insert(list, size, kept, entryOf(load<f32>(keys + (<usize>lane << 2)), row));
        if (size < kept) size++;
      }
    }
  }
  return size;
}
