/** The bundled model against the logits and continuations that its card records. Skipped where its files are not. */
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { vocabularyOf, writeGgufModel } from "../../test/support/gguf-model.ts";
import { PagedCache } from "../cache/paged-cache.ts";
import { kernels, openPool, type Pool } from "../kernels/index.ts";
import { openGguf } from "../weights/gguf-source.ts";
import type { Precision } from "../weights/linear-weights.ts";
import { safetensorsSource } from "../weights/safetensors-source.ts";
import { configOf } from "./config.ts";
import { Decoder } from "./decoder.ts";
import { DecoderWeights } from "./decoder-weights.ts";
import { ggufConfig } from "./gguf-config.ts";
import { load } from "./load.ts";
import { argmax } from "./sample.ts";

const folder = fileURLToPath(new URL("../../../shared/models/mneme-lm", import.meta.url));
const there = existsSync(join(folder, "reference.json"));
const text = (name: string): string => readFileSync(join(folder, name), "utf8");
const scratch = mkdtempSync(join(tmpdir(), "mneme-lm-"));
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

interface Case {
  readonly name: string;
  readonly input_ids: readonly number[];
  readonly last_logits: readonly number[];
  readonly greedy: readonly number[];
}

function continuation(decoder: Decoder, cache: PagedCache, logits: Float32Array, count: number): number[] {
  const tokens: number[] = [];
  let next = logits;
  while (tokens.length < count) {
    tokens.push(argmax(next));
    next = decoder.forward([tokens.at(-1)!], cache);
  }
  return tokens;
}

describe.skipIf(!there)("mneme-lm", () => {
  const { cases } = there ? (JSON.parse(text("reference.json")) as { cases: Case[] }) : { cases: [] };
  const config = there ? configOf(JSON.parse(text("config.json")), "config.json") : undefined;
  const files = [1, 2, 3, 4].map((n) => join(folder, `model-0000${n}-of-00004.safetensors`));
  let pool: Pool;
  beforeAll(async () => {
    pool = await openPool(kernels(), { workers: 1 });
  });
  afterAll(() => pool[Symbol.asyncDispose]());

  const decoderOf = (precision: Precision): Decoder => {
    const source = safetensorsSource(files, folder);
    const weights = new DecoderWeights(kernels(), config!, source, precision);
    return new Decoder(kernels(), config!, weights, () => undefined);
  };

  // bf16 products are slow, and other work may share the machine
  test("bf16 weights give the recorded logits and continuations", { timeout: 180_000 }, () => {
    using decoder = decoderOf("bf16");
    for (const { input_ids, last_logits, greedy } of cases) {
      using cache = new PagedCache(kernels(), decoder.shape, { codec: "f32" });
      const logits = decoder.forward(input_ids, cache);
      const off = last_logits.reduce((most, logit, i) => Math.max(most, Math.abs(logits[i]! - logit)), 0);
      expect(off).toBeLessThan(2e-2);
      expect(continuation(decoder, cache, logits, greedy.length)).toEqual(greedy);
    }
  });

  test("int8 weights and a cache of bytes continue the same", () => {
    using decoder = decoderOf("int8");
    for (const { input_ids, greedy } of cases.slice(0, 2)) {
      using cache = new PagedCache(kernels(), decoder.shape, { codec: "int8" });
      const logits = decoder.forward(input_ids, cache);
      expect(continuation(decoder, cache, logits, greedy.length)).toEqual(greedy);
    }
  });

  test("a GGUF file of it is the same model", async () => {
    const path = join(scratch, "model.gguf");
    using source = safetensorsSource(files, folder);
    writeGgufModel(path, config!, source, "Q8_0", vocabularyOf(text("tokenizer.json"), "smollm"));
    const { metadata, tensors } = await openGguf(path);
    using gguf = tensors;
    const found = ggufConfig(metadata, gguf.shapeOf("lm_head.weight") === undefined, path);
    expect({ ...found, epsilon: 0 }).toEqual({ ...config!, epsilon: 0 });
    expect(found.epsilon).toBeCloseTo(config!.epsilon, 10);
    using weights = new DecoderWeights(kernels(), found, gguf, "int8");
    using decoder = new Decoder(kernels(), found, weights, () => pool);
    const { input_ids, greedy } = cases[1]!;
    using cache = new PagedCache(kernels(), decoder.shape);
    const logits = decoder.forward(input_ids, cache);
    expect(continuation(decoder, cache, logits, greedy.length)).toEqual(greedy);
  });

  test("answers over passages, and does not compute the same prompt twice", async () => {
    await using model = await load(folder);
    const content =
      "[1] # Uploads\nFiles are sent in parts. The maximum size of an upload is 40 MB. Larger files are refused.\n\n" +
      "[2] # Backups\nA snapshot is one file.\n\nQuestion: What is the maximum size of an upload?";
    const ask = async (): Promise<{ text: string; cached: number }> => {
      let answer = "";
      for await (const piece of model.chat([{ role: "user", content }], { maxTokens: 40 })) {
        if (piece.type === "done") return { text: answer, cached: piece.cachedTokens };
        answer += piece.text;
      }
      throw new Error("no end");
    };
    const first = await ask();
    expect(first.text).toMatch(/40 MB.*\[1\]/);
    expect(first.cached).toBe(0);
    const second = await ask();
    expect(second.text).toBe(first.text);
    expect(second.cached).toBeGreaterThan(50);
  });
});
