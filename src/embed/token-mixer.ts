/**
 * TokenMixer: a small transformer over static token vectors, which gives each token its context: pre-normalised attention whose scores
 * fall with distance (ALiBi: Press et al., 2022) and a two-layer network with ReLU, without biases. What src/train/crisp.ts trains.
 * Plain functions over one text; the same arithmetic as its twin for training, src/train/token-model.ts.
 */
import { MnemeError } from "../errors.ts";
import { kernels } from "../kernels/index.ts";
import { type Matrix, matrix } from "../linalg/matrix.ts";
import { Random } from "../linalg/random.ts";

export interface MixerShape {
  /** Values of a static token vector. */
  readonly inputs: number;
  /** Values of a token between the layers, a multiple of heads. */
  readonly width: number;
  readonly layers: number;
  readonly heads: number;
  /** Values of a token vector. */
  readonly outputs: number;
}

export const mixerDefaults = { width: 128, layers: 1, heads: 4, outputs: 128 } as const;

/** Matrices by name, row-major: `in` inputs x width; of layer i `query.i`, `key.i`, `value.i`, `merge.i` width x width, `up.i` width x 2 width, `down.i` 2 width x width; `out` width x outputs. */
export type MixerWeights = Record<string, Float32Array>;

/** Fall of the scores of each head with each token of distance: from four tokens to a sentence. */
export function slopesOf(heads: number): number[] {
  return Array.from({ length: heads }, (_, i) => 0.25 / 2 ** (i / 2));
}

/** Rows and columns of each matrix. */
export function mixerMatrices({
  inputs,
  width,
  layers,
  outputs,
}: MixerShape): Map<string, readonly [number, number]> {
  const all = new Map<string, readonly [number, number]>([["in", [inputs, width]]]);
  for (let i = 0; i < layers; i++) {
    for (const name of ["query", "key", "value", "merge"]) all.set(`${name}.${i}`, [width, width]);
    all.set(`up.${i}`, [width, 2 * width]).set(`down.${i}`, [2 * width, width]);
  }
  return all.set("out", [width, outputs]);
}

/** Scores of attention are small at first, so that places alone decide what is near. */
const FIRST_SCORES = 0.3;

/**
 * What training begins with: each token its first `outputs` static values, and the mean of what stands near it. Static vectors are expected
 * to be about one long. @param share what the surroundings weigh beside the token, about; 0.3 keeps words apart, 2 gathers sentences
 * @throws MnemeError RANGE
 */
export function firstWeights(shape: MixerShape, seed: number, share = 0.3): MixerWeights {
  const { width, heads, layers } = shape;
  if (width % heads !== 0 || layers < 1)
    throw new MnemeError("RANGE", `token mixer: width ${width} in ${heads} heads, ${layers} layers`);
  const random = new Random(seed);
  const weights: MixerWeights = {};
  for (const [name, [rows, cols]] of mixerMatrices(shape)) {
    const values = new Float32Array(rows * cols);
    const part = name.split(".")[0]!;
    const scale = part === "up" ? 1 : FIRST_SCORES;
    const diagonal = part === "merge" ? share / Math.sqrt(width) : 1;
    if (["in", "out", "value", "merge"].includes(part))
      for (let i = 0; i < Math.min(rows, cols); i++) values[i * cols + i] = diagonal;
    // what the second half of a layer adds is nothing at first
    else if (part !== "down")
      for (let i = 0; i < values.length; i++) values[i] = (scale * random.gaussian()) / Math.sqrt(rows);
    weights[name] = values;
  }
  return weights;
}

/** @throws MnemeError FORMAT where a matrix is missing or of another size */
export function checkWeights(shape: MixerShape, weights: MixerWeights): void {
  for (const [name, [rows, cols]] of mixerMatrices(shape))
    if (weights[name]?.length !== rows * cols)
      throw new MnemeError(
        "FORMAT",
        `token mixer: ${name} has ${weights[name]?.length ?? "no"} values, expected ${rows} x ${cols}`,
      );
}

