import fc from "fast-check";
import { expect, test } from "vitest";
import { evenShare } from "./even-share.ts";

test("batches are within the bound, of one size, as many for each thread, and no fewer would do", () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 1e9 }),
      fc.integer({ min: 1, max: 16 }),
      fc.integer({ min: 1e3, max: 1e8 }),
      (all, threads, most) => {
        const share = evenShare(all, threads, most);
        const batches = Math.round(all / share);
        expect(share).toBeLessThanOrEqual(most);
        expect(share * batches).toBeCloseTo(all, 0);
        expect(batches % threads).toBe(0);
        if (batches > threads) expect(all / (batches - threads)).toBeGreaterThan(most);
      },
    ),
    { seed: 3 },
  );
});
