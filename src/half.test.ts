/** Half precision over all of its 65,536 values, and between them. */
import fc from "fast-check";
import { expect, test } from "vitest";
import { fromB16s, fromHalf, fromHalves, toHalf } from "./half.ts";

const all = Uint16Array.from({ length: 65_536 }, (_, bits) => bits);
const isNan = (bits: number): boolean => (bits & 0x7fff) > 0x7c00;

/** By IEEE 754: sign, exponent less 15, fraction behind a one, or a zero where the exponent is 0. */
function byDefinition(bits: number): number {
  const sign = bits >> 15 ? -1 : 1;
  const exponent = (bits >> 10) & 31;
  const fraction = (bits & 1023) / 1024;
  if (exponent === 31) return fraction > 0 ? Number.NaN : sign * Number.POSITIVE_INFINITY;
  return sign * (exponent === 0 ? fraction * 2 ** -14 : (1 + fraction) * 2 ** (exponent - 15));
}

test("every half is what its bits say, and finite ones come back from their values", () => {
  const many = fromHalves(all);
  const wrong = all.filter(
    (bits) =>
      !Object.is(fromHalf(bits), byDefinition(bits)) ||
      !Object.is(many[bits], byDefinition(bits)) ||
      ((bits & 0x7c00) !== 0x7c00 && toHalf(fromHalf(bits)) !== bits),
  );
  expect([...wrong]).toEqual([]);
});

test("what is no number stays none; what is beyond the range becomes the largest", () => {
  expect(all.filter((bits) => isNan(bits) && !isNan(toHalf(fromHalf(bits))))).toHaveLength(0);
  for (const value of [65504, 65519.99, 65520, 1e30, Number.POSITIVE_INFINITY])
    expect([toHalf(value), toHalf(-value)]).toEqual([0x7bff, 0xfbff]);
});

test("a number between two halves goes to the nearer one, halfway to the even one", () => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 0x7bfe }), fc.constantFrom(0.25, 0.5, 0.75), (low, share) => {
      // halves and the quarters between them are exact as f32
      const value = fromHalf(low) + share * (fromHalf(low + 1) - fromHalf(low));
      const even = low % 2 === 0 ? low : low + 1;
      const nearest = share === 0.5 ? even : share < 0.5 ? low : low + 1;
      expect([toHalf(value), toHalf(-value)]).toEqual([nearest, nearest | 0x8000]);
    }),
    { seed: 3, numRuns: 2000 },
  );
});

test("every bf16 is the f32 that it begins", () => {
  const view = new DataView(new ArrayBuffer(4));
  const values = fromB16s(all);
  const wrong = all.filter((bits) => {
    view.setUint32(0, bits * 65_536);
    return !Object.is(values[bits], view.getFloat32(0));
  });
  expect([...wrong]).toEqual([]);
});
