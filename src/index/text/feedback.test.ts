import fc from "fast-check";
import { expect, test } from "vitest";
import { bm25Defaults, lengthNorm, saturation } from "./bm25.ts";
import { FeedbackModel, type FeedbackPassage, type TermStatistics } from "./feedback.ts";

const codes = (term: string): number => [...term].reduce((sum, c) => sum + c.charCodeAt(0), 0);

/** Rarity that depends on the term alone, between 0.1 and 8. */
const idf = (term: string): number => 0.1 + (codes(term) % 80) / 10;
/** A sample that lacks every third term, and knows the others a little too rare or too common. */
const sampledIdf = (term: string): number =>
  codes(term) % 3 === 0 ? 8 : idf(term) * (0.8 + (codes(term) % 5) / 10);
const greatestIdf = 9.6;
const statistics: TermStatistics = { version: 1, idf, sampledIdf, greatestIdf, averageLength: 9 };

/** Every term of every passage weighed: twice as many as are wanted by the sample, of those the wanted ones by their true rarity. */
function slowTerms(passages: readonly FeedbackPassage[], terms: number): [string, number][] {
  const { k1, b } = bm25Defaults;
  const sums = new Map<string, number>();
  for (const { text, share } of passages) {
    const words = text.split(" ").filter(Boolean);
    const norm = lengthNorm(words.length, statistics.averageLength, k1, b);
    for (const word of new Set(words)) {
      const count = words.filter((other) => other === word).length;
      sums.set(word, (sums.get(word) ?? 0) + share * saturation(count, norm, k1));
    }
  }
  const strongest = (some: Iterable<string>, rarity: (term: string) => number, most: number) =>
    Array.from(some, (term): [string, number] => [term, sums.get(term)! * rarity(term)])
      .filter(([, weight]) => weight > 0)
      .sort(([a, x], [c, y]) => y - x || (a < c ? -1 : 1))
      .slice(0, most);
  const shortlist = strongest(sums.keys(), sampledIdf, 2 * terms).map(([term]) => term);
  const best = strongest(shortlist, idf, terms);
  const total = best.reduce((sum, [, weight]) => sum + weight, 0);
  return best.map(([term, weight]) => [term, weight / total]);
}

test("finds the strongest terms of weighted passages", () => {
  const word = fc.integer({ min: 0, max: 60 }).map((i) => `zq${String.fromCharCode(97 + (i % 26))}${i}x`);
  const passage = fc.record({
    text: fc.array(word, { maxLength: 40 }).map((words) => words.join(" ")),
    share: fc.constantFrom(0, 0.05, 0.2, 0.75),
  });
  const model = new FeedbackModel(statistics);
  fc.assert(
    fc.property(fc.array(passage, { maxLength: 4 }), fc.integer({ min: 1, max: 25 }), (passages, terms) => {
      const expected = slowTerms(passages, terms);
      const got = [...model.terms(passages, { terms })];
      // sums in another order may swap terms of one weight
      expect(got.map(([, weight]) => weight.toFixed(9))).toEqual(
        expected.map(([, weight]) => weight.toFixed(9)),
      );
      const all = new Map(slowTerms(passages, 1000));
      const scale = expected[0] ? all.get(expected[0][0])! / expected[0][1] : 1;
      for (const [term, weight] of got) expect(weight * scale).toBeCloseTo(all.get(term)!, 9);
    }),
    { seed: 31, numRuns: 300 },
  );
});

test("a word that the sample lacks is weighed by how common it is", () => {
  const model = new FeedbackModel({
    ...statistics,
    idf: (term) => (term === "common" ? 1 : 4),
    sampledIdf: (term) => (term === "common" ? 8 : 4),
    greatestIdf: 8,
  });
  const passages = [{ text: "common tide harbour", share: 1 }];
  expect([...model.terms(passages, { terms: 2 }).keys()].sort()).toEqual(["harbour", "tide"]);
  const { common, tide } = Object.fromEntries(model.terms(passages, { terms: 3 }));
  expect(tide! / common!).toBeCloseTo(4, 9);
});

test("numbers and single letters say nothing", () => {
  const terms = new FeedbackModel(statistics).terms([{ text: "a 12 345 tide x table", share: 1 }]);
  expect([...terms.keys()].sort()).toEqual(["tabl", "tide"]);
});
