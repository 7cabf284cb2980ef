/** Sets of characters and their bytes, against asking each character. */
import fc from "fast-check";
import { expect, test } from "vitest";
import { charactersOf, complement, hasByte, intersection, type Range, utf8Spellings } from "./code-points.ts";

const EDGES = [
  0, 0x7f, 0x80, 0x7ff, 0x800, 0xfff, 0x1000, 0xd7ff, 0xe000, 0xffff, 0x10000, 0x3ffff, 0x40000, 0x10ffff,
];
const point = fc.oneof(
  fc.constantFrom(...EDGES),
  fc.integer({ min: 0, max: 0x10ffff }).filter((code) => code < 0xd800 || code > 0xdfff),
);
const ranges = fc.array(
  fc.tuple(point, point).map(([a, b]): Range => [Math.min(a, b), Math.max(a, b)]),
  { maxLength: 4 },
);
const isIn = (set: readonly Range[], code: number): boolean =>
  set.some(([first, last]) => code >= first && code <= last);

test("the bytes of a character follow a spelling where the character is in the set, and one alone", () =>
  fc.assert(
    fc.property(ranges, fc.array(point, { minLength: 1, maxLength: 20 }), (set, others) => {
      const spellings = utf8Spellings(set);
      for (const code of [
        ...others,
        ...EDGES,
        ...set.flat(),
        ...set.flat().map((edge) => Math.min(edge + 1, 0x10ffff)),
      ]) {
        if (code >= 0xd800 && code <= 0xdfff) continue;
        const bytes = new TextEncoder().encode(String.fromCodePoint(code));
        const fits = spellings.filter(
          (sets) => sets.length === bytes.length && sets.every((one, i) => hasByte(one, bytes[i]!)),
        );
        expect(fits.length).toBe(isIn(set, code) ? 1 : 0);
      }
    }),
    { seed: 31, numRuns: 200 },
  ));

test("halves of surrogate pairs are spelled by nothing", () => {
  const spellings = utf8Spellings([[0, 0x10ffff]]);
  const half = [0xed, 0xa0, 0x80];
  expect(spellings.some((sets) => sets.length === 3 && sets.every((one, i) => hasByte(one, half[i]!)))).toBe(
    false,
  );
});

test("complement and intersection", () =>
  fc.assert(
    fc.property(ranges, ranges, fc.array(point, { minLength: 1 }), (a, b, codes) => {
      for (const code of codes) {
        expect(isIn(complement(a), code)).toBe(!isIn(a, code));
        expect(isIn(intersection(a, b), code)).toBe(isIn(a, code) && isIn(b, code));
      }
      expect(charactersOf(...a)).toEqual(complement(complement(a)));
    }),
    { seed: 32, numRuns: 200 },
  ));
