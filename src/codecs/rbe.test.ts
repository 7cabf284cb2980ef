import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { gaussian } from "../../test/support/gaussian.ts";
import { type Matrix, matrix, rowOf } from "../linalg/matrix.ts";
import type { Coder } from "./codec.ts";
import { parseCodec, RbeCoder, rbe, restoreCoder } from "./index.ts";
import { levelsOf, type RbeBits } from "./rbe-net.ts";

function fitted(bits: RbeBits, width: number, dim = 24): RbeCoder {
  return rbe({ bits, width }).fit(gaussian(200, dim, 2), { seed: 3 }) as RbeCoder;
}

/** The paper's recurrence, row by row in plain numbers. */
function plainLevels(coder: RbeCoder, row: Float32Array): number[] {
  const { weights, width, bits, dim } = coder;
  const linear = (part: string, from: readonly number[]): number[] =>
    Array.from(weights[`${part}Bias`]!, (bias, o) =>
      from.reduce((sum, value, i) => sum + value * weights[part]![o * from.length + i]!, bias),
    );
  const size = Math.hypot(...row);
  const x = Array.from(row, (value) => value / size);
  let b: number[] = linear("project", x).map((value) => (value >= 0 ? 1 : -1));
  for (let loop = 0; loop + 1 < bits; loop++) {
    const rebuilt = linear(`rebuild${loop}`, b);
    const length = Math.hypot(...rebuilt);
    const left = Array.from({ length: dim }, (_, i) => x[i]! - rebuilt[i]! / length);
    const bit = linear(`residual${loop}`, left).map((value) => (value >= 0 ? 1 : -1));
    b = b.map((value, i) => value + bit[i]! * 2 ** -(loop + 1));
  }
  expect(b).toHaveLength(width);
  return b.map((value) => (value * 2 ** (bits - 1) + 2 ** bits - 1) / 2);
}

function scoresOf(coder: Coder, query: Float32Array, codes: Uint8Array, rows: number): Float32Array {
  const out = new Float32Array(rows);
  coder.scorer(query, "cosine").score(codes, 0, rows, out);
  return out;
}

