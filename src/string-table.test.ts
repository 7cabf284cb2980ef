import fc from "fast-check";
import { expect, test } from "vitest";
import { StringTable } from "./string-table.ts";

test("StringTable agrees with Map, also after growing and clearing", () => {
  fc.assert(
    fc.property(
      fc.array(fc.tuple(fc.string({ unit: "binary", maxLength: 8 }), fc.nat(1000)), { maxLength: 300 }),
      (pairs) => {
        const table = new StringTable();
        table.set("stale", 0, 5, 1);
        table.clear();
        const map = new Map<string, number>();
        for (const [key, value] of pairs) {
          const text = `<${key}>`;
          if (!map.has(key)) {
            table.set(text, 1, 1 + key.length, value);
            map.set(key, value);
          }
        }
        for (const [key, value] of map) expect(table.get(`..${key}!`, 2, 2 + key.length)).toBe(value);
        expect(table.get("never there, too long", 0, 21)).toBe(-1);
        expect(table.size).toBe(map.size);
      },
    ),
    { seed: 6, numRuns: 100 },
  );
  const table = new StringTable();
  for (let i = 0; i < 20_000; i++) table.set(`word${i}`, 0, `word${i}`.length, i);
  for (let i = 0; i < 20_000; i += 7) expect(table.get(`word${i}`, 0, `word${i}`.length)).toBe(i);
});
