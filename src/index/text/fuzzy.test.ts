import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { kernels, NearTerms } from "../../kernels/index.ts";
import { Dictionary, DictionaryWriter } from "./dictionary.ts";
import { editDistance } from "./fuzzy.ts";

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

const encoder = new TextEncoder();
const latin = (bytes: Uint8Array): string => Buffer.from(bytes).toString("latin1");

describe("near terms of a dictionary", () => {
  const letter = fc.constantFrom("a", "b", "c", "é");
  const words = (maxLength: number): fc.Arbitrary<string[]> =>
    fc.array(fc.string({ unit: letter, minLength: 1, maxLength: 12 }), { maxLength });
  const asked = fc.oneof(
    { weight: 9, arbitrary: fc.string({ unit: letter, minLength: 1, maxLength: 10 }) },
    fc.string({ unit: letter, minLength: 20, maxLength: 31 }),
  );

  function dictionaryOf(terms: readonly Uint8Array[]): Dictionary {
    const writer = new DictionaryWriter();
    for (const [i, term] of terms.entries()) writer.add(term, i + 1, 3 * i + 1);
    const { terms: bytes, heads } = writer.finish();
    return new Dictionary(bytes, heads);
  }

  test("are those of the whole table, with their frequencies, in order", () => {
    using near = new NearTerms(kernels());
    const check = (word: string, list: readonly string[], limit: number, leading: string): void => {
      const terms = [...new Set(list)].map((one) => encoder.encode(one)).sort((x, y) => Buffer.compare(x, y));
      const bytes = encoder.encode(word);
      near.begin(bytes, limit, encoder.encode(leading).length);
      const found: [string, number, number][] = [];
      near.scan(dictionaryOf(terms).entriesFrom(encoder.encode(leading)), (term, frequency, edits) =>
        found.push([latin(term), frequency, edits]),
      );
      const expected = terms
        .map((term, i): [string, number, number] => [latin(term), i + 1, slow(latin(bytes), latin(term))])
        .filter(([term, , edits]) => edits <= limit && term.startsWith(latin(encoder.encode(leading))));
      expect(found).toEqual(expected);
    };
    fc.assert(
      fc.property(
        asked,
        fc.oneof(words(30), words(300)),
        fc.integer({ min: 1, max: 3 }),
        fc.boolean(),
        (word, list, limit, isLed) => {
          // near ones of long words do not come by themselves
          const close = [word, `${word}b`, word.slice(1), `${word.slice(0, -2)}c`].filter(
            (one) => one !== "",
          );
          check(word, [...list, ...close], limit, isLed ? String.fromCodePoint(word.codePointAt(0)!) : "");
        },
      ),
      { seed: 10, numRuns: 1500 },
    );
  });

  test("are all found where there are more than the kernel has room for", () => {
    const digits = Array.from({ length: 10_000 }, (_, i) => `word${String(i).padStart(4, "0")}`);
    const dictionary = dictionaryOf(digits.map((term) => encoder.encode(term)));
    using near = new NearTerms(kernels());
    near.begin(encoder.encode("word1234"), 3, 1);
    let found = 0;
    near.scan(dictionary.entriesFrom(encoder.encode("w")), () => found++);
    expect(found).toBe(digits.filter((term) => slow("word1234", term) <= 3).length);
    expect(found).toBeGreaterThan(3000);
  });

  test("a word that is too long for it is refused", () => {
    using near = new NearTerms(kernels());
    expect(() => near.begin(new Uint8Array(64), 2, 1)).toThrow(/63 bytes/);
  });
});

test("terms of a prefix are those that begin with it, with their postings", () => {
  const word = fc.string({ unit: fc.constantFrom("a", "b", "é"), maxLength: 6 });
  fc.assert(
    fc.property(word, fc.array(word, { maxLength: 120 }), (prefix, list) => {
      const terms = [...new Set(list)].filter((one) => one !== "").map((one) => encoder.encode(one));
      terms.sort((x, y) => Buffer.compare(x, y));
      const writer = new DictionaryWriter();
      for (const [i, term] of terms.entries()) writer.add(term, i + 1, 3 * i + 1);
      const { terms: bytes, heads } = writer.finish();
      const dictionary = new Dictionary(bytes, heads);
      const found: string[] = [];
      dictionary.startingWith(prefix, (cursor) => {
        expect(cursor.entry).toEqual(dictionary.find(cursor.term.slice()));
        found.push(latin(cursor.term));
      });
      expect(found).toEqual(
        terms.map(latin).filter((term) => term.startsWith(latin(encoder.encode(prefix)))),
      );
    }),
    { seed: 11, numRuns: 500 },
  );
});
