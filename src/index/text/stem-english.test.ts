import { readFileSync } from "node:fs";
import fc from "fast-check";
import snowball from "snowball-stemmers";
import { describe, expect, test } from "vitest";
import { stemBytes, stemWord } from "./stem-english.ts";

describe("stemWord equals the Snowball stemmer", () => {
  const oracle = snowball.newStemmer("english");
  const same = (word: string): void => {
    expect([word, stemWord(word)]).toEqual([word, oracle.stem(word)]);
  };

  test("irregular words, possessives, short words", () => {
    const words =
      "sky skis skies dying lying tying idly gently ugly early only singly news howe atlas cosmos bias andes innings outings " +
      "cannings herrings earrings proceeds exceeds succeeds proceed exceeding succeeded generate general generously communism " +
      "arsenal arsenic a's o' cat's cats' cat's' ties cries tied cried gas gaps kiwis us ss sses yes say enjoy boy youth yyy y's " +
      "hopping hoping bedded sized fated troubled failing filing agreed feed agreedly singsing rely by cry vietnamization rational " +
      "apologi theologi predication fluently kindly hopefulness formaliti sensibiliti adoption opinion rate cease controll roll";
    for (const word of words.split(" ")) same(word);
  });

  test("words of the documentation", () => {
    const texts = ["README.md", "CONTRIBUTING.md", "docs/format.md"].map((name) =>
      readFileSync(new URL(`../../../${name}`, import.meta.url), "utf8"),
    );
    for (const word of new Set(
      texts
        .join(" ")
        .toLowerCase()
        .match(/[a-z][a-z']+/g),
    ))
      same(word);
  });

  test("words put together from syllables and suffixes", () => {
    const beginning = fc.constantFrom(
      ..."gener commun arsen str b y ay oy ab at bl iz ee ie o tt ss gg ll hop x w u s't".split(" "),
    );
    const ending = fc.constantFrom(
      ..."s ed ing ly eed edly ingly eedly ational tional enci anci abli entli izer ization ation ator alism aliti alli fulness".split(
        " ",
      ),
      ..."ousli ousness iveness iviti biliti bli ogi fulli lessli li alize icate iciti ical ful ness ative al ance ence er".split(
        " ",
      ),
      ..."ic able ible ant ement ment ent ism ate iti ous ive ize ion e l y ies ied sses ss us ' 's 's' es".split(
        " ",
      ),
    );
    const words = fc
      .tuple(fc.array(beginning, { minLength: 1, maxLength: 3 }), fc.array(ending, { maxLength: 3 }))
      .map(([head, tail]) => [...head, ...tail].join(""));
    fc.assert(fc.property(words, same), { seed: 3, numRuns: 20_000 });
  });

  test("random letters", () => {
    const letters = fc.string({
      unit: fc.constantFrom(..."aeiouyylsstedngbi'"),
      minLength: 1,
      maxLength: 12,
    });
    fc.assert(
      fc.property(letters, (rest) => same(`a${rest}`)),
      { seed: 4, numRuns: 20_000 },
    );
  });
});

test("a stem may be one letter longer than what it came from, in the room that was given", () => {
  const bytes = new Uint8Array(7);
  bytes.set([..."hoping"].map((char) => char.charCodeAt(0)));
  expect(stemBytes(bytes, 6)).toBe(4);
  expect(String.fromCharCode(...bytes.subarray(0, 4))).toBe("hope");
});
