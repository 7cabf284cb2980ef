/**
 * Eigenvectors of a symmetric matrix: Householder tridiagonalisation, then implicit QL (Martin, Reinsch & Wilkinson 1968; Golub & Van
 * Loan, Matrix Computations). All in f64.
 */
import { MnemeError } from "../errors.ts";

export interface Eigen {
  /** Descending. */
  readonly values: Float64Array;
  /** Row i is the unit eigenvector of values[i]: n x n, row-major. */
  readonly vectors: Float64Array;
}

const MAX_SWEEPS = 60;

/** @param a n x n symmetric, row-major; not changed. @throws MnemeError NOT_FINITE */
export function symmetricEigen(a: Float64Array, n: number): Eigen {
  if (a.some((value) => !Number.isFinite(value)))
    throw new MnemeError("NOT_FINITE", "eigen: the matrix holds a value that is not finite");
  // columns of z become the eigenvectors
  const z = a.slice();
  const diagonal = new Float64Array(n);
  const off = new Float64Array(n);
  tridiagonalise(z, n, diagonal, off);
  implicitQl(z, n, diagonal, off);
  const order = Array.from(diagonal.keys()).sort((i, j) => diagonal[j]! - diagonal[i]!);
  const vectors = new Float64Array(n * n);
  order.forEach((column, i) => {
    for (let k = 0; k < n; k++) vectors[i * n + k] = z[k * n + column]!;
  });
  return { values: Float64Array.from(order, (i) => diagonal[i]!), vectors };
}

function tridiagonalise(z: Float64Array, n: number, d: Float64Array, e: Float64Array): void {
  for (let i = n - 1; i > 0; i--) reduceRow(z, n, i, d, e);
  d[0] = 0;
  e[0] = 0;
  for (let i = 0; i < n; i++) {
    if (d[i] !== 0) {
      for (let j = 0; j < i; j++) {
        let g = 0;
        for (let k = 0; k < i; k++) g += z[i * n + k]! * z[k * n + j]!;
        for (let k = 0; k < i; k++) z[k * n + j]! -= g * z[k * n + i]!;
      }
    }
    d[i] = z[i * n + i]!;
    z[i * n + i] = 1;
    for (let j = 0; j < i; j++) {
      z[j * n + i] = 0;
      z[i * n + j] = 0;
    }
  }
}

/** One Householder reflection: clears row i left of the subdiagonal. */
function reduceRow(z: Float64Array, n: number, i: number, d: Float64Array, e: Float64Array): void {
  const last = i - 1;
  let scale = 0;
  for (let k = 0; k <= last; k++) scale += Math.abs(z[i * n + k]!);
  if (last === 0 || scale === 0) {
    e[i] = z[i * n + last]!;
    d[i] = 0;
    return;
  }
  let h = 0;
  for (let k = 0; k <= last; k++) {
    z[i * n + k]! /= scale;
    h += z[i * n + k]! ** 2;
  }
  const f = z[i * n + last]!;
  const g = f >= 0 ? -Math.sqrt(h) : Math.sqrt(h);
  e[i] = scale * g;
  h -= f * g;
  z[i * n + last] = f - g;
  reflect(z, n, i, h, e);
  d[i] = h;
}

function reflect(z: Float64Array, n: number, i: number, h: number, e: Float64Array): void {
  let sum = 0;
  for (let j = 0; j < i; j++) {
    z[j * n + i] = z[i * n + j]! / h;
    let g = 0;
    for (let k = 0; k <= j; k++) g += z[j * n + k]! * z[i * n + k]!;
    for (let k = j + 1; k < i; k++) g += z[k * n + j]! * z[i * n + k]!;
    e[j] = g / h;
    sum += e[j]! * z[i * n + j]!;
  }
  const half = sum / (h + h);
  for (let j = 0; j < i; j++) {
    const f = z[i * n + j]!;
    const g = e[j]! - half * f;
    e[j] = g;
    for (let k = 0; k <= j; k++) z[j * n + k]! -= f * e[k]! + g * z[i * n + k]!;
  }
}

function implicitQl(z: Float64Array, n: number, d: Float64Array, e: Float64Array): void {
  e.copyWithin(0, 1);
  e[n - 1] = 0;
  for (let low = 0; low < n; low++) {
    for (let sweep = 0; ; sweep++) {
      const high = splitPoint(d, e, low, n);
      if (high === low) break;
      if (sweep === MAX_SWEEPS)
        throw new MnemeError("INTERNAL", `eigen: no convergence in ${MAX_SWEEPS} sweeps`);
      sweepQl(z, n, d, e, low, high);
    }
  }
}

function splitPoint(d: Float64Array, e: Float64Array, low: number, n: number): number {
  let m = low;
  for (; m < n - 1; m++) {
    const around = Math.abs(d[m]!) + Math.abs(d[m + 1]!);
    if (Math.abs(e[m]!) <= Number.EPSILON * around) break;
  }
  return m;
}

function sweepQl(
  z: Float64Array,
  n: number,
  d: Float64Array,
  e: Float64Array,
  low: number,
  high: number,
): void {
  let g = (d[low + 1]! - d[low]!) / (2 * e[low]!);
  let r = Math.hypot(g, 1);
  g = d[high]! - d[low]! + e[low]! / (g + (g >= 0 ? Math.abs(r) : -Math.abs(r)));
  let [s, c, p] = [1, 1, 0];
  let i = high - 1;
  for (; i >= low; i--) {
    const f = s * e[i]!;
    const b = c * e[i]!;
    r = Math.hypot(f, g);
    e[i + 1] = r;
    if (r === 0) {
      d[i + 1]! -= p;
      e[high] = 0;
      break;
    }
    s = f / r;
    c = g / r;
    g = d[i + 1]! - p;
    r = (d[i]! - g) * s + 2 * c * b;
    p = s * r;
    d[i + 1] = g + p;
    g = c * r - b;
    for (let k = 0; k < n; k++) {
      const above = z[k * n + i + 1]!;
      z[k * n + i + 1] = s * z[k * n + i]! + c * above;
      z[k * n + i] = c * z[k * n + i]! - s * above;
    }
  }
  if (r === 0 && i >= low) return;
  d[low]! -= p;
  e[low] = g;
  e[high] = 0;
}
