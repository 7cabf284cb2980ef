/**
 * Score-aware product quantisation (Guo et al., Accelerating Large-Scale Inference with Anisotropic Vector Quantization, ICML 2020): what
 * a code loses along its row changes the high products with it, what it loses across them hardly does, so the former weighs more. Codes by
 * coordinate descent over parts; centroids in closed form, part by part.
 */
import { throwIfAborted } from "../errors.ts";
import { kernels } from "../kernels/index.ts";
import { type Matrix, rowOf } from "../linalg/matrix.ts";
import { solvePositive } from "../linalg/solve.ts";
import { squareOf } from "../linalg/square.ts";
import { type Codebooks, codeAt, codebooksOf, putCode } from "./codebooks.ts";
import { nearestCodes } from "./pq-encode.ts";

/** Rows whose distances to all centroids are held at once. */
const BLOCK_ROWS = 64;
/** Passes over the parts of a row: nearly all rows settle in three. */
const MOST_SWEEPS = 8;
const ROUNDS = 6;

/** Weight of the loss along a row over that across it, for rows that matter where their cosine with the query is at least `threshold`. */
export function parallelWeight(dim: number, threshold: number): number {
  return Math.max(1, ((dim - 1) * threshold ** 2) / (1 - threshold ** 2));
}

/** Codes of all rows with the least weighted loss that no change of one part betters. @param weight of the loss along a row */
export function anisotropicCodes(rows: Matrix, codebooks: Codebooks, weight: number): Uint8Array {
  const codes = nearestCodes(rows, codebooks);
  const { parts, size, codeBytes } = codebooks;
  const squares = codebooks.squares();
  const halves = parts.map(() => new Float32Array(BLOCK_ROWS * size));
  for (let first = 0; first < rows.rows; first += BLOCK_ROWS) {
    const count = Math.min(BLOCK_ROWS, rows.rows - first);
    const some = rows.data.subarray(first * rows.cols, (first + count) * rows.cols);
    using room = kernels().arena.alloc(some.byteLength);
    room.f32().set(some);
    parts.forEach(({ start, panels }, p) => {
      const out = halves[p]!.subarray(0, count * size);
      kernels().halfDistancesF32(room.f32().subarray(start), rows.cols, panels, out);
    });
    for (let r = 0; r < count; r++) {
      const at = (first + r) * codeBytes;
      settle(codebooks, squares, halves, r, codes.subarray(at, at + codeBytes), {
        square: squareOf(rowOf(rows, first + r)),
        weight,
      });
    }
  }
  return codes;
}

/** Changes the codes of one row, part by part, until none is better. @param halves of each part, half |c|^2 - <x, c> */
function settle(
  { parts, bits, size }: Codebooks,
  squares: Float32Array,
  halves: readonly Float32Array[],
  row: number,
  codes: Uint8Array,
  { square, weight }: { square: number; weight: number },
): void {
  if (square === 0) return;
  const share = (weight - 1) / square;
  const chosen = parts.map((_, p) => codeAt(codes, 0, p, bits));
  const product = (p: number, c: number): number => squares[p * size + c]! / 2 - halves[p]![row * size + c]!;
  /** What is missing of <x, decoded> to |x|^2. */
  let missing = square - chosen.reduce((sum, c, p) => sum + product(p, c), 0);
  for (let sweep = 0, changed = true; changed && sweep < MOST_SWEEPS; sweep++) {
    changed = false;
    for (let p = 0; p < parts.length; p++) {
      const without = missing + product(p, chosen[p]!);
      const own = halves[p]!;
      let [best, least] = [chosen[p]!, 2 * own[row * size + chosen[p]!]! + share * missing * missing];
      for (let c = 0; c < size; c++) {
        const half = own[row * size + c]!;
        const rest = without - squares[p * size + c]! / 2 + half;
        const loss = 2 * half + share * rest * rest;
        if (loss < least) [best, least] = [c, loss];
      }
      if (best === chosen[p]) continue;
      missing = without - product(p, best);
      chosen[p] = best;
      changed = true;
    }
  }
  codes.fill(0);
  chosen.forEach((c, p) => putCode(codes, 0, p, bits, c));
}

