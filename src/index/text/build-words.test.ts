import { expect, test } from "vitest";
import { buildWords } from "./build-words.ts";
import { Vocabulary } from "./vocabulary.ts";

const words = (first: number, count: number): string =>
  Array.from({ length: count }, (_, i) => `term${((first + i) * 7919).toString(36)}`).join(" ");

test("what earlier segments taught changes no byte of a later one", () => {
  const rows = Array.from({ length: 300 }, (_, row) => `${words(row * 3, 40)} the same words again, again`);
  const fresh = buildWords(rows);
  buildWords([...rows].reverse().map((row) => `${row} ${row.toUpperCase()} getUser’s 図書館`));
  expect(buildWords(rows)).toEqual(fresh);
});

test("no rows and rows without words are segments too", () => {
  expect(buildWords([]).get("lengths")!.byteLength).toBe(0);
  expect([...buildWords(["", " — ", "a a b"]).get("lengths")!]).toEqual([0, 0, 0, 0, 3, 0]);
});

test("a vocabulary tells tens of thousands of terms apart", () => {
  using vocabulary = new Vocabulary();
  const texts = Array.from({ length: 500 }, (_, i) => words(i * 100, 100));
  const first = texts.map((text) => [...vocabulary.read(text)]);
  expect(vocabulary.size).toBe(50_000);
  expect(first.flat()).toEqual(Array.from({ length: 50_000 }, (_, i) => i));
  expect(texts.map((text) => [...vocabulary.read(text)])).toEqual(first);
  const { bytes, starts } = vocabulary.spelling;
  const spelled = (term: number): string =>
    new TextDecoder().decode(bytes.subarray(starts[term]!, starts[term + 1]!));
  expect(spelled(0)).toBe("term0");
  expect(spelled(49_999)).toBe(`term${(49_999 * 7919).toString(36)}`);
});
