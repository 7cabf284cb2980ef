/** The weights of attention themselves, for those who judge slots by them: a second pass beside the fused kernel, whose result it must equal. */
import { scorePage } from "./attend";
import { NOTHING, openState, stateBytes } from "./attend-state";
import { expF32 } from "./exp";
import { sumF32 } from "./float";
import { ENTRY, expand, INT8, PAGE_SLOTS } from "./page";

/** Scores of one query over its first `seen` slots. scores: room for whole pages. */
function scoresOf(q: usize, dim: usize, scale: f32, cap: f32, table: usize, seen: usize, state: usize, room: usize, scores: usize): void {
  openState(state, q, dim);
  for (let start: usize = 0; start < seen; start += PAGE_SLOTS) {
    const entry = table + start / PAGE_SLOTS * ENTRY;
    const codec = load<i32>(entry, 12);
    if (codec > INT8) expand(codec, load<u32>(entry), load<u32>(entry, 4), dim, room);
    scorePage(1, entry, q, state, min(seen - start, PAGE_SLOTS), dim, scale, cap, room, scores + (start << 2));
  }
}

/** Scores become weights that sum to `all`. */
function normalise(scores: usize, seen: usize, all: f32): void {
  const end = (seen + 3) & ~3;
  for (let s = seen; s < end; s++) store<f32>(scores + (s << 2), NOTHING);
  let most = NOTHING;
  for (let s: usize = 0; s < seen; s++) most = max(most, load<f32>(scores + (s << 2)));
  let sum = f32x4.splat(0);
  for (let s: usize = 0; s < end << 2; s += 16) {
    const weight = expF32(f32x4.sub(v128.load(scores + s), f32x4.splat(most)));
    sum = f32x4.add(sum, weight);
    v128.store(scores + s, weight);
  }
  const by = f32x4.splat(all / sumF32(sum));
  for (let s: usize = 0; s < end << 2; s += 16) v128.store(scores + s, f32x4.mul(v128.load(scores + s), by));
}

/**
 * out[head of the group][token] = weights over the slots, rows `outStride` bytes apart and zero behind what a token sees; a row has whole pages.
 * state: room for one, then for an expanded page.
 */
export function weighRows(q: usize, qStride: usize, tokens: usize, group: usize, dim: usize, scale: f32, cap: f32, table: usize, before: usize, state: usize, out: usize, outStride: usize): void {
  const room = state + stateBytes(dim);
  for (let t: usize = 0; t < tokens; t++) {
    for (let h: usize = 0; h < group; h++) {
      const row = out + (h * tokens + t) * outStride;
      memory.fill(row, 0, outStride);
      const seen = before + t + 1;
      scoresOf(q + t * qStride + h * (dim << 2), dim, scale, cap, table, seen, state, room, row);
      normalise(row, seen, 1);
      for (let s = seen; s < ((seen + 3) & ~3); s++) store<f32>(row + (s << 2), 0);
    }
  }
}

/**
 * sums[slot] += the mean of the group's weights, of each token. state: room for one, for an expanded page of `expanded` bytes, then for scores of
 * whole pages.
 */
export function addWeights(q: usize, qStride: usize, tokens: usize, group: usize, dim: usize, scale: f32, cap: f32, table: usize, before: usize, state: usize, expanded: usize, sums: usize): void {
  const room = state + stateBytes(dim), scores = room + expanded;
  for (let t: usize = 0; t < tokens; t++) {
    const seen = before + t + 1;
    for (let h: usize = 0; h < group; h++) {
      scoresOf(q + t * qStride + h * (dim << 2), dim, scale, cap, table, seen, state, room, scores);
      normalise(scores, seen, 1 / <f32>group);
      for (let s: usize = 0; s < seen << 2; s += 16) v128.store(sums + s, f32x4.add(v128.load(sums + s), v128.load(scores + s)));
    }
  }
}
