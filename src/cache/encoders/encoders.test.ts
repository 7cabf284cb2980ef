/** Encoders of keys and values against their rules written plainly, and their bytes against the bits that they promise. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { normalLevels } from "../../codecs/lloyd-max.ts";
import { Random } from "../../linalg/random.ts";
import {
  type HeadRows,
  int8PerToken,
  perChannel,
  perToken,
  type RowEncoder,
  rotatedNormal,
} from "../index.ts";

/** Pairs (i, i + 16); the last ones hardly turn. */
function rotate(row: Float32Array, position: number): void {
  for (let i = 0; i < 16; i++) {
    const angle = position * 5e5 ** (-i / 16);
    const [a, b] = [row[i]!, row[i + 16]!];
    row[i] = a * Math.cos(angle) - b * Math.sin(angle);
    row[i + 16] = b * Math.cos(angle) + a * Math.sin(angle);
  }
}
const unrotate = (row: Float32Array, position: number): void => rotate(row, -position);

const gaussian = (slots: number, dim: number, seed: number): HeadRows => {
  const random = new Random(seed);
  const rows = Float32Array.from({ length: slots * dim }, () => random.gaussian());
  return { dim, rows, positions: Int32Array.from({ length: slots }, (_, s) => s) };
};

/** Normal numbers, but the last pair is large in all tokens, as keys have it. */
const keys = gaussian(384, 32, 7);
for (let s = 0; s < 384; s++) {
  keys.rows[s * 32 + 15]! += 9;
  keys.rows[s * 32 + 31]! -= 12;
  rotate(keys.rows.subarray(s * 32, (s + 1) * 32), s);
}

const errorOf = (encoder: RowEncoder, head: HeadRows = keys): number => {
  const decoded = encoder.encode(head).decode();
  const length = (values: Float32Array): number =>
    Math.sqrt(values.reduce((sum, value) => sum + value * value, 0));
  return length(head.rows.map((value, i) => value - decoded[i]!)) / length(head.rows);
};

/** Least value and step of each group, codes by rounding; f64. */
function minMax(values: readonly number[], bits: number): number[] {
  const [low, high] = [Math.min(...values), Math.max(...values)];
  const step = (high - low) / (2 ** bits - 1);
  return values.map((value) => (step > 0 ? low + Math.round((value - low) / step) * step : low));
}

const every: readonly [string, (bits: number) => RowEncoder][] = [
  ["per token", (bits) => perToken({ bits, group: 16 })],
  ["per channel", (bits) => perChannel({ bits, group: 32 })],
  ["rotated", (bits) => rotatedNormal({ bits, mean: "none" })],
  ["rotated, page means", (bits) => rotatedNormal({ bits })],
  ["rotated, mean before", (bits) => rotatedNormal({ bits, mean: "before", rotary: { rotate, unrotate } })],
];

