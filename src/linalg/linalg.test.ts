import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  HadamardRotation,
  kMeans,
  matrix,
  moments,
  polarFactor,
  principalSpan,
  Random,
  rowOf,
  sampleRows,
  symmetricEigen,
  thinSvd,
} from "./index.ts";

function gaussian(rows: number, cols: number, seed: number): ReturnType<typeof matrix> {
  const random = new Random(seed);
  return matrix(
    rows,
    cols,
    Float32Array.from({ length: rows * cols }, () => random.gaussian()),
  );
}

describe("Random", () => {
  test("one seed, one sequence; known first values", () => {
    const [a, b] = [new Random(42), new Random(42)];
    expect(Array.from({ length: 5 }, () => a.u32())).toEqual(Array.from({ length: 5 }, () => b.u32()));
    expect(new Random(1).u32()).not.toBe(new Random(2).u32());
  });

  test("moments of uniform and normal numbers", () => {
    const random = new Random(3);
    const [uniform, normal] = [
      Array.from({ length: 20_000 }, () => random.uniform()),
      Array.from({ length: 20_000 }, () => random.gaussian()),
    ];
    const mean = (values: number[]): number => values.reduce((a, b) => a + b) / values.length;
    expect(mean(uniform)).toBeCloseTo(0.5, 1);
    expect(mean(normal)).toBeCloseTo(0, 1);
    expect(mean(normal.map((x) => x * x))).toBeCloseTo(1, 1);
  });

  test("samples are different, ascending and in range", () => {
    fc.assert(
      fc.property(fc.nat(200), fc.nat(250), fc.integer(), (n, count, seed) => {
        const sample = new Random(seed).sample(n, count);
        expect(new Set(sample).size).toBe(Math.min(n, count));
        expect(
          sample.every((value, i) => value >= 0 && value < n && (i === 0 || value > sample[i - 1]!)),
        ).toBe(true);
      }),
      { seed: 1 },
    );
  });
});

test.each([1, 2, 3, 7, 64, 100, 384, 512])("rotation of %i values keeps products and inverts", (dim) => {
  const rotation = new HadamardRotation(dim, 7);
  const rows = gaussian(4, dim, 1);
  const turned = rows.data.slice();
  rotation.apply(turned);
  const dot = (data: Float32Array, i: number, j: number): number => {
    let sum = 0;
    for (let k = 0; k < dim; k++) sum += data[i * dim + k]! * data[j * dim + k]!;
    return sum;
  };
  for (let i = 0; i < 4; i++)
    for (let j = 0; j < 4; j++) expect(dot(turned, i, j)).toBeCloseTo(dot(rows.data, i, j), 2);
  rotation.invert(turned);
  turned.forEach((value, i) => expect(value).toBeCloseTo(rows.data[i]!, 3));
});

test.each([1, 2, 5, 40])("eigenvectors of a symmetric %i x %i matrix", (n) => {
  const random = new Random(n);
  const a = new Float64Array(n * n);
  for (let i = 0; i < n; i++) for (let j = 0; j <= i; j++) a[i * n + j] = a[j * n + i] = random.gaussian();
  const { values, vectors } = symmetricEigen(a, n);
  for (let e = 0; e < n; e++) {
    for (let i = 0; i < n; i++) {
      let product = 0;
      for (let j = 0; j < n; j++) product += a[i * n + j]! * vectors[e * n + j]!;
      expect(product).toBeCloseTo(values[e]! * vectors[e * n + i]!, 8);
    }
    for (let f = 0; f <= e; f++) {
      let product = 0;
      for (let j = 0; j < n; j++) product += vectors[e * n + j]! * vectors[f * n + j]!;
      expect(product).toBeCloseTo(e === f ? 1 : 0, 8);
    }
    if (e > 0) expect(values[e]!).toBeLessThanOrEqual(values[e - 1]!);
  }
});

test.each([
  [6, 3],
  [3, 6],
  [5, 5],
])("thin SVD of %i x %i multiplies back", (rows, cols) => {
  const a = gaussian(rows, cols, 9);
  const { u, singular, v } = thinSvd(a);
  for (let i = 0; i < rows; i++) {
    for (let j = 0; j < cols; j++) {
      let sum = 0;
      singular.forEach((s, k) => {
        sum += u.data[i * u.cols + k]! * s * v.data[j * v.cols + k]!;
      });
      expect(sum).toBeCloseTo(a.data[i * cols + j]!, 4);
    }
  }
});

