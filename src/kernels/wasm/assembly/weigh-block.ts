/** The weights of attention of many queries, by blocks of eight: scores are computed again once their sums are known, and never kept. */
import { NOTHING, stateBytes } from "./attend-state";
import { addKeyBases } from "./attend-block";
import { beginBlock, blockBytes, roomBytes, scoreBlock, sightIn, sightOf, slotsOf, totalsIn, weightsIn } from "./eight";
import { exp2F32, expF32 } from "./exp";
import { putTransposed } from "./lanes";
import { ENTRY, INT8, PAGE_SLOTS } from "./page";
import { LOG2E, panelCodec, preparePanel } from "./panel";
import { EIGHT } from "./products";

/** Scores of a block over a page, those of a query less what the bases of keys add to all of them: that is in the block's place for the page's largest. */
// @ts-ignore: decorator
@inline
function basedScores(codec: i32, block: usize, panel: usize, slots: usize, sight: usize, dim: usize, room: usize): void {
  scoreBlock(codec, block, panel, slots, sight, dim, room);
  v128.store(block, f32x4.splat(0), 96);
  v128.store(block, f32x4.splat(0), 112);
  if (codec > INT8) addKeyBases(block, panel, dim);
}

/** Adds a page's weights to the sums of a block, which are relative to its largest scores. */
function addTotals(codec: i32, block: usize, panel: usize, slots: usize, sight: usize, dim: usize, room: usize): void {
  scoreBlock(codec, block, panel, slots, sight, dim, room);
  const page0 = v128.load(block, 96), page1 = v128.load(block, 112);
  let sum0 = f32x4.splat(0), sum1 = f32x4.splat(0);
  for (let at = room, end = room + (slots << 5); at < end; at += 32) {
    sum0 = f32x4.add(sum0, exp2F32(f32x4.sub(v128.load(at), page0)));
    sum1 = f32x4.add(sum1, exp2F32(f32x4.sub(v128.load(at, 16), page1)));
  }
  if (codec > INT8) addKeyBases(block, panel, dim);
  addTotal(block, v128.load(block, 96), sum0);
  addTotal(block + 16, v128.load(block, 112), sum1);
}

// @ts-ignore: decorator
@inline
function addTotal(at: usize, page: v128, sum: v128): void {
  const before = v128.load(at);
  const top = f32x4.pmax(before, page);
  const total = f32x4.add(f32x4.mul(v128.load(at, 32), exp2F32(f32x4.sub(before, top))), f32x4.mul(sum, exp2F32(f32x4.sub(page, top))));
  v128.store(at, top);
  v128.store(at, total, 32);
}

/** Sums of a block become what its weights are multiplied by, to sum to `all`; those of queries from `count` on come to nothing. */
function invert(block: usize, count: usize, all: f32): void {
  for (let i: usize = 0; i < EIGHT; i++) {
    const at = block + 32 + (i << 2);
    store<f32>(at, i < count ? all / load<f32>(at) : 0);
  }
}

// @ts-ignore: decorator
@inline
function weight(score: v128, top: v128, by: v128): v128 {
  return v128.and(f32x4.mul(exp2F32(f32x4.sub(score, top)), by), f32x4.gt(score, f32x4.splat(NOTHING)));
}

/** sums[slot][4] += weights of the eight queries. */
function sumWeights(block: usize, slots: usize, scores: usize, sums: usize): void {
  const top0 = f32x4.sub(v128.load(block), v128.load(block, 96)), top1 = f32x4.sub(v128.load(block, 16), v128.load(block, 112));
  const by0 = v128.load(block, 32), by1 = v128.load(block, 48);
  for (const end = scores + (slots << 5); scores < end; scores += 32, sums += 16) {
    const both = f32x4.add(weight(v128.load(scores), top0, by0), weight(v128.load(scores, 16), top1, by1));
    v128.store(sums, f32x4.add(v128.load(sums), both));
  }
}

/** Scores [slots][8], used up, as weights to a row for each query; rows: as `setRows` leaves them. */
function putWeights(block: usize, slots: usize, scores: usize, rows: usize): void {
  const top0 = f32x4.sub(v128.load(block), v128.load(block, 96)), top1 = f32x4.sub(v128.load(block, 16), v128.load(block, 112));
  const by0 = v128.load(block, 32), by1 = v128.load(block, 48);
  for (let s: usize = 0; s < slots; s += 4, scores += 128) {
    const room = scores;
    const a = weight(v128.load(scores), top0, by0), e = weight(v128.load(scores, 16), top1, by1);
    const b = weight(v128.load(scores, 32), top0, by0), f = weight(v128.load(scores, 48), top1, by1);
    const c = weight(v128.load(scores, 64), top0, by0), g = weight(v128.load(scores, 80), top1, by1);
    const d = weight(v128.load(scores, 96), top0, by0), h = weight(v128.load(scores, 112), top1, by1);
    putTransposed(a, b, c, d, room, 16, false);
    putTransposed(e, f, g, h, room + 64, 16, false);
    for (let i: usize = 0; i < EIGHT; i++) {
      const row = <usize>load<u32>(rows + (i << 2));
      if (row) v128.store(row + (s << 2), v128.load(room + (i << 4)));
    }
  }
}

