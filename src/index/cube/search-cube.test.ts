import fc from "fast-check";
import { expect, test } from "vitest";
import { type Component, CubeIndex, labelKey, searchCube } from "./index.ts";

const LABELS = ["ant", "bee", "cat", "red ant", "red cat", "wild bee"];
const DIMENSIONS = ["animal", "theme"];

const row = fc.record({
  animal: fc.dictionary(fc.constantFrom(...LABELS), fc.integer({ min: 1, max: 5 })),
  theme: fc.dictionary(fc.constantFrom(...LABELS), fc.integer({ min: 1, max: 5 })),
});
const asked = fc.uniqueArray(fc.constantFrom(...LABELS, "dog"), { minLength: 1, maxLength: 4 });

type Row = Readonly<Record<string, Readonly<Record<string, number>>>>;

/** Weight of a component in a row, label by label. */
function weightIn(rows: readonly Row[], at: number, { text, dimensions, parts = [] }: Component): number {
  const words = labelKey(text).split(" ");
  let best = 0;
  for (let from = 0; from < words.length; from++)
    for (let to = from + 1; to <= words.length; to++) {
      const key = words.slice(from, to).join(" ");
      const isWhole = to - from === words.length;
      if (!isWhole && key.length < 3) continue;
      const searched = isWhole ? dimensions : parts;
      const timesOf = (one: Row, dimension: string): number =>
        Object.entries(one[dimension] ?? {}).reduce(
          (sum, [label, times]) => sum + (labelKey(label) === key ? times : 0),
          0,
        );
      const counts = searched.map(
        (dimension) => rows.filter((one, i) => i !== DELETED && timesOf(one, dimension) > 0).length,
      );
      const size = rows.length - Number(rows.length > DELETED);
      const rarity = Math.log(1 + size / Math.max(1, ...counts)) ** 2;
      for (const dimension of searched) {
        const times = timesOf(rows[at]!, dimension);
        best = Math.max(best, ((rarity * times) / (times + 2)) * Math.sqrt((to - from) / words.length));
      }
    }
  return best;
}

/** A row that is taken away, where there are so many. */
const DELETED = 5;

test("rows are put in order as label by label and row by row, by weight and by count, for any k", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(row, { minLength: 1, maxLength: 70 }),
      asked,
      fc.integer({ min: 1, max: 80 }),
      async (rows, texts, k) => {
        const cube = new CubeIndex(DIMENSIONS);
        rows.forEach((labels, at) => cube.add(at, labels));
        if (cube.delete(DELETED)) cube.drop();
        const components = texts.map((text) => ({ text, dimensions: DIMENSIONS, parts: DIMENSIONS }));
        const expected = rows
          .map((_, at) => ({ at, weights: components.map((one) => weightIn(rows, at, one)) }))
          .filter(({ at, weights }) => at !== DELETED && weights.some((weight) => weight > 0))
          .map(({ at, weights }) => ({
            row: at,
            score: weights.reduce((sum, weight) => sum + weight, 0),
            covered: weights.filter((weight) => weight > 0).length,
          }));
        for (const rank of ["weight", "count"] as const) {
          const { hits } = await searchCube(cube, components, { k, rank });
          expect(hits).toHaveLength(Math.min(k, expected.length));
          for (const { row: at, score, covered, reasons } of hits) {
            const own = expected.find(({ row }) => row === at)!;
            expect(score).toBeCloseTo(own.score, 9);
            expect(covered).toBe(own.covered);
            expect(reasons.reduce((sum, { weight }) => sum + weight, 0)).toBeCloseTo(score, 9);
          }
          const worst = hits.at(-1)!;
          const better = expected.filter(({ row, score, covered }) => {
            if (hits.some((hit) => hit.row === row)) return false;
            if (rank === "count" && covered !== worst?.covered) return covered > (worst?.covered ?? 0);
            return score > worst.score + 1e-9;
          });
          expect(better).toEqual([]);
        }
      },
    ),
    { seed: 17, numRuns: 60 },
  );
});
