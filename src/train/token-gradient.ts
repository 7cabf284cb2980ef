/**
 * The token mixer (src/embed/token-mixer.ts) with its gradient written out, over texts of any lengths one behind the other: no places are
 * filled up and nothing is compiled, which on a processor takes a fraction of the time of the general way (token-model.ts), its twin.
 */
import { type MixerShape, type MixerWeights, NORM_EPSILON, slopesOf } from "../embed/token-mixer.ts";
import { kernels } from "../kernels/index.ts";
import { matrix, transposed } from "../linalg/matrix.ts";

/** Rows of a text in what all texts share: [from, to). */
export interface Span {
  readonly from: number;
  readonly to: number;
}

/** What one layer keeps for the way back. */
interface LayerTape {
  readonly state: Float32Array;
  readonly normed: Float32Array;
  readonly query: Float32Array;
  readonly key: Float32Array;
  readonly value: Float32Array;
  /** Attention by text and head. */
  readonly shares: readonly Float32Array[];
  readonly seen: Float32Array;
  readonly middle: Float32Array;
  readonly middleNormed: Float32Array;
  /** After the ReLU. */
  readonly up: Float32Array;
}

export interface MixerTape {
  readonly tokens: Float32Array;
  readonly spans: readonly Span[];
  readonly layers: readonly LayerTape[];
  readonly last: Float32Array;
  /** rows x outputs, not of unit length. */
  readonly out: Float32Array;
}

/** @param tokens rows x inputs of all texts, borrowed as long as the tape */
export function mixForward(
  shape: MixerShape,
  weights: MixerWeights,
  tokens: Float32Array,
  spans: readonly Span[],
): MixerTape {
  const { inputs, width, layers, heads, outputs } = shape;
  const rows = tokens.length / inputs;
  const times = (left: Float32Array, name: string, cols: number): Float32Array => {
    const out = new Float32Array(rows * cols);
    kernels().matmulF32(left, weights[name]!, out, rows, left.length / rows, cols);
    return out;
  };
  const tapes: LayerTape[] = [];
  let state = times(tokens, "in", width);
  for (let i = 0; i < layers; i++) {
    const normed = rootNormed(state, width);
    const query = times(normed, `query.${i}`, width);
    const key = times(normed, `key.${i}`, width);
    const value = times(normed, `value.${i}`, width);
    const { seen, shares } = attend(query, key, value, spans, width, heads);
    const middle = sum(state, times(seen, `merge.${i}`, width));
    const middleNormed = rootNormed(middle, width);
    const up = times(middleNormed, `up.${i}`, 2 * width);
    for (let j = 0; j < up.length; j++) if (up[j]! < 0) up[j] = 0;
    tapes.push({ state, normed, query, key, value, shares, seen, middle, middleNormed, up });
    state = sum(middle, times(up, `down.${i}`, width));
  }
  return { tokens, spans, layers: tapes, last: state, out: times(state, "out", outputs) };
}

/** Adds the gradient by the weights. @param dOut by `tape.out` @param gradients by name, added to */
export function mixBackward(
  shape: MixerShape,
  weights: MixerWeights,
  tape: MixerTape,
  dOut: Float32Array,
  gradients: Record<string, Float32Array>,
): void {
  const { inputs, width, heads } = shape;
  const rows = tape.tokens.length / inputs;
  /** Through left x weights: what the left gets; the weights' own share is added up. */
  const back = (left: Float32Array, name: string, d: Float32Array): Float32Array => {
    const [inner, cols] = [left.length / rows, d.length / rows];
    const own = new Float32Array(inner * cols);
    kernels().matmulF32(transposed(matrix(rows, inner, left)).data, d, own, inner, rows, cols);
    addTo(gradients[name]!, own);
    const dLeft = new Float32Array(left.length);
    kernels().matmulTransposedF32(d, weights[name]!, dLeft, rows, cols, inner);
    return dLeft;
  };
  let dState = back(tape.last, "out", dOut);
  for (let i = tape.layers.length - 1; i >= 0; i--) {
    const layer = tape.layers[i]!;
    const dUp = back(layer.up, `down.${i}`, dState);
    for (let j = 0; j < dUp.length; j++) if (layer.up[j] === 0) dUp[j] = 0;
    const dMiddleNormed = back(layer.middleNormed, `up.${i}`, dUp);
    const dMiddle = sum(dState, rootNormedBack(layer.middle, dMiddleNormed, width));
    const dSeen = back(layer.seen, `merge.${i}`, dMiddle);
    const { dQuery, dKey, dValue } = attendBack(layer, dSeen, tape.spans, width, heads);
    const dNormed = back(layer.normed, `query.${i}`, dQuery);
    addTo(dNormed, back(layer.normed, `key.${i}`, dKey));
    addTo(dNormed, back(layer.normed, `value.${i}`, dValue));
    dState = sum(dMiddle, rootNormedBack(layer.state, dNormed, width));
  }
  back(tape.tokens, "in", dState);
}

function sum(a: Float32Array, b: Float32Array): Float32Array {
  const out = a.slice();
  addTo(out, b);
  return out;
}

export function addTo(to: Float32Array, more: Float32Array): void {
  for (let i = 0; i < to.length; i++) to[i]! += more[i]!;
}

