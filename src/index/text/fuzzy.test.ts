import fc from "fast-check";
import { expect, test } from "vitest";
import { editDistance, FuzzyMatcher } from "./fuzzy.ts";

/** The textbook table, whole. */
function slow(a: string, b: string): number {
  const d = Array.from({ length: a.length + 1 }, (_, i) =>
    Array.from({ length: b.length + 1 }, (_, j) => (i === 0 ? j : j === 0 ? i : 0)),
  );
  for (let i = 1; i <= a.length; i++)
    for (let j = 1; j <= b.length; j++) {
      d[i]![j] = Math.min(
        d[i - 1]![j]! + 1,
        d[i]![j - 1]! + 1,
        d[i - 1]![j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1),
      );
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1])
        d[i]![j] = Math.min(d[i]![j]!, d[i - 2]![j - 2]! + 1);
    }
  return d[a.length]![b.length]!;
}

test("banded distance equals the whole table up to the limit", () => {
  const word = fc.string({ unit: fc.constantFrom("a", "b", "c"), maxLength: 9 });
  fc.assert(
    fc.property(word, word, fc.integer({ min: 1, max: 3 }), (a, b, limit) => {
      const bytes = new TextEncoder().encode(b);
      expect(editDistance(new TextEncoder().encode(a), bytes, bytes.length, limit)).toBe(
        Math.min(slow(a, b), limit + 1),
      );
    }),
    { seed: 8, numRuns: 2000 },
  );
});

test("the matcher equals the table over a sorted list, whatever the terms share", () => {
  const word = fc.string({ unit: fc.constantFrom("a", "b", "c", "é"), minLength: 1, maxLength: 20 });
  fc.assert(
    fc.property(word, fc.array(word, { maxLength: 30 }), fc.integer({ min: 1, max: 3 }), (a, list, limit) => {
      const encoder = new TextEncoder();
      const matcher = new FuzzyMatcher(encoder.encode(a), limit);
      const latin = (bytes: Uint8Array): string => String.fromCharCode(...bytes);
      let last: Uint8Array = new Uint8Array(0);
      for (const term of list.map((one) => encoder.encode(one)).sort((x, y) => Buffer.compare(x, y))) {
        let shared = 0;
        while (shared < term.length && term[shared] === last[shared]) shared++;
        const expected = Math.min(slow(latin(encoder.encode(a)), latin(term)), limit + 1);
        expect(matcher.distance(term, term.length, shared)).toBe(expected);
        last = term;
      }
    }),
    { seed: 9, numRuns: 1000 },
  );
});
