/**
 * The network of recurrent binary embeddings (Gan et al., Binary Embedding-based Retrieval at Tencent, KDD 2023; Shan et al., Recurrent
 * Binary Embedding, KDD 2018): signs of a projection, then for each loop the signs of what is left of the row when the code so far is
 * turned back into a row. Each loop halves the weight of its bit, so that a code is one whole number of B bits a dimension.
 * All parts are linear with a bias. Training is in train/rbe.ts.
 */
import { kernels } from "../kernels/index.ts";
import { sampleRows } from "../linalg/k-means.ts";
import { type Matrix, matrix, rowsOf, transposed } from "../linalg/matrix.ts";
import { polarFactor } from "../linalg/polar.ts";
import { productTransposed } from "../linalg/product.ts";
import { Random } from "../linalg/random.ts";
import type { FitOptions } from "./codec.ts";
import { signRotation } from "./itq.ts";
import { fitPca } from "./pca.ts";
import { settle } from "./rbe-settle.ts";

export type RbeBits = 1 | 2 | 4;

export interface RbeShape {
  /** Width of rows. */
  readonly dim: number;
  /** Dimensions of a code. */
  readonly width: number;
  /** Of each of them. */
  readonly bits: RbeBits;
  /** Whether bits settle: one a dimension, and parts of their own. Default false. */
  readonly settled?: boolean;
}

/**
 * Weights by name, row-major: `project` width x dim; for loop i from 0 `rebuild`i dim x width and `residual`i width x dim; `ask`
 * width x dim, which takes queries to what codes are multiplied by; `decode` dim x width. Where bits settle: `map` dim x dim, whose outputs are
 * made unit rows, `project` of those, and `gram` width x width, what bits take from each other, with `ask` and `decode` as above. Each with a
 * bias: `projectBias` and so on.
 */
export type RbeWeights = Readonly<Record<string, Float32Array>>;

/** Rows coded at once: bounds what is held beside them. */
const BLOCK_ROWS = 512;
/** Rows that the first turn is found from. */
const TURN = { perColumn: 16, least: 4096 } as const;

/** Names and shapes (outputs x inputs) of the linear parts. */
export function partsOfRbe({ dim, width, bits, settled }: RbeShape): [string, number, number][] {
  const outer: [string, number, number][] = [
    ["ask", width, dim],
    ["decode", dim, width],
  ];
  if (settled) return [["map", dim, dim], ["project", width, dim], ["gram", width, width], ...outer];
  const loops = Array.from({ length: bits - 1 }, (_, i): [string, number, number][] => [
    [`rebuild${i}`, dim, width],
    [`residual${i}`, width, dim],
  ]);
  return [["project", width, dim], ...loops.flat(), ...outer];
}

/** rows x the part's weights + bias, owned. */
export function linear(weights: RbeWeights, part: string, rows: Matrix): Matrix {
  const bias = weights[`${part}Bias`]!;
  const out = matrix(rows.rows, bias.length);
  kernels().matmulTransposedF32(rows.data, weights[part]!, out.data, rows.rows, rows.cols, bias.length);
  for (let i = 0; i < out.data.length; i++) out.data[i]! += bias[i % bias.length]!;
  return out;
}

/** Levels 0 to 2^bits - 1 of rows, a byte each: rows x width. Rows are taken as directions. */
export function levelsOf(weights: RbeWeights, { width, bits, settled }: RbeShape, rows: Matrix): Uint8Array {
  const levels = new Uint8Array(rows.rows * width);
  for (let first = 0; first < rows.rows; first += BLOCK_ROWS) {
    const some = rowsOf(rows, first, Math.min(rows.rows, first + BLOCK_ROWS));
    const units = matrix(some.rows, some.cols, some.data.slice());
    kernels().normalizeF32(units.data, units.cols);
    const out = levels.subarray(first * width, (first + some.rows) * width);
    if (settled) {
      const mapped = linear(weights, "map", units);
      kernels().normalizeF32(mapped.data, mapped.cols);
      settle(linear(weights, "project", mapped), weights.gram!, out);
      continue;
    }
    addBits(out, linear(weights, "project", units));
    for (let loop = 0; loop + 1 < bits; loop++) {
      const left = leftOver(units, linear(weights, `rebuild${loop}`, valuesOf(out, width, loop + 1)));
      addBits(out, linear(weights, `residual${loop}`, left));
    }
  }
  return levels;
}