function rootNormed(state: Float32Array, width: number): Float32Array {
  const out = new Float32Array(state.length);
  for (let at = 0; at < state.length; at += width) {
    const by = inverseRoot(state, at, width);
    for (let i = at; i < at + width; i++) out[i] = state[i]! * by;
  }
  return out;
}

function inverseRoot(state: Float32Array, at: number, width: number): number {
  let square = 0;
  for (let i = at; i < at + width; i++) square += state[i]! * state[i]!;
  return 1 / Math.sqrt(square / width + NORM_EPSILON);
}

function rootNormedBack(state: Float32Array, d: Float32Array, width: number): Float32Array {
  const out = new Float32Array(state.length);
  for (let at = 0; at < state.length; at += width) {
    const by = inverseRoot(state, at, width);
    let along = 0;
    for (let i = at; i < at + width; i++) along += state[i]! * d[i]!;
    const pull = (along * by ** 3) / width;
    for (let i = at; i < at + width; i++) out[i] = d[i]! * by - state[i]! * pull;
  }
  return out;
}

function attend(
  query: Float32Array,
  key: Float32Array,
  value: Float32Array,
  spans: readonly Span[],
  width: number,
  heads: number,
): { seen: Float32Array; shares: Float32Array[] } {
  const seen = new Float32Array(query.length);
  const shares: Float32Array[] = [];
  const part = width / heads;
  for (const { from, to } of spans) {
    const count = to - from;
    slopesOf(heads).forEach((slope, head) => {
      const [q, k, v] = [query, key, value].map((all) => columns(all, width, head, part, from, to));
      const scores = new Float32Array(count * count);
      kernels().matmulTransposedF32(q!, k!, scores, count, part, count);
      softmaxRows(scores, count, slope, 1 / Math.sqrt(part));
      const mixed = new Float32Array(count * part);
      kernels().matmulF32(scores, v!, mixed, count, count, part);
      putColumns(mixed, seen, width, head, part, from);
      shares.push(scores);
    });
  }
  return { seen, shares };
}

function softmaxRows(scores: Float32Array, count: number, slope: number, by: number): void {
  for (let i = 0, at = 0; i < count; i++, at += count) {
    let most = Number.NEGATIVE_INFINITY;
    for (let j = 0; j < count; j++) {
      const score = scores[at + j]! * by - slope * Math.abs(i - j);
      scores[at + j] = score;
      if (score > most) most = score;
    }
    let total = 0;
    for (let j = at; j < at + count; j++) {
      const weight = Math.exp(scores[j]! - most);
      scores[j] = weight;
      total += weight;
    }
    for (let j = at; j < at + count; j++) scores[j]! /= total;
  }
}

function attendBack(
  { query, key, value, shares }: LayerTape,
  dSeen: Float32Array,
  spans: readonly Span[],
  width: number,
  heads: number,
): { dQuery: Float32Array; dKey: Float32Array; dValue: Float32Array } {
  const [dQuery, dKey, dValue] = [query, key, value].map(({ length }) => new Float32Array(length));
  const part = width / heads;
  spans.forEach(({ from, to }, text) => {
    const count = to - from;
    for (let head = 0; head < heads; head++) {
      const own = (all: Float32Array): Float32Array => columns(all, width, head, part, from, to);
      const share = shares[text * heads + head]!;
      const d = own(dSeen);
      const mixed = new Float32Array(count * part);
      const put = (into: Float32Array, left: Float32Array, right: Float32Array): void => {
        kernels().matmulF32(left, right, mixed, count, count, part);
        putColumns(mixed, into, width, head, part, from);
      };
      put(dValue!, transposed(matrix(count, count, share)).data, d);
      const dScores = new Float32Array(count * count);
      kernels().matmulTransposedF32(d, own(value), dScores, count, part, count);
      softmaxBack(share, dScores, count, 1 / Math.sqrt(part));
      put(dQuery!, dScores, own(key));
      put(dKey!, transposed(matrix(count, count, dScores)).data, own(query));
    }
  });
  return { dQuery: dQuery!, dKey: dKey!, dValue: dValue! };
}

/** From the gradient by shares to that by products, in place. */
function softmaxBack(shares: Float32Array, d: Float32Array, count: number, by: number): void {
  for (let at = 0; at < d.length; at += count) {
    let mean = 0;
    for (let j = at; j < at + count; j++) mean += shares[j]! * d[j]!;
    for (let j = at; j < at + count; j++) d[j] = by * shares[j]! * (d[j]! - mean);
  }
}

/** Columns of one head, rows [from, to). */
function columns(
  all: Float32Array,
  width: number,
  head: number,
  part: number,
  from: number,
  to: number,
): Float32Array {
  const out = new Float32Array((to - from) * part);
  for (let r = from; r < to; r++) {
    const at = r * width + head * part;
    for (let i = 0; i < part; i++) out[(r - from) * part + i] = all[at + i]!;
  }
  return out;
}

function putColumns(
  values: Float32Array,
  into: Float32Array,
  width: number,
  head: number,
  part: number,
  from: number,
): void {
  for (let r = 0, at = 0; at < values.length; r++)
    for (let i = 0; i < part; i++) into[(from + r) * width + head * part + i] = values[at++]!;
}
