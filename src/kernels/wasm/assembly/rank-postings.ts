/**
 * The best rows of segments by weighted posting lists, with dynamic pruning: windows of rows whose block maxima cannot reach the threshold
 * are skipped, and within a window only the lists that can lift a row over it are walked (MaxScore, Turtle & Flood 1995, on block maxima,
 * Ding & Suel 2011). Finds exactly what scoring every row would: what is found so far is kept in a heap, worst on top, ties to the lower row.
 */
import {
  accumulatePostings,
  boundPostings,
  completePostings,
  expectedPostings,
  rewindPostings,
  windowBlock,
} from "./postings";

/** Rows scored together: their sums and what is found among them stay in the first-level cache. */
const WINDOW: u32 = 2048;

/** Fields of a segment's record, byte offsets; kernels/rank-postings.ts fills them in. */
const CURSORS = 0; // u32 pointer to the cursors of its lists, CURSOR_BYTES each, opened
const LISTS = 4; // u32
const ROWS = 8; // u32 rows of the segment
const LENGTHS = 12; // u32 pointer to u16 terms of each row
const BASE = 16; // u32 id of row 0 where ids are in a row
const IDS = 20; // u32 pointer to u32 ids of rows, or 0
const ALLOWED = 24; // u32 pointer to bits of rows that may be found, or 0
const FIRST_BIT = 28; // u32 bit of id BASE, or of IDS[0]
const WORK = 32; // u32 pointer to what all segments of a call share
const RECORD_BYTES: usize = 48;

/** Bytes of a cursor, and fields of what is shared. */
const CURSOR_BYTES: usize = 56;
const K = 0; // u32 rows wanted
const FOUND = 4; // u32 rows in the heap
const SCORES = 8; // u32 pointer to f32 scores of the heap
const FOUND_ROWS = 12; // u32 pointer to u32 ids of the heap
const SUMS = 16; // u32 pointer to WINDOW f64, zeros between calls
const WINDOW_ROWS = 20; // u32 pointer to WINDOW u32
const WINDOW_SCORES = 24; // u32 pointer to WINDOW f64
const ORDER = 28; // u32 pointer to a u32 a list
const BOUNDS = 32; // u32 pointer to a f64 a list
const AFTER_ROW = 36; // u32 of rows with AFTER_SCORE only those after this one
const LEAST = 40; // f64 scores below it are not wanted
const AFTER_SCORE = 48; // f64 rows of a larger score are not wanted
const SHARED = 56; // u32 pointer to what the calls of one ranking tell each other

/** Fields of what is shared, and its buckets: u32 rows of the scores of each, one after the other. */
const LIMIT: usize = 0; // f32 K rows at least score as much
const TOP: usize = 4; // u32 highest bucket with rows
const BUCKETS: usize = 16;
/** Scores are told apart by the leading bits of a f32: 128 buckets an octave, from 2^-8 on, those beyond in the last. */
const BUCKET_SHIFT: u32 = 16;
const FIRST_BUCKET: u32 = (127 - 8) << 7;
const LAST_BUCKET: u32 = 2047;

/** Room for the rounding of sums in another order and of scores kept as f32. */
const SLACK: f64 = 1.000001;

/** With so many times as many rows as are wanted, finding the last wanted one pays, as long as nothing else bounds the score. */
const WORTH: u32 = 4;

/** Looking a row up in a list takes as long as walking over so many of its postings. */
const LOOKUP: u32 = 3;

/** Brings the best rows of `count` segments, whose records lie in a row, to the heap. @param turns always 1: one thread does it all */
export function rankPostings(records: usize, count: u32, turns: u32): void {
  for (let segment: u32 = 0; segment < count * turns; segment++) rankSegment(records + <usize>segment * RECORD_BYTES);
}

function rankSegment(record: usize): void {
  const lists = load<u32>(record, LISTS);
  const work = <usize>load<u32>(record, WORK);
  if (lists == 0 || load<u32>(work, K) == 0) return;
  const rows = load<u32>(record, ROWS);
  const cursors = <usize>load<u32>(record, CURSORS);
  const lengths = <usize>load<u32>(record, LENGTHS);
  const sums = <usize>load<u32>(work, SUMS);
  const order = <usize>load<u32>(work, ORDER);
  for (let list: u32 = 0; list < lists; list++) {
    store<u32>(order + ((<usize>list) << 2), list);
    rewindPostings(cursors + <usize>list * CURSOR_BYTES);
  }
  // rows that the essential lists found in the last windows; forgotten slowly, as windows where all are essential do not tell
  let found: u32 = 0;
  for (let start: u32 = 0; start < rows; start += WINDOW) {
    const end = min(rows, start + WINDOW);
    sortBounds(cursors, lists, order, <usize>load<u32>(work, BOUNDS), start, end);
    const threshold = thresholdOf(work);
    let optional = countOptional(<usize>load<u32>(work, BOUNDS), lists, threshold);
    if (optional == lists) continue;
    while (optional > 0 && found * LOOKUP > expectedPostings(cursorAt(cursors, order, optional - 1), end - start, rows)) optional--;
    for (let i = optional; i < lists; i++) accumulatePostings(cursorAt(cursors, order, i), start, end, lengths, sums);
    found = max(finishWindow(record, work, optional, start, end, threshold), found - (found >> 3));
  }
}

