import fc from "fast-check";
import { expect, it } from "vitest";
import { EntryCache } from "./entry-cache.ts";

it("knows the numbers of the terms it keeps, as many as it may", () => {
  fc.assert(
    fc.property(fc.array(fc.nat(40), { maxLength: 300 }), (terms) => {
      const cache = new EntryCache(2, 12);
      let kept = 0;
      for (const term of terms) {
        const found = cache.find(`t${term}`);
        if (found < 0) {
          const at = cache.add(`t${term}`);
          cache.numbers.set([term, term * 3], at);
          kept = Math.min(12, kept + 1);
        } else expect([...cache.numbers.subarray(found, found + 2)]).toEqual([term, term * 3]);
        // the one just asked for is there
        expect(cache.find(`t${term}`)).toBeGreaterThanOrEqual(0);
      }
      const there = [...new Set(terms)].filter((term) => cache.find(`t${term}`) >= 0);
      expect(there).toHaveLength(kept);
    }),
    { seed: 9, numRuns: 200 },
  );
});

it("grows to thousands of terms and keeps those that are asked for", () => {
  const cache = new EntryCache(3, 2000);
  for (let term = 0; term < 10_000; term++) {
    const added = cache.add(`t${term}`);
    cache.numbers.fill(term, added, added + 3);
    const first = cache.find("t0");
    expect([...cache.numbers.subarray(first, first + 3)]).toEqual([0, 0, 0]);
  }
  expect(cache.find("t9999")).toBeGreaterThanOrEqual(0);
  expect(cache.find("t5000")).toBe(-1);
});
