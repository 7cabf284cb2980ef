import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { isMnemeError } from "../errors.ts";
import { memoryStore } from "./memory-store.ts";
import { PAGE_BYTES, readPages, readWhole, writePages } from "./pages.ts";
import type { Store } from "./store.ts";

const content = (length: number): Uint8Array =>
  Uint8Array.from({ length }, (_, i) => (i * 7 + (i >> 8)) & 255);

async function storeOf(whole: Uint8Array): Promise<Store> {
  const store = memoryStore();
  await store.batch((batch) => writePages(batch, "n", ["doc", 1], whole));
  return store;
}

describe("pages", () => {
  it("reads every range as a slice of the whole, and the whole", async () => {
    const lengths = fc.oneof(
      fc.nat(5 * PAGE_BYTES),
      fc.nat(5).map((pages) => pages * PAGE_BYTES),
    );
    await fc.assert(
      fc.asyncProperty(lengths, lengths, lengths, async (length, a, b) => {
        const whole = content(length);
        const store = await storeOf(whole);
        expect([...store.range("n")].length).toBe(Math.ceil(length / PAGE_BYTES));
        const [start, end] = [Math.min(a, b, length), Math.min(Math.max(a, b), length)];
        const part = await readPages(store, "n", ["doc", 1], start, end);
        expect(Buffer.compare(part, whole.subarray(start, end))).toBe(0);
        expect(Buffer.compare(await readWhole(store, "n", ["doc", 1], length), whole)).toBe(0);
      }),
      { seed: 4, numRuns: 60 },
    );
  });

  it("writes a string bit by bit", async () => {
    const whole = content(3 * PAGE_BYTES + 5);
    const store = memoryStore();
    await store.batch((b) => writePages(b, "n", ["a"], whole.subarray(0, 2 * PAGE_BYTES)));
    expect([...store.range("n")].map((e) => e.key[1])).toEqual([0, 1]);
    await store.batch((b) => writePages(b, "n", ["a"], whole.subarray(2 * PAGE_BYTES), 2));
    expect(Buffer.compare(await readWhole(store, "n", ["a"], whole.length), whole)).toBe(0);
  });

  it("says CORRUPT where a page is missing or short and RANGE for bounds out of order", async () => {
    const store = await storeOf(content(4 * PAGE_BYTES - 10));
    await store.batch((b) => b.delete("n", ["doc", 1, 2]));
    const code = (start: number, end: number): string => {
      try {
        readPages(store, "n", ["doc", 1], start, end);
      } catch (error) {
        if (isMnemeError(error)) return error.code;
      }
      return "no error";
    };
    expect(code(0, 2 * PAGE_BYTES)).toBe("no error");
    expect(code(0, 2 * PAGE_BYTES + 1)).toBe("CORRUPT");
    expect(code(3 * PAGE_BYTES, 4 * PAGE_BYTES)).toBe("CORRUPT");
    expect(code(5, 4)).toBe("RANGE");
    expect(code(-1, 4)).toBe("RANGE");
    expect(code(0.5, 4)).toBe("RANGE");
  });
});
