/**
 * Attention of eight queries at a time over pages, by a running softmax. For prompts, whose tokens see the same pages: a page is made ready once
 * for all of them.
 */
import { NOTHING, stateBytes } from "./attend-state";
import { beginBlock, blockBytes, FLOOR, pair, queriesIn, roomBytes, scoreBlock, sightIn, sightOf, slotsOf, sumsIn, totalsIn, weightsIn } from "./eight";
import { exp2Codes, exp2F32, TOP_CODE } from "./exp";
import { ENTRY, F32, INT8, isAffine, keyBasesIn, PAGE_SLOTS, valueBasesIn } from "./page";
import { expandedIn, inversesIn, LN2, panelCodec, panelValues, preparePanel, slotBasesIn } from "./panel";
import { dotsOfEight, EIGHT, sumsOfEight } from "./products";

/**
 * Scores as codes of weights times their values' scales, relative to the page's largest. Sums of the weights go to `sums` [8], those of weights times
 * the slots' bases behind them if they are wanted, all times the largest code.
 */
// @ts-ignore: decorator
@inline
function weightCodes(block: usize, inverses: usize, bases: usize, based: bool, slots: usize, scores: usize, codes: usize, sums: usize): void {
  fourCodes(v128.load(block, 96), inverses, bases, based, slots, scores, codes, sums);
  fourCodes(v128.load(block, 112), inverses, bases, based, slots, scores + 16, codes + 16, sums + 16);
}

// @ts-ignore: decorator
@inline
function fourCodes(top: v128, inverses: usize, bases: usize, based: bool, slots: usize, scores: usize, codes: usize, sums: usize): void {
  let sum = f32x4.splat(0), base = f32x4.splat(0);
  const end = scores + (slots << 5);
  for (let at = scores; at < end; at += 64, codes += 32, inverses += 8) {
    const a = exp2Codes(f32x4.sub(v128.load(at), top)), b = exp2Codes(f32x4.sub(v128.load(at, 32), top));
    sum = f32x4.add(sum, f32x4.add(f32x4.mul(a, v128.load32_splat(inverses)), f32x4.mul(b, v128.load32_splat(inverses, 4))));
    v128.store(codes, pair(a, b));
    if (based) {
      base = f32x4.add(base, f32x4.add(f32x4.mul(a, v128.load32_splat(bases)), f32x4.mul(b, v128.load32_splat(bases, 4))));
      bases += 8;
    }
  }
  v128.store(sums, sum);
  if (based) v128.store(sums, base, 32);
}

/** Scores as weights, f32 in place, relative to the page's largest, and their sums. */
// @ts-ignore: decorator
@inline
function weightsF32(block: usize, slots: usize, scores: usize, sums: usize): void {
  const top0 = v128.load(block, 96), top1 = v128.load(block, 112);
  let sum0 = f32x4.splat(0), sum1 = f32x4.splat(0);
  const end = scores + (slots << 5);
  for (let at = scores; at < end; at += 32) {
    const a = exp2F32(f32x4.sub(v128.load(at), top0)), b = exp2F32(f32x4.sub(v128.load(at, 16), top1));
    sum0 = f32x4.add(sum0, a);
    sum1 = f32x4.add(sum1, b);
    v128.store(at, a);
    v128.store(at, b, 16);
  }
  v128.store(sums, sum0);
  v128.store(sums, sum1, 16);
}

/** Adds to a block's largest scores of a page what the bases of its keys add to all scores of a query. */
export function addKeyBases(block: usize, panel: usize, dim: usize): void {
  const bases = keyBasesIn(expandedIn(panel, dim), dim), queries = queriesIn(block, dim);
  let a = v128.load(block, 96), b = v128.load(block, 112);
  for (let i: usize = 0; i < dim; i++) {
    const base = v128.load32_splat(bases + (i << 2)), at = queries + (i << 5);
    a = f32x4.add(a, f32x4.mul(v128.load(at), base));
    b = f32x4.add(b, f32x4.mul(v128.load(at, 16), base));
  }
  v128.store(block, a, 96);
  v128.store(block, b, 112);
}

/** What all weights of a page add to the sums, whatever the codes. sums: as `weightCodes` leaves them; by: what they are multiplied by. */
function addValueBases(codec: i32, block: usize, panel: usize, dim: usize, sums: usize, by0: v128, by1: v128): void {
  const affine = isAffine(codec);
  const bases = valueBasesIn(expandedIn(panel, dim), dim);
  const a = f32x4.mul(v128.load(sums + (affine ? 32 : 0)), by0), b = f32x4.mul(v128.load(sums + (affine ? 48 : 16)), by1);
  for (let i: usize = 0; i < dim; i++) {
    const at = block + 128 + (i << 5);
    const base = affine ? f32x4.splat(1) : v128.load32_splat(bases + (i << 2));
    v128.store(at, f32x4.add(v128.load(at), f32x4.mul(a, base)));
    v128.store(at, f32x4.add(v128.load(at, 16), f32x4.mul(b, base)), 16);
  }
}

