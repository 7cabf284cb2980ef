import { readFileSync } from "node:fs";
import { Tokenizer } from "@huggingface/tokenizers";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { rowOf } from "../linalg/matrix.ts";
import { parseSafetensors } from "../storage/safetensors.ts";
import { BpeTokenizer } from "./bpe.ts";
import { assertSameSpace, bundledEmbedder, transformersEmbedder } from "./index.ts";

const folder = new URL("../../models/mneme-embed/", import.meta.url);
const json = readFileSync(new URL("tokenizer.json", folder), "utf8");

describe("BpeTokenizer equals @huggingface/tokenizers", () => {
  const oracle = new Tokenizer(JSON.parse(json), {});
  const ours = new BpeTokenizer(json);
  const same = (text: string): void => {
    expect([...ours.encode(text)]).toEqual(oracle.encode(text).ids);
  };

  test.each([
    "",
    "Hello, world!  It's 12345 o'clock\n\tnow.",
    "don't we'll I've they're",
    "naïve café ﬁne ½ Ⅷ",
    "图书馆 カタカナ हिन्दी 🙂👍🏽",
    "  leading",
    "a\u00a0b\u3000c",
    "x".repeat(300),
  ])("%j", same);

  test("random Unicode and random ASCII", () => {
    fc.assert(fc.property(fc.string({ unit: "grapheme", maxLength: 60 }), same), { seed: 1, numRuns: 400 });
    fc.assert(fc.property(fc.string({ unit: "binary-ascii", maxLength: 80 }), same), {
      seed: 2,
      numRuns: 400,
    });
  });

  test("its own card", () => same(readFileSync(new URL("MODEL_CARD.md", folder), "utf8")));
});

describe("bundledEmbedder", () => {
  test("a row is the normalised mean of the tokens' vectors", async () => {
    await using embedder = await bundledEmbedder({ dim: 512 });
    const text = "Posting lists are pruned by block maxima.";
    const tensors = parseSafetensors(readFileSync(new URL("embed.safetensors", folder)), "embed");
    const weight = tensors.get("embedding.weight")!.bytes;
    const scale = new Float32Array(new Uint8Array(tensors.get("embedding.scale")!.bytes).buffer);
    const mean = new Float64Array(512);
    for (const id of new BpeTokenizer(json).encode(text))
      for (let i = 0; i < 512; i++) mean[i]! += ((weight[id * 512 + i]! << 24) >> 24) * scale[id]!;
    const norm = Math.hypot(...mean);
    const row = rowOf(await embedder.embed([text]), 0);
    row.forEach((value, i) => expect(value).toBeCloseTo(mean[i]! / norm, 5));
  });

  test("Matryoshka: a shorter vector is the beginning of the longer, renormalised; meaning is near", async () => {
    await using long = await bundledEmbedder({ dim: 512 });
    await using short = await bundledEmbedder({ dim: 128 });
    const texts = ["how to delete a file", "removing files from disk", "the queen of england", ""];
    const [a, b] = [await long.embed(texts), await short.embed(texts)];
    const head = rowOf(a, 0).slice(0, 128);
    const norm = Math.hypot(...head);
    rowOf(b, 0).forEach((value, i) => expect(value).toBeCloseTo(head[i]! / norm, 4));
    const dot = (i: number, j: number): number =>
      rowOf(b, i).reduce((sum, value, k) => sum + value * rowOf(b, j)[k]!, 0);
    expect(dot(0, 1)).toBeGreaterThan(dot(0, 2));
    expect([...rowOf(b, 3)].every((value) => value === 0)).toBe(true);
    expect(short.bytes).toBeLessThan(long.bytes);
    expect(() => assertSameSpace(long.space, short.space, "test")).toThrow(/512 values.*128 values/s);
  });

  test("refuses other widths and broken files", async () => {
    await expect(bundledEmbedder({ dim: 100 as 128 })).rejects.toThrow(/512, 256, 128, 64/);
    await expect(bundledEmbedder({ base: new URL("file:///nowhere/") })).rejects.toMatchObject({
      code: "NOT_FOUND",
    });
    expect(() => parseSafetensors(new Uint8Array(20).fill(255), "x.safetensors")).toThrow(/x.safetensors/);
    expect(() => new BpeTokenizer("{}")).toThrow(/another make/);
    expect(() => new BpeTokenizer("{")).toThrow(/not JSON/);
  });
});

test("transformersEmbedder uses the package, or says how to install it", async () => {
  await expect(transformersEmbedder({ model: "x" })).rejects.toThrow(/npm i @huggingface\/transformers/);
  const extract = async (texts: string[]): Promise<{ data: number[]; dims: number[] }> => ({
    data: texts.flatMap((text) => [text.length, 1]),
    dims: [texts.length, 2],
  });
  const embedder = await transformersEmbedder({
    model: "x",
    prompts: { query: "q: " },
    module: { pipeline: async () => extract },
  });
  expect([...(await embedder.embed(["ab"], { role: "query" })).data]).toEqual([5, 1]);
  expect(embedder.space.dim).toBe(2);
});
