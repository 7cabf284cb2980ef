import { describe, expect, test } from "vitest";
import { loss, METRICS, related, scoresOf, squaredError } from "../../test/support/related-rows.ts";
import { matrix, rowOf, rowsOf } from "../linalg/matrix.ts";
import { pq, restoreCoder, rq } from "./index.ts";

const SHAPES = [
  { parts: 5, bits: 4 },
  { parts: 8, bits: 4, beam: 1 },
  { parts: 3, bits: 8, beam: 20 },
] as const;

describe.each(SHAPES)("rq of %o", (shape) => {
  const coder = rq(shape).fit(related(400, 23, 1), { seed: 2 });
  const rows = related(70, 23, 5);
  const codes = coder.encode(rows);
  const decoded = coder.decode(codes, 70);
  const query = rowOf(related(1, 23, 6), 0);

  test.each(METRICS)("scores %s as its decoded rows do, row by row and in blocks", (metric) => {
    const scorer = coder.scorer(query, metric);
    const expected = scoresOf(query, decoded, metric);
    const out = new Float32Array(70);
    scorer.score(codes, 0, 70, out);
    const scale = Math.max(...expected.map(Math.abs));
    out.forEach(
      (
        score,
        r, // norms have eight bits
      ) => expect(Math.abs(score - expected[r]!) / scale).toBeLessThan(metric === "dot" ? 1e-4 : 0.005),
    );
    if (shape.bits !== 4) return expect(coder.scan).toBeUndefined();
    const blocks = new Float32Array(96);
    scorer.scoreBlocks!(coder.scan!.arrange(codes, 70), blocks);
    expected.forEach((score, r) => expect(Math.abs(blocks[r]! - score) / scale).toBeLessThan(0.08));
  });

  test("rows coded alone or together get the same codes, restored too", () => {
    const restored = restoreCoder(coder.serialize());
    for (let r = 0; r < 70; r += 9)
      expect(restored.encode(rowsOf(rows, r, r + 1))).toEqual(
        codes.slice(r * coder.blockBytes!, (r + 1) * coder.blockBytes!),
      );
    expect(restored.decode(codes, 70)).toEqual(decoded);
    expect(restored.bytes).toBe(coder.bytes);
  });
});

test("wide rows are scored alike", () => {
  const rows = related(300, 50, 4);
  const coder = rq({ parts: 4, bits: 8 }).fit(rows, { seed: 2 });
  const [codes, query, out] = [coder.encode(rows), rowOf(rows, 3), new Float32Array(300)];
  coder.scorer(query, "dot").score(codes, 0, 300, out);
  const expected = scoresOf(query, coder.decode(codes, 300), "dot");
  const scale = Math.max(...expected.map(Math.abs));
  out.forEach((score, r) => expect(score / scale).toBeCloseTo(expected[r]! / scale, 4));
});

test("a beam as wide as all codes finds the nearest sum of centroids", () => {
  const rows = related(300, 6, 3);
  const coder = rq({ parts: 2, bits: 4, beam: 255 }).fit(rows);
  const codes = coder.encode(rows);
  const every = Uint8Array.from({ length: 256 * 3 }, (_, i) => (i % 3 === 0 ? i / 3 : 0));
  const decoded = coder.decode(every, 256);
  for (let r = 0; r < 300; r += 11) {
    const one = rowsOf(rows, r, r + 1);
    const errors = Array.from({ length: 256 }, (_, c) => squaredError(one, rowsOf(decoded, c, c + 1)));
    const found = squaredError(one, coder.decode(codes.subarray(r * 3, r * 3 + 3), 1));
    expect(found).toBeCloseTo(Math.min(...errors), 3);
  }
});

test("a wider beam, or more parts, lose less; less than product quantisation of as many codes", () => {
  const rows = related(800, 24, 8);
  const [narrow, wide] = [1, 8].map((beam) => loss(rq({ parts: 4, bits: 4, beam }), rows));
  expect(wide!).toBeLessThan(narrow!);
  expect(loss(rq({ parts: 8, bits: 4 }), rows)).toBeLessThan(wide!);
  expect(wide!).toBeLessThan(0.8 * loss(pq({ parts: 4, bits: 4 }), rows));
});

test("what cannot be is refused with a reason", () => {
  expect(() => rq({ parts: 0 })).toThrow(/parts must be/);
  expect(() => rq({ parts: 2, beam: 0 })).toThrow(/beam must be/);
  expect(() => rq({ parts: 2, bits: 6 as 4 })).toThrow(/4 or 8/);
  expect(() => rq({ parts: 2 }).fit(related(255, 8, 1))).toThrow(/fit on more rows/);
  expect(() => rq({ parts: 2 }).fit(related(300, 8, 1), { signal: AbortSignal.abort() })).toThrow();
  const coder = rq({ parts: 2, bits: 4 }).fit(related(300, 8, 1));
  expect(() => coder.decode(new Uint8Array(5), 2)).toThrow(/need 6/);
  expect(coder.encode(matrix(0, 8)).length).toBe(0);
});