// @ts-ignore: decorator
@inline
function cursorAt(cursors: usize, order: usize, place: u32): usize {
  return cursors + <usize>load<u32>(order + ((<usize>place) << 2)) * CURSOR_BYTES;
}

/** Lists ascending by the largest score that each gives in the window. The order changes little: insertion sorts it in a pass. */
function sortBounds(cursors: usize, lists: u32, order: usize, bounds: usize, start: u32, end: u32): void {
  for (let i: u32 = 0; i < lists; i++) {
    const list = load<u32>(order + ((<usize>i) << 2));
    const bound = boundPostings(cursors + <usize>list * CURSOR_BYTES, start, end);
    let at = i;
    for (; at > 0 && load<f64>(bounds + ((<usize>at - 1) << 3)) > bound; at--) {
      store<f64>(bounds + ((<usize>at) << 3), load<f64>(bounds + ((<usize>at - 1) << 3)));
      store<u32>(order + ((<usize>at) << 2), load<u32>(order + ((<usize>at - 1) << 2)));
    }
    store<f64>(bounds + ((<usize>at) << 3), bound);
    store<u32>(order + ((<usize>at) << 2), list);
  }
}

/**
 * Scores below it are not wanted any more: what is found in other calls counts as well. Calls may count at once and one's count be lost:
 * the limit is lower then, and holds as well.
 */
function thresholdOf(work: usize): f64 {
  const k = load<u32>(work, K);
  const shared = <usize>load<u32>(work, SHARED);
  let best = load<f32>(shared, LIMIT);
  if (load<u32>(work, FOUND) == k) best = max(best, load<f32>(<usize>load<u32>(work, SCORES)));
  const least = bucketOf(best);
  let count: u32 = 0;
  for (let bucket = load<u32>(shared, TOP); bucket > least; bucket--) {
    count += load<u32>(shared + (<usize>bucket << 2), BUCKETS);
    if (count < k) continue;
    best = reinterpret<f32>((bucket + FIRST_BUCKET) << BUCKET_SHIFT);
    break;
  }
  store<f32>(shared, best, LIMIT);
  return max(load<f64>(work, LEAST), best > 0 ? <f64>best : -Infinity);
}

// @ts-ignore: decorator
@inline
function bucketOf(score: f32): u32 {
  const leading = reinterpret<u32>(score) >> BUCKET_SHIFT;
  return leading <= FIRST_BUCKET ? 0 : min(leading - FIRST_BUCKET, LAST_BUCKET);
}

/** Tells the other calls of a row. */
// @ts-ignore: decorator
@inline
function count(work: usize, score: f32): void {
  const shared = <usize>load<u32>(work, SHARED);
  const bucket = bucketOf(score);
  const at = shared + (<usize>bucket << 2);
  store<u32>(at, load<u32>(at, BUCKETS) + 1, BUCKETS);
  if (bucket > load<u32>(shared, TOP)) store<u32>(shared, bucket, TOP);
}

/** How many of the weakest lists cannot reach the threshold together: they only complete rows that others found. */
function countOptional(bounds: usize, lists: u32, threshold: f64): u32 {
  let reach: f64 = 0;
  for (let i: u32 = 0; i < lists; i++) {
    reach += load<f64>(bounds + ((<usize>i) << 3));
    if (reach * SLACK >= threshold && reach > 0) return i;
  }
  return lists;
}

/**
 * Rows that the essential lists found get the others' scores, strongest list first; those that fall behind are dropped.
 * @returns how many there were
 */
function finishWindow(record: usize, work: usize, optional: u32, start: u32, end: u32, before: f64): u32 {
  const k = load<u32>(work, K);
  const rows = <usize>load<u32>(work, WINDOW_ROWS);
  const scores = <usize>load<u32>(work, WINDOW_SCORES);
  const sums = <usize>load<u32>(work, SUMS);
  const bounds = <usize>load<u32>(work, BOUNDS);
  const order = <usize>load<u32>(work, ORDER);
  const cursors = <usize>load<u32>(record, CURSORS);
  const lengths = <usize>load<u32>(record, LENGTHS);
  // later windows hardly ever hold enough rows above the threshold to raise it by themselves
  const isUnbounded = !(before > 0) && load<f64>(work, AFTER_SCORE) == Infinity;
  let threshold = before;
  let rest: f64 = 0;
  for (let i: u32 = 0; i < optional; i++) rest += load<f64>(bounds + ((<usize>i) << 3));
  const found = collectSums(sums, end - start, start, threshold / SLACK - rest, rows, scores);
  let left = found;
  if (load<u32>(record, ALLOWED) != 0) left = restrictRows(record, rows, scores, left);
  if (isUnbounded && left > WORTH * k) {
    threshold = max(threshold, kthScore(scores, left, k, sums));
    left = keepScores(rows, scores, left, threshold / SLACK - rest);
  }
  for (let i = optional; i > 0 && left > 0; i--) {
    const cursor = cursorAt(cursors, order, i - 1);
    completePostings(cursor, rows, left, lengths, scores, windowBlock(cursor));
    rest -= load<f64>(bounds + ((<usize>i - 1) << 3));
    left = keepScores(rows, scores, left, threshold / SLACK - rest);
  }
  for (let i: u32 = 0; i < left; i++)
    offer(record, work, <f32>load<f64>(scores + ((<usize>i) << 3)), idOf(record, load<u32>(rows + ((<usize>i) << 2))));
  return found;
}

