/** Symmetric positive definite systems by Cholesky's factorisation (Golub & Van Loan, Matrix Computations). f64. */
import { MnemeError } from "../errors.ts";

/** Solves a x = b in place of b. @param a n x n, row-major; overwritten. @throws MnemeError RANGE when it is not positive definite */
export function solvePositive(a: Float64Array, b: Float64Array): void {
  solveFactored(choleskyOf(a, b.length), b);
}

/** The lower factor, in place. @param a n x n, row-major. @throws MnemeError RANGE when it is not positive definite */
export function choleskyOf(a: Float64Array, n: number): Float64Array {
  for (let i = 0; i < n; i++) {
    for (let j = 0; j <= i; j++) {
      let sum = a[i * n + j]!;
      for (let k = 0; k < j; k++) sum -= a[i * n + k]! * a[j * n + k]!;
      if (i > j) a[i * n + j] = sum / a[j * n + j]!;
      else if (sum > 0) a[i * n + i] = Math.sqrt(sum);
      else throw new MnemeError("RANGE", `solve: the ${n} x ${n} matrix is not positive definite`);
    }
  }
  return a;
}

/** Solves in place of b. @param a what `choleskyOf` returned */
export function solveFactored(a: Float64Array, b: Float64Array): void {
  const n = b.length;
  for (let i = 0; i < n; i++) {
    for (let k = 0; k < i; k++) b[i]! -= a[i * n + k]! * b[k]!;
    b[i]! /= a[i * n + i]!;
  }
  for (let i = n - 1; i >= 0; i--) {
    for (let k = i + 1; k < n; k++) b[i]! -= a[k * n + i]! * b[k]!;
    b[i]! /= a[i * n + i]!;
  }
}