/** Added to the mean square before the root. */
export const NORM_EPSILON = 1e-6;

/** Token vectors of one text. @param tokens n x inputs static vectors @param unit makes them one long @returns n x outputs */
export function mixTokens(shape: MixerShape, weights: MixerWeights, tokens: Matrix, unit: boolean): Matrix {
  const { rows: count } = tokens;
  const { inputs, width, layers, outputs } = shape;
  const face = kernels();
  const times = (left: Float32Array, name: string, inner: number, cols: number): Float32Array => {
    const product = new Float32Array(count * cols);
    face.matmulF32(left, weights[name]!, product, count, inner, cols);
    return product;
  };
  const state = times(tokens.data, "in", inputs, width);
  for (let i = 0; i < layers; i++) {
    const normed = rootNormed(state, width);
    const [query, key, value] = ["query", "key", "value"].map((name) =>
      times(normed, `${name}.${i}`, width, width),
    );
    const seen = attended(query!, key!, value!, width, shape.heads);
    addTo(state, times(seen, `merge.${i}`, width, width));
    const up = times(rootNormed(state, width), `up.${i}`, width, 2 * width);
    for (let j = 0; j < up.length; j++) if (up[j]! < 0) up[j] = 0;
    addTo(state, times(up, `down.${i}`, 2 * width, width));
  }
  const out = times(state, "out", width, outputs);
  if (unit) face.normalizeF32(out, outputs);
  return matrix(count, outputs, out);
}

function addTo(state: Float32Array, more: Float32Array): void {
  for (let i = 0; i < state.length; i++) state[i]! += more[i]!;
}

function rootNormed(state: Float32Array, width: number): Float32Array {
  const out = new Float32Array(state.length);
  for (let at = 0; at < state.length; at += width) {
    let square = 0;
    for (let i = at; i < at + width; i++) square += state[i]! * state[i]!;
    const by = 1 / Math.sqrt(square / width + NORM_EPSILON);
    for (let i = at; i < at + width; i++) out[i] = state[i]! * by;
  }
  return out;
}

/** Attention of all heads. */
function attended(
  query: Float32Array,
  key: Float32Array,
  value: Float32Array,
  width: number,
  heads: number,
): Float32Array {
  const count = query.length / width;
  const part = width / heads;
  const out = new Float32Array(query.length);
  const scores = new Float32Array(count * count);
  const mixed = new Float32Array(count * part);
  slopesOf(heads).forEach((slope, head) => {
    const [q, k, v] = [query, key, value].map((all) => columns(all, width, head * part, part));
    kernels().matmulTransposedF32(q!, k!, scores, count, part, count);
    for (let i = 0; i < count; i++)
      softmax(scores.subarray(i * count, (i + 1) * count), i, slope, Math.sqrt(part));
    kernels().matmulF32(scores, v!, mixed, count, count, part);
    for (let i = 0; i < count; i++)
      out.set(mixed.subarray(i * part, (i + 1) * part), i * width + head * part);
  });
  return out;
}

/** Weights of one token's row of scores, in place. @param root of the head's width */
function softmax(row: Float32Array, place: number, slope: number, root: number): void {
  let most = Number.NEGATIVE_INFINITY;
  for (let j = 0; j < row.length; j++) {
    row[j] = row[j]! / root - slope * Math.abs(place - j);
    most = Math.max(most, row[j]!);
  }
  let sum = 0;
  for (let j = 0; j < row.length; j++) {
    row[j] = Math.exp(row[j]! - most);
    sum += row[j]!;
  }
  for (let j = 0; j < row.length; j++) row[j]! /= sum;
}

function columns(all: Float32Array, width: number, first: number, count: number): Float32Array {
  const rows = all.length / width;
  const out = new Float32Array(rows * count);
  for (let r = 0; r < rows; r++)
    out.set(all.subarray(r * width + first, r * width + first + count), r * count);
  return out;
}
