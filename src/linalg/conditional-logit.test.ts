import { expect, test } from "vitest";
import { type Choice, conditionalLogit, logitScore } from "./conditional-logit.ts";
import { Random } from "./random.ts";

/** Choices that people with such weights make. */
function choicesOf(weights: readonly number[], count: number, seed: number): Choice[] {
  const random = new Random(seed);
  return Array.from({ length: count }, () => {
    const features = Float64Array.from({ length: 5 * weights.length }, () => 2 * random.uniform() - 1);
    const chances = Array.from({ length: 5 }, (_, a) =>
      Math.exp(logitScore(features, a, Float64Array.from(weights))),
    );
    let left = random.uniform() * chances.reduce((sum, chance) => sum + chance, 0);
    const chosen = chances.findIndex((chance) => {
      left -= chance;
      return left <= 0;
    });
    return { features, chosen: [Math.max(0, chosen)] };
  });
}

test("weights by which choices were made are found", () => {
  const weights = conditionalLogit(choicesOf([2, -1, 0], 4000, 1), 3, { ridge: 1e-6 });
  expect(weights[0]).toBeCloseTo(2, 0);
  expect(weights[1]).toBeCloseTo(-1, 0);
  expect(Math.abs(weights[2]!)).toBeLessThan(0.15);
});

test("the minimum has no slope: the same as slow gradient descent finds", () => {
  const choices = [
    ...choicesOf([1, -2], 40, 2),
    { features: new Float64Array([1, 0, 0, 1, 1, 1]), chosen: [0, 2] },
  ];
  const prior = new Float64Array([0.5, 0.5]);
  const ridge = 0.05;
  const weights = conditionalLogit(choices, 2, { prior, ridge });
  const slow = prior.slice();
  for (let step = 0; step < 4000; step++) {
    const slope = slow.map((weight, f) => ridge * (weight - prior[f]!));
    for (const { features, chosen } of choices) {
      const scores = Array.from({ length: features.length / 2 }, (_, a) =>
        Math.exp(logitScore(features, a, slow)),
      );
      const sum = scores.reduce((total, score) => total + score, 0);
      for (let f = 0; f < 2; f++) {
        scores.forEach((score, a) => {
          slope[f]! += ((score / sum) * features[a * 2 + f]!) / choices.length;
        });
        for (const a of chosen) slope[f]! -= features[a * 2 + f]! / chosen.length / choices.length;
      }
    }
    for (let f = 0; f < 2; f++) slow[f]! -= slope[f]!;
  }
  expect(weights[0]).toBeCloseTo(slow[0]!, 5);
  expect(weights[1]).toBeCloseTo(slow[1]!, 5);
});

test("without choices, and where choices say nothing, the prior stays", () => {
  const prior = new Float64Array([3, 4]);
  expect(conditionalLogit([], 2, { prior })).toEqual(prior);
  const alike = { features: new Float64Array([1, 2, 1, 2]), chosen: [1] };
  expect([...conditionalLogit([alike], 2, { prior })]).toEqual([3, 4]);
});

test("a separable choice stays finite", () => {
  const weights = conditionalLogit([{ features: new Float64Array([1, 0]), chosen: [0] }], 1);
  expect(weights[0]).toBeGreaterThan(1);
  expect(weights[0]).toBeLessThan(100);
});

test("refuses what is none", () => {
  const choice = { features: new Float64Array(4), chosen: [0] };
  expect(() => conditionalLogit([choice], 2, { ridge: 0 })).toThrow(/ridge must be above 0/);
  expect(() => conditionalLogit([choice], 3)).toThrow(/choice 0 has 4 numbers for 3 features/);
  expect(() => conditionalLogit([{ ...choice, chosen: [] }], 2)).toThrow(/chooses none/);
  expect(() => conditionalLogit([{ ...choice, chosen: [2] }], 2)).toThrow(/chooses 2/);
  expect(() => conditionalLogit([{ features: new Float64Array([Number.NaN, 1]), chosen: [0] }], 1)).toThrow(
    /finite/,
  );
});
