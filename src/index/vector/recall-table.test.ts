import fc from "fast-check";
import { expect, test } from "vitest";
import { decodeTable, effortFor, encodeTable, type RecallTable, recallAt } from "./recall-table.ts";

const share = fc.double({ min: 0, max: 1, noNaN: true });
const table: fc.Arbitrary<RecallTable> = fc
  .uniqueArray(fc.tuple(fc.integer({ min: 1, max: 2048 }), share, share), {
    minLength: 1,
    maxLength: 20,
    selector: ([effort]) => effort,
  })
  .map((rows) => {
    const sorted = rows.sort(([a], [b]) => a - b);
    const column = (i: 0 | 1 | 2): number[] => sorted.map((row) => row[i]);
    return {
      efforts: column(0),
      at10: column(1).sort((a, b) => a - b),
      at100: column(2).sort((a, b) => a - b),
    };
  });
const hits = fc.integer({ min: 1, max: 3000 });

test("an effort is a whole number, whatever of a table is reached", () => {
  fc.assert(
    fc.property(table, hits, share, (known, k, wish) => {
      const effort = effortFor(known, k, wish);
      expect(effort === undefined || (Number.isInteger(effort) && effort >= 1)).toBe(true);
    }),
    { seed: 1, numRuns: 500 },
  );
  // ten in a hundred were found by no effort: beyond ten hits it grows with them
  const few = { efforts: [10, 13, 17], at10: [0.7, 0.99, 1], at100: [0.1, 0.2, 0.3] };
  expect(effortFor(few, 15, 0.95)).toBe(20);
  expect(effortFor(few, 101, 0.95)).toBeUndefined();
});

test("what an effort found lies between what was measured", () => {
  fc.assert(
    fc.property(table, hits, fc.integer({ min: 1, max: 4096 }), (known, k, effort) => {
      const found = recallAt(known, k, effort);
      expect(found).toBeGreaterThanOrEqual(Math.min(known.at10[0]!, known.at100[0]!) - 1e-9);
      expect(found).toBeLessThanOrEqual(1 + 1e-9);
    }),
    { seed: 2, numRuns: 300 },
  );
});

test("a table survives its bytes; others are refused by name", () => {
  fc.assert(
    fc.property(table, (known) => {
      expect(decodeTable(encodeTable(known), "recall")).toEqual(known);
    }),
    { seed: 3, numRuns: 100 },
  );
  for (const bad of [
    "",
    "{}",
    "null",
    '{"efforts":[1],"at10":[1],"at100":[]}',
    '{"efforts":[],"at10":[],"at100":[]}',
  ])
    expect(() => decodeTable(new TextEncoder().encode(bad), "recall")).toThrow(/part recall is no table/);
});
