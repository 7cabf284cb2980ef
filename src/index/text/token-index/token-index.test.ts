import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { TokenIndex } from "./token-index.ts";

/** Occurrences by looking at every place. */
function placesIn(documents: readonly (readonly number[])[], run: readonly number[]): [number, number][] {
  return documents.flatMap((document, d) =>
    document.flatMap((_, at): [number, number][] =>
      at + run.length <= document.length && run.every((token, i) => document[at + i] === token)
        ? [[d, at]]
        : [],
    ),
  );
}

/** Tokens that follow a run, with how often, and ends. */
function followers(documents: readonly (readonly number[])[], run: readonly number[]) {
  const counts = new Map<number, number>();
  let ends = 0;
  for (const [d, at] of placesIn(documents, run)) {
    const next = documents[d]![at + run.length];
    if (next === undefined) ends++;
    else counts.set(next, (counts.get(next) ?? 0) + 1);
  }
  return { counts: [...counts].sort(([a], [b]) => a - b), ends };
}

const documentsOf = (token: fc.Arbitrary<number>): fc.Arbitrary<number[][]> =>
  fc.array(fc.array(token, { minLength: 1, maxLength: 60 }), { minLength: 1, maxLength: 12 });

const seeded = { seed: 5, numRuns: 60 } as const;

describe.each([
  ["few tokens", fc.integer({ min: 0, max: 3 })],
  ["many tokens", fc.integer({ min: 0, max: 2 ** 32 - 1 })],
  ["tokens around powers of two", fc.constantFrom(0, 255, 256, 65_535, 65_536, 2 ** 31)],
])("a token index of %s", (_, token) => {
  test("is the definition: what follows, how often, where", () => {
    fc.assert(
      fc.property(
        documentsOf(token),
        fc.nat(),
        fc.nat(),
        fc.integer({ min: 1, max: 5 }),
        (documents, d, at, n) => {
          const index = TokenIndex.build(documents);
          const document = documents[d % documents.length]!;
          const from = at % document.length;
          const run = document.slice(from, from + n);
          const range = index.find(run);
          const places = placesIn(documents, run);
          expect(range.high - range.low).toBe(places.length);
          const found = index.locate(range, run.length);
          expect([...found.documents].map((of, i) => [of, found.offsets[i]])).toEqual(places);
          const next = index.next(range);
          const wanted = followers(documents, run);
          expect([...next.tokens].map((of, i) => [of, next.highs[i]! - next.lows[i]!])).toEqual(
            wanted.counts,
          );
          expect(next.ends).toBe(wanted.ends);
          for (const [i, of] of next.tokens.entries())
            expect(index.extend(range, of)).toEqual({ low: next.lows[i], high: next.highs[i] });
        },
      ),
      seeded,
    );
  });

  test("gives documents back, also from its bytes", () => {
    fc.assert(
      fc.property(documentsOf(token), (documents) => {
        const built = TokenIndex.build(documents, 77);
        const index = TokenIndex.open(built.bytes.slice());
        expect([index.documents, index.tag]).toEqual([documents.length, 77]);
        expect(index.tokens).toBe(documents.flat().length);
        for (const [d, document] of documents.entries()) expect([...index.tokensOf(d)]).toEqual(document);
      }),
      seeded,
    );
  });

  test("knows what documents begin with", () => {
    fc.assert(
      fc.property(documentsOf(token), (documents) => {
        const index = TokenIndex.build(documents);
        const { tokens, lows, highs } = index.next(index.begins());
        const firsts = new Map<number, number>();
        for (const [first] of documents) firsts.set(first!, (firsts.get(first!) ?? 0) + 1);
        expect([...tokens].map((of, i) => [of, highs[i]! - lows[i]!])).toEqual(
          [...firsts].sort(([a], [b]) => a - b),
        );
      }),
      seeded,
    );
  });
});

describe("a token index", () => {
  const documents = Array.from({ length: 300 }, (_, d) => Array.from({ length: 40 }, (_, i) => (d * i) % 97));
  const index = TokenIndex.build(documents);

  test("keeps what follows wide ranges, and answers the same", () => {
    const first = index.next(index.start());
    expect(index.next(index.start())).toBe(first);
    expect(first.tokens.length).toBe(97);
    expect(first.highs.reduce((sum, high, i) => sum + high - first.lows[i]!, 0)).toBe(300 * 40);
  });

  test("finds nothing of what does not occur", () => {
    expect(index.count([98])).toBe(0);
    expect(index.count([0, 98, 0])).toBe(0);
    expect(index.next({ low: 5, high: 5 })).toMatchObject({ ends: 0, tokens: new Uint32Array(0) });
  });

  test("refuses what is no document, with the place", () => {
    expect(() => TokenIndex.build([])).toThrow(/no documents/);
    expect(() => TokenIndex.build([[1], []])).toThrow(/document 1 has no tokens/);
    expect(() => TokenIndex.build([[1, 2, -1]])).toThrow(/token -1 at place 2 of document 0/);
    expect(() => TokenIndex.build([[0.5]])).toThrow(/token 0.5/);
    expect(() => index.tokensOf(300)).toThrow(/document 300, there are 300/);
  });

  test("refuses foreign, cut and damaged bytes", () => {
    const { bytes } = index;
    expect(() => TokenIndex.open(new Uint8Array(64))).toThrow(/these bytes are none/);
    expect(() => TokenIndex.open(bytes.slice(0, 20))).toThrow(/a header takes/);
    expect(() => TokenIndex.open(bytes.slice(0, -4))).toThrow(/expected; build it again/);
    const damaged = bytes.slice();
    damaged[damaged.length - 9]! ^= 4;
    expect(() => TokenIndex.open(damaged)).toThrow(/checksum/);
    const later = bytes.slice();
    later[4] = 9;
    expect(() => TokenIndex.open(later)).toThrow(/version 9/);
  });
});
