/** Perplexity against a model whose probabilities are known: it knows how many tokens stand before. */
import { describe, expect, test } from "vitest";
import { perplexity, type TokenScorer } from "./index.ts";

/** A token is the likelier the more stand before it. */
const known = (before: number): number => Math.log((before + 1) / (before + 2));
const model: TokenScorer & { readonly windows: number[] } = {
  windows: [],
  score(tokens) {
    this.windows.push(tokens.length);
    return Float64Array.from({ length: tokens.length - 1 }, (_, i) => known(i + 1));
  },
};
const tokens = Array.from({ length: 100 }, (_, i) => i);

describe("perplexity", () => {
  test("of one window is the mean of its logarithms", async () => {
    const all = tokens.slice(1).reduce((sum, _, i) => sum - known(i + 1), 0);
    const found = await perplexity(model, tokens, { bytes: 300 });
    expect(found.nats).toBeCloseTo(all / 99, 12);
    expect(found.perplexity).toBeCloseTo(Math.exp(all / 99), 12);
    expect(found.bitsPerByte).toBeCloseTo(all / Math.LN2 / 300, 12);
    expect(found.tokens).toBe(99);
    expect((await perplexity(model, tokens)).bitsPerByte).toBeNull();
  });

  test("windows slide: each token counted once, with what it has before it", async () => {
    model.windows.length = 0;
    const counted: number[] = [];
    const found = await perplexity(model, tokens, {
      window: 40,
      stride: 15,
      onWindow: (n) => counted.push(n),
    });
    expect(model.windows).toEqual([40, 40, 40, 40, 40]);
    expect(counted).toEqual([40, 55, 70, 85, 100]);
    let sum = 0;
    for (let i = 1; i < 40; i++) sum -= known(i);
    // the fifteen at the end of each further window have 25 to 39 tokens before them
    for (let i = 25; i < 40; i++) sum -= 4 * known(i);
    expect(found.nats).toBeCloseTo(sum / 99, 12);
  });

  test("of a uniform model is the size of its vocabulary", async () => {
    const uniform: TokenScorer = {
      score: (some) => Promise.resolve(new Float64Array(some.length - 1).fill(-Math.log(256))),
    };
    const found = await perplexity(uniform, tokens, { window: 7, stride: 3, bytes: 99 });
    expect(found.perplexity).toBeCloseTo(256, 8);
    expect(found.bitsPerByte).toBeCloseTo(8, 10);
  });

  test("refuses what has none", async () => {
    await expect(perplexity(model, [1])).rejects.toThrow(/1 tokens/);
    await expect(perplexity(model, tokens, { window: 1 })).rejects.toThrow(/window is 1/);
    await expect(perplexity(model, tokens, { window: 8, stride: 8 })).rejects.toThrow(/stride is 8/);
    const broken: TokenScorer = {
      score: (some) => new Float64Array(some.length - 1).fill(Number.NEGATIVE_INFINITY),
    };
    await expect(perplexity(broken, tokens)).rejects.toThrow(/no finite probability/);
    await expect(perplexity({ score: () => new Float64Array(3) }, tokens)).rejects.toThrow(
      /3 scores came for 100/,
    );
  });
});
