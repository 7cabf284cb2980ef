/**
 * Search in a proximity graph over compressed rows: one call walks for whole queries. A best-first walk with a bounded list of candidates
 * (Malkov & Yashunin, HNSW, 2016; Subramanya et al., DiskANN, NeurIPS 2019) on coarse codes, then the best are scored again by fine ones
 * (as in LeanVec, Tepper et al., 2023). The record and the scratch: graph-state.ts.
 */
import { dotPair, sumF32 } from "./float";
import { dotI16Four, dotNibbles, dotNibblesFour, dotWide, dotWideFour, QUERY_LENGTH, toI16, UNIT } from "./graph-codes";
import {
  acquire, BIAS, COARSE, COARSE_BITS, DEGREE, DELETED, DIM, DIMS, ENTRIES, ENTRY_COUNT, entryOf, FACTOR, FINE, FINE_BITS, FINE_QUERY, FINE_SCALE, FINE_STRIDE,
  FINE_SUM, forget, FOUND, FOUND_COUNT, FRESH, insert, keyOf, LINKS, LOG, LOG_ROOM, LOGGED, MEAN, METRIC, NONE, OFFSET, POOL, PROJECTION, QUERY, QUERY_SCALE, QUERY_SUM,
  release, IDS, rowOf, ROWS, SEEN, STRIDE, VALUES, WIDTH,
} from "./graph-state";
import { writePrepared } from "./graph-rows";
import { isWanted, wantedBeyond, wantedBit } from "./graph-wanted";

/** So many standard deviations above the mean gain no row is thought to come. */
const SURE: f32 = 3;
const DOT: i32 = 0;
const COSINE: i32 = 1;

/** Key of a row, given the sum of its coarse product. */
// @ts-ignore: decorator
@inline
export function keyFrom(sum: i32, tail: usize, scale: f32, bias: f32): f32 {
  return <f32>sum * (load<f32>(tail) * scale) + load<f32>(tail, 4) * bias;
}

/** Products with the coarse codes of four rows: a sum a lane. @param middle of the levels of codes of 4 bits, times the sum of the query */
// @ts-ignore: decorator
@inline
function coarseFour(query: usize, a: usize, b: usize, c: usize, d: usize, dims: usize, bits: i32, middle: i32): v128 {
  return bits == 8 ? dotWideFour(query, a, b, c, d, dims) : i32x4.sub(dotNibblesFour(query, a, b, c, d, dims), i32x4.splat(middle));
}

// @ts-ignore: decorator
@inline
function coarseOne(query: usize, row: usize, dims: usize, bits: i32, middle: i32): i32 {
  return bits == 8 ? dotWide(query, row, dims) : dotNibbles(query, row, dims) - middle;
}

/** Centres, scales and projects a query into a scratch. */
export function prepare(graph: usize, scratch: usize, query: usize): void {
  const dim = <usize>load<u32>(graph, DIM);
  const width = <usize>load<u32>(graph, WIDTH);
  const dims = <usize>load<u32>(graph, DIMS);
  const metric = load<i32>(graph, METRIC);
  const mean = <usize>load<u32>(graph, MEAN);
  const values = <usize>load<u32>(scratch, VALUES);
  memory.fill(values, 0, width << 2);
  memory.copy(values, query, dim << 2);
  let offset: f32 = 0;
  if (metric == DOT) offset = dotPair(values, mean, dim);
  else {
    const square = metric == COSINE ? dotPair(values, values, width) : <f32>1;
    const by = f32x4.splat(square > 0 ? 1 / sqrt(square) : 0);
    const wide = dim & ~3;
    let i: usize = 0;
    for (; i < wide; i += 4) v128.store(values + (i << 2), f32x4.sub(f32x4.mul(v128.load(values + (i << 2)), by), v128.load(mean + (i << 2))));
    const one = f32x4.extract_lane(by, 0);
    for (; i < dim; i++) store<f32>(values + (i << 2), load<f32>(values + (i << 2)) * one - load<f32>(mean + (i << 2)));
  }
  const square = dotPair(values, values, width);
  const length = sqrt(square);
  const unit = length > 0 ? QUERY_LENGTH / length : 0;
  const fineQuery = <usize>load<u32>(scratch, FINE_QUERY);
  store<i32>(scratch, toI16(values, width, unit, fineQuery), FINE_SUM);
  store<f32>(scratch, length / QUERY_LENGTH, FINE_SCALE);
  project(graph, scratch, dims, width, length / (QUERY_LENGTH * UNIT));
  store<f32>(scratch, metric == DOT ? offset : metric == COSINE ? 1 - 0.5 * square : -square, OFFSET);
  store<f32>(scratch, metric == DOT || metric == COSINE ? 1 : 2, FACTOR);
  store<f32>(scratch, metric == DOT ? 0 : 1, BIAS);
}

