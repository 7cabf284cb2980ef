import fc from "fast-check";
import { expect, test } from "vitest";
import { RowSet } from "./row-set.ts";

const ids = fc.uniqueArray(fc.integer({ min: 0, max: 300 }));

test("RowSet agrees with Set", () => {
  fc.assert(
    fc.property(ids, ids, (a, b) => {
      const [x, y] = [RowSet.from(a), RowSet.from(b)];
      const sorted = (values: number[]) => values.sort((p, q) => p - q);
      expect([...x]).toEqual(sorted([...a]));
      expect(x.count).toBe(a.length);
      expect([...x.and(y)]).toEqual(sorted(a.filter((v) => b.includes(v))));
      expect([...x.or(y)]).toEqual(sorted([...new Set([...a, ...b])]));
      expect([...x.andNot(y)]).toEqual(sorted(a.filter((v) => !b.includes(v))));
      expect([...RowSet.fromBytes(x.toBytes())]).toEqual([...x]);
      expect(x.isEmpty).toBe(a.length === 0);
    }),
    { seed: 2 },
  );
});

test("ranges of any alignment", () => {
  fc.assert(
    fc.property(fc.nat(200), fc.nat(200), (start, length) => {
      const set = RowSet.range(start, start + length);
      expect([...set]).toEqual(Array.from({ length }, (_, i) => start + i));
      expect(set.countIn(start, start + length)).toBe(length);
      expect(set.countIn(start + 5, start + length - 7)).toBe(Math.max(0, length - 12));
      expect(set.countIn(0, start)).toBe(0);
      set.delete(start);
      expect(set.has(start)).toBe(false);
    }),
    { seed: 3 },
  );
});
