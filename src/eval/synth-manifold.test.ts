import { describe, expect, test } from "vitest";
import { matrix, rowOf, rowsOf } from "../linalg/matrix.ts";
import { Random } from "../linalg/random.ts";
import { ExactNearest, exactNearest } from "./exact-nearest.ts";
import { Manifold } from "./synth-manifold.ts";

const dot = (a: Float32Array, b: Float32Array): number => a.reduce((sum, x, i) => sum + x * b[i]!, 0);

describe("Manifold", () => {
  const manifold = new Manifold(48, { seed: 7 });
  const rows = manifold.rows(3000);

  test("one seed, one set of rows, whatever blocks they are asked for in", () => {
    const middle = new Float32Array(1500 * 48);
    new Manifold(48, { seed: 7 }).fill(900, middle);
    expect(middle).toEqual(rows.data.slice(900 * 48, 2400 * 48));
    expect(new Manifold(48, { seed: 8 }).rows(1).data).not.toEqual(rows.data.slice(0, 48));
  });

  test("rows are of unit length, queries are no rows", () => {
    for (let r = 0; r < 100; r++) expect(dot(rowOf(rows, r), rowOf(rows, r))).toBeCloseTo(1, 5);
    const queries = manifold.queries(5);
    for (const row of exactNearest(rows, queries, 1)) expect(row).toBeLessThan(3000);
    const [nearest] = exactNearest(rows, queries, 1);
    expect(dot(rowOf(rows, nearest!), rowOf(queries, 0))).toBeLessThan(0.9999);
  });

  test("few directions carry most of the spread, unlike noise", () => {
    const neighbours = exactNearest(rows, manifold.queries(20), 10);
    const random = new Random(1);
    const noise = matrix(
      3000,
      48,
      Float32Array.from({ length: 3000 * 48 }, () => random.gaussian() / 7),
    );
    const far = (all: typeof rows, row: number, query: Float32Array): number =>
      rowOf(all, row).reduce((sum, x, i) => sum + (x - query[i]!) ** 2, 0);
    const query = rowOf(manifold.queries(20), 0);
    const near = far(rows, neighbours[9]!, query) / far(rows, 17, query);
    const [nearestNoise] = exactNearest(
      noise,
      matrix(
        1,
        48,
        rowOf(noise, 5).map((x) => x + 0.05),
      ),
      2,
    ).slice(1);
    expect(near).toBeLessThan(far(noise, nearestNoise!, rowOf(noise, 5)) / far(noise, 17, rowOf(noise, 5)));
  });

  test("a shift moves the clusters", () => {
    expect(new Manifold(48, { seed: 7, shift: 9 }).rows(4).data).not.toEqual(rows.data.slice(0, 4 * 48));
  });

  test("refuses dimensions that are none", () => {
    expect(() => new Manifold(0)).toThrow("dimension");
  });
});

describe("ExactNearest", () => {
  test("finds what sorting finds, over blocks in any order", () => {
    const random = new Random(3);
    const rows = matrix(
      2500,
      6,
      Float32Array.from({ length: 2500 * 6 }, () => random.integer(4)),
    );
    const queries = matrix(
      4,
      6,
      Float32Array.from({ length: 24 }, () => random.integer(4)),
    );
    const nearest = new ExactNearest(queries, 12);
    nearest.add(rowsOf(rows, 1100, 2500), 1100);
    nearest.add(rowsOf(rows, 0, 1100), 0);
    for (let q = 0; q < 4; q++) {
      const distance = (r: number): number =>
        rowOf(rows, r).reduce((sum, x, i) => sum + (x - queries.data[q * 6 + i]!) ** 2, 0);
      const order = Array.from({ length: 2500 }, (_, r) => r).sort(
        (a, b) => distance(a) - distance(b) || a - b,
      );
      expect([...nearest.rows.subarray(q * 12, q * 12 + 12)]).toEqual(order.slice(0, 12));
    }
  });

  test("refuses k below one and rows of another width; leaves places open where there are too few rows", () => {
    const queries = matrix(1, 2);
    expect(() => new ExactNearest(queries, 0)).toThrow("k must be");
    expect(() => exactNearest(matrix(1, 3), queries, 1)).toThrow("values");
    expect([...exactNearest(matrix(1, 2), queries, 2)]).toEqual([0, 0xffff_ffff]);
  });
});
