import { expect, test } from "vitest";
import { related } from "../../test/support/related-rows.ts";
import { solvePositive } from "../linalg/index.ts";
import { type Matrix, matrix, rowOf } from "../linalg/matrix.ts";
import { Random } from "../linalg/random.ts";
import { anisotropicCodes, parallelWeight, trainAnisotropic } from "./anisotropic.ts";
import { type Codebooks, codeAt } from "./codebooks.ts";
import { pq } from "./index.ts";
import { trainCodebooks } from "./pq-train.ts";

/** The loss of each row by its definition: what is lost across it, and `weight` times what is lost along it. */
function losses(rows: Matrix, codes: Uint8Array, codebooks: Codebooks, weight: number): number[] {
  return Array.from({ length: rows.rows }, (_, r) => {
    const x = rowOf(rows, r);
    const decoded = new Float32Array(rows.cols);
    codebooks.parts.forEach((_, p) => {
      codebooks.add(p, codeAt(codes, r * codebooks.codeBytes, p, codebooks.bits), decoded);
    });
    let [whole, product, square] = [0, 0, 0];
    x.forEach((value, i) => {
      const left = value - decoded[i]!;
      whole += left * left;
      product += left * value;
      square += value * value;
    });
    const along = product ** 2 / square;
    return whole - along + weight * along;
  });
}

const sum = (values: readonly number[]): number => values.reduce((a, b) => a + b, 0);
const rows = related(400, 12, 4);
const weight = 5;
const nearest = trainCodebooks(rows, { parts: 3, bits: 4 }, { seed: 1 });

test("no change of one part betters a row's loss", () => {
  const codes = anisotropicCodes(rows, nearest, weight);
  const own = losses(rows, codes, nearest, weight);
  const plain = losses(rows, anisotropicCodes(rows, nearest, 1), nearest, weight);
  expect(sum(own)).toBeLessThan(sum(plain));
  const random = new Random(2);
  for (let trial = 0; trial < 200; trial++) {
    const [r, part, code] = [random.integer(400), random.integer(3), random.integer(16)];
    const changed = codes.slice();
    const [at, shift] = [r * 2 + (part >> 1), (part & 1) * 4];
    changed[at] = (changed[at]! & ~(15 << shift)) | (code << shift);
    const other = losses(rows, changed, nearest, weight)[r]!;
    expect(other).toBeGreaterThanOrEqual(own[r]! * (1 - 1e-3) - 1e-4);
  }
});

test("training lowers the loss that it is for; along rows less is lost than by the nearest codes", () => {
  const trained = trainAnisotropic(rows, nearest, weight);
  const before = sum(losses(rows, anisotropicCodes(rows, nearest, weight), nearest, weight));
  const codes = anisotropicCodes(rows, trained, weight);
  expect(sum(losses(rows, codes, trained, weight))).toBeLessThan(0.9 * before);
  const along = (all: Codebooks, by: Uint8Array): number =>
    sum(losses(rows, by, all, 1e6)) - sum(losses(rows, by, all, 1));
  expect(along(trained, codes)).toBeLessThan(along(nearest, anisotropicCodes(rows, nearest, 1)));
});

test("the weight is that of the paper; a threshold must be hundredths", () => {
  expect(parallelWeight(101, 0.2)).toBeCloseTo((100 * 0.04) / 0.96, 10);
  expect(parallelWeight(2, 0.1)).toBe(1);
  expect(pq({ parts: 4, threshold: 0.2 }).id).toBe("pq8x4-avq20");
  for (const threshold of [-0.1, 1, 0.123, Number.NaN])
    expect(() => pq({ parts: 4, threshold })).toThrow(/hundredths/);
  const coder = pq({ parts: 3, bits: 4, threshold: 0.3 }).fit(rows);
  expect(() => coder.encode(matrix(2, 12))).not.toThrow();
});

test("positive definite systems are solved, others refused", () => {
  const a = Float64Array.of(4, 2, 1, 2, 5, 3, 1, 3, 6);
  const x = [1, -2, 3];
  const b = Float64Array.from({ length: 3 }, (_, i) => x.reduce((s, v, j) => s + a[i * 3 + j]! * v, 0));
  solvePositive(a.slice(), b);
  b.forEach((value, i) => expect(value).toBeCloseTo(x[i]!, 10));
  expect(() => solvePositive(Float64Array.of(1, 2, 2, 1), new Float64Array(2))).toThrow(/positive definite/);
});
