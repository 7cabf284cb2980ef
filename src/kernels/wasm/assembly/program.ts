/**
 * A program: stages of a transformer's step, run by all threads together. A stage is cut into tasks, whoever is free takes the next one,
 * and the next stage begins when all are done. So a thread that the system does not let run holds nobody up but for the task it has.
 */
import { attendHead, isOfBytes, putSlot } from "./attend";
import { attendBlocks } from "./attend-block";
import { mergeStates, stateBytes } from "./attend-state";
import { addRows, capRow, gateRows, rmsNorm, rotate, turn } from "./block";
import { linearBytes } from "./linear-bytes";
import { linearB16, linearI8, linearU4, widenActivations } from "./linear";
import { manyRoom } from "./linear-many";
import { ENTRY, PAGE_SLOTS } from "./page";
import { addWeights, weighRows } from "./weigh";
import { weighTile } from "./weigh-block";

/** Sleeps 50 microseconds or so. */
// @ts-ignore: decorator
@external("env", "nap")
declare function nap(): void;

/** Bytes of a stage: kind, tasks, next task, tasks done, then its arguments, a word each. */
const STAGE_BYTES: usize = 128;
/** Looks at the count of done tasks before a thread sleeps between looks. */
const SPINS: i32 = 20000;
/** So many naps, half a minute or more: the thread that has the task will not come back with it. */
const NAPS: i32 = 600_000;

const NORM: i32 = 0;
const LINEAR_I8: i32 = 1;
const LINEAR_U4: i32 = 2;
const LINEAR_B16: i32 = 3;
const APPEND: i32 = 4;
const ATTEND: i32 = 5;
const MERGE: i32 = 6;
const GATE: i32 = 7;
const KEEP: i32 = 8;
const WEIGH: i32 = 9;
const PICK: i32 = 10;
const ADD: i32 = 11;
const CAP: i32 = 12;

/** Bytes of what is known of a row: its sequence's heads, its number among the sequence's rows, whether rows are turned, its tile, its number in that. */
const ROW: usize = 20;
/** Bytes of a tile: its first row, its rows, its sequence's heads, the first row's number among the sequence's. */
const TILE: usize = 16;
/** More queries than this are attended by eights: pages made ready for them cost no more than they save. */
const FEW: usize = 4;
/** The same where products of bytes do: twice four are less work than one block. */
const FEW_BY_BYTES: usize = 8;

// @ts-ignore: decorator
@inline
function arg(stage: usize, i: i32): usize {
  return load<u32>(stage + 16 + (i << 2));
}

// @ts-ignore: decorator
@inline
function realArg(stage: usize, i: i32): f32 {
  return load<f32>(stage + 16 + (i << 2));
}

// @ts-ignore: decorator
@inline
function take(at: usize): i32 {
  if (ASC_FEATURE_THREADS) return atomic.add<i32>(at, 1);
  const value = load<i32>(at);
  store<i32>(at, value + 1);
  return value;
}

/** Runs stages [0, count): every thread calls this with the same arguments. `next` and `done` of all stages are zero before. */
export function runProgram(stages: usize, count: i32): void {
  for (let s = 0; s < count; s++) {
    const stage = stages + <usize>s * STAGE_BYTES;
    const tasks = load<i32>(stage, 4);
    for (let task = take(stage + 8); task < tasks; task = take(stage + 8)) {
      runTask(stage, task);
      take(stage + 12);
    }
    if (ASC_FEATURE_THREADS) waitFor(stage + 12, tasks);
  }
}

// @ts-ignore: decorator
@inline
function waitFor(done: usize, tasks: i32): void {
  let spins = 0;
  for (let now = atomic.load<i32>(done); now < tasks; now = atomic.load<i32>(done)) {
    if (++spins <= SPINS) continue;
    if (spins > SPINS + NAPS) unreachable();
    nap();
  }
}

function runTask(stage: usize, task: usize): void {
  switch (load<i32>(stage)) {
    case NORM: return norm(stage, task);
    case LINEAR_I8:
    case LINEAR_U4:
    case LINEAR_B16: return linear(stage, task);
    case APPEND: return append(stage, task);
    case ATTEND: return attend(stage, task);
    case MERGE: return merge(stage, task);
    case GATE: return gate(stage, task);
    case KEEP: return keep(stage);
    case WEIGH: return weigh(stage, task);
    case PICK: return pick(stage);
    case ADD: return add(stage, task);
    case CAP: return capRow(arg(stage, 0) + task * (arg(stage, 1) << 2), arg(stage, 1), realArg(stage, 2));
  }
}

