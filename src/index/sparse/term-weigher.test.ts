/** Sparse vectors over a collection, and over vectors made up so that some words are near each other. */
import { describe, expect, test } from "vitest";
import { matrix } from "../../linalg/matrix.ts";
import { TermWeigher } from "./term-weigher.ts";

/** Words of a pair point the same way, all others across. */
const WORDS = "car automobile ship boat storm gale harbour port".split(" ");

const embedder = {
  async embed(texts: readonly string[]) {
    const vectors = matrix(texts.length, 64);
    for (const [row, text] of texts.entries()) {
      const place = WORDS.indexOf(text);
      const at = place < 0 ? 8 + (text.charCodeAt(0) % 50) : place >> 1;
      vectors.data[row * 64 + at] = 1;
    }
    return vectors;
  },
};

const texts = Array.from({ length: 48 }, (_, i) => {
  const [one, other] = [WORDS[i % 8]!, WORDS[(i * 3 + 1) % 8]!];
  return i % 2 ? `${one} quiet number ${other}` : `quiet ${one} ${other} ${one}`;
});

describe("a term weigher", () => {
  test("gives a text's terms their weights of BM25, and an eighth to what is near", async () => {
    const weigher = await TermWeigher.over(texts, embedder);
    const vector = weigher.document("a quiet car");
    expect(vector.car).toBeGreaterThan(1);
    expect(vector.automobil).toBeCloseTo(vector.car! * Math.exp(-2), 5);
    expect(vector.ship).toBeUndefined();
    const both = weigher.document("car car automobile");
    expect(both.car).toBeGreaterThan(both.automobil!);
    expect(both.automobil).toBeGreaterThan(1);
  });

  test("weighs a query's terms by their rarity and adds none", async () => {
    const weigher = await TermWeigher.over(texts, embedder);
    const query = weigher.query("quiet automobile");
    expect(Object.keys(query).sort()).toEqual(["automobil", "quiet"]);
    expect(query.automobil!).toBeGreaterThan(query.quiet!);
  });

  test("expands nothing by terms of few documents", async () => {
    const weigher = await TermWeigher.over(["a car", "an automobile", "a car"], embedder);
    expect(Object.keys(weigher.document("a car"))).not.toContain("automobil");
  });
});
