import fc from "fast-check";
import { expect, test } from "vitest";
import { FUSION_FORMS, fuse, orderOf } from "./fuse.ts";

const list = (scores: readonly number[], weight: number) => ({ scores: Float64Array.from(scores), weight });

test("each form as it is written down", () => {
  const words = list([4, 0, 2], 0.5);
  const meaning = list([0.2, 0.8, 0.4], 0.5);
  expect([...fuse([words, meaning], "share")]).toEqual([0.5 + 0.125, 0.5, 0.25 + 0.25]);
  const minMax = fuse([words, meaning], "min-max");
  [0.5, 0.5, 0.25 + 1 / 6].forEach((score, i) => expect(minMax[i]).toBeCloseTo(score, 12));
  expect([...fuse([words, meaning], "linear")]).toEqual([2.1, 0.4, 1.2]);
  const ranks = fuse([{ ...words, zeroIsAbsent: true }, meaning], "rrf");
  [0.5 / 61 + 0.5 / 63, 0.5 / 61, 0.5 / 62 + 0.5 / 62].forEach((score, i) =>
    expect(ranks[i]).toBeCloseTo(score, 12),
  );
});

test("a row that a list does not hold gets its least score, and no rank", () => {
  const missing = list([5, Number.NaN, 3], 1);
  expect([...fuse([missing], "linear")]).toEqual([5, 3, 3]);
  expect([...fuse([missing], "min-max")]).toEqual([1, 0, 0]);
  expect(fuse([missing], "rrf")[1]).toBe(0);
});

test("fused scores are finite, and equal scores say nothing", () => {
  const score = fc.oneof(fc.double({ min: -10, max: 10, noNaN: true }), fc.constant(Number.NaN));
  const scores = fc.array(score, { minLength: 1, maxLength: 20 });
  fc.assert(
    fc.property(scores, fc.constantFrom(...FUSION_FORMS), (some, form) => {
      expect(
        [
          ...fuse(
            [
              list(some, 0.4),
              list(
                some.map(() => 7),
                0.6,
              ),
            ],
            form,
          ),
        ].every(Number.isFinite),
      ).toBe(true);
      expect(
        [
          ...fuse(
            [
              list(
                some.map(() => 7),
                1,
              ),
            ],
            "min-max",
          ),
        ].every((one) => one === 0),
      ).toBe(true);
    }),
    { seed: 55 },
  );
});

test("an order is descending, ties by place, absent scores last", () => {
  expect([...orderOf(Float64Array.of(Number.NaN, 1, 2, Number.NaN, 2))]).toEqual([2, 4, 1, 0, 3]);
});
