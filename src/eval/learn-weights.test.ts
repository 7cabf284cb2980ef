import { expect, test } from "vitest";
import { type Choice, logitScore } from "../linalg/conditional-logit.ts";
import { Random } from "../linalg/random.ts";
import { learnWeights } from "./learn-weights.ts";

const ALTERNATIVES = 8;
const FOLDS = 5;

/** Lessons whose right alternative has more of the features that tell. */
function lessonsOf(count: number, size: number, tells: readonly number[], seed: number): Choice[] {
  const random = new Random(seed);
  return Array.from({ length: count }, () => {
    const features = Float64Array.from({ length: ALTERNATIVES * size }, () => random.gaussian());
    for (const f of tells) features[f]! += 1.5;
    return { features, chosen: [0] };
  });
}

/** Whether the right one comes first; of equals the last does. */
function first({ features }: Choice, weights: Float64Array): number {
  const best = logitScore(features, 0, weights);
  for (let a = 1; a < features.length / weights.length; a++)
    if (logitScore(features, a, weights) >= best) return 0;
  return 1;
}

const learn = (lessons: readonly Choice[], plain: Float64Array, mostChance?: number) =>
  learnWeights(lessons, {
    plain,
    ridges: [1, 0.01],
    folds: lessons.map((_, i) => i % FOLDS),
    choice: (lesson) => lesson,
    quality: first,
    ...(mostChance === undefined ? {} : { mostChance }),
  });

const mean = (values: readonly number[]): number => values.reduce((sum, one) => sum + one, 0) / values.length;

test("weights of features that tell are learnt, and hold on lessons they were not learnt from", () => {
  const size = 4;
  const plain = Float64Array.of(0, 0, 0, 1);
  const { plain: before, held, p, weights } = learn(lessonsOf(100, size, [1, 2], 1), plain, 0.05);
  expect(weights).toBeDefined();
  expect(p).toBeLessThan(0.01);
  expect(mean(held)).toBeGreaterThan(mean(before) + 0.2);
  const others = lessonsOf(400, size, [1, 2], 2);
  const quality = mean(others.map((lesson) => first(lesson, weights!)));
  expect(Math.abs(quality - mean(held))).toBeLessThan(0.12);
});

test("where no feature tells the plain weights stay, but for chance", () => {
  const size = 12;
  const plain = new Float64Array(size);
  plain[0] = 1;
  const kept = Array.from({ length: 40 }, (_, seed) => learn(lessonsOf(60, size, [], seed), plain, 0.1));
  expect(kept.filter(({ weights }) => weights).length).toBeLessThanOrEqual(6);
  const any = kept.filter(({ held, plain }) => mean(held) > mean(plain)).length;
  expect(any).toBeGreaterThan(0);
});

test("a lesson is never judged by what it taught", () => {
  // each lesson's right alternative has a feature that no other lesson has
  const count = 20;
  const lessons = Array.from({ length: count }, (_, i): Choice => {
    const features = new Float64Array(2 * count);
    features[i] = 1;
    return { features, chosen: [0] };
  });
  const { plain, held, p, weights } = learn(lessons, new Float64Array(count));
  expect(plain).toEqual(Array(count).fill(0));
  expect(held).toEqual(plain);
  expect(p).toBe(1);
  expect(weights).toBeUndefined();
});

test("lessons without a right alternative teach nothing and are judged still", () => {
  const lessons = lessonsOf(50, 2, [1], 3);
  const plain = Float64Array.of(1, 0);
  const judged = lessons.map((lesson, i) => ({ lesson, isTaught: i % 2 === 0 }));
  const found = learnWeights(judged, {
    plain,
    ridges: [0.01],
    folds: judged.map((_, i) => i % FOLDS),
    choice: ({ lesson, isTaught }) => (isTaught ? lesson : undefined),
    quality: ({ lesson }, weights) => first(lesson, weights),
  });
  expect(found.held).toHaveLength(50);
  expect(mean(found.held)).toBeGreaterThan(mean(found.plain));
  const nothing = learnWeights(judged, {
    plain,
    ridges: [0.01],
    folds: judged.map(() => 0),
    choice: () => undefined,
    quality: ({ lesson }, weights) => first(lesson, weights),
  });
  expect(nothing.held).toEqual(nothing.plain);
  expect(nothing.weights).toBeUndefined();
});