/** The query's coarse form. @param scale of a product of the fine query with a row of the projection */
function project(graph: usize, scratch: usize, dims: usize, width: usize, scale: f32): void {
  const projection = <usize>load<u32>(graph, PROJECTION);
  const values = <usize>load<u32>(scratch, VALUES);
  const fineQuery = <usize>load<u32>(scratch, FINE_QUERY);
  if (projection != 0)
    for (let j: usize = 0; j < dims; j += 4)
      v128.store(values + (j << 2), f32x4.mul(f32x4.convert_i32x4_s(dotI16Four(fineQuery, projection + j * (width << 1), width)), f32x4.splat(scale)));
  let squares = f32x4.splat(0);
  for (let i: usize = 0; i < dims; i += 4) {
    const x = v128.load(values + (i << 2));
    squares = f32x4.add(squares, f32x4.mul(x, x));
  }
  const length = sqrt(sumF32(squares));
  store<i32>(scratch, toI16(values, dims, length > 0 ? QUERY_LENGTH / length : 0, <usize>load<u32>(scratch, QUERY)), QUERY_SUM);
  store<f32>(scratch, length / QUERY_LENGTH, QUERY_SCALE);
}

/**
 * Walks with the query of the scratch; fills POOL with the rows of best keys met, `effort` of them or `kept` when those are more; where not
 * every row may be found, FOUND has the best `kept` of those that may. @param among whether only those that may be found are walked over
 * @returns entries of POOL
 */
