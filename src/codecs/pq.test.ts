import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { loss, METRICS, related, scoresOf, squaredError } from "../../test/support/related-rows.ts";
import { rowOf } from "../linalg/matrix.ts";
import { compose, pca, pq, restoreCoder, truncate } from "./index.ts";

const SHAPES = [
  { parts: 5, bits: 4 },
  { parts: 8, bits: 4, rotate: "random" },
  { parts: 3, bits: 8 },
  { parts: 4, bits: 8, rotate: "opq" },
  { parts: 23, bits: 4, rotate: "opq" },
] as const;

describe.each(SHAPES)("pq of %o", (shape) => {
  const coder = pq(shape).fit(related(300, 23, 1), { seed: 2 });
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
    out.forEach((score, r) => expect(score / scale).toBeCloseTo(expected[r]! / scale, 4));
    if (shape.bits === 8) return expect(coder.scan).toBeUndefined();
    const blocks = new Float32Array(96);
    scorer.scoreBlocks!(coder.scan!.arrange(codes, 70), blocks);
    // tables of bytes round, most where small norms divide
    for (let r = 0; r < 70; r++) expect(Math.abs(blocks[r]! - expected[r]!) / scale).toBeLessThan(0.05);
    const squares = expected.reduce((sum, score) => sum + score * score, 0);
    const errors = expected.reduce((sum, score, r) => sum + (score - blocks[r]!) ** 2, 0);
    expect(errors / squares).toBeLessThan(1e-3);
  });

  test("codes name the nearest centroids: no other row of codes decodes nearer", () => {
    fc.assert(
      fc.property(fc.nat(69), fc.nat(codes.length / 70 - 1), fc.nat(255), (r, byte, change) => {
        const own = codes.slice((r * codes.length) / 70, ((r + 1) * codes.length) / 70);
        const one = { rows: 1, cols: 23, data: rowOf(rows, r) };
        const best = squaredError(coder.decode(own, 1), one);
        // the upper half of a last byte may belong to no part
        own[byte]! ^=
          shape.parts % 2 === 1 && byte === own.length - 1 && shape.bits === 4 ? change & 15 : change;
        expect(squaredError(coder.decode(own, 1), one)).toBeGreaterThanOrEqual(best * (1 - 1e-4));
      }),
      { seed: 7, numRuns: 100 },
    );
  });

  test("restored, it codes and decodes alike", () => {
    const restored = restoreCoder(coder.serialize());
    expect(restored.encode(rows)).toEqual(codes);
    expect(restored.decode(codes, 70)).toEqual(decoded);
    expect([restored.id, restored.bytes]).toEqual([coder.id, coder.bytes]);
  });
});

test("a learned rotation loses less than a random one or none where columns depend on each other", () => {
  const rows = related(600, 24, 8);
  const [none, random, opq] = (["none", "random", "opq"] as const).map((rotate) =>
    loss(pq({ parts: 4, bits: 4, rotate }), rows),
  );
  expect(opq!).toBeLessThan(0.9 * none!);
  expect(opq!).toBeLessThan(0.9 * random!);
});

test("more parts, or more bits, lose less", () => {
  const rows = related(400, 24, 9);
  const losses = [2, 4, 8, 24].map((parts) => loss(pq({ parts, bits: 4 }), rows));
  losses.forEach((value, i) => i > 0 && expect(value).toBeLessThan(losses[i - 1]!));
  expect(loss(pq({ parts: 4, bits: 8 }), rows)).toBeLessThan(losses[1]!);
});

test("columns without variance are coded, with a learned rotation too", () => {
  const rows = related(300, 12, 10);
  for (let r = 0; r < 300; r++) rows.data.fill(3, r * 12 + 8, r * 12 + 12);
  const coder = pq({ parts: 6, bits: 4, rotate: "opq" }).fit(rows);
  const decoded = coder.decode(coder.encode(rows), 300);
  for (let r = 0; r < 300; r++) expect(decoded.data[r * 12 + 11]).toBeCloseTo(3, 0);
});

test("behind a projection it is the projection's rows that are coded", () => {
  const rows = related(400, 24, 11);
  for (const first of [truncate({ dim: 12 }), pca({ dim: 6 }), pca({ dim: 4, whiten: true })]) {
    const coder = compose(first, pq({ parts: 3, bits: 8 })).fit(rows);
    expect([coder.id, coder.blockBytes]).toEqual([`${first.id}>pq8x3`, 3]);
    const restored = restoreCoder(coder.serialize());
    expect(restored.encode(rows)).toEqual(coder.encode(rows));
  }
});

test("what cannot be is refused with a reason", () => {
  const rows = related(300, 8, 1);
  expect(() => pq({ parts: 0 })).toThrow(/parts must be/);
  expect(() => pq({ parts: 2, bits: 5 as 4 })).toThrow(/4 or 8/);
  expect(() => pq({ parts: 9, bits: 4 }).fit(rows)).toThrow(/at most one part a value/);
  expect(() => pq({ parts: 2, bits: 8 }).fit(related(255, 8, 1))).toThrow(/fit on more rows/);
  expect(() => pq({ parts: 2 }).fit(rows, { signal: AbortSignal.abort() })).toThrow();
  const coder = pq({ parts: 2 }).fit(rows);
  expect(() => coder.decode(new Uint8Array(3), 2)).toThrow(/need 4/);
});