// @ts-ignore: decorator
@inline
function idOf(record: usize, row: u32): u32 {
  const ids = <usize>load<u32>(record, IDS);
  return ids == 0 ? load<u32>(record, BASE) + row : load<u32>(ids + ((<usize>row) << 2));
}

/** Puts a row into the heap if it is wanted. */
function offer(record: usize, work: usize, score: f32, row: u32): void {
  if (!(score > 0) || <f64>score < load<f64>(work, LEAST)) return;
  const after = load<f64>(work, AFTER_SCORE);
  if (<f64>score > after || (<f64>score == after && row <= load<u32>(work, AFTER_ROW))) return;
  count(work, score);
  const scores = <usize>load<u32>(work, SCORES);
  const rows = <usize>load<u32>(work, FOUND_ROWS);
  const found = load<u32>(work, FOUND);
  if (found < load<u32>(work, K)) {
    store<u32>(work, found + 1, FOUND);
    siftUp(scores, rows, found, score, row);
  } else if (beats(scores, rows, score, row, 0)) siftDown(scores, rows, found, score, row);
}

// @ts-ignore: decorator
@inline
function beats(scores: usize, rows: usize, score: f32, row: u32, at: u32): bool {
  const other = load<f32>(scores + ((<usize>at) << 2));
  return score > other || (score == other && row < load<u32>(rows + ((<usize>at) << 2)));
}

// @ts-ignore: decorator
@inline
function put(scores: usize, rows: usize, at: u32, score: f32, row: u32): void {
  store<f32>(scores + ((<usize>at) << 2), score);
  store<u32>(rows + ((<usize>at) << 2), row);
}

// @ts-ignore: decorator
@inline
function move(scores: usize, rows: usize, from: u32, to: u32): void {
  put(scores, rows, to, load<f32>(scores + ((<usize>from) << 2)), load<u32>(rows + ((<usize>from) << 2)));
}

function siftUp(scores: usize, rows: usize, start: u32, score: f32, row: u32): void {
  let at = start;
  while (at > 0) {
    const parent = (at - 1) >> 1;
    if (beats(scores, rows, score, row, parent)) break;
    move(scores, rows, parent, at);
    at = parent;
  }
  put(scores, rows, at, score, row);
}

/** Takes the root's place and sinks. */
function siftDown(scores: usize, rows: usize, size: u32, score: f32, row: u32): void {
  let at: u32 = 0;
  for (let child: u32 = 1; child < size; child = 2 * at + 1) {
    if (child + 1 < size) {
      const next = child + 1;
      if (!beats(scores, rows, load<f32>(scores + ((<usize>next) << 2)), load<u32>(rows + ((<usize>next) << 2)), child)) child = next;
    }
    if (!beats(scores, rows, score, row, child)) break;
    move(scores, rows, child, at);
    at = child;
  }
  put(scores, rows, at, score, row);
}

/** Rows of a window whose sum is above zero and at least `threshold`, ascending, with their sums; the sums become zero. @returns how many */
function collectSums(sums: usize, count: u32, start: u32, threshold: f64, rows: usize, scores: usize): u32 {
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

/** Closes the ranks of rows that may be found. @returns how many stay */
function restrictRows(record: usize, rows: usize, scores: usize, count: u32): u32 {
  const bits = <usize>load<u32>(record, ALLOWED);
  const ids = <usize>load<u32>(record, IDS);
  const first = load<u32>(record, FIRST_BIT) - (ids == 0 ? 0 : load<u32>(ids));
  let kept: u32 = 0;
  for (let i: u32 = 0; i < count; i++) {
    const row = load<u32>(rows + (i << 2));
    const bit = first + (ids == 0 ? row : load<u32>(ids + ((<usize>row) << 2)));
    if (((<u32>load<u8>(bits + (bit >> 3)) >> (bit & 7)) & 1) == 0) continue;
    store<u32>(rows + (kept << 2), row);
    store<f64>(scores + (<usize>kept << 3), load<f64>(scores + (<usize>i << 3)));
    kept++;
  }
  return kept;
}

/** The k-th largest of `count` scores (f64), 1 <= k <= count, by quickselect over a copy in `room`, which is zeros again afterwards. */
function kthScore(scores: usize, count: u32, k: u32, room: usize): f64 {
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
  const kth = load<f64>(room + (<usize>wanted << 3));
  memory.fill(room, 0, <usize>count << 3);
  return kth;
}

/** Closes the ranks of rows whose score is at least `threshold`. @returns how many stay */
function keepScores(rows: usize, scores: usize, count: u32, threshold: f64): u32 {
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
