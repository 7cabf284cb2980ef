import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { gaussian } from "../../test/support/gaussian.ts";
import {
  fewestDirections,
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

describe("Random", () => {
  test("one seed, one sequence; known first values", () => {
    const [a, b] = [new Random(42), new Random(42)];
    expect(Array.from({ length: 5 }, () => a.u32())).toEqual(Array.from({ length: 5 }, () => b.u32()));
    expect(new Random(1).u32()).not.toBe(new Random(2).u32());
  });

  test("any whole number is a seed, by its lower 32 bits", () => {
    const first = (seed: number): number => new Random(seed).u32();
    expect(new Set([0, 1, -1, 2 ** 31, 7].map(first)).size).toBe(5);
    expect([first(-1), first(2 ** 32 + 7)]).toEqual([first(2 ** 32 - 1), first(7)]);
    const zero = new Random(0);
    expect(new Set(Array.from({ length: 100 }, () => zero.u32())).size).toBe(100);
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

test("thin SVD of a matrix of lower rank: what is rounding is zero, and the rest multiplies back", () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 12 }),
      fc.integer({ min: 1, max: 12 }),
      fc.nat(5),
      fc.constantFrom(1e-12, 1, 1e12),
      fc.integer(),
      (rows, cols, most, scale, seed) => {
        const rank = Math.min(most, rows, cols);
        const [left, right] = [gaussian(rows, rank, seed), gaussian(rank, cols, seed + 1)];
        const a = matrix(rows, cols);
        for (let r = 0; r < rows; r++)
          for (let c = 0; c < cols; c++)
            for (let k = 0; k < rank; k++)
              a.data[r * cols + c]! += scale * left.data[r * rank + k]! * right.data[k * cols + c]!;
        const { u, singular, v } = thinSvd(a);
        expect(singular.length).toBe(Math.min(rows, cols));
        expect([...singular].filter((value) => value > 0).length).toBeLessThanOrEqual(rank);
        const largest = singular[0]!;
        for (let r = 0; r < rows; r++)
          for (let c = 0; c < cols; c++) {
            let sum = 0;
            singular.forEach((s, k) => {
              sum += u.data[r * u.cols + k]! * s * v.data[c * v.cols + k]!;
            });
            expect(Math.abs(sum - a.data[r * cols + c]!)).toBeLessThanOrEqual(1e-5 * largest);
          }
        for (const side of [u, v])
          for (let i = 0; i < singular.length; i++) {
            if (singular[i] === 0) continue;
            let square = 0;
            for (let r = 0; r < side.rows; r++) square += side.data[r * side.cols + i]! ** 2;
            expect(square).toBeCloseTo(1, 3);
          }
      },
    ),
    { seed: 7, numRuns: 200 },
  );
});

test("eigenvectors of matrices that are zero, singular, tiny, huge or of large condition", () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 10 }),
      fc.array(fc.constantFrom(0, 1e-300, 1e-15, 1e-8, 1, 1, 3, 1e8, 1e150, -1), {
        minLength: 10,
        maxLength: 10,
      }),
      fc.integer(),
      (n, wanted, seed) => {
        // a random orthogonal basis with these eigenvalues
        const random = new Random(seed);
        const basis = polarFactor(
          Float64Array.from({ length: n * n }, () => random.gaussian()),
          n,
        );
        const a = new Float64Array(n * n);
        for (let i = 0; i < n; i++)
          for (let j = 0; j <= i; j++) {
            let sum = 0;
            for (let k = 0; k < n; k++) sum += basis[k * n + i]! * wanted[k]! * basis[k * n + j]!;
            a[i * n + j] = sum;
            a[j * n + i] = sum;
          }
        const size = Math.max(...a.map(Math.abs));
        const { values, vectors } = symmetricEigen(a, n);
        for (let e = 0; e < n; e++) {
          for (let i = 0; i < n; i++) {
            let product = 0;
            for (let j = 0; j < n; j++) product += a[i * n + j]! * vectors[e * n + j]!;
            expect(Math.abs(product - values[e]! * vectors[e * n + i]!)).toBeLessThanOrEqual(
              1e-12 * n * size,
            );
          }
          expect(Math.hypot(...vectors.subarray(e * n, (e + 1) * n))).toBeCloseTo(1, 10);
        }
      },
    ),
    { seed: 13, numRuns: 500 },
  );
  const nan = Float64Array.of(1, Number.NaN, Number.NaN, 1);
  expect(() => symmetricEigen(nan, 2)).toThrow(expect.objectContaining({ code: "NOT_FINITE" }));
});

test("k-means of equal rows, of as many clusters as rows, of one row", () => {
  const equal = matrix(50, 3, new Float32Array(150).fill(2));
  const { centroids, inertia, assignment } = kMeans(equal, 7, { seed: 3 });
  expect([...centroids.data].every((value) => value === 2)).toBe(true);
  expect(inertia).toBe(0);
  expect([...assignment].every((cluster) => cluster === 0)).toBe(true);
  const rows = gaussian(9, 4, 8);
  const all = kMeans(rows, 9, { seed: 5 });
  expect(new Set(all.assignment).size).toBeGreaterThan(6);
  all.assignment.forEach((cluster, r) => {
    const own = rowOf(rows, r).reduce((sum, x, i) => sum + (x - rowOf(all.centroids, cluster)[i]!) ** 2, 0);
    for (let c = 0; c < 9; c++) {
      const other = rowOf(rows, r).reduce((sum, x, i) => sum + (x - rowOf(all.centroids, c)[i]!) ** 2, 0);
      expect(own).toBeLessThanOrEqual(other + 1e-5);
    }
  });
  expect([...kMeans(matrix(1, 2, Float32Array.of(4, 5)), 1).centroids.data]).toEqual([4, 5]);
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

test("as few directions as keep a share of the variance of rows that they were not taken from", () => {
  const rows = gaussian(2000, 20, 9);
  for (let i = 0; i < rows.data.length; i++) rows.data[i]! *= [3, 3, 1, 1, 1][i % 20] ?? 0.1;
  const all = Array.from({ length: 19 }, (_, i) => i + 1);
  const wanted = (share: number): number | undefined => fewestDirections(rows, all, share, 1);
  // variances 9, 9, 1, 1, 1 and fifteen of 0.01
  expect([0.3, 0.8, 0.88, 0.98].map(wanted)).toEqual([1, 2, 3, 5]);
  expect([wanted(1), fewestDirections(rows, [], 0.5, 1)]).toEqual([undefined, undefined]);
  // as many directions as there are rows keep those rows, and little of others
  expect(fewestDirections(gaussian(12, 40, 3), [6, 12], 0.9, 1)).toBeUndefined();
});
