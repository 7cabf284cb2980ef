import { expect, test } from "vitest";
import { setOf, setsOf } from "../linalg/ragged.ts";
import { StaticTokens, type TransformersModule, tokenSpaceName, transformersTokens } from "./index.ts";

test("StaticTokens are about one long, alike for a token wherever it stands, and longer for rare words", async () => {
  using tokens = await StaticTokens.load({ dim: 64 });
  const { rows, cols, data } = tokens.vectors("the haemoglobin the");
  expect(cols).toBe(64);
  expect(rows).toBeGreaterThanOrEqual(3);
  const last = data.slice((rows - 1) * 64);
  // the first word has no space before it: another token
  const again = tokens.vectors("of the", 2);
  expect(again.data.slice(64)).toEqual(last);
  const length = (vector: Float32Array): number => Math.sqrt(vector.reduce((sum, x) => sum + x * x, 0));
  expect(length(last)).toBeLessThan(length(data.slice(64, 128)));
  expect(tokens.vectors("one two three four", 2).rows).toBe(2);
  expect(tokens.vectors("").rows).toBe(0);
  await expect(StaticTokens.load({ dim: 65 as never })).rejects.toMatchObject({ code: "RANGE" });
});

test("transformersTokens gives a model's hidden states, a set for each text", async () => {
  const asked: string[] = [];
  // a stand-in for the package: it has no model at hand. Hidden states of one value a character
  const module: TransformersModule = {
    pipeline: async () => async (texts, options) => {
      asked.push(texts[0]!);
      expect(options.pooling).toBe("none");
      const data = [...texts[0]!].flatMap((char) => [char.codePointAt(0)!, 3]);
      return { data, dims: [1, data.length / 2, 2] };
    },
  };
  await using encoder = await transformersTokens({ model: "m", prompts: { query: "q:" }, module });
  expect(tokenSpaceName(encoder.space)).toBe("m@main 2 unit all");
  const sets = await encoder.encode(["ab", "c"], { role: "query" });
  expect(asked.slice(1)).toEqual(["q:ab", "q:c"]);
  expect(setsOf(sets)).toBe(2);
  const { rows, data } = setOf(sets, 0);
  expect(rows).toBe(4);
  expect(Math.hypot(data[0]!, data[1]!)).toBeCloseTo(1, 5);
  await expect(encoder.encode(["a", ""])).rejects.toThrow(/text 1 \(""\) has no tokens/);
});
