import fc from "fast-check";
import { expect, test } from "vitest";
import { termsOf } from "./normalize.ts";
import { PhraseFinder } from "./phrase.ts";
import { segmentWords } from "./segment-words.ts";

function slowTerms(text: string): string[] {
  const terms: string[] = [];
  segmentWords(text, (start, end, unspaced, plain) => {
    terms.push(...termsOf(text.slice(start, end), unspaced, plain));
  });
  return terms;
}

function slowly(text: string, phrases: readonly (readonly string[])[]): boolean {
  const terms = slowTerms(text);
  return phrases.every((phrase) => terms.some((_, at) => phrase.every((one, i) => terms[at + i] === one)));
}

const word = fc.constantFrom(
  "tea",
  "Teas",
  "brewing",
  "brewed",
  "camelCase",
  "naïve",
  "茶道具",
  "7",
  "don't",
);
const words = fc.array(word, { minLength: 1, maxLength: 12 }).map((some) => some.join(" "));

test("phrases are found where their terms stand next to each other, text after text", () => {
  using finder = new PhraseFinder();
  fc.assert(
    fc.property(fc.array(words, { maxLength: 4 }), fc.array(words, { maxLength: 2 }), (texts, asked) => {
      const phrases = asked.map((phrase) => slowTerms(phrase).slice(0, 3));
      const matches = finder.matcher(phrases);
      // equal ones too, and none
      for (const text of ["", ...texts.flatMap((one) => [one, one]), ""])
        expect(matches(text)).toBe(slowly(text, phrases));
    }),
    { seed: 12, numRuns: 500 },
  );
});

test("a search goes on while others make the finder forget what it knows", () => {
  using finder = new PhraseFinder();
  const matches = finder.matcher([["green", "tea"]]);
  expect(matches("green tea")).toBe(true);
  finder[Symbol.dispose]();
  expect(matches("tea, no green")).toBe(false);
  expect(matches("of green tea")).toBe(true);
});
