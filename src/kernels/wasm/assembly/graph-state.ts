/**
 * A proximity graph in memory: a record of 32-bit fields that kernels/graph.ts fills in, and for each thread a scratch. Entries of
 * lists of rows are u64: the key as ordered bits above, then ~row and a bit that says "expanded": larger is better, of equals the lower row.
 */

/** Fields of the record, byte offsets. */
export const COARSE = 0; // pointer to coarse codes
export const STRIDE = 4; // bytes from one to the next
export const DIMS = 8; // values of a coarse code
export const FINE = 12; // pointer to fine codes
export const FINE_STRIDE = 16;
export const FINE_BITS = 20; // 4, 8 or 0
export const LINKS = 24; // pointer to `degree` u32 a row, NONE behind the last
export const DEGREE = 28;
export const ENTRIES = 32; // pointer to rows that walks begin at
export const ENTRY_COUNT = 36;
export const DELETED = 40; // pointer to one bit a row, or 0
export const IDS = 44; // pointer to u32 ids that filters know rows by, or 0 for their own numbers
export const DIM = 48; // values of a vector
export const WIDTH = 52; // the same, up to a multiple of 32
export const METRIC = 56; // 0 dot, 1 cosine, 2 l2
export const MEAN = 60; // pointer to `dim` f32
export const PROJECTION = 64; // pointer to dims x width i16, or 0
export const SCRATCHES = 68;
export const SCRATCH_BYTES = 72;
export const SCRATCH_COUNT = 76;
export const ROWS = 80; // rows that there are, deleted ones too
export const POOL_ROOM = 84; // entries of each list of a scratch
export const FORWARD = 92; // links that a row chooses itself, at most
export const ALPHA = 88; // f32: square of the pruning factor
export const COARSE_BITS = 96; // of a value of a coarse code: 8, signed, or 4; links are only made between codes of 8

/** Fields of a scratch, byte offsets; pointers but for the first two. */
export const BUSY = 0;
export const LOGGED = 4; // rows in the log
export const LOG = 8; // rows seen, LOG_ROOM of them
export const SEEN = 12; // one bit a row, zero between calls
export const POOL = 16; // u64 a row: the list that is walked
export const FOUND = 20; // u64 a row: the best that may be found
export const FRESH = 24; // u32 a neighbour not seen before
export const QUERY = 28; // i16, dims
export const FINE_QUERY = 32; // i16, width
export const VALUES = 36; // f32, width
export const QUERY_SCALE = 40; // f32
export const FINE_SCALE = 44; // f32
export const FINE_SUM = 48; // i32 sum of the fine query
export const OFFSET = 52; // f32: score = offset + key x factor
export const FACTOR = 56; // f32
export const BIAS = 60; // f32: weight of -|y|^2 / 2
export const FOUND_COUNT = 64; // rows in FOUND
export const QUERY_SUM = 68; // i32 sum of the coarse query

export const LOG_ROOM: u32 = 8192;
export const NONE: u32 = 0xffffffff;

/** Rounds of looking for a scratch: there are as many as threads, so one that is not found is lost to a call that failed. */
const MOST_ROUNDS: u32 = 1 << 20;

/** A scratch that no other thread has. */
export function acquire(graph: usize): usize {
  const first = <usize>load<u32>(graph, SCRATCHES);
  const bytes = <usize>load<u32>(graph, SCRATCH_BYTES);
  const count = load<u32>(graph, SCRATCH_COUNT);
  if (!ASC_FEATURE_THREADS || count == 1) return first;
  for (let round: u32 = 0; round < MOST_ROUNDS; round++) {
    for (let i: u32 = 0; i < count; i++) {
      const scratch = first + <usize>i * bytes;
      if (atomic.cmpxchg<u32>(scratch, 0, 1) == 0) return scratch;
    }
  }
  unreachable();
  return 0;
}

// @ts-ignore: decorator
@inline
export function release(scratch: usize): void {
  if (ASC_FEATURE_THREADS) atomic.store<u32>(scratch, 0);
}

