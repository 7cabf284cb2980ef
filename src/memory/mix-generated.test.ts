import fc from "fast-check";
import { expect, test } from "vitest";
import type { GenerativeHit } from "./generative.ts";
import { GENERATIVE_WEIGHT, withGenerated } from "./mix-generated.ts";
import type { Ranking } from "./recall.ts";

type Scored = readonly (readonly [row: number, score: number])[];

function rankingOf(of: Scored): Ranking {
  return {
    rows: Uint32Array.from(of, ([row]) => row),
    scores: Float64Array.from(of, ([, score]) => score),
    at: (place) => ({ row: of[place]![0], score: of[place]![1] }),
  };
}

const hitsOf = (of: Scored): GenerativeHit[] => of.map(([row, score]) => ({ row, score, matches: [] }));

/** Rows with scores above 0, best first. */
const lists = fc
  .uniqueArray(fc.tuple(fc.nat({ max: 20 }), fc.integer({ min: 1, max: 1000 })), {
    selector: ([row]) => row,
    minLength: 1,
    maxLength: 12,
  })
  .map((of): Scored => of.sort((a, b) => b[1] - a[1] || a[0] - b[0]));

test("counts by the square of what the others say of its best passage", () => {
  fc.assert(
    fc.property(lists, lists, (others, generated) => {
      const mixed = withGenerated(rankingOf(others), hitsOf(generated));
      const share = (of: Scored, row: number): number =>
        (of.find(([other]) => other === row)?.[1] ?? 0) / of[0]![1];
      const weight = GENERATIVE_WEIGHT * share(others, generated[0]![0]) ** 2;
      expect(new Set(mixed.rows)).toEqual(new Set([...others, ...generated].map(([row]) => row)));
      mixed.rows.forEach((row, place) => {
        const score = (1 - weight) * share(others, row) + weight * share(generated, row);
        expect(mixed.scores[place]).toBeCloseTo(score, 9);
        expect(mixed.at(place).generative?.rank).toBe(
          generated.some(([other]) => other === row)
            ? generated.findIndex(([other]) => other === row) + 1
            : undefined,
        );
      });
      expect([...mixed.scores]).toEqual([...mixed.scores].sort((a, b) => b - a));
    }),
  );
});

test("what the others did not put up leaves their order as it is", () => {
  fc.assert(
    fc.property(lists, lists, (others, generated) => {
      const elsewhere = generated.map(([row, score]) => [row + 100, score] as const);
      const mixed = withGenerated(rankingOf(others), hitsOf(elsewhere));
      const scores = new Map(others);
      const kept = [...mixed.rows.slice(0, others.length)].map((row) => scores.get(row));
      expect(kept).toEqual(others.map(([, score]) => score));
    }),
  );
  const alone = rankingOf([[3, 1]]);
  expect(withGenerated(alone, [])).toBe(alone);
});
