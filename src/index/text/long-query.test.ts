/** Queries of very many words: what is searched of them is bounded, and chosen as a slow reference chooses. */
import fc from "fast-check";
import { expect, test } from "vitest";
import { contiguousRows, memorySegment } from "../segment.ts";
import { MAX_QUERY_WORDS } from "./long-query.ts";
import { WordsIndex } from "./words-index.ts";
import { wordsKind } from "./words-kind.ts";

/** Word i stands in every row of which the number is divisible by (i % 40) + 1. */
const WORDS = 3000;
const ROWS = 200;
const texts = Array.from({ length: ROWS }, (_, row) =>
  Array.from({ length: WORDS }, (_, i) => i)
    .filter((i) => row % ((i % 40) + 1) === 0)
    .map((i) => `w${i}`)
    .join(" "),
);

const rowsOf = new Map<string, number>();
for (const text of texts) for (const term of text.split(" ")) rowsOf.set(term, (rowsOf.get(term) ?? 0) + 1);

async function indexOfTexts(): Promise<WordsIndex> {
  const index = new WordsIndex({ typos: false, textOf: (row) => texts[row]! });
  await index.attach(memorySegment(1, contiguousRows(0, 150), wordsKind.build(texts.slice(0, 150))));
  for (const [i, text] of texts.slice(150).entries()) index.append(150 + i, text);
  return index;
}

test("of too many words those are searched that say most", async () => {
  const index = await indexOfTexts();
  const query = fc.array(fc.nat({ max: 2 * WORDS }), { minLength: 800, maxLength: 4000 });
  await fc.assert(
    fc.asyncProperty(query, async (numbers) => {
      const text = numbers.map((i) => `w${i}`).join(" ");
      const counts = new Map<string, number>();
      for (const i of numbers) counts.set(`w${i}`, (counts.get(`w${i}`) ?? 0) + 1);
      const terms = await index.queryTerms(text);
      expect(terms.size).toBeLessThanOrEqual(MAX_QUERY_WORDS);
      if (counts.size <= MAX_QUERY_WORDS) {
        expect(index.leftOut(text)).toBe(0);
        return;
      }
      const worth = (term: string): number => {
        const rows = rowsOf.get(term) ?? 0;
        return rows === 0 ? 0 : counts.get(term)! * Math.log(1 + (ROWS - rows + 0.5) / (rows + 0.5));
      };
      const known = [...counts.keys()].filter((term) => worth(term) > 0);
      expect(terms.size).toBe(Math.min(known.length, MAX_QUERY_WORDS));
      expect(index.leftOut(text)).toBe(counts.size - terms.size);
      const least = Math.min(...[...terms.keys()].map(worth));
      for (const term of known) if (!terms.has(term)) expect(worth(term)).toBeLessThanOrEqual(least + 1e-9);
      for (const [term, weight] of terms) expect(weight).toBe(counts.get(term));
    }),
    { seed: 15, numRuns: 8, endOnFailure: true },
  );
});

test("what must or must not occur is never left out; too much of it is refused", async () => {
  const index = await indexOfTexts();
  const many = Array.from({ length: 5000 }, (_, i) => `x${i} w${i % 30}`).join(" ");
  const { rows } = await index.search(`${many} +w39 -w2 "w0 w1"`, { k: ROWS });
  const wanted = [...texts.keys()].filter((row) => row % 40 === 0 && row % 3 !== 0 && row % 2 === 0);
  expect([...rows].sort((a, b) => a - b)).toEqual(wanted);
  const must = (count: number): string => Array.from({ length: count }, (_, i) => `+w${i}`).join(" ");
  await index.search(must(MAX_QUERY_WORDS), { k: 1 });
  await expect(index.search(must(MAX_QUERY_WORDS + 1), { k: 1 })).rejects.toMatchObject({ code: "RANGE" });
});

test("of words by their beginnings the first ones are searched", async () => {
  const index = await indexOfTexts();
  const prefixes = Array.from({ length: 500 }, (_, i) => `w${i}* q${i}~`).join(" ");
  const text = `${prefixes} w7`;
  expect((await index.search(text, { k: 5 })).rows.length).toBe(5);
  expect(index.leftOut(text)).toBe(1000 - 64);
});