/** Codebooks of less weighted loss, by turns of codes and centroids. @param rows as they will be coded */
export function trainAnisotropic(
  rows: Matrix,
  start: Codebooks,
  weight: number,
  signal?: AbortSignal,
): Codebooks {
  let codebooks = start;
  for (let round = 0; round < ROUNDS; round++) {
    throwIfAborted(signal, "anisotropic");
    codebooks = betterCentroids(rows, codebooks, anisotropicCodes(rows, codebooks, weight), weight);
  }
  return codebooks;
}

/** The centroids of each part that lose least, the other parts and all codes given. */
function betterCentroids(rows: Matrix, codebooks: Codebooks, codes: Uint8Array, weight: number): Codebooks {
  const { parts, bits, size, codeBytes } = codebooks;
  const squares = Float64Array.from({ length: rows.rows }, (_, r) => squareOf(rowOf(rows, r)));
  const centroids = codebooks.rows();
  const missing = squares.slice();
  let at = 0;
  const places = parts.map(({ panels }) => {
    const from = at;
    at += size * panels.dim;
    return from;
  });
  const columns = parts.map(({ start, panels }, p) => ({ start, width: panels.dim, from: places[p]! }));
  const member = (r: number, p: number): Float32Array => {
    const { width, from } = columns[p]!;
    const code = codeAt(codes, r * codeBytes, p, bits);
    return centroids.subarray(from + code * width, from + (code + 1) * width);
  };
  const product = (r: number, p: number): number => {
    const { start } = columns[p]!;
    const x = r * rows.cols + start;
    return member(r, p).reduce((sum, value, d) => sum + value * rows.data[x + d]!, 0);
  };
  for (let r = 0; r < rows.rows; r++) for (let p = 0; p < parts.length; p++) missing[r]! -= product(r, p);
  columns.forEach(({ start, width, from }, p) => {
    for (let r = 0; r < rows.rows; r++) missing[r]! += product(r, p);
    const sums = new NormalEquations(size, width);
    for (let r = 0; r < rows.rows; r++) {
      const x = rows.data.subarray(r * rows.cols + start, r * rows.cols + start + width);
      const share = squares[r]! > 0 ? (weight - 1) / squares[r]! : 0;
      sums.add(codeAt(codes, r * codeBytes, p, bits), x, share, missing[r]!);
    }
    sums.solve(centroids.subarray(from, from + size * width));
    for (let r = 0; r < rows.rows; r++) missing[r]! -= product(r, p);
  });
  return codebooksOf(bits, columns, centroids);
}

/** For each centroid c of a part: the sum over its rows of |x - c|^2 + share (target - <x, c>)^2 is least. */
class NormalEquations {
  readonly #width: number;
  readonly #left: Float64Array;
  readonly #right: Float64Array;
  readonly #counts: Uint32Array;

  constructor(size: number, width: number) {
    this.#width = width;
    this.#left = new Float64Array(size * width * width);
    this.#right = new Float64Array(size * width);
    this.#counts = new Uint32Array(size);
  }

  add(centroid: number, x: Float32Array, share: number, target: number): void {
    const width = this.#width;
    this.#counts[centroid]!++;
    for (let i = 0; i < width; i++) {
      const at = (centroid * width + i) * width;
      this.#right[centroid * width + i]! += (1 + share * target) * x[i]!;
      for (let j = 0; j < width; j++) this.#left[at + j]! += share * x[i]! * x[j]!;
      this.#left[at + i]! += 1;
    }
  }

  /** Centroids without rows stay. */
  solve(centroids: Float32Array): void {
    const width = this.#width;
    this.#counts.forEach((count, c) => {
      if (count === 0) return;
      const right = this.#right.subarray(c * width, (c + 1) * width);
      solvePositive(this.#left.subarray(c * width * width, (c + 1) * width * width), right);
      centroids.set(right, c * width);
    });
  }
}