describe("recurrent binary embeddings", () => {
  it.each([
    [1, 24],
    [2, 16],
    [4, 32],
  ] as const)("codes %i x %i bits as the recurrence says", (bits, width) => {
    const coder = fitted(bits, width);
    const rows = gaussian(30, 24, 9);
    const levels = levelsOf(coder.weights, coder, rows);
    let different = 0;
    for (let r = 0; r < 30; r++)
      plainLevels(coder, rowOf(rows, r)).forEach((level, i) => {
        if (level !== levels[r * width + i]) different++;
      });
    // a value next to zero may fall on either side of it by rounding
    expect(different).toBeLessThanOrEqual(1);
  });

  it("scores coded queries by whole numbers, in blocks and row by row", () =>
    fc.assert(
      fc.property(
        fc.constantFrom<RbeBits>(1, 2, 4),
        fc.integer({ min: 1, max: 6 }),
        fc.integer({ min: 1, max: 70 }),
        fc.integer(),
        (bits, eights, count, seed) => {
          const coder = fitted(bits, 8 * eights).as({ symmetric: true });
          const rows = gaussian(count, 24, seed);
          const query = rowOf(gaussian(1, 24, seed + 1), 0);
          const codes = coder.encode(rows);
          const most = 2 ** bits - 1;
          const wholes = (m: Matrix): number[] =>
            Array.from(levelsOf(coder.weights, coder, m), (c) => 2 * c - most);
          const [own, all] = [wholes(matrix(1, 24, query)), wholes(rows)];
          const byRow = scoresOf(coder, query, codes, count);
          const blocks = new Float32Array(32 * Math.ceil(count / 32));
          coder.scorer(query, "cosine").scoreBlocks!(coder.scan!.arrange(codes, count), blocks);
          for (let r = 0; r < count; r++) {
            const row = all.slice(r * own.length, (r + 1) * own.length);
            const product = row.reduce((sum, value, i) => sum + value * own[i]!, 0);
            const expected = product / Math.hypot(...row) / Math.hypot(...own);
            expect(byRow[r]).toBeCloseTo(expected, 4);
            expect(blocks[r]).toBeCloseTo(expected, 4);
          }
          expect(blocks.every(Number.isFinite)).toBe(true);
        },
      ),
      { seed: 5, numRuns: 40 },
    ));

  it("scores float queries in blocks as row by row, up to the rounding of tables", () => {
    for (const bits of [1, 2, 4] as const) {
      const coder = fitted(bits, 48);
      const codes = coder.encode(gaussian(64, 24, 4));
      const query = rowOf(gaussian(1, 24, 5), 0);
      for (const metric of ["cosine", "dot", "l2"] as const) {
        const [rows, blocks] = [new Float32Array(64), new Float32Array(64)];
        coder.scorer(query, metric).score(codes, 0, 64, rows);
        coder.scorer(query, metric).scoreBlocks!(coder.scan!.arrange(codes, 64), blocks);
        const range = Math.max(...rows) - Math.min(...rows);
        rows.forEach((score, r) => expect(Math.abs(score - blocks[r]!)).toBeLessThan(0.03 * range));
      }
    }
  });

  it("refuses shapes that fill no bytes, too few rows, and trained coders for others", () => {
    expect(() => rbe({ bits: 3 as RbeBits, width: 8 })).toThrow(/1, 2 or 4/);
    expect(() => rbe({ bits: 2, width: 6 })).toThrow(/whole bytes/);
    expect(() => parseCodec("rbe2x64-x")).toThrow(/unknown variant/);
    expect(() => rbe({ bits: 2, width: 8 }).fit(gaussian(1, 4, 1))).toThrow(/fit on 2/);
    const trained = fitted(2, 16);
    expect(rbe({ bits: 2, width: 16, trained }).fit(matrix(0, 24))).toBe(trained);
    expect(() => rbe({ bits: 2, width: 16, trained }).fit(matrix(0, 25))).toThrow(/train one/);
  });

  it("refuses queries of another version, by name, unless one was trained to match", () => {
    const [a, b, match, wide] = ["a", "b", "c", "d"].map((version, i) => {
      const width = i === 3 ? 32 : 16;
      const { weights } = fitted(2, width);
      const given = { dim: 24, width, bits: 2, symmetric: false, weights, length: 1, version } as const;
      return new RbeCoder({ ...given, answers: i >= 2 ? ["a"] : [] });
    }) as [RbeCoder, RbeCoder, RbeCoder, RbeCoder];
    const query = rowOf(gaussian(1, 24, 5), 0);
    expect(() => b.scorerOf(a, query, "cosine")).toThrow(/version "b" against codes of version "a"/);
    expect(() => b.scorerOf(a, query, "cosine")).toThrow(expect.objectContaining({ code: "VERSION" }));
    const codes = a.encode(gaussian(8, 24, 6));
    const out = new Float32Array(8);
    expect(match.scorerOf(a, query, "cosine").score(codes, 0, 8, out)).toBe(8);
    expect(a.scorerOf(match, query, "cosine").score(codes, 0, 8, out)).toBe(8);
    expect(wide.scorerOf(a, query, "cosine").score(codes, 0, 8, out)).toBe(8);
    expect(() => a.scorerOf(wide, query, "cosine")).toThrow(/queries may be wider/);
    const restored = restoreCoder(match.serialize()) as RbeCoder;
    expect([restored.version, restored.answers]).toEqual(["c", ["a"]]);
  });

  it("refuses a serialised coder without its arrays", () => {
    const bytes = fitted(2, 16).serialize();
    expect(() => restoreCoder(bytes.subarray(0, bytes.length - 8))).toThrow(
      expect.objectContaining({ code: "CORRUPT" }),
    );
  });
});