/** Adds what a page gave to a block. products: sums of values [dim][8], of codes or f32; sums: of weights. */
// @ts-ignore: decorator
@inline
function addPage(codec: i32, block: usize, panel: usize, dim: usize, products: usize, sums: usize): void {
  const before0 = v128.load(block), before1 = v128.load(block, 16), page0 = v128.load(block, 96), page1 = v128.load(block, 112);
  const top0 = f32x4.pmax(before0, page0), top1 = f32x4.pmax(before1, page1);
  v128.store(block, top0);
  v128.store(block, top1, 16);
  const shrink0 = exp2F32(f32x4.sub(before0, top0)), shrink1 = exp2F32(f32x4.sub(before1, top1));
  const unit = f32x4.splat(codec == F32 ? 1 : 1 / TOP_CODE);
  const by0 = f32x4.mul(exp2F32(f32x4.sub(page0, top0)), unit), by1 = f32x4.mul(exp2F32(f32x4.sub(page1, top1)), unit);
  v128.store(block, f32x4.add(f32x4.mul(v128.load(block, 32), shrink0), f32x4.mul(v128.load(sums), by0)), 32);
  v128.store(block, f32x4.add(f32x4.mul(v128.load(block, 48), shrink1), f32x4.mul(v128.load(sums, 16), by1)), 48);
  const end = products + (dim << 5);
  let at = block + 128;
  if (codec == F32) {
    for (; products < end; products += 32, at += 32) {
      v128.store(at, f32x4.add(f32x4.mul(v128.load(at), shrink0), f32x4.mul(v128.load(products), by0)));
      v128.store(at, f32x4.add(f32x4.mul(v128.load(at, 16), shrink1), f32x4.mul(v128.load(products, 16), by1)), 16);
    }
    return;
  }
  for (; products < end; products += 32, at += 32) {
    v128.store(at, f32x4.add(f32x4.mul(v128.load(at), shrink0), f32x4.mul(f32x4.convert_i32x4_s(v128.load(products)), by0)));
    v128.store(at, f32x4.add(f32x4.mul(v128.load(at, 16), shrink1), f32x4.mul(f32x4.convert_i32x4_s(v128.load(products, 16)), by1)), 16);
  }
  if (codec > INT8) addValueBases(codec, block, panel, dim, sums, by0, by1);
}

/** A page for a block, of which its queries see some of the first `slots`. */
function attendPanel(codec: i32, block: usize, panel: usize, slots: usize, sight: usize, dim: usize, room: usize): void {
  // products of weights take slots by fours; those behind the last are not seen
  const some = (slots + 3) & ~3;
  const sums = totalsIn(room, dim);
  scoreBlock(codec, block, panel, some, sight, dim, room);
  if (codec == F32) {
    weightsF32(block, some, room, sums);
    sumsOfEight(panelValues(panel, dim), PAGE_SLOTS << 4, dim, room, some, sumsIn(room));
  } else {
    const inverses = inversesIn(panel, dim), codes = weightsIn(room);
    if (isAffine(codec)) weightCodes(block, inverses, slotBasesIn(panel, dim), true, some, room, codes, sums);
    else weightCodes(block, inverses, 0, false, some, room, codes, sums);
    dotsOfEight(panelValues(panel, dim), PAGE_SLOTS << 3, dim, codes, some >> 1, sumsIn(room));
    if (codec > INT8) addKeyBases(block, panel, dim);
  }
  addPage(codec, block, panel, dim, sumsIn(room), sums);
}

/** Puts the queries of a block into states as `attendHead` has them, `count` of them at most. */
function endBlock(block: usize, dim: usize, states: usize, count: usize): void {
  const size = stateBytes(dim);
  for (let i: usize = 0; i < min(count, EIGHT); i++) {
    const from = block + (i << 2), to = states + i * size;
    const top = load<f32>(from);
    store<f32>(to, top > FLOOR ? top * LN2 : NOTHING);
    store<f32>(to, load<f32>(from, 32), 4);
    for (let j: usize = 0; j < dim; j++) store<f32>(to + 16 + (j << 2), load<f32>(from + 128 + (j << 5)));
  }
}

/**
 * As `attendHead` of attend.ts, for many queries, whatever the pages. states: of all queries; room: a block's room, all blocks, a panel, as
 * `attentionRoom` of program.ts counts them.
 */
export function attendBlocks(q: usize, qStride: usize, tokens: usize, group: usize, dim: usize, scale: f32, table: usize, first: usize, last: usize, before: usize, window: usize, states: usize, room: usize): void {
  const count = tokens * group;
  const size = blockBytes(dim);
  const blocks = room + roomBytes(dim), panel = blocks + (count + EIGHT - 1) / EIGHT * size;
  for (let i: usize = 0; i < count; i += EIGHT) beginBlock(blocks + i / EIGHT * size, q, qStride, i, count, group, dim, scale);
  for (let p = first; p < last; p++) {
    const entry = table + p * ENTRY;
    const codec = panelCodec(entry);
    const start = p * PAGE_SLOTS;
    // the last token sees the latest slots, the first one the earliest
    if (before + tokens <= start || (window && before + 1 >= window + start + PAGE_SLOTS)) continue;
    preparePanel(entry, dim, panel, false);
    for (let i: usize = 0; i < count; i += EIGHT) {
      const slots = slotsOf(i, count, group, before, start);
      if (slots == 0) continue;
      const sight = sightOf(sightIn(room, dim), i, count, group, before, window, start);
      attendPanel(codec, blocks + i / EIGHT * size, panel, slots, sight, dim, room);
    }
  }
  for (let i: usize = 0; i < count; i += EIGHT) endBlock(blocks + i / EIGHT * size, dim, states + i * stateBytes(dim), count - i);
}
