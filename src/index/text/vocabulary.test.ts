import fc from "fast-check";
import { expect, test } from "vitest";
import { termsOf } from "./normalize.ts";
import { segmentWords } from "./segment-words.ts";
import { Vocabulary } from "./vocabulary.ts";

function termsIn(text: string): string[] {
  const terms: string[] = [];
  segmentWords(text, (start, end, unspaced, plain) =>
    terms.push(...termsOf(text.slice(start, end), unspaced, plain)),
  );
  return terms;
}

function readBy(vocabulary: Vocabulary, text: string): string[] {
  const numbers = [...vocabulary.read(text)];
  const { bytes, starts } = vocabulary.spelling;
  return numbers.map((term) => new TextDecoder().decode(bytes.subarray(starts[term]!, starts[term + 1]!)));
}

test("a vocabulary reads what segmentation and normalisation say, however often it met the words", () => {
  using vocabulary = new Vocabulary();
  const part = fc.oneof(
    fc.constantFrom(
      ..."getUserName HTTPServer don’t it's 's rock'n'roll Straße naïve Ёлка كتاب 図書館 ไทย 학교에서 책을 GPU를 co\u00adop a\ufe0fb ❤️ 葛󠄀城 が  𠀀𠀁 𝒜b a𝒜 '𝒜 l'𝒜 — . 🙂 x2".split(
        " ",
      ),
    ),
    fc.string({ unit: "grapheme", maxLength: 8 }),
    fc.constant("w".repeat(70)),
    // as long as data and longer
    fc.string({ unit: fc.constantFrom(..."aBc1XyZ9'"), minLength: 10, maxLength: 70 }),
  );
  const texts = fc.array(
    fc.array(part, { maxLength: 12 }).map((parts) => parts.join(" ")),
    { maxLength: 4 },
  );
  fc.assert(
    fc.property(texts, fc.constantFrom("", " ", "—"), (all, glue) => {
      for (const text of [...all, all.join(glue)]) expect(readBy(vocabulary, text)).toEqual(termsIn(text));
    }),
    { seed: 13, numRuns: 300 },
  );
});

test("parts of a camelCase word are found whatever stands behind it", () => {
  for (const text of ["getUser", "getUser—", "getUser’", "(getUser)"])
    expect(termsIn(text)).toEqual(["getus", "get", "user"]);
});

test("data is one term, long identifiers are their parts too", () => {
  expect(termsIn("xK9dQ2mZ7pLwR4tY8vBn")).toEqual(["xk9dq2mz7plwr4ty8vbn"]);
  for (const name of [
    "shouldReturnNullWhenUserIsNotFound",
    "getUserByIdAndNameOrEmail",
    "convertUtf8ToUtf16String",
  ])
    expect(termsIn(name).length).toBeGreaterThan(4);
});
