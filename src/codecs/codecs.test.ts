import { describe, expect, test } from "vitest";
import { gaussian } from "../../test/support/gaussian.ts";
import { kernels } from "../kernels/index.ts";
import { type Matrix, matrix, rowOf } from "../linalg/matrix.ts";
import { Random } from "../linalg/random.ts";
import type { Metric } from "./codec.ts";
import { compose, int8, parseCodec, pca, rabitq, restoreCoder, truncate } from "./index.ts";

function exact(metric: Metric, q: Float32Array, x: Float32Array): number {
  let [dot, qq, xx] = [0, 0, 0];
  q.forEach((value, i) => {
    dot += value * x[i]!;
    qq += value * value;
    xx += x[i]! ** 2;
  });
  return metric === "dot" ? dot : metric === "cosine" ? dot / Math.sqrt(qq * xx) : -(qq + xx - 2 * dot);
}

/** Recipe, and the largest relative error of a decoded row. */
const cases = [
  ["f32", 0],
  ["int8", 0.01],
  ["int4-g32", 0.12],
  ["rabitq1", 0.9],
  ["rabitq2", 0.5],
  ["rabitq4", 0.14],
  ["rabitq6", 0.04],
  ["rabitq8", 0.02],
  ["pca40>int8", 0.8],
  ["truncate48>rabitq4", 1.2],
  ["pq4x36", 0.7],
  ["pq4x35-random", 0.7],
  ["pq4x72-opq", 0.4],
  ["pq4x36-random-avq20", 0.8],
  ["pq8x18", 0.99],
  ["truncate48>pq4x24", 1.2],
  ["pca40>pq8x20-random", 0.9],
  ["pca40w>rabitq4", 0.9],
  ["pca40u>int8", 0.8],
  ["rq4x48", 0.8],
  ["rq4x40-beam2", 0.9],
  ["pca40>rq4x40", 0.95],
  ["rbe1x64", 0.85],
  ["rbe2x72", 0.5],
  ["rbe4x72", 0.25],
  ["rbe2x72-sym", 1],
  ["rbe4x48-sym", 1],
  ["rbe1x144", 1],
  ["sign", 0.7],
  ["rotate>sign", 0.7],
  ["itq72>sign", 0.75],
  ["itq40u>sign", 1],
  ["rotate>sign-hamming", 1],
] as const;

describe.each(cases)("contract of %s", (recipe, bound) => {
  const dim = 72;
  const rows = gaussian(50, dim, 3);
  if (/sign|rbe/.test(recipe)) toOneLength(rows);
  const coder = parseCodec(recipe).fit(gaussian(400, dim, 4), { seed: 5 });

  test("decodes within its bound, fixed bytes a row", () => {
    const codes = coder.encode(rows);
    expect(codes.byteLength).toBe(50 * coder.blockBytes!);
    const decoded = coder.decode(codes, 50);
    for (let r = 0; r < 50; r++) {
      let [error, square] = [0, 0];
      rowOf(rows, r).forEach((value, i) => {
        error += (value - rowOf(decoded, r)[i]!) ** 2;
        square += value * value;
      });
      expect(Math.sqrt(error / square)).toBeLessThanOrEqual(bound + 1e-6);
    }
  });

  test.each(["cosine", "dot", "l2"] as const)("scores like exact %s, larger is better", (metric) => {
    const query = rowOf(gaussian(1, dim, 9), 0);
    const scores = new Float32Array(50);
    const codes = coder.encode(rows);
    expect(coder.scorer(query, metric).score(codes, 0, 50, scores)).toBe(50);
    const part = new Float32Array(7);
    coder.scorer(query, metric).score(codes, 20, 7, part);
    part.forEach((value, i) => expect(value).toBeCloseTo(scores[20 + i]!, 3));
    const truth = Array.from({ length: 50 }, (_, r) => exact(metric, query, rowOf(rows, r)));
    expect(correlation([...scores], truth)).toBeGreaterThan(bound <= 0.14 ? 0.98 : bound < 1 ? 0.55 : 0.4);
  });

  test("deterministic; survives serialisation", () => {
    const again = parseCodec(recipe).fit(gaussian(400, dim, 4), { seed: 5 });
    expect(again.encode(rows)).toEqual(coder.encode(rows));
    const restored = restoreCoder(coder.serialize());
    expect(restored.id).toBe(coder.id);
    expect(restored.encode(rows)).toEqual(coder.encode(rows));
  });

  test("refuses bad input by name; takes none and zero rows", () => {
    expect(() => coder.encode(gaussian(2, dim + 1, 1))).toThrow(/values/);
    const bad = gaussian(2, dim, 1);
    bad.data[dim + 3] = Number.NaN;
    expect(() => coder.encode(bad)).toThrow(/row 1 holds NaN/);
    expect(() => coder.scorer(new Float32Array(dim - 1), "dot")).toThrow(/values/);
    expect(coder.encode(matrix(0, dim)).byteLength).toBe(0);
    const zero = coder.encode(matrix(1, dim));
    const score = new Float32Array(1);
    coder.scorer(rowOf(rows, 0), "cosine").score(zero, 0, 1, score);
    expect(Number.isFinite(score[0])).toBe(true);
  });
});

