/** Selectors: what all promise, then each rule against a sort. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { Random } from "../../linalg/random.ts";
import { pageTopK, quantileSplit, type Selector, sinkRecent, threshold, topK } from "../index.ts";

const scoresOf = (slots: number, seed: number): Float32Array => {
  const random = new Random(seed);
  return Float32Array.from({ length: slots }, () => Math.floor(random.uniform() * 12));
};

const all: readonly [string, Selector, boolean][] = [
  ["top-k", topK(), true],
  ["sink-recent", sinkRecent(), true],
  ["threshold", threshold(6), false],
  ["page top-k", pageTopK({ page: 4 }), false],
  ["quantile split", quantileSplit(), true],
];

describe("selectors", () => {
  test.each(all)("%s: ascending, the guard in it, no more than asked for", (_, selector, isFull) =>
    fc.assert(
      fc.property(
        fc.nat(80),
        fc.nat(6),
        fc.nat(6),
        fc.nat(90),
        fc.integer(),
        (slots, sinks, recent, more, seed) => {
          const count = Math.min(slots, sinks + recent) + more;
          const kept = [...selector.pick(scoresOf(slots, seed), count, { sinks, recent })];
          expect(kept).toEqual([...new Set(kept)].sort((a, b) => a - b));
          expect(kept.length).toBeLessThanOrEqual(count);
          if (isFull) expect(kept.length).toBe(Math.min(slots, count));
          for (let s = 0; s < slots; s++) if (s < sinks || s >= slots - recent) expect(kept).toContain(s);
          expect(kept.every((s) => s >= 0 && s < slots)).toBe(true);
        },
      ),
      { seed: 1 },
    ),
  );

  test("top-k keeps the best, of equal ones the first", () => {
    const scores = Float32Array.of(0, 5, 1, 5, 9, 5, 0, 0);
    expect([...topK().pick(scores, 4, { sinks: 1, recent: 1 })]).toEqual([0, 1, 4, 7]);
    expect([...topK().pick(scores, 5, { sinks: 1, recent: 1 })]).toEqual([0, 1, 3, 4, 7]);
  });

  test("sink-recent keeps both ends", () => {
    expect([...sinkRecent().pick(new Float32Array(10), 5, { sinks: 2, recent: 1 })]).toEqual([0, 1, 7, 8, 9]);
  });

  test("threshold keeps fewer where little is worth it", () => {
    const scores = Float32Array.of(0, 5, 1, 7, 9, 5, 0, 0);
    expect([...threshold(5).pick(scores, 8, { sinks: 1, recent: 0 })]).toEqual([0, 1, 3, 4, 5]);
    expect([...threshold(5).pick(scores, 3, { sinks: 1, recent: 0 })]).toEqual([0, 3, 4]);
    expect([...threshold(99).pick(scores, 8, { sinks: 1, recent: 0 })]).toEqual([0]);
  });

  test("pages are whole; the guard's are cut", () => {
    const scores = Float32Array.from({ length: 16 }, (_, s) => (s === 5 ? 10 : s >= 8 && s < 12 ? 3 : 0));
    // of the first page two slots are the guard's, of the last one
    const guard = { sinks: 2, recent: 1 };
    expect([...pageTopK({ page: 4 }).pick(scores, 7, guard)]).toEqual([0, 1, 8, 9, 10, 11, 15]);
    expect([...pageTopK({ page: 4, by: "max" }).pick(scores, 7, guard)]).toEqual([0, 1, 4, 5, 6, 7, 15]);
  });

  test("quantile split spreads its last quarter over the ranks", () => {
    const scores = Float32Array.from({ length: 100 }, (_, s) => 100 - s);
    const kept = [...quantileSplit({ spread: 0.5 }).pick(scores, 20, { sinks: 0, recent: 0 })];
    expect(kept).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 20, 30, 40, 50, 59, 69, 79, 89, 99]);
  });

  test("refuses what cannot be", () => {
    const scores = new Float32Array(20);
    expect(() => topK().pick(scores, 5, { sinks: 3, recent: 3 })).toThrow(/5 slots to keep, the guard/);
    expect(() => topK().pick(scores, 5.5, { sinks: 0, recent: 0 })).toThrow(/count is 5.5/);
    expect(() => topK().pick(scores, 5, { sinks: -1, recent: 0 })).toThrow(/sinks is -1/);
    expect(() => pageTopK({ page: 0 })).toThrow(/page is 0/);
    expect(() => quantileSplit({ spread: 2 })).toThrow(/spread is 2/);
    expect(() => threshold(Number.NaN)).toThrow(/NaN/);
  });
});