export function walk(graph: usize, scratch: usize, effort: u32, kept: u32, allowed: usize, allowedRows: u32, among: bool = false): u32 {
  const coarse = <usize>load<u32>(graph, COARSE);
  const stride = <usize>load<u32>(graph, STRIDE);
  const dims = <usize>load<u32>(graph, DIMS);
  const codeBits = load<i32>(graph, COARSE_BITS);
  const codeBytes = (dims * <usize>codeBits) >> 3;
  const middle = 8 * load<i32>(scratch, QUERY_SUM);
  const links = <usize>load<u32>(graph, LINKS);
  const degree = load<u32>(graph, DEGREE);
  const deleted = <usize>load<u32>(graph, DELETED);
  const ids = <usize>load<u32>(graph, IDS);
  const restricted = !among && kept != 0 && (deleted != 0 || allowed != 0);
  const query = <usize>load<u32>(scratch, QUERY);
  const scale = load<f32>(scratch, QUERY_SCALE);
  const bias = load<f32>(scratch, BIAS);
  const seen = <usize>load<u32>(scratch, SEEN);
  const log = <usize>load<u32>(scratch, LOG);
  const pool = <usize>load<u32>(scratch, POOL);
  const found = <usize>load<u32>(scratch, FOUND);
  // beyond `effort` the list is not walked, only kept
  const room = restricted ? effort : max(effort, kept);
  let size: u32 = 0;
  let foundSize: u32 = 0;
  let next: u32 = 0;
  let logged: u32 = 0;
  // rows that are passed by are seen, but not logged
  let overflowed = among;
  let entering = true;
  let touched: u32 = 0;
  let from = <usize>load<u32>(graph, ENTRIES);
  let slots = load<u32>(graph, ENTRY_COUNT);
  for (;;) {
    // rows not seen before go to the end of the log, where they are looked at; a full log begins again
    if (logged + slots + degree > LOG_ROOM) {
      overflowed = true;
      logged = 0;
    }
    const fresh = log + (<usize>logged << 2);
    let count: u32 = 0;
    if (among && !entering) count = wantedBeyond(links, degree, from, slots, seen, fresh, deleted, allowed, allowedRows, ids);
    else for (let i: u32 = 0; i < slots; i++) {
      const row = load<u32>(from + (<usize>i << 2));
      if (row == NONE) break;
      const at = seen + (<usize>(row >> 5) << 2);
      const word = load<u32>(at);
      const bit: u32 = (<u32>1) << (row & 31);
      store<u32>(at, word | bit);
      // without a branch: whether a row is new cannot be foretold
      store<u32>(fresh + (<usize>count << 2), row);
      count += <u32>((word & bit) == 0);
    }
    entering = false;
    logged += count;
    // begins to fetch the rows: their products are wanted in a moment
    for (let i: u32 = 0; i < count; i++) {
      const code = coarse + <usize>load<u32>(fresh + (<usize>i << 2)) * stride;
      touched += <u32>load<u8>(code) + <u32>load<u8>(code + stride - 1);
    }
    let lowest = next;
    for (let i: u32 = 0; i < count; i += 4) {
      const at = fresh + (<usize>i << 2);
      const some = min<u32>(4, count - i);
      let sums: v128;
      if (some == 4) {
        const a = coarse + <usize>load<u32>(at, 0) * stride;
        const b = coarse + <usize>load<u32>(at, 4) * stride;
        const c = coarse + <usize>load<u32>(at, 8) * stride;
        const d = coarse + <usize>load<u32>(at, 12) * stride;
        sums = coarseFour(query, a, b, c, d, dims, codeBits, middle);
      } else {
        sums = i32x4.splat(coarseOne(query, coarse + <usize>load<u32>(at) * stride, dims, codeBits, middle));
        if (some > 1) sums = i32x4.replace_lane(sums, 1, coarseOne(query, coarse + <usize>load<u32>(at, 4) * stride, dims, codeBits, middle));
        if (some > 2) sums = i32x4.replace_lane(sums, 2, coarseOne(query, coarse + <usize>load<u32>(at, 8) * stride, dims, codeBits, middle));
      }
      for (let j: u32 = 0; j < some; j++) {
        const row = load<u32>(at + (<usize>j << 2));
        const sum = i32x4.extract_lane(sums, 0);
        sums = i32x4.shuffle(sums, sums, 1, 2, 3, 0);
        const entry = entryOf(keyFrom(sum, coarse + <usize>row * stride + codeBytes, scale, bias), row);
        const place = insert(pool, size, room, entry);
        if (place < room) {
          if (size < room) size++;
          if (place < lowest) lowest = place;
        }
        if (!restricted || (foundSize == kept && load<u64>(found + (<usize>(foundSize - 1) << 3)) >= entry)) continue;
        if (!isWanted(row, deleted, allowed, allowedRows, ids)) continue;
        insert(found, foundSize, kept, entry);
        if (foundSize < kept) foundSize++;
      }
    }
    next = lowest;
    while (next < size && (load<u64>(pool + (<usize>next << 3)) & 1) != 0) next++;
    if (next >= min(size, effort)) break;
    const at = pool + (<usize>next << 3);
    const entry = load<u64>(at);
    store<u64>(at, entry | 1);
    from = links + <usize>rowOf(entry) * (<usize>degree << 2);
    slots = degree;
    next++;
  }
  // a use, so that the loads stay
  store<u32>(<usize>load<u32>(scratch, FRESH), touched);
  store<u32>(scratch, foundSize, FOUND_COUNT);
  store<u32>(scratch, overflowed ? LOG_ROOM + 1 : logged, LOGGED);
  forget(graph, scratch);
  return size;
}

/** The key by fine codes of an entry whose key is by coarse ones. */
// @ts-ignore: decorator
@inline
function fineKey(entry: u64, query: usize, fine: usize, stride: usize, bits: i32, width: usize, scale: f32, sum: i32, bias: f32): f32 {
  const code = fine + <usize>rowOf(entry) * stride;
  const tail = bits == 4 ? code + (width >> 1) : code + width;
  const product = bits == 4 ? dotNibbles(query, code, width) - 8 * sum : dotWide(query, code, width);
  return keyOf(entry) + <f32>product * (load<f32>(tail) * scale) + load<f32>(tail, 4) * bias;
}

