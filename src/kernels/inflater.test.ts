import { constants, deflateRawSync, inflateRawSync } from "node:zlib";
import fc from "fast-check";
import { afterAll, describe, expect, test } from "vitest";
import { MnemeError } from "../errors.ts";
import { Inflater, kernels } from "./index.ts";
import { randomBytes } from "./random-bytes.ts";

const inflater = new Inflater(kernels());
afterAll(() => inflater[Symbol.dispose]());

/** Bytes between noise and one byte over and over: of a few symbols, with repeats from near and far. */
const data = fc
  .tuple(
    fc.integer(),
    fc.integer({ min: 0, max: 70_000 }),
    fc.integer({ min: 1, max: 256 }),
    fc.integer({ min: 0, max: 99 }),
  )
  .map(([seed, length, symbols, repeated]) => {
    const noise = randomBytes(4 * length, seed);
    const bytes = new Uint8Array(length);
    for (let i = 0; i < length; ) {
      const [kind, a, b] = [noise[4 * i]! % 100, noise[4 * i + 1]!, noise[4 * i + 2]!];
      if (kind >= repeated || i === 0) bytes[i++] = a % symbols;
      else {
        const distance = 1 + ((a << (b % 8)) % i);
        for (let n = 3 + b + noise[4 * i + 3]!; n > 0 && i < length; n--, i++)
          bytes[i] = bytes[i - distance]!;
      }
    }
    return bytes;
  });

const settings = fc.record({
  level: fc.integer({ min: 0, max: 9 }),
  memLevel: fc.integer({ min: 1, max: 9 }),
  windowBits: fc.integer({ min: 9, max: 15 }),
  strategy: fc.constantFrom(
    constants.Z_DEFAULT_STRATEGY,
    constants.Z_FILTERED,
    constants.Z_HUFFMAN_ONLY,
    constants.Z_RLE,
    constants.Z_FIXED,
  ),
});

describe("Inflater", () => {
  test("what zlib deflated comes back, by every kind of block", () => {
    fc.assert(
      fc.property(data, settings, (bytes, options) => {
        const packed = deflateRawSync(bytes, options);
        expect(Buffer.from(inflater.inflate(packed, bytes.length)).equals(bytes)).toBe(true);
      }),
      { numRuns: 300, seed: 61 },
    );
  });

  test("a beginning comes alone", () => {
    fc.assert(
      fc.property(data, settings, fc.nat(), (bytes, options, some) => {
        const wanted = some % (bytes.length + 1);
        const begun = inflater.inflate(deflateRawSync(bytes, options), wanted);
        expect(Buffer.from(begun).equals(bytes.subarray(0, wanted))).toBe(true);
      }),
      { numRuns: 100, seed: 62 },
    );
  });

  test("codes of 15 bits are read", () => {
    // counts that grow as Fibonacci's make the longest codes
    const counts = [1, 1];
    while (counts.length < 22) counts.push(counts.at(-1)! + counts.at(-2)!);
    const bytes = new Uint8Array(counts.reduce((sum, count) => sum + count));
    let at = 0;
    for (const [symbol, count] of counts.entries()) {
      bytes.fill(symbol, at, at + count);
      at += count;
    }
    const order = randomBytes(4 * bytes.length, 5);
    for (let i = bytes.length - 1; i > 0; i--) {
      const other = new DataView(order.buffer, order.byteOffset).getUint32(4 * i, true) % (i + 1);
      [bytes[i], bytes[other]] = [bytes[other]!, bytes[i]!];
    }
    const packed = deflateRawSync(bytes, { memLevel: 9, strategy: constants.Z_HUFFMAN_ONLY });
    expect(Buffer.from(inflater.inflate(packed, bytes.length)).equals(bytes)).toBe(true);
  });

  test("any bytes give an error of ours, or what zlib makes of them", () => {
    fc.assert(
      fc.property(
        data,
        settings,
        fc.array(fc.tuple(fc.nat(), fc.nat(255)), { maxLength: 4 }),
        fc.nat(),
        (bytes, options, hits, cut) => {
          const packed = deflateRawSync(bytes, options);
          for (const [at, value] of hits) packed[at % packed.length] = value;
          const some = packed.subarray(0, packed.length - (cut % 3 === 0 ? cut % packed.length : 0));
          let expected: Buffer | undefined;
          try {
            expected = inflateRawSync(some);
          } catch {}
          let made: Buffer | undefined;
          try {
            made = Buffer.from(inflater.inflate(some, expected?.length ?? bytes.length));
          } catch (error) {
            expect(error).toBeInstanceOf(MnemeError);
            expect(error).toMatchObject({ code: "CORRUPT" });
          }
          if (expected) expect(made?.equals(expected)).toBe(true);
        },
      ),
      { numRuns: 500, seed: 63 },
    );
  });

  test("noise is refused or read, and nothing is read or written beside it", () => {
    for (let seed = 0; seed < 2000; seed++) {
      const noise = randomBytes(1 + (seed % 300), seed);
      try {
        inflater.inflate(noise, 1000);
      } catch (error) {
        expect(error).toMatchObject({ code: "CORRUPT" });
      }
    }
    const bytes = Buffer.from("still whole ".repeat(100));
    expect(Buffer.from(inflater.inflate(deflateRawSync(bytes), bytes.length)).equals(bytes)).toBe(true);
  });

  test("more than there is, is refused with both lengths", () => {
    const packed = deflateRawSync(Buffer.from("abc"));
    expect(() => inflater.inflate(packed, 4)).toThrow(/a deflate stream of 3 bytes, 4 expected/);
    expect(() => inflater.inflate(new Uint8Array(0), 1)).toThrow(/no deflate stream/);
  });
});
