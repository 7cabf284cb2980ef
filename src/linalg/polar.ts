/**
 * The orthogonal factor of a square matrix: the nearest orthogonal one, and of all the one that best turns A into B for A^T B
 * (orthogonal Procrustes: Schoenemann 1966). Newton's iteration, scaled (Higham, Computing the Polar Decomposition, 1986). f64 inside.
 */
import { MnemeError } from "../errors.ts";

const MOST_ROUNDS = 60;
const CLOSE = 1e-10;
/** From here on scaling would disturb what already converges. */
const NEAR = 1e-2;

/** @param a n x n, row-major, not singular. @throws MnemeError RANGE when it is */
export function polarFactor(a: Float64Array, n: number): Float32Array {
  let x = a.slice();
  let moved = Number.POSITIVE_INFINITY;
  for (let round = 0; round < MOST_ROUNDS && moved > CLOSE; round++) {
    const inverse = invert(x, n);
    const scale = moved < NEAR ? 1 : Math.sqrt(norm(inverse) / norm(x));
    const next = new Float64Array(n * n);
    let change = 0;
    for (let i = 0; i < n; i++) {
      for (let j = 0; j < n; j++) {
        const value = (scale * x[i * n + j]! + inverse[j * n + i]! / scale) / 2;
        change += (value - x[i * n + j]!) ** 2;
        next[i * n + j] = value;
      }
    }
    x = next;
    moved = Math.sqrt(change / n);
  }
  return Float32Array.from(x);
}

function norm(a: Float64Array): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += a[i]! * a[i]!;
  return Math.sqrt(sum);
}

/** Gauss-Jordan elimination with the largest pivot of each column. */
function invert(matrix: Float64Array, n: number): Float64Array {
  const a = matrix.slice();
  const out = new Float64Array(n * n);
  for (let i = 0; i < n; i++) out[i * n + i] = 1;
  for (let column = 0; column < n; column++) {
    const pivot = largestBelow(a, n, column);
    if (a[pivot * n + column] === 0)
      throw new MnemeError("RANGE", `polar factor: the ${n} x ${n} matrix is singular; no factor is nearest`);
    for (const rows of [a, out]) swapRows(rows, n, pivot, column);
    eliminate(a, out, n, column);
  }
  return out;
}

function largestBelow(a: Float64Array, n: number, column: number): number {
  let pivot = column;
  for (let r = column + 1; r < n; r++)
    if (Math.abs(a[r * n + column]!) > Math.abs(a[pivot * n + column]!)) pivot = r;
  return pivot;
}

function swapRows(a: Float64Array, n: number, i: number, j: number): void {
  if (i === j) return;
  const row = a.slice(i * n, (i + 1) * n);
  a.copyWithin(i * n, j * n, (j + 1) * n);
  a.set(row, j * n);
}

function eliminate(a: Float64Array, out: Float64Array, n: number, column: number): void {
  const own = column * n;
  const by = 1 / a[own + column]!;
  for (let k = column; k < n; k++) a[own + k]! *= by;
  for (let k = 0; k < n; k++) out[own + k]! *= by;
  for (let r = 0; r < n; r++) {
    const factor = a[r * n + column]!;
    if (r === column || factor === 0) continue;
    for (let k = column, at = r * n; k < n; k++) a[at + k]! -= factor * a[own + k]!;
    for (let k = 0, at = r * n; k < n; k++) out[at + k]! -= factor * out[own + k]!;
  }
}