test("covariance equals the definition", () => {
  const a = gaussian(150, 4, 2);
  const { mean, covariance } = moments(a);
  for (let i = 0; i < 4; i++) {
    for (let j = 0; j < 4; j++) {
      let sum = 0;
      for (let r = 0; r < 150; r++) sum += (a.data[r * 4 + i]! - mean[i]!) * (a.data[r * 4 + j]! - mean[j]!);
      expect(covariance[i * 4 + j]).toBeCloseTo(sum / 149, 8);
    }
  }
  expect(() => moments(gaussian(1, 4, 2))).toThrow(/at least 2/);
});

test("k-means finds planted clusters and refuses a wrong k", () => {
  const random = new Random(5);
  const rows = matrix(300, 8);
  for (let r = 0; r < 300; r++)
    for (let c = 0; c < 8; c++) rows.data[r * 8 + c] = (c === r % 3 ? 10 : 0) + random.gaussian() * 0.1;
  const { assignment, inertia, centroids } = kMeans(rows, 3, { seed: 2 });
  for (let r = 3; r < 300; r++) expect(assignment[r]).toBe(assignment[r % 3]);
  expect(inertia).toBeLessThan(300 * 8 * 0.02);
  expect(Math.max(...rowOf(centroids, 0))).toBeCloseTo(10, 0);
  expect(() => kMeans(rows, 301)).toThrow(/from 1 to the 300 rows/);
});

test("k-means goes on from given centroids; samples are the rows themselves", () => {
  const rows = gaussian(400, 5, 3);
  const first = kMeans(rows, 6, { seed: 4, iterations: 3 });
  const more = kMeans(rows, 6, { start: first.centroids });
  expect(more.inertia).toBeLessThanOrEqual(first.inertia);
  const some = sampleRows(rows, 30, new Random(1));
  expect(some.rows).toBe(30);
  const known = new Set(Array.from({ length: 400 }, (_, r) => rowOf(rows, r).join()));
  for (let r = 0; r < 30; r++) expect(known.has(rowOf(some, r).join())).toBe(true);
  expect(sampleRows(rows, 400, new Random(1))).toBe(rows);
});

test.each([1, 2, 7, 24])("the polar factor of a %i x %i matrix is that of its SVD", (n) => {
  const a = gaussian(n, n, n);
  const factor = polarFactor(Float64Array.from(a.data), n);
  const { u, v } = thinSvd(a);
  for (let i = 0; i < n; i++) {
    for (let j = 0; j < n; j++) {
      let [product, own] = [0, 0];
      for (let k = 0; k < n; k++) {
        product += u.data[i * n + k]! * v.data[j * n + k]!;
        own += factor[i * n + k]! * factor[j * n + k]!;
      }
      expect(factor[i * n + j]).toBeCloseTo(product, 3);
      expect(own).toBeCloseTo(i === j ? 1 : 0, 5);
    }
  }
  expect(() => polarFactor(new Float64Array(n * n), n)).toThrow(/singular/);
});

test("the principal span is orthonormal, holds the variance that eigenvectors hold, and survives equal rows", () => {
  const rows = gaussian(300, 20, 21);
  // variance falls from column to column
  for (let i = 0; i < rows.data.length; i++) rows.data[i]! *= 0.7 ** (i % 20);
  const { mean, covariance } = moments(rows);
  for (let i = 0; i < rows.data.length; i++) rows.data[i]! -= mean[i % 20]!;
  const span = principalSpan(rows, 5, 1);
  const product = (a: number, b: number): number =>
    rowOf(span, a).reduce((sum, x, i) => sum + x * rowOf(span, b)[i]!, 0);
  for (let a = 0; a < 5; a++)
    for (let b = 0; b <= a; b++) expect(product(a, b)).toBeCloseTo(a === b ? 1 : 0, 5);
  let held = 0;
  for (let r = 0; r < 300; r++)
    for (let j = 0; j < 5; j++)
      held += rowOf(span, j).reduce((sum, x, i) => sum + x * rowOf(rows, r)[i]!, 0) ** 2 / 299;
  const { values } = symmetricEigen(covariance, 20);
  expect(held / values.subarray(0, 5).reduce((a, b) => a + b)).toBeGreaterThan(0.999);
  const equal = principalSpan(matrix(10, 6), 6, 1);
  expect(Math.hypot(...equal.data)).toBeCloseTo(Math.sqrt(6), 5);
});