/** tokens, a task's, x, dim, weight, epsilon, out; how out is widened. */
function norm(stage: usize, task: usize): void {
  const some = arg(stage, 1), dim = arg(stage, 3);
  const from = task * some;
  const count = min(some, arg(stage, 0) - from);
  const bytes = dim << 2;
  rmsNorm(arg(stage, 2) + from * bytes, arg(stage, 4), count, dim, realArg(stage, 5), arg(stage, 6) + from * bytes);
  widenRows(arg(stage, 6), from, count, dim, stage, 7);
}

/** Rows [from, from + count) of x as codes. From `at` on the stage's arguments say how: codes (0: not wanted), scales, sums, their form. */
// @ts-ignore: decorator
@inline
function widenRows(x: usize, from: usize, count: usize, dim: usize, stage: usize, at: i32): void {
  const codes = arg(stage, at);
  if (codes) widenActivations(x + from * (dim << 2), from, count, arg(stage, 0), dim, codes, arg(stage, at + 1), arg(stage, at + 2), <i32>arg(stage, at + 3));
}

/** tokens, a task's rows, rows, k, x (codes or f32), scales, sums, weights, out, out's stride, onto, room, whether codes are bytes. A task's rows a multiple of 8. */
function linear(stage: usize, task: usize): void {
  const tokens = arg(stage, 0), some = arg(stage, 1), k = arg(stage, 3);
  const from = task * some;
  const rows = min(some, arg(stage, 2) - from);
  const x = arg(stage, 4), scales = arg(stage, 5), sums = arg(stage, 6);
  const weights = arg(stage, 7);
  const out = arg(stage, 8) + (from << 2), stride = arg(stage, 9);
  const onto = arg(stage, 10) != 0;
  const room = arg(stage, 11) + task * manyRoom(k / 32);
  const kind = load<i32>(stage);
  if (kind == LINEAR_I8) linearI8(x, scales, tokens, weights + from * k / 32 * 34, rows, k, out, stride, onto, room);
  else if (kind == LINEAR_U4 && arg(stage, 12)) linearBytes(x, scales, sums, tokens, weights + from * k / 32 * 18, rows, k, out, stride, onto, room);
  else if (kind == LINEAR_U4) linearU4(x, scales, sums, tokens, weights + from * k / 32 * 18, rows, k, out, stride, onto, room);
  else linearB16(x, tokens, weights + from * (k << 1), rows, k, out, stride, onto);
}

/**
 * A task is a token. tokens, heads, key-value heads, dim, qkv, table of cosines and sines [tokens x dim] (0: not rotated), rows, biases of q, k and v (0: none),
 * norms of a query and of a key (0: none), epsilon, bytes from a sequence's heads to those of the layer. Rotates the queries in place and
 * puts rotated keys and values into the cache.
 * heads of a sequence: of each layer and key-value head 4 words: its page table, slots before this batch, two unused.
 */
function append(stage: usize, token: usize): void {
  const heads = arg(stage, 1), kv = arg(stage, 2), dim = arg(stage, 3);
  const bytes = dim << 2;
  const row = arg(stage, 4) + token * (heads + 2 * kv) * bytes;
  const table = arg(stage, 5) + token * bytes;
  const about = arg(stage, 6) + token * ROW;
  const bias = arg(stage, 7);
  if (bias) addRows(row, bias, (heads + 2 * kv) * dim);
  if (arg(stage, 8)) {
    rmsNorm(row, arg(stage, 8), heads, dim, realArg(stage, 10), row);
    rmsNorm(row + heads * bytes, arg(stage, 9), kv, dim, realArg(stage, 10), row + heads * bytes);
  }
  if (arg(stage, 5)) for (let h: usize = 0; h < heads + kv; h++) rotate(row + h * bytes, table, dim, row + h * bytes);
  if (load<u32>(about, 8)) turn(row, heads + 2 * kv, dim);
  for (let h: usize = 0; h < kv; h++) {
    const head = <usize>load<u32>(about) + arg(stage, 11) + (h << 4);
    const slot = <usize>load<u32>(head, 4) + load<u32>(about, 4);
    const entry = <usize>load<u32>(head) + (slot / PAGE_SLOTS) * ENTRY;
    putSlot(load<i32>(entry, 12), row + (heads + h) * bytes, row + (heads + kv + h) * bytes, dim, load<u32>(entry), load<u32>(entry, 4), slot % PAGE_SLOTS);
  }
}