/** Scores entries [0, count) of `list` again and leaves the best `k`, in order, in the front of it. @returns how many */
function refine(graph: usize, scratch: usize, list: usize, count: u32, k: u32): u32 {
  const fine = <usize>load<u32>(graph, FINE);
  const bits = load<i32>(graph, FINE_BITS);
  if (bits == 0) return min(k, count);
  const stride = <usize>load<u32>(graph, FINE_STRIDE);
  const width = <usize>load<u32>(graph, WIDTH);
  const query = <usize>load<u32>(scratch, FINE_QUERY);
  const scale = load<f32>(scratch, FINE_SCALE);
  const sum = load<i32>(scratch, FINE_SUM);
  const bias = load<f32>(scratch, BIAS);
  let size: u32 = 0;
  let touched: u32 = 0;
  // what fine codes add to keys: sum and sum of squares
  let gains: f32 = 0;
  let squares: f32 = 0;
  for (let i: u32 = 0; i < count; i++) {
    if (size == k) {
      // coarse keys fall from here on: a row that is to be among the best must gain more than those before it did
      const mean = gains / <f32>i;
      const most = mean + SURE * sqrt(max<f32>(0, squares / <f32>i - mean * mean));
      if (keyOf(load<u64>(list + (<usize>i << 3))) + most < keyOf(load<u64>(list + (<usize>(k - 1) << 3)))) break;
    }
    if (i + 1 < count) {
      const after = fine + <usize>rowOf(load<u64>(list + (<usize>(i + 1) << 3))) * stride;
      for (let line: usize = 0; line < stride; line += 64) touched += <u32>load<u8>(after + line);
    }
    const entry = load<u64>(list + (<usize>i << 3));
    const key = fineKey(entry, query, fine, stride, bits, width, scale, sum, bias);
    const gain = key - keyOf(entry);
    gains += gain;
    squares += gain * gain;
    const better = entryOf(key, rowOf(entry));
    // the list of the best never reaches entry i + 1: it holds at most i + 1 of them
    insert(list, size, k, better);
    if (size < k) size++;
  }
  store<u32>(<usize>load<u32>(scratch, FRESH), touched);
  return size;
}

/**
 * Finds the `k` rows nearest to each query. @param queries count x dim f32 @param effort entries of the list that is walked, from k on, or 0:
 * all rows are looked at @param kept how many of the best are scored by fine codes, from k on @param allowed bits of ids that may be found, or 0: all
 * @param among 1: only rows that may be found are walked over
 * @param rows k u32 a query, NONE where there are fewer @param scores k f32 a query @param prepared 0, or takes the queries as scoreFineRows has them
 */
export function searchGraph(graph: usize, queries: usize, count: u32, k: u32, effort: u32, kept: u32, allowed: usize, allowedRows: u32, among: i32, rows: usize, scores: usize, prepared: usize): void {
  const scratch = acquire(graph);
  const dim = <usize>load<u32>(graph, DIM);
  const scanned = effort == 0;
  const restricted = among == 0 && !scanned && (load<u32>(graph, DELETED) != 0 || allowed != 0);
  for (let q: u32 = 0; q < count; q++) {
    prepare(graph, scratch, queries + <usize>q * (dim << 2));
    let size = scanned ? scanWanted(graph, scratch, kept, allowed, allowedRows) : walk(graph, scratch, effort, kept, allowed, allowedRows, among != 0);
    if (among != 0 && !scanned) size = withoutUnwanted(graph, scratch, size, allowed, allowedRows);
    const list = restricted ? <usize>load<u32>(scratch, FOUND) : <usize>load<u32>(scratch, POOL);
    const found = refine(graph, scratch, list, min(kept, restricted ? load<u32>(scratch, FOUND_COUNT) : size), k);
    write(scratch, list, found, k, rows + <usize>q * (<usize>k << 2), scores + <usize>q * (<usize>k << 2));
    if (prepared != 0) prepared = writePrepared(scratch, <usize>load<u32>(graph, WIDTH), prepared);
  }
  release(scratch);
}

/** Fills POOL with the `kept` rows of best keys among all that may be found: no walk. @returns entries of POOL */
function scanWanted(graph: usize, scratch: usize, kept: u32, allowed: usize, allowedRows: u32): u32 {
  const coarse = <usize>load<u32>(graph, COARSE);
  const stride = <usize>load<u32>(graph, STRIDE);
  const dims = <usize>load<u32>(graph, DIMS);
  const codeBits = load<i32>(graph, COARSE_BITS);
  const codeBytes = (dims * <usize>codeBits) >> 3;
  const middle = 8 * load<i32>(scratch, QUERY_SUM);
  const deleted = <usize>load<u32>(graph, DELETED);
  const ids = <usize>load<u32>(graph, IDS);
  const query = <usize>load<u32>(scratch, QUERY);
  const scale = load<f32>(scratch, QUERY_SCALE);
  const bias = load<f32>(scratch, BIAS);
  const log = <usize>load<u32>(scratch, LOG);
  const pool = <usize>load<u32>(scratch, POOL);
  const rows = load<u32>(graph, ROWS);
  let size: u32 = 0;
  for (let first: u32 = 0; first < rows; first += LOG_ROOM >> 1) {
    const end = min(rows, first + (LOG_ROOM >> 1));
    let count: u32 = 0;
    for (let row = first; row < end; row++) {
      store<u32>(log + (<usize>count << 2), row);
      count += wantedBit(row, deleted, allowed, allowedRows, ids);
    }
    // the last of a group of four stands for those that are missing
    for (let i = count; i < count + 3 && count > 0; i++) store<u32>(log + (<usize>i << 2), load<u32>(log + (<usize>(count - 1) << 2)));
    for (let i: u32 = 0; i < count; i += 4) {
      const at = log + (<usize>i << 2);
      const a = coarse + <usize>load<u32>(at, 0) * stride;
      const b = coarse + <usize>load<u32>(at, 4) * stride;
      const c = coarse + <usize>load<u32>(at, 8) * stride;
      const d = coarse + <usize>load<u32>(at, 12) * stride;
      let sums = coarseFour(query, a, b, c, d, dims, codeBits, middle);
      for (let j: u32 = 0; j < min<u32>(4, count - i); j++) {
        const row = load<u32>(at + (<usize>j << 2));
        const key = keyFrom(i32x4.extract_lane(sums, 0), coarse + <usize>row * stride + codeBytes, scale, bias);
        sums = i32x4.shuffle(sums, sums, 1, 2, 3, 0);
        insert(pool, size, kept, entryOf(key, row));
        if (size < kept) size++;
      }
    }
  }
  return size;
}