// @ts-ignore: decorator
@inline
export function hasBit(bits: usize, row: u32): u32 {
  return (load<u32>(bits + (<usize>(row >> 5) << 2)) >> (row & 31)) & 1;
}

// @ts-ignore: decorator
@inline
export function setBit(bits: usize, row: u32): void {
  const at = bits + (<usize>(row >> 5) << 2);
  store<u32>(at, load<u32>(at) | ((<u32>1) << (row & 31)));
}

/** Notes a row as seen. @returns 1 if it had not been */
// @ts-ignore: decorator
@inline
export function see(scratch: usize, seen: usize, row: u32): u32 {
  const at = seen + (<usize>(row >> 5) << 2);
  const word = load<u32>(at);
  const bit: u32 = (<u32>1) << (row & 31);
  if ((word & bit) != 0) return 0;
  store<u32>(at, word | bit);
  const logged = load<u32>(scratch, LOGGED);
  if (logged < LOG_ROOM) store<u32>(<usize>load<u32>(scratch, LOG) + (<usize>logged << 2), row);
  store<u32>(scratch, logged + 1, LOGGED);
  return 1;
}

/** All rows unseen again. */
export function forget(graph: usize, scratch: usize): void {
  const seen = <usize>load<u32>(scratch, SEEN);
  const logged = load<u32>(scratch, LOGGED);
  const log = <usize>load<u32>(scratch, LOG);
  if (logged > LOG_ROOM) memory.fill(seen, 0, <usize>((load<u32>(graph, ROWS) + 31) >> 5) << 2);
  else for (let i: u32 = 0; i < logged; i++) store<u32>(seen + (<usize>(load<u32>(log + (<usize>i << 2)) >> 5) << 2), 0);
  store<u32>(scratch, 0, LOGGED);
}

// @ts-ignore: decorator
@inline
export function entryOf(key: f32, row: u32): u64 {
  const bits = reinterpret<i32>(key);
  const ordered = <u32>(bits ^ ((bits >> 31) | i32.MIN_VALUE));
  return ((<u64>ordered) << 32) | <u64>(~row << 1);
}

// @ts-ignore: decorator
@inline
export function rowOf(entry: u64): u32 {
  return (~(<u32>entry >> 1)) & 0x7fffffff;
}

// @ts-ignore: decorator
@inline
export function keyOf(entry: u64): f32 {
  const ordered = <i32>(entry >> 32);
  return reinterpret<f32>(ordered ^ (~(ordered >> 31) | i32.MIN_VALUE));
}

/** In a longer part of a list the place is looked for by halves, and what lies behind it moves as a whole. */
const LONG: u32 = 64;

/** Puts an entry in its place of a descending list of `size`, of at most `room`. @returns the place, or `room` when it has none */
// @ts-ignore: decorator
@inline
export function insert(list: usize, size: u32, room: u32, entry: u64): u32 {
  let at = size;
  if (size == room) {
    if (load<u64>(list + (<usize>(size - 1) << 3)) >= entry) return room;
    at = size - 1;
  }
  if (at > LONG && load<u64>(list + (<usize>(at - LONG) << 3)) < entry) return insertFar(list, at, entry);
  while (at > 0) {
    const before = load<u64>(list + (<usize>(at - 1) << 3));
    if (before >= entry) break;
    store<u64>(list + (<usize>at << 3), before);
    at--;
  }
  store<u64>(list + (<usize>at << 3), entry);
  return at;
}

/** @param end the place that is free */
function insertFar(list: usize, end: u32, entry: u64): u32 {
  let low: u32 = 0;
  let high = end;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (load<u64>(list + (<usize>middle << 3)) >= entry) low = middle + 1;
    else high = middle;
  }
  const place = list + (<usize>low << 3);
  memory.copy(place + 8, place, <usize>(end - low) << 3);
  store<u64>(place, entry);
  return low;
}