/**
 * A task is a part of a tile of tokens of a key-value head; the last tiles, which see the most, are taken first. tiles, heads, key-value heads,
 * dim, qkv, bytes from a sequence's heads to those of the layer, scale, states, parts, tokens of the largest tile, rooms (a lock for each, in
 * whole 16 bytes, then the rooms), window (0: none), bytes of a room, rooms' count: as many as threads; cap of scores (0: none);
 * slots that a token sees at least where products of bytes are to do (0: they never are).
 */
function attend(stage: usize, number: usize): void {
  const heads = arg(stage, 1), kv = arg(stage, 2), dim = arg(stage, 3);
  const parts = arg(stage, 8);
  const group = heads / kv;
  const task = load<u32>(stage, 4) - 1 - number;
  const part = task % parts;
  const h = task / parts % kv;
  const tile = arg(stage, 0) + task / parts / kv * TILE;
  const head = <usize>load<u32>(tile, 8) + arg(stage, 5) + (h << 4);
  const count = <usize>load<u32>(tile, 4);
  const before = <usize>load<u32>(head, 4) + load<u32>(tile, 12);
  const pages = (before + count + PAGE_SLOTS - 1) / PAGE_SLOTS;
  const stride = (heads + 2 * kv) * (dim << 2);
  const states = arg(stage, 7) + task * arg(stage, 9) * group * stateBytes(dim);
  const q = arg(stage, 4) + <usize>load<u32>(tile) * stride + h * group * (dim << 2);
  const first = pages * part / parts, last = pages * (part + 1) / parts;
  const table = load<u32>(head), window = arg(stage, 11);
  const locks = arg(stage, 10), rooms = arg(stage, 13);
  const lock = claim(locks, rooms);
  const room = locks + (rooms * 4 + 15 & ~15) + lock * arg(stage, 12);
  const cap = realArg(stage, 14), bytesFrom = arg(stage, 15);
  const seen = window > 0 ? min(window, before + 1) : before + 1;
  const byBytes = bytesFrom > 0 && seen >= bytesFrom && isOfBytes(load<i32>(table + first * ENTRY, 12));
  // blocks hold scores less what the keys of a page have in common, which no cap may see
  if (count * group > (byBytes ? FEW_BY_BYTES : FEW) && cap == 0) attendBlocks(q, stride, count, group, dim, realArg(stage, 6), table, first, last, before, window, states, room);
  else attendHead(q, stride, count, group, dim, realArg(stage, 6), cap, table, first, last, before, window, byBytes, states, room);
  release(locks, lock);
}

/** Takes one of `count` rooms. locks: a word for each room, zero before a run. */
// @ts-ignore: decorator
@inline
function claim(locks: usize, count: usize): usize {
  if (!ASC_FEATURE_THREADS) return 0;
  let room: usize = 0;
  while (atomic.cmpxchg<i32>(locks + (room << 2), 0, 1) != 0) room = room + 1 < count ? room + 1 : 0;
  return room;
}

// @ts-ignore: decorator
@inline
function release(locks: usize, room: usize): void {
  if (ASC_FEATURE_THREADS) atomic.store<i32>(locks + (room << 2), 0);
}

/** A task is a token. tokens, heads, key-value heads, dim, states, parts, tokens of the largest tile, out; how out is widened; rows. */
function merge(stage: usize, token: usize): void {
  const heads = arg(stage, 1), kv = arg(stage, 2), dim = arg(stage, 3);
  const parts = arg(stage, 5);
  const group = heads / kv;
  const size = group * stateBytes(dim);
  const taskBytes = arg(stage, 6) * size;
  const width = heads * dim;
  const about = arg(stage, 12) + token * ROW;
  const out = arg(stage, 7) + token * (width << 2);
  for (let h: usize = 0; h < kv; h++) {
    const first = (<usize>load<u32>(about, 12) * kv + h) * parts;
    mergeStates(arg(stage, 4) + first * taskBytes + <usize>load<u32>(about, 16) * size, parts, taskBytes, group, dim, out + h * group * (dim << 2));
  }
  if (load<u32>(about, 8)) turn(out, heads, dim);
  widenRows(arg(stage, 7), token, 1, width, stage, 8);
}

/**
 * Moves the rows whose logits are wanted to the front: what comes behind the last layer's attention is for them alone. rows, their numbers,
 * rising; x, its width; attended, its width; how attended is widened.
 */
