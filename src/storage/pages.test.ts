import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { isMnemeError } from "../errors.ts";
import { memoryStore } from "./memory-store.ts";
import { PAGE_BYTES, readPages, writePages } from "./pages.ts";

const content = (length: number): Uint8Array =>
  Uint8Array.from({ length }, (_, i) => (i * 7 + (i >> 8)) & 255);

describe("pages", () => {
  it("reads every range as a slice of the whole", async () => {
    const lengths = fc.nat(300);
    await fc.assert(
      fc.asyncProperty(
        lengths,
        lengths,
        lengths,
        fc.integer({ min: 1, max: 64 }),
        async (length, a, b, size) => {
          const store = memoryStore();
          const whole = content(length);
          await store.batch((batch) => {
            expect(writePages(batch, "n", ["doc", 1], whole, size)).toBe(Math.ceil(length / size));
          });
          const [start, end] = [Math.min(a, b, length), Math.min(Math.max(a, b), length)];
          expect(readPages(store, "n", ["doc", 1], start, end, size)).toEqual(whole.slice(start, end));
        },
      ),
      { seed: 4, numRuns: 200 },
    );
  });

  it("replaces a longer string and leaves its neighbours", async () => {
    const store = memoryStore();
    await store.batch((b) => {
      writePages(b, "n", ["a"], content(3 * PAGE_BYTES));
      writePages(b, "n", ["b"], content(10));
    });
    await store.batch((b) => writePages(b, "n", ["a"], content(5)));
    expect([...store.range("n")].map((e) => e.key)).toEqual([
      ["a", 0],
      ["b", 0],
    ]);
  });

  it("says CORRUPT where a page is missing and RANGE for bounds out of order", async () => {
    const store = memoryStore();
    await store.batch((b) => writePages(b, "n", ["a"], content(100), 10));
    await store.batch((b) => b.delete("n", ["a", 4]));
    const code = (start: number, end: number): string => {
      try {
        readPages(store, "n", ["a"], start, end, 10);
      } catch (error) {
        if (isMnemeError(error)) return error.code;
      }
      return "no error";
    };
    expect(code(0, 40)).toBe("no error");
    expect(code(0, 41)).toBe("CORRUPT");
    expect(code(95, 101)).toBe("CORRUPT");
    expect(code(5, 4)).toBe("RANGE");
    expect(code(-1, 4)).toBe("RANGE");
    expect(code(0.5, 4)).toBe("RANGE");
  });
});
