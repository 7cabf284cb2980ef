import fc from "fast-check";
import { expect, it } from "vitest";
import { Budget } from "../storage/budget.ts";
import { PageCache } from "./page-cache.ts";

const LIMIT = 40_000;

const pageOf = (part: number, page: number, length: number): Uint8Array =>
  Uint8Array.from({ length }, (_, i) => (part * 31 + page * 7 + i) & 255);

it("lends what was put, or nothing, within its limit and the budget's", () => {
  const step = fc.record({
    part: fc.nat(2),
    page: fc.nat(12),
    length: fc.constantFrom(0, 1, 900, 4096, 9001, 16_352, 50_000),
    share: fc.constantFrom(0.3, 0.7, 1),
    what: fc.constantFrom("put", "put", "get", "words", "other"),
  });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 120 }), (steps) => {
      const budget = new Budget(60_000);
      using cache = new PageCache(budget, LIMIT);
      using other = budget.claim("other");
      const parts = [cache.part(), cache.part(), cache.part()];
      const lengths = new Map<string, number>();
      for (const { part, page, length, share, what } of steps) {
        const known = lengths.get(`${part} ${page}`);
        if (what === "put") {
          // pages do not change
          lengths.set(`${part} ${page}`, known ?? length);
          const whole = pageOf(part, page, known ?? length);
          const before = parts[part]!.get(page)?.length ?? 0;
          const begun = Math.ceil(whole.length * share);
          parts[part]!.put(page, whole.subarray(0, begun), whole.length);
          // a beginning stays until more of the page comes
          const kept = parts[part]!.get(page);
          if (kept) expect(kept.length).toBe(Math.max(before, begun));
        } else if (what === "other") other.resize(length);
        const bytes = parts[part]!.get(page);
        if (bytes) {
          const whole = pageOf(part, page, lengths.get(`${part} ${page}`)!);
          expect(Buffer.compare(bytes, whole.subarray(0, bytes.length))).toBe(0);
        }
        if (what === "words") {
          const words = parts[part]!.words(page);
          expect(words === undefined).toBe(bytes === undefined);
          if (words && bytes) expect(Buffer.from(words.buffer, 0, bytes.length).equals(bytes)).toBe(true);
        }
        expect(cache.bytes).toBeLessThanOrEqual(LIMIT);
        expect(budget.usedBytes).toBeLessThanOrEqual(budget.limitBytes);
      }
    }),
    { seed: 12, numRuns: 300 },
  );
});

it("keeps pages that are read over those that are not", () => {
  using cache = new PageCache(new Budget(1 << 20), LIMIT);
  const part = cache.part();
  for (let page = 0; page < 40; page++) {
    part.put(page, pageOf(0, page, 4096));
    part.get(0);
  }
  expect(part.get(0)).toEqual(pageOf(0, 0, 4096));
  expect(part.get(39)).toEqual(pageOf(0, 39, 4096));
  expect(part.get(20)).toBeUndefined();
});

it("leaves what others took for long, unless much of the budget is free again", () => {
  const budget = new Budget(400_000);
  using cache = new PageCache(budget, 300_000);
  using other = budget.claim("other");
  const part = cache.part();
  let next = 0;
  const fill = (): number => {
    for (let i = 0; i < 200; i++) part.put(next++, pageOf(0, 0, 4096));
    return cache.bytes;
  };
  const all = fill();
  expect(all).toBeGreaterThan(290_000);
  other.resize(200_000);
  const left = cache.bytes;
  expect(left).toBeLessThanOrEqual(200_000);
  // a seventh of the budget is free then: room that is taken again soon
  other.resize(150_000);
  expect(fill()).toBeLessThan(left + 10_000);
  other.resize(0);
  expect(fill()).toBe(all);
});