/** Takes out of POOL where the walk began, if that may not be found. @returns entries that are left */
function withoutUnwanted(graph: usize, scratch: usize, size: u32, allowed: usize, allowedRows: u32): u32 {
  const pool = <usize>load<u32>(scratch, POOL);
  let left: u32 = 0;
  for (let i: u32 = 0; i < size; i++) {
    const entry = load<u64>(pool + (<usize>i << 3));
    if (!isWanted(rowOf(entry), load<u32>(graph, DELETED), allowed, allowedRows, load<u32>(graph, IDS))) continue;
    store<u64>(pool + (<usize>left << 3), entry);
    left++;
  }
  return left;
}

function write(scratch: usize, list: usize, found: u32, k: u32, rows: usize, scores: usize): void {
  const offset = load<f32>(scratch, OFFSET);
  const factor = load<f32>(scratch, FACTOR);
  for (let i: u32 = 0; i < k; i++) {
    const entry = i < found ? load<u64>(list + (<usize>i << 3)) : 0;
    store<u32>(rows + (<usize>i << 2), i < found ? rowOf(entry) : NONE);
    store<f32>(scores + (<usize>i << 2), i < found ? offset + factor * keyOf(entry) : 0);
  }
}

/** Scores given rows by all their codes: a scan of few. @param rows count u32 @param scores count f32 */
export function scoreGraphRows(graph: usize, query: usize, rows: usize, count: u32, scores: usize): void {
  const scratch = acquire(graph);
  prepare(graph, scratch, query);
  const coarse = <usize>load<u32>(graph, COARSE);
  const stride = <usize>load<u32>(graph, STRIDE);
  const dims = <usize>load<u32>(graph, DIMS);
  const codeBits = load<i32>(graph, COARSE_BITS);
  const codeBytes = (dims * <usize>codeBits) >> 3;
  const middle = 8 * load<i32>(scratch, QUERY_SUM);
  const fine = <usize>load<u32>(graph, FINE);
  const fineStride = <usize>load<u32>(graph, FINE_STRIDE);
  const bits = load<i32>(graph, FINE_BITS);
  const width = <usize>load<u32>(graph, WIDTH);
  const wide = <usize>load<u32>(scratch, QUERY);
  const wideFine = <usize>load<u32>(scratch, FINE_QUERY);
  const scale = load<f32>(scratch, QUERY_SCALE);
  const fineScale = load<f32>(scratch, FINE_SCALE);
  const sum = load<i32>(scratch, FINE_SUM);
  const bias = load<f32>(scratch, BIAS);
  const offset = load<f32>(scratch, OFFSET);
  const factor = load<f32>(scratch, FACTOR);
  for (let i: u32 = 0; i < count; i++) {
    const row = load<u32>(rows + (<usize>i << 2));
    const code = coarse + <usize>row * stride;
    let key = keyFrom(coarseOne(wide, code, dims, codeBits, middle), code + codeBytes, scale, bias);
    if (bits != 0) key = fineKey(entryOf(key, row), wideFine, fine, fineStride, bits, width, fineScale, sum, bias);
    store<f32>(scores + (<usize>i << 2), offset + factor * key);
  }
  release(scratch);
}
