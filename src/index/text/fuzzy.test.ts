import fc from "fast-check";
import { expect, test } from "vitest";
import { Dictionary, DictionaryWriter } from "./dictionary.ts";
import { editDistance, FuzzyMatcher } from "./fuzzy.ts";

/** The textbook table, whole. */
function slow(a: string, b: string): number {
  const d = Array.from({ length: a.length + 1 }, (_, i) =>
    Array.from({ length: b.length + 1 }, (_, j) => (i === 0 ? j : j === 0 ? i : 0)),
  );
  for (let i = 1; i <= a.length; i++)
    for (let j = 1; j <= b.length; j++) {
      d[i]![j] = Math.min(
        d[i - 1]![j]! + 1,
        d[i]![j - 1]! + 1,
        d[i - 1]![j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1),
      );
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1])
        d[i]![j] = Math.min(d[i]![j]!, d[i - 2]![j - 2]! + 1);
    }
  return d[a.length]![b.length]!;
}

test("banded distance equals the whole table up to the limit", () => {
  const word = fc.string({ unit: fc.constantFrom("a", "b", "c"), maxLength: 9 });
  fc.assert(
    fc.property(word, word, fc.integer({ min: 1, max: 3 }), (a, b, limit) => {
      const bytes = new TextEncoder().encode(b);
      expect(editDistance(new TextEncoder().encode(a), bytes, bytes.length, limit)).toBe(
        Math.min(slow(a, b), limit + 1),
      );
    }),
    { seed: 8, numRuns: 2000 },
  );
});

test("the matcher equals the table over a sorted list, whatever the terms share", () => {
  const word = fc.string({ unit: fc.constantFrom("a", "b", "c", "é"), minLength: 1, maxLength: 20 });
  fc.assert(
    fc.property(word, fc.array(word, { maxLength: 30 }), fc.integer({ min: 1, max: 3 }), (a, list, limit) => {
      const encoder = new TextEncoder();
      const matcher = new FuzzyMatcher(encoder.encode(a), limit);
      const latin = (bytes: Uint8Array): string => String.fromCharCode(...bytes);
      let last: Uint8Array = new Uint8Array(0);
      for (const term of list.map((one) => encoder.encode(one)).sort((x, y) => Buffer.compare(x, y))) {
        let shared = 0;
        while (shared < term.length && term[shared] === last[shared]) shared++;
        const expected = Math.min(slow(latin(encoder.encode(a)), latin(term)), limit + 1);
        expect(matcher.distance(term, term.length, shared)).toBe(expected);
        last = term;
      }
    }),
    { seed: 9, numRuns: 1000 },
  );
});

test("a hopeless beginning has no near word, and passing such words over loses none", () => {
  const letter = fc.constantFrom("a", "b", "c", "é");
  const words = fc.array(fc.string({ unit: letter, minLength: 1, maxLength: 12 }), { maxLength: 300 });
  const asked = fc.string({ unit: letter, minLength: 1, maxLength: 10 });
  fc.assert(
    fc.property(asked, words, fc.integer({ min: 1, max: 2 }), (word, list, limit) => {
      const encoder = new TextEncoder();
      const terms = [...new Set(list)].map((one) => encoder.encode(one)).sort((x, y) => Buffer.compare(x, y));
      const writer = new DictionaryWriter();
      for (const [i, term] of terms.entries()) writer.add(term, i + 1, 3 * i + 1);
      const { terms: bytes, heads } = writer.finish();
      const matcher = new FuzzyMatcher(encoder.encode(word), limit);
      const near: string[] = [];
      const dictionary = new Dictionary(bytes, heads);
      dictionary.startingWith("", (cursor) => {
        const { buffer, length, shared } = cursor;
        expect(cursor.entry).toEqual(dictionary.find(buffer.slice(0, length)));
        const term = Buffer.from(buffer.subarray(0, length)).toString("latin1");
        if (matcher.distance(buffer, length, shared) <= limit) near.push(term);
        return matcher.hopeless;
      });
      const latin = (text: Uint8Array): string => Buffer.from(text).toString("latin1");
      const expected = terms.map(latin).filter((term) => slow(latin(encoder.encode(word)), term) <= limit);
      expect(near).toEqual(expected);
    }),
    { seed: 10, numRuns: 500 },
  );
});
