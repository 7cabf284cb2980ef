import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { anyKey, compareKeys } from "../../test/contract/store.ts";
import { crc32, crc32Table } from "./crc32.ts";
import { compareBytes, decodeKey, encodeKey, encodePrefix } from "./key.ts";

describe("key", () => {
  it("gives its parts back", () => {
    fc.assert(
      fc.property(anyKey, (key) => {
        const back = decodeKey(encodeKey("space", key))!;
        expect(back.namespace).toBe("space");
        expect(compareKeys(back.key, key)).toBe(0);
      }),
      { seed: 1, numRuns: 500 },
    );
  });

  it("sorts its bytes as its parts sort", () => {
    fc.assert(
      fc.property(anyKey, anyKey, (a, b) => {
        const order = compareBytes(encodeKey("n", a), encodeKey("n", b));
        expect(Math.sign(order)).toBe(Math.sign(compareKeys(a, b)));
      }),
      { seed: 2, numRuns: 2000 },
    );
  });

  it("is a byte prefix of exactly its extensions", () => {
    fc.assert(
      fc.property(anyKey, anyKey, (a, b) => {
        const prefix = encodePrefix("n", a);
        const starts = compareBytes(encodeKey("n", b).subarray(0, prefix.length), prefix) === 0;
        const extends_ = a.length <= b.length && compareKeys(a, b.slice(0, a.length)) === 0;
        expect(starts).toBe(extends_);
      }),
      { seed: 3, numRuns: 2000 },
    );
  });

  it("finds each flipped bit", () => {
    const bytes = encodeKey("n", ["a", 1.5, "é"]);
    for (let bit = 0; bit < bytes.length * 8; bit++) {
      const damaged = bytes.slice();
      damaged[bit >> 3]! ^= 1 << (bit & 7);
      expect(decodeKey(damaged)).toBeUndefined();
    }
  });
});

describe("crc32", () => {
  it("knows the check value, and both forms agree at every length and seed", () => {
    expect(crc32Table(new TextEncoder().encode("123456789"))).toBe(0xcbf43926);
    const bytes = Uint8Array.from({ length: 1000 }, (_, i) => (i * 7919) & 255);
    for (let length = 0; length < 1000; length += 13) {
      expect(crc32(bytes.subarray(0, length), 5)).toBe(crc32Table(bytes.subarray(0, length), 5));
      expect(crc32(bytes.subarray(length), crc32(bytes.subarray(0, length)))).toBe(crc32Table(bytes));
    }
  });
});
