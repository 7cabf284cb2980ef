/** A rotation of rows before they are coded: none, a random one told by its seed, or a learned one that is stored. Products stay. */
import { kernels } from "../kernels/index.ts";
import { type Matrix, matrix, rowsOf } from "../linalg/matrix.ts";
import { HadamardRotation } from "../linalg/rotation.ts";

/** Rows turned at once: bounds what is copied to the kernels' memory. */
const BLOCK_ROWS = 1024;

export const ROTATIONS = ["none", "random", "opq"] as const;
export type RotationKind = (typeof ROTATIONS)[number];

export interface RowRotation {
  readonly kind: RotationKind;
  readonly bytes: number;
  /** New rows; those given where nothing turns. */
  forward(rows: Matrix): Matrix;
  backward(rows: Matrix): Matrix;
  /** Of a learned rotation: dim x dim, row-major, out = rows times it. */
  readonly learned?: Float32Array;
}

export const noRotation: RowRotation = {
  kind: "none",
  bytes: 0,
  forward: (rows) => rows,
  backward: (rows) => rows,
};

export function randomRotation(dim: number, seed: number): RowRotation {
  const rotation = new HadamardRotation(dim, seed);
  const turned = (rows: Matrix, turn: (data: Float32Array) => void): Matrix => {
    const data = rows.data.slice();
    turn(data);
    return matrix(rows.rows, rows.cols, data);
  };
  return {
    kind: "random",
    bytes: rotation.bytes,
    forward: (rows) => turned(rows, (data) => rotation.apply(data)),
    backward: (rows) => turned(rows, (data) => rotation.invert(data)),
  };
}

/** @param learned dim x dim, orthogonal */
export function learnedRotation(dim: number, learned: Float32Array): RowRotation {
  const transposed = new Float32Array(learned.length);
  for (let i = 0; i < dim; i++) for (let j = 0; j < dim; j++) transposed[j * dim + i] = learned[i * dim + j]!;
  const product = (rows: Matrix, by: Float32Array): Matrix => {
    const out = matrix(rows.rows, dim);
    for (let first = 0; first < rows.rows; first += BLOCK_ROWS) {
      const last = Math.min(rows.rows, first + BLOCK_ROWS);
      const [from, to] = [rowsOf(rows, first, last), rowsOf(out, first, last)];
      kernels().matmulTransposedF32(from.data, by, to.data, last - first, dim, dim);
    }
    return out;
  };
  return {
    kind: "opq",
    bytes: learned.byteLength + transposed.byteLength,
    forward: (rows) => product(rows, transposed),
    backward: (rows) => product(rows, learned),
    learned,
  };
}
