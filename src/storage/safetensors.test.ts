/** Headers that lie: refused by name, whatever they say. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { isMnemeError, MnemeError } from "../errors.ts";
import { parseSafetensors } from "./safetensors.ts";

/** A file with this header (an object, or raw text), and so many bytes of data. */
function file(header: unknown, dataBytes: number, length?: bigint): Uint8Array {
  const text = new TextEncoder().encode(typeof header === "string" ? header : JSON.stringify(header));
  const bytes = new Uint8Array(8 + text.byteLength + dataBytes).map((_, i) => i % 251);
  new DataView(bytes.buffer).setBigUint64(0, length ?? BigInt(text.byteLength), true);
  bytes.set(text, 8);
  return bytes;
}

const tensor = (dtype: unknown, shape: unknown, data_offsets: unknown): object => ({
  dtype,
  shape,
  data_offsets,
});

test("reads tensors in any order of the header, empty and scalar ones too", () => {
  const tensors = parseSafetensors(
    file(
      {
        __metadata__: { made: "here" },
        b: tensor("F32", [2, 1], [3, 11]),
        a: tensor("I8", [3], [0, 3]),
        none: tensor("F64", [0, 7], [11, 11]),
        one: tensor("BF16", [], [11, 13]),
      },
      13,
    ),
    "a.safetensors",
  );
  expect(
    [...tensors].map(([name, { dtype, shape, bytes }]) => [name, dtype, shape, bytes.byteLength]),
  ).toEqual([
    ["b", "F32", [2, 1], 8],
    ["a", "I8", [3], 3],
    ["none", "F64", [0, 7], 0],
    ["one", "BF16", [], 2],
  ]);
});

test.each([
  ["a truncated tensor", file({ w: tensor("F32", [4], [0, 16]) }, 12), /"w" ends at byte 16 of the 12/],
  [
    "a shape beyond the bytes",
    file({ w: tensor("F32", [5], [0, 16]) }, 16),
    /"w" has 16 bytes, \[5\].*are 20/,
  ],
  ["another dtype", file({ w: tensor("F64", [4], [0, 16]) }, 16), /values of F64 are 32/],
  ["an unknown dtype", file({ w: tensor("F3", [4], [0, 16]) }, 16), /dtype "F3", known are BOOL/],
  ["no dtype", file({ w: { shape: [1], data_offsets: [0, 1] } }, 1), /dtype none/],
  ["a side that is negative", file({ w: tensor("I8", [-4, -4], [0, 16]) }, 16), /shape \[-4,-4\]/],
  ["a side that is no number", file({ w: tensor("I8", ["4"], [0, 4]) }, 4), /shape \["4"\]/],
  ["a product beyond all numbers", file({ w: tensor("I8", [2 ** 40, 2 ** 40], [0, 4]) }, 4), /has 4 bytes/],
  ["offsets that run backwards", file({ w: tensor("I8", [4], [4, 0]) }, 4), /data_offsets \[4,0\]/],
  ["three offsets", file({ w: tensor("I8", [4], [0, 4, 4]) }, 4), /data_offsets/],
  ["fractions", file({ w: tensor("I8", [1], [0.5, 1.5]) }, 4), /data_offsets/],
  [
    "an overlap",
    file({ a: tensor("I8", [3], [0, 3]), b: tensor("I8", [3], [2, 5]) }, 5),
    /"b" begins at byte 2, inside the one before, which ends at 3/,
  ],
  ["the same bytes twice", file({ a: tensor("I8", [3], [0, 3]), b: tensor("I8", [3], [0, 3]) }, 3), /inside/],
  ["a gap", file({ a: tensor("I8", [3], [2, 5]) }, 5), /after a gap/],
  ["bytes left over", file({ a: tensor("I8", [3], [0, 3]) }, 5), /2 bytes after its last tensor/],
  [
    "values in each other without end",
    file(`{"w":{"dtype":${"[".repeat(1e5)}${"]".repeat(1e5)},"shape":[],"data_offsets":[0,0]}}`, 0),
    /dtype something too deep/,
  ],
  ["an entry that is no object", file({ w: [1] }, 0), /"w" has no dtype/],
  ["a null entry", file({ w: null }, 0), /"w" has no dtype/],
  ["a list as header", file([], 0), /no JSON object/],
  ["null as header", file("null", 0), /no JSON object/],
  ["no JSON", file("{nope", 0), /not JSON/],
  ["a header longer than the file", file({}, 0, 3n), /would be 3 bytes, of 2/],
  ["an absurd length", file({}, 0, 2n ** 64n - 1n), /would be 18446744073709551615 bytes/],
  ["hardly any bytes", new Uint8Array(7), /only 7 bytes/],
])("refuses %s, naming file and tensor", (_, bytes, message) => {
  expect(() => parseSafetensors(bytes, "models/x.safetensors")).toThrow(MnemeError);
  expect(() => parseSafetensors(bytes, "models/x.safetensors")).toThrow(message);
  expect(() => parseSafetensors(bytes, "models/x.safetensors")).toThrow(/^models\/x\.safetensors: /);
});

