import fc from "fast-check";
import { expect, test } from "vitest";
import { toHits } from "./hits.ts";
import { TopK } from "./top-k.ts";

test("TopK keeps what sorting would, ties to the lower row", () => {
  fc.assert(
    fc.property(
      fc.array(fc.integer({ min: 0, max: 20 }), { maxLength: 200 }),
      fc.integer({ min: 0, max: 30 }),
      (scores, k) => {
        const heap = new TopK(k);
        const rows = scores.map((_, i) => (i * 7919) % 1009);
        scores.forEach((score, i) => heap.push(score, rows[i]!));
        expect(heap.drain()).toEqual(toHits(rows, scores, k));
      },
    ),
    { seed: 1, numRuns: 300 },
  );
});