/** What codes of directions take all rows for. */
function toOneLength({ data, cols }: Matrix): void {
  kernels().normalizeF32(data, cols);
  for (let i = 0; i < data.length; i++) data[i]! *= Math.sqrt(cols);
}

function correlation(a: number[], b: number[]): number {
  const mean = (v: number[]): number => v.reduce((x, y) => x + y) / v.length;
  const [ma, mb] = [mean(a), mean(b)];
  let [ab, aa, bb] = [0, 0, 0];
  a.forEach((value, i) => {
    ab += (value - ma) * (b[i]! - mb);
    aa += (value - ma) ** 2;
    bb += (b[i]! - mb) ** 2;
  });
  return ab / Math.sqrt(aa * bb);
}

const squaredNorm = (row: Float32Array): number => row.reduce((sum, value) => sum + value * value, 0);

test.each([1, 2, 4])("rabitq%i estimates products without bias", (bits) => {
  const dim = 64;
  const [x, q] = [gaussian(1, dim, 1), rowOf(gaussian(1, dim, 2), 0)];
  const truth = exact("dot", q, x.data);
  const estimates = Array.from({ length: 600 }, (_, seed) => {
    const coder = rabitq({ bits }).fit(matrix(0, dim), { seed: seed + 1 });
    const out = new Float32Array(1);
    coder.scorer(q, "dot").score(coder.encode(x), 0, 1, out);
    return out[0]!;
  });
  const mean = estimates.reduce((a, b) => a + b) / estimates.length;
  const deviation = Math.sqrt(
    estimates.reduce((sum, value) => sum + (value - mean) ** 2, 0) / estimates.length,
  );
  expect(Math.abs(mean - truth)).toBeLessThan((4 * deviation) / Math.sqrt(estimates.length));
});

test("more bits, smaller error", () => {
  const rows = gaussian(100, 128, 1);
  const query = rowOf(gaussian(1, 128, 2), 0);
  const errors = [1, 2, 3, 4, 6, 8].map((bits) => {
    const coder = rabitq({ bits }).fit(matrix(0, 128), { seed: 1 });
    const out = new Float32Array(100);
    coder.scorer(query, "dot").score(coder.encode(rows), 0, 100, out);
    return out.reduce((sum, value, r) => sum + (value - exact("dot", query, rowOf(rows, r))) ** 2, 0);
  });
  errors.forEach((error, i) => i > 0 && expect(error).toBeLessThan(errors[i - 1]!));
});

test("pca keeps the directions of variance; composition shortens rows", () => {
  const random = new Random(8);
  const rows = matrix(500, 20);
  for (let r = 0; r < 500; r++)
    for (let c = 0; c < 20; c++) rows.data[r * 20 + c] = random.gaussian() * (c < 3 ? 10 : 0.1) + 5;
  const coder = compose(pca({ dim: 3 }), int8()).fit(rows);
  const decoded = coder.decode(coder.encode(rows), 500);
  let error = 0;
  decoded.data.forEach((value, i) => {
    error += (value - rows.data[i]!) ** 2;
  });
  expect(error / (500 * 20)).toBeLessThan(0.05);
  expect(coder.blockBytes).toBe(3 + 8);
});

test("without a centre all components keep the products of rows far from the origin", () => {
  const rows = gaussian(300, 12, 2);
  for (let i = 0; i < rows.data.length; i++) rows.data[i]! += 3;
  const [centred, uncentred] = [true, false].map((centre) => {
    const transform = pca({ dim: 12, centre }).fit(rows);
    const turned = transform.forward(rows);
    expect(squaredNorm(rowOf(transform.backward(turned), 7))).toBeCloseTo(squaredNorm(rowOf(rows, 7)), 2);
    return exact("dot", rowOf(turned, 0), rowOf(turned, 1));
  });
  const truth = exact("dot", rowOf(rows, 0), rowOf(rows, 1));
  expect(uncentred).toBeCloseTo(truth, 2);
  expect(Math.abs(centred! - truth)).toBeGreaterThan(10);
  expect(pca({ dim: 4, centre: false, whiten: true }).id).toBe("pca4wu");
  expect(() => parseCodec("pca4x>int8")).toThrow(/unknown/);
});

test("recipes that cannot be are refused", () => {
  expect(() => rabitq({ bits: 9 })).toThrow(/1 to 8/);
  expect(() => parseCodec("zip9")).toThrow(/families here/);
  expect(() => parseCodec("int8>int8")).toThrow(/unknown part/);
  expect(() => truncate({ dim: 8 }).fit(gaussian(1, 4, 1))).toThrow(/only 4 values/);
  expect(() => pca({ dim: 0 })).toThrow(/from 1/);
  expect(() => pca({ dim: 5 }).fit(gaussian(3, 10, 1))).toThrow(/exceeds/);
  expect(() => restoreCoder(new Uint8Array(3))).toThrow(/no serialised coder/);
});
