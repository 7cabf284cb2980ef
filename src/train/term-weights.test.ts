/** Weights of terms that judged queries teach, over vectors made up so that some words are near each other. */
import { describe, expect, test } from "vitest";
import { plainTermWeights, TERM_FEATURES, TermWeigher } from "../index/sparse/term-weigher.ts";
import { matrix } from "../linalg/matrix.ts";
import { trainTermWeights } from "./term-weights.ts";

/** Words of a pair point the same way, all others across. */
const PAIRS = ["car automobile", "ship boat", "storm gale", "harbour port"];
const WORDS = PAIRS.join(" ").split(" ");

const embedder = {
  async embed(texts: readonly string[]) {
    const vectors = matrix(texts.length, 64);
    for (const [row, text] of texts.entries())
      for (const word of text.toLowerCase().split(/\W+/u)) {
        const place = WORDS.indexOf(word);
        const at = place < 0 ? 8 + ((word.charCodeAt(0) || 0) % 50) : place >> 1;
        if (word !== "") vectors.data[row * 64 + at]! += 1;
      }
    return vectors;
  },
};

const texts = Array.from({ length: 48 }, (_, i) => {
  const [one, other] = [WORDS[i % 8]!, WORDS[(i * 3 + 1) % 8]!];
  return i % 2 ? `${one} quiet number ${other}` : `quiet ${one} ${other} ${one}`;
});

describe("term weights", () => {
  test("plain ones are BM25's, and an eighth of it for what is near", async () => {
    const weigher = await TermWeigher.over(texts, embedder);
    const [vector] = await weigher.documents(["a quiet car"], plainTermWeights());
    expect(vector!.car).toBeGreaterThan(1);
    expect(vector!.automobil).toBeCloseTo(vector!.car! * Math.exp(-2), 5);
    const query = await weigher.query("quiet automobile", plainTermWeights());
    expect(query.automobil!).toBeGreaterThan(query.quiet!);
  });

  test("training raises expansions where only they find what is wanted, and lowers them where they mislead", async () => {
    const weigher = await TermWeigher.over(texts, embedder);
    const holds = (word: string): number[] => texts.flatMap((text, i) => (text.includes(word) ? [i] : []));
    const only = (word: string, but: string): number[] => holds(word).filter((i) => !texts[i]!.includes(but));
    const pairs = PAIRS.map((pair) => pair.split(" ") as [string, string]);
    const at = TERM_FEATURES.indexOf("expansion");
    const teach = (relevant: (one: string, other: string) => number[]) =>
      trainTermWeights([
        {
          weigher,
          texts,
          queries: pairs.map(([one, other]) => ({ text: one, relevant: relevant(one, other) })),
        },
      ]);
    const raised = await teach((one, other) => only(other, one));
    const lowered = await teach((one, other) => only(one, other));
    expect(raised[at]!).toBeGreaterThan(-2);
    expect(lowered[at]!).toBeLessThan(raised[at]!);
    expect(await teach((one, other) => only(other, one))).toEqual(raised);
  });

  test("queries without a relevant text teach nothing", async () => {
    const weigher = await TermWeigher.over(texts, embedder);
    const set = { weigher, texts, queries: [{ text: "car", relevant: [] }] };
    await expect(trainTermWeights([set])).rejects.toMatchObject({ code: "INSUFFICIENT_DATA" });
  });
});