describe("whatever the bytes are", () => {
  /** Parses, or refuses with FORMAT; what is parsed lies inside the file and has the bytes of its shape. */
  function parseOrRefuse(bytes: Uint8Array): "parsed" | "refused" {
    try {
      for (const { dtype, shape, bytes: own } of parseSafetensors(bytes, "x").values()) {
        const size = Number(/\d+/.exec(dtype.replace(/_.*/, ""))?.[0] ?? 8) / 8;
        expect(own.byteLength).toBe(shape.reduce((product, side) => product * side, size));
        expect(own.buffer).toBe(bytes.buffer);
      }
      return "parsed";
    } catch (error) {
      if (!isMnemeError(error, "FORMAT")) throw error;
      return "refused";
    }
  }

  const odd = fc.oneof(
    fc.integer({ min: -2, max: 20 }),
    fc.constantFrom(2 ** 31, 2 ** 53, -0, 0.5, 1e300),
    fc.jsonValue(),
  );
  const entry = fc.record(
    {
      dtype: fc.oneof(fc.constantFrom("I8", "F16", "F32", "BOOL", "F8_E4M3"), fc.jsonValue()),
      shape: fc.oneof(
        fc.array(fc.integer({ min: 0, max: 3 }), { maxLength: 2 }),
        fc.array(odd),
        fc.jsonValue(),
      ),
      data_offsets: fc.oneof(fc.tuple(odd, odd), fc.jsonValue()),
    },
    { requiredKeys: [] },
  );
  const name = fc.oneof(fc.string(), fc.constantFrom("__proto__", "constructor", "__metadata__"));

  test("hostile headers", () => {
    fc.assert(
      fc.property(
        fc.oneof(fc.dictionary(name, fc.oneof(entry, fc.jsonValue())), fc.jsonValue()),
        fc.nat(40),
        (header, dataBytes) => void parseOrRefuse(file(header, dataBytes)),
      ),
      { seed: 6, numRuns: 2000 },
    );
  });

  test("one changed byte of a good file, or a cut", () => {
    const good = file({ a: tensor("I8", [3], [0, 3]), b: tensor("F16", [2, 2], [3, 11]) }, 8 + 3);
    expect(parseOrRefuse(good)).toBe("parsed");
    let refused = 0;
    fc.assert(
      fc.property(fc.nat(good.length - 1), fc.nat(255), fc.boolean(), (at, value, cut) => {
        const bytes = cut ? good.slice(0, at) : good.slice();
        if (!cut) bytes[at] = value;
        if (parseOrRefuse(bytes) === "refused") refused++;
        if (cut) expect(parseOrRefuse(bytes)).toBe("refused");
      }),
      { seed: 7, numRuns: 2000 },
    );
    expect(refused).toBeGreaterThan(500);
  });
});
