import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { excess, type ScoredNGram, weighNGrams } from "./n-gram-weights.ts";
import { type NGramHit, rankByNGrams } from "./rank-by-n-grams.ts";
import { TokenIndex } from "./token-index/token-index.ts";

const NO_UNIGRAMS = { tokens: new Uint32Array(0), logprobs: new Float32Array(0) };

const token = fc.integer({ min: 1, max: 6 });
const corpus = fc.array(fc.array(token, { minLength: 3, maxLength: 25 }), { minLength: 1, maxLength: 10 });
const written = fc.array(
  fc.record({
    tokens: fc.array(token, { minLength: 1, maxLength: 4 }),
    logprob: fc.double({ min: -12, max: -0.01, noNaN: true }),
  }),
  { minLength: 1, maxLength: 12 },
);

/** The score of one document by the definition: n-grams by falling weight, places from left to right. */
function slowScore(
  index: TokenIndex,
  document: readonly number[],
  nGrams: readonly ScoredNGram[],
  unigrams: ReadonlyMap<number, number>,
  beta: number,
): number {
  const [covered, types] = [new Set<number>(), new Set<number>()];
  let score = 0;
  for (const { tokens, weight } of weighNGrams(index, nGrams)) {
    for (let at = 0; at + tokens.length <= document.length; at++) {
      const places = tokens.map((_, i) => at + i);
      if (!tokens.every((of, i) => document[at + i] === of) || places.some((place) => covered.has(place)))
        continue;
      const fresh = new Set(tokens.filter((of) => !types.has(of)));
      score += weight * (1 - beta + (beta * fresh.size) / tokens.length);
      for (const of of tokens) types.add(of);
      for (const place of places) covered.add(place);
      break;
    }
  }
  const share = (of: number): number => (index.count([of]) + 5) / (index.tokens + 5);
  for (const of of new Set(document))
    if (!types.has(of) && unigrams.has(of)) score += excess(unigrams.get(of)!, share(of));
  return score;
}

describe("ranking by n-grams", () => {
  test("is the definition", () => {
    fc.assert(
      fc.property(corpus, written, fc.constantFrom(0, 0.5, 0.8, 1), (documents, nGrams, beta) => {
        const index = TokenIndex.build(documents);
        const unigrams = new Map([
          [1, -1],
          [4, -0.5],
        ]);
        const given = {
          tokens: Uint32Array.from(unigrams.keys()),
          logprobs: Float32Array.from(unigrams.values()),
        };
        const hits = rankByNGrams(index, nGrams, given, { beta, k: 10 });
        const weighed = weighNGrams(index, nGrams);
        const holds = (document: readonly number[]): boolean =>
          weighed.some(({ tokens }) =>
            document.some((_, at) => tokens.every((of, i) => document[at + i] === of)),
          );
        const wanted = documents
          .map((document, d) => ({ d, score: slowScore(index, document, nGrams, unigrams, beta), document }))
          .filter(({ document }) => holds(document))
          .sort((a, b) => b.score - a.score || a.d - b.d);
        expect(hits.map(({ document }) => document).sort()).toEqual(wanted.map(({ d }) => d).sort());
        for (const [i, hit] of hits.entries()) expect(hit.score).toBeCloseTo(wanted[i]!.score, 8);
      }),
      { seed: 7, numRuns: 200 },
    );
  });

  test("matches are where they are said to be, and never overlap", () => {
    fc.assert(
      fc.property(corpus, written, (documents, nGrams) => {
        const index = TokenIndex.build(documents);
        for (const { document, matches, score } of rankByNGrams(index, nGrams, NO_UNIGRAMS)) {
          const places = matches.flatMap(({ tokens, at }) => tokens.map((_, i) => at + i));
          expect(new Set(places).size).toBe(places.length);
          for (const { tokens, at } of matches)
            expect(documents[document]!.slice(at, at + tokens.length)).toEqual([...tokens]);
          expect(matches.reduce((sum, match) => sum + match.score, 0)).toBeCloseTo(score, 8);
        }
      }),
      { seed: 8, numRuns: 100 },
    );
  });

  const documents = [
    [1, 2, 3, 9, 9, 4, 5, 6],
    [1, 2, 3, 9, 1, 2, 3, 9],
    [9, 9, 9, 9, 9, 9, 9, 9],
    [4, 5, 6, 9, 9, 9, 9, 9],
  ];
  const index = TokenIndex.build(documents);
  const hitsOf = (nGrams: readonly ScoredNGram[], options = {}): NGramHit[] =>
    rankByNGrams(index, nGrams, NO_UNIGRAMS, options);

  test("several n-grams beat one that is repeated", () => {
    const hits = hitsOf([
      { tokens: [1, 2, 3], logprob: -0.5 },
      { tokens: [4, 5, 6], logprob: -0.6 },
    ]);
    expect(hits[0]!.document).toBe(0);
    expect(hits[0]!.matches).toMatchObject([
      { tokens: [1, 2, 3], at: 0 },
      { tokens: [4, 5, 6], at: 5 },
    ]);
    expect(hits.find(({ document }) => document === 1)!.matches).toHaveLength(1);
  });

  test("what the model finds no likelier than the corpus does weighs nothing: no evidence, no hits", () => {
    expect(hitsOf([{ tokens: [9], logprob: -3 }])).toEqual([]);
    expect(hitsOf([{ tokens: [7, 7], logprob: -0.1 }])).toEqual([]);
    expect(hitsOf([])).toEqual([]);
  });

  test("frequent n-grams only count in documents that rare ones found", () => {
    const nGrams = [
      { tokens: [9], logprob: -0.01 },
      { tokens: [4, 5], logprob: -0.5 },
    ];
    expect(hitsOf(nGrams, { rare: 3 }).map(({ document }) => document)).toEqual([0, 3]);
    expect(hitsOf(nGrams, { rare: 3 })[0]!.matches).toHaveLength(2);
  });

  test("documents that are not allowed are left out", () => {
    const hits = hitsOf([{ tokens: [1, 2], logprob: -0.5 }], { allowed: (d: number) => d !== 0 });
    expect(hits.map(({ document }) => document)).toEqual([1]);
  });
});