function pick(stage: usize): void {
  const count = arg(stage, 0);
  const bytes = arg(stage, 3) << 2, width = arg(stage, 5);
  for (let r: usize = 0; r < count; r++) {
    const row = <usize>load<u32>(arg(stage, 1) + (r << 2));
    if (row == r) continue;
    memory.copy(arg(stage, 2) + r * bytes, arg(stage, 2) + row * bytes, bytes);
    memory.copy(arg(stage, 4) + r * (width << 2), arg(stage, 4) + row * (width << 2), width << 2);
  }
  widenRows(arg(stage, 4), 0, count, width, stage, 6);
}

/** first row, rows, bytes of a row, bytes of it to keep, from, to. */
function keep(stage: usize): void {
  const bytes = arg(stage, 3);
  for (let r: usize = 0; r < arg(stage, 1); r++) memory.copy(arg(stage, 5) + r * bytes, arg(stage, 4) + (arg(stage, 0) + r) * arg(stage, 2), bytes);
}

/**
 * A task is a part of a key-value head's pages. tokens, heads, key-value heads, dim, queries, bytes between their rows, heads of the sequence's
 * layer, scale, slots before the first token less those before the batch, rows or sums of each head, bytes from a head's to the next one's, bytes
 * of a row (0: sums are wanted), room, bytes of a task's room, parts (rows, few queries and a cap: 1); states of the batch's attention, its parts and
 * tokens of the largest tile (0: none), the first tile's number, tokens of a tile; bytes in which a page is expanded, cap of scores (0: none).
 */
function weigh(stage: usize, task: usize): void {
  const tokens = arg(stage, 0), kv = arg(stage, 2), dim = arg(stage, 3);
  const group = arg(stage, 1) / kv;
  const cuts = arg(stage, 14), cut = task % cuts, h = task / cuts;
  const q = arg(stage, 4) + h * group * (dim << 2), qStride = arg(stage, 5);
  const head = arg(stage, 6) + (h << 4);
  const table = <usize>load<u32>(head);
  const before = <usize>load<u32>(head, 4) + arg(stage, 8);
  const out = arg(stage, 9) + h * arg(stage, 10), outStride = arg(stage, 11);
  const room = arg(stage, 12) + task * arg(stage, 13);
  const scale = realArg(stage, 7), cap = realArg(stage, 21);
  if (tokens * group <= FEW || cap > 0) {
    if (outStride) weighRows(q, qStride, tokens, group, dim, scale, cap, table, before, room, out, outStride);
    else addWeights(q, qStride, tokens, group, dim, scale, cap, table, before, room, arg(stage, 20), out);
    return;
  }
  if (outStride) memory.fill(out, 0, tokens * group * outStride);
  const parts = arg(stage, 16), partStride = arg(stage, 17) * group * stateBytes(dim), some = arg(stage, 19);
  for (let from: usize = 0; from < tokens; from += some) {
    const states = parts ? arg(stage, 15) + ((arg(stage, 18) + from / some) * kv + h) * parts * partStride : 0;
    weighTile(q + from * qStride, qStride, min(some, tokens - from), group, dim, scale, table, before + from, cut, cuts, states, parts, partStride, room, out + from * outStride, tokens * outStride, outStride);
  }
}

/** tokens, a task's, gate and up, dim, out; how out is widened; biases of gate and up (0: none), whether gelu. */
function gate(stage: usize, task: usize): void {
  const some = arg(stage, 1), dim = arg(stage, 3);
  const from = task * some;
  const count = min(some, arg(stage, 0) - from);
  gateRows(arg(stage, 2) + from * (dim << 3), count, dim, dim << 3, arg(stage, 9), arg(stage, 10) != 0, arg(stage, 4) + from * (dim << 2));
  widenRows(arg(stage, 4), from, count, dim, stage, 5);
}

/** tokens, a task's, x, dim, y (0: none), epsilon, weights of y's norm (0: none), bias (0: none). x += the norm of y + bias; y is used up. */
function add(stage: usize, task: usize): void {
  const some = arg(stage, 1), dim = arg(stage, 3);
  const from = task * some;
  const count = min(some, arg(stage, 0) - from);
  const bytes = dim << 2;
  const y = arg(stage, 4), weight = arg(stage, 6), bias = arg(stage, 7);
  for (let r = from; r < from + count; r++) {
    const x = arg(stage, 2) + r * bytes;
    if (!y) {
      addRows(x, bias, dim);
      continue;
    }
    const row = y + r * bytes;
    if (bias) addRows(row, bias, dim);
    if (weight) rmsNorm(row, weight, 1, dim, realArg(stage, 5), row);
    addRows(x, row, dim);
  }
}
