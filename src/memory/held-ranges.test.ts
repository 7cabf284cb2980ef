import fc from "fast-check";
import { expect, test } from "vitest";
import { PAGE_BYTES } from "../storage/pages.ts";
import { HeldRanges } from "./held-ranges.ts";

test("ranges are copied as they are, wherever pages end, from pages that are lent one at a time", () => {
  const bytes = Uint8Array.from({ length: 3 * PAGE_BYTES + 1001 }, (_, i) => (i * 31 + (i >> 8)) & 255);
  const lent = new Uint32Array(PAGE_BYTES / 4);
  const words = (number: number): Uint32Array => {
    lent.fill(0xdead_beef);
    new Uint8Array(lent.buffer).set(bytes.subarray(number * PAGE_BYTES, (number + 1) * PAGE_BYTES));
    return lent;
  };
  const place = fc.oneof(
    fc.integer({ min: 0, max: bytes.length }),
    fc.constantFrom(0, 1, PAGE_BYTES - 1, PAGE_BYTES, 2 * PAGE_BYTES + 3, bytes.length - 1, bytes.length),
  );
  const range = fc.tuple(place, place).map(([a, b]) => ({ start: Math.min(a, b), end: Math.max(a, b) }));
  fc.assert(
    fc.property(fc.array(range, { maxLength: 6 }), (ranges) => {
      const held = new HeldRanges(
        {
          count: ranges.length,
          starts: ranges.map(({ start }) => start),
          ends: ranges.map(({ end }) => end),
        },
        { words },
      );
      ranges.forEach(({ start, end }, i) => {
        expect(held.length(i)).toBe(end - start);
        const out = new Uint32Array((end - start + 9) >>> 2);
        const from = held.copy(i, out, 0);
        const copied = new Uint8Array(out.buffer, from, end - start);
        expect(Buffer.compare(copied, bytes.subarray(start, end))).toBe(0);
      });
    }),
    { seed: 41, numRuns: 300 },
  );
});