/** A sign as one more bit below those so far. */
function addBits(levels: Uint8Array, { data }: Matrix): void {
  for (let i = 0; i < levels.length; i++) levels[i] = 2 * levels[i]! + (data[i]! >= 0 ? 1 : 0);
}

/** What levels of so many bits stand for: odd multiples of 2^(1 - bits), between -2 and 2. rows x width. */
export function valuesOf(levels: Uint8Array, width: number, bits: number): Matrix {
  const most = 2 ** bits - 1;
  const step = 2 ** (1 - bits);
  const data = Float32Array.from(levels, (level) => (2 * level - most) * step);
  return matrix(levels.length / width, width, data);
}

function leftOver(units: Matrix, rebuilt: Matrix): Matrix {
  kernels().normalizeF32(rebuilt.data, rebuilt.cols);
  for (let i = 0; i < rebuilt.data.length; i++) rebuilt.data[i] = units.data[i]! - rebuilt.data[i]!;
  return rebuilt;
}

/**
 * Weights without training: the principal directions of the rows, turned so that signs lie near to their values (ITQ); each loop takes the
 * code back by the same directions. Where a code is wider than rows there are several such turns, all but the first random.
 */
export function untrainedWeights(sample: Matrix, shape: RbeShape, options: FitOptions = {}): RbeWeights {
  const { dim, width } = shape;
  const units = matrix(sample.rows, dim, sample.data.slice());
  kernels().normalizeF32(units.data, dim);
  const project = directions(units, width, options);
  const back = transposed(project).data;
  const weights: Record<string, Float32Array> = {};
  for (const [name, outputs, inputs] of partsOfRbe(shape)) {
    weights[name] = outputs === width && inputs === dim && !isBack(name) ? project.data : back;
    weights[`${name}Bias`] = new Float32Array(outputs);
  }
  return weights;
}

/** The same of rows less their mean direction, whose signs then are about that mean. Loops stay as they are: one-bit codes gain. */
export function centredWeights(sample: Matrix, shape: RbeShape, options: FitOptions = {}): RbeWeights {
  const units = matrix(sample.rows, sample.cols, sample.data.slice());
  kernels().normalizeF32(units.data, units.cols);
  const mean = matrix(1, units.cols);
  for (let i = 0; i < units.data.length; i++) mean.data[i % units.cols]! += units.data[i]! / units.rows;
  for (let i = 0; i < units.data.length; i++) units.data[i]! -= mean.data[i % units.cols]!;
  const weights = untrainedWeights(units, shape, options);
  return { ...weights, projectBias: linear(weights, "project", mean).data.map((value) => -value) };
}

const isBack = (name: string): boolean => name.startsWith("rebuild") || name === "decode";

/** width x dim: principal directions turned; rows of each turn are orthonormal. @param units dim or more rows */
export function directions(units: Matrix, width: number, options: FitOptions): Matrix {
  const { seed = 1 } = options;
  const dim = units.cols;
  const out = matrix(width, dim);
  for (let first = 0; first < width; first += dim) {
    const count = Math.min(dim, width - first);
    const { components } = fitPca("rbe", units, { dim: count, centre: false }, seed);
    const basis = matrix(count, dim, components);
    const turn = first === 0 ? signTurn(units, basis, options) : randomTurn(count, seed + first);
    const to = rowsOf(out, first, first + count).data;
    kernels().matmulF32(transposed(matrix(count, count, turn)).data, components, to, count, count, dim);
  }
  return out;
}

function signTurn(units: Matrix, basis: Matrix, options: FitOptions): Float32Array {
  const some = sampleRows(
    units,
    Math.max(TURN.least, TURN.perColumn * basis.rows),
    new Random(options.seed ?? 1),
  );
  return signRotation(productTransposed(some, basis), options);
}

function randomTurn(dim: number, seed: number): Float32Array {
  const random = new Random(seed);
  return polarFactor(
    Float64Array.from({ length: dim * dim }, () => random.gaussian()),
    dim,
  );
}