/** Where the rows of a block's queries have a page, u32 [8]; 0 for queries from `count` on. */
function setRows(rows: usize, first: usize, count: usize, group: usize, out: usize, headStride: usize, outStride: usize): void {
  for (let i: usize = 0; i < EIGHT; i++) {
    const query = first + i;
    store<u32>(rows + (i << 2), query < count ? out + query % group * headStride + query / group * outStride : 0);
  }
}

/** Largest scores and sums of a block's queries as attention found them. states: of the tile's first part, parts `partStride` bytes apart. */
function readTotals(block: usize, states: usize, first: usize, count: usize, parts: usize, partStride: usize, dim: usize): void {
  for (let i: usize = 0; i < EIGHT; i++) {
    const at = states + min(first + i, count - 1) * stateBytes(dim);
    let top = NOTHING;
    for (let p: usize = 0; p < parts; p++) top = max(top, load<f32>(at + p * partStride));
    let total: f32 = 0;
    for (let p: usize = 0; p < parts; p++) {
      const state = at + p * partStride;
      total += load<f32>(state, 4) * f32x4.extract_lane(expF32(f32x4.splat(load<f32>(state) - top)), 0);
    }
    store<f32>(block + (i << 2), top * LOG2E);
    store<f32>(block + (i << 2), total, 32);
  }
}

/** Largest scores and sums of the queries of a tile, from all pages. */
function findTotals(blocks: usize, count: usize, group: usize, dim: usize, table: usize, before: usize, end: usize, panel: usize, room: usize): void {
  const size = blockBytes(dim);
  for (let start: usize = 0; start < end; start += PAGE_SLOTS) {
    const entry = table + start / PAGE_SLOTS * ENTRY;
    preparePanel(entry, dim, panel, true);
    for (let i: usize = 0; i < count; i += EIGHT) {
      const slots = slotsOf(i, count, group, before, start) + 3 & ~3;
      const sight = sightOf(sightIn(room, dim), i, count, group, before, 0, start);
      addTotals(panelCodec(entry), blocks + i / EIGHT * size, panel, slots, sight, dim, room);
    }
  }
}

/**
 * Weights of the queries of a tile over part `part` of the pages that they see: each `cuts`-th. states: as attention left them, or 0 to find the
 * sums here. out: rows of all queries, those of heads `headStride` bytes apart, those of tokens `outStride`; or sums over slots, if that is 0.
 * room: a block's room, blocks of the tile, a panel.
 */
export function weighTile(q: usize, qStride: usize, tokens: usize, group: usize, dim: usize, scale: f32, table: usize, before: usize, part: usize, cuts: usize, states: usize, parts: usize, partStride: usize, room: usize, out: usize, headStride: usize, outStride: usize): void {
  const count = tokens * group;
  const size = blockBytes(dim);
  const blocks = room + roomBytes(dim), panel = blocks + (count + EIGHT - 1) / EIGHT * size;
  const end = before + tokens;
  for (let i: usize = 0; i < count; i += EIGHT) {
    beginBlock(blocks + i / EIGHT * size, q, qStride, i, count, group, dim, scale);
    if (states) readTotals(blocks + i / EIGHT * size, states, i, count, parts, partStride, dim);
  }
  if (!states) findTotals(blocks, count, group, dim, table, before, end, panel, room);
  for (let i: usize = 0; i < count; i += EIGHT) invert(blocks + i / EIGHT * size, count - i, outStride ? 1 : 1 / <f32>group);
  const sums = weightsIn(room), rows = totalsIn(room, dim);
  const pages = (end + PAGE_SLOTS - 1) / PAGE_SLOTS;
  // a page is of the same part in all tiles: no two threads add to the sums of a slot
  for (let p = part; p < pages; p += cuts) {
    const entry = table + p * ENTRY, start = p * PAGE_SLOTS;
    preparePanel(entry, dim, panel, true);
    memory.fill(sums, 0, PAGE_SLOTS << 4);
    for (let i: usize = 0; i < count; i += EIGHT) {
      const block = blocks + i / EIGHT * size;
      const slots = slotsOf(i, count, group, before, start) + 3 & ~3;
      const sight = sightOf(sightIn(room, dim), i, count, group, before, 0, start);
      basedScores(panelCodec(entry), block, panel, slots, sight, dim, room);
      if (outStride) {
        setRows(rows, i, count, group, out + (start << 2), headStride, outStride);
        putWeights(block, slots, room, rows);
      } else sumWeights(block, slots, room, sums);
    }
    if (!outStride) addSums(sums, out + (start << 2), end - start);
  }
}

/** sums[slot] += parts[slot], four added up, of `slots` of a page. */
function addSums(parts: usize, sums: usize, slots: usize): void {
  for (let s: usize = 0; s < min(slots, PAGE_SLOTS); s += 4, parts += 64) {
    putTransposed(v128.load(parts), v128.load(parts, 16), v128.load(parts, 32), v128.load(parts, 48), parts, 16, false);
    const four = f32x4.add(f32x4.add(v128.load(parts), v128.load(parts, 16)), f32x4.add(v128.load(parts, 32), v128.load(parts, 48)));
    v128.store(sums + (s << 2), f32x4.add(v128.load(sums + (s << 2)), four));
  }
}