describe("encoders", () => {
  test.each(every)("%s: a bit more halves the error, about; any number of slots", (_, make) => {
    const errors = [2, 3, 4, 6].map((bits) => errorOf(make(bits)));
    expect(errors[1]!).toBeLessThan(0.7 * errors[0]!);
    expect(errors[2]!).toBeLessThan(0.7 * errors[1]!);
    expect(errors[3]!).toBeLessThan(0.5 * errors[2]!);
    fc.assert(
      fc.property(fc.nat(100), fc.integer(), (slots, seed) => {
        const head = gaussian(slots, 32, seed);
        expect(make(4).encode(head).decode().length).toBe(slots * 32);
      }),
      { seed: 1, numRuns: 20 },
    );
  });

  test.each([2, 3, 4])("min-max of %i bits, along tokens and along channels", (bits) => {
    const head = gaussian(70, 24, bits);
    const tokens = perToken({ bits, group: 16 }).encode(head).decode();
    const channels = perChannel({ bits, group: 32 }).encode(head).decode();
    const at = (s: number, i: number): number => head.rows[s * 24 + i]!;
    for (let s = 0; s < 70; s++) {
      const group = (from: number): number[] =>
        minMax(
          Array.from({ length: Math.min(16, 24 - from) }, (_, i) => at(s, from + i)),
          bits,
        );
      const row = [...group(0), ...group(16)];
      // halves of scales move a value by a thousandth of the range, and now and then one to the next level
      const near = row.filter((value, i) => Math.abs(value - tokens[s * 24 + i]!) < 0.02);
      expect(near.length).toBeGreaterThanOrEqual(22);
    }
    for (let i = 0; i < 24; i++) {
      const column = [0, 32, 64].flatMap((from) =>
        minMax(
          Array.from({ length: Math.min(32, 70 - from) }, (_, s) => at(from + s, i)),
          bits,
        ),
      );
      const near = column.filter((value, s) => Math.abs(value - channels[s * 24 + i]!) < 0.02);
      expect(near.length).toBeGreaterThanOrEqual(66);
    }
  });

  test("bytes are codes, factors and means", () => {
    const head = gaussian(128, 64, 1);
    expect(perToken({ bits: 2 }).encode(head).bytes).toBe(128 * (16 + 4));
    expect(perToken({ bits: 3, group: 32 }).encode(head).bytes).toBe(128 * (24 + 8));
    expect(perChannel({ bits: 2, group: 32 }).encode(head).bytes).toBe(64 * (32 + 4 * 4));
    expect(rotatedNormal({ bits: 4, mean: "none" }).encode(head).bytes).toBe(128 * (32 + 2));
    expect(rotatedNormal({ bits: 4 }).encode(head).bytes).toBe(128 * (32 + 2) + 2 * 64 * 2);
    const before = rotatedNormal({ bits: 4, mean: "before", rotary: { rotate, unrotate } });
    expect(before.encode(head).bytes).toBe(128 * (32 + 2) + 64 * 2);
    expect(int8PerToken().encode(head).bytes).toBe(128 * (64 + 4));
  });

  test.each([
    [1, 0.3634],
    [2, 0.1175],
    [3, 0.03454],
    [4, 0.009497],
  ])("normal rows of %i bits have the distortion that Max gives", (bits, distortion) => {
    const error = errorOf(rotatedNormal({ bits, mean: "none" }), gaussian(1000, 128, bits));
    expect(error ** 2 / distortion).toBeGreaterThan(0.93);
    expect(error ** 2 / distortion).toBeLessThan(1.05);
  });

  test("levels of two bits are those of the tables", () => {
    expect([...normalLevels(2).levels].map((level) => level.toFixed(4))).toEqual([
      "-1.5104",
      "-0.4528",
      "0.4528",
      "1.5104",
    ]);
    expect(normalLevels(2).bounds[2]).toBeCloseTo(0.9816, 4);
    expect(normalLevels(4).levels[15]).toBeCloseTo(2.733, 3);
    expect(() => normalLevels(0)).toThrow(/bits is 0/);
  });

  test("taking the mean first is worth a bit where channels are large in all tokens", () => {
    const plain = errorOf(rotatedNormal({ bits: 3, mean: "none" }));
    expect(errorOf(rotatedNormal({ bits: 3 }))).toBeLessThan(plain / 2);
    const before = rotatedNormal({ bits: 3, mean: "before", rotary: { rotate, unrotate } });
    expect(errorOf(before)).toBeLessThan(plain / 2);
  });

  test("int8 is within half a step of each token's largest value", () => {
    const decoded = int8PerToken().encode(keys).decode();
    for (let s = 0; s < 384; s++) {
      const row = keys.rows.subarray(s * 32, (s + 1) * 32);
      const most = Math.max(...row.map(Math.abs));
      row.forEach((value, i) =>
        expect(Math.abs(value - decoded[s * 32 + i]!)).toBeLessThanOrEqual((most / 254) * 1.001),
      );
    }
  });

  test("constant and zero rows come back", () => {
    for (const fill of [0, 3]) {
      const head = { dim: 32, rows: new Float32Array(64 * 32).fill(fill), positions: new Int32Array(64) };
      for (const encoder of [
        perToken({ bits: 2 }),
        perChannel({ bits: 2 }),
        rotatedNormal({ bits: 2 }),
        int8PerToken(),
      ])
        encoder
          .encode(head)
          .decode()
          .forEach((value) => expect(value).toBeCloseTo(fill, 5));
    }
  });

  test("refuses what cannot be coded", () => {
    expect(() => perToken({ bits: 0 })).toThrow(/bits is 0/);
    expect(() => perChannel({ bits: 2, group: 0 })).toThrow(/group is 0/);
    expect(() => rotatedNormal({ bits: 2, mean: "before" })).toThrow(/give rotary/);
    expect(() => perToken({ bits: 2 }).encode({ ...keys, dim: 31 })).toThrow(/384 slots of 31/);
    const broken = { ...keys, rows: keys.rows.map((value, i) => (i === 70 ? Number.NaN : value)) };
    for (const [, make] of every) expect(() => make(2).encode(broken)).toThrow(/slot 2 holds NaN at 6/);
    expect(() => int8PerToken().encode(broken)).toThrow(/slot 2/);
  });
});
