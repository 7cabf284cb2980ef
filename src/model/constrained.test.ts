/** Generation under a grammar, by a model of random weights and by mneme-lm: what comes out follows it, whatever the model would say. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { isValid } from "../../test/support/json-validator.ts";
import { randomConfig, randomSource } from "../../test/support/random-model.ts";
import { TINY_EOS, tinyTokenizer } from "../../test/support/tiny-tokenizer.ts";
import { kernels } from "../kernels/index.ts";
import { Decoder } from "./decoder.ts";
import { DecoderWeights } from "./decoder-weights.ts";
import { Engine } from "./engine.ts";
import type { GenerateOptions, Piece } from "./generate.ts";
import { load } from "./load.ts";
import type { Model } from "./model.ts";

interface Outcome {
  readonly text: string;
  readonly done: Extract<Piece, { type: "done" }>;
  readonly logprobs: readonly number[];
}

async function outcomeOf(pieces: AsyncIterable<Piece>): Promise<Outcome> {
  let text = "";
  const logprobs: number[] = [];
  for await (const piece of pieces) {
    if (piece.type === "done") return { text, done: piece, logprobs };
    if (piece.type === "text") text += piece.text;
    if (piece.type === "text" && piece.logprob) logprobs.push(piece.logprob.logprob);
  }
  throw new Error("no end");
}

const TICKET = {
  type: "object",
  properties: {
    title: { type: "string", maxLength: 20 },
    priority: { enum: ["low", "high"] },
    votes: { type: "integer", minimum: 0, maximum: 99 },
    tags: { type: "array", items: { type: "string", maxLength: 8 }, maxItems: 2 },
  },
  required: ["title", "priority", "votes", "tags"],
} as const;

describe("a model of random weights", () => {
  const tokenizer = tinyTokenizer(['{"', '":', "title", "prio", '"low"', "é", "日本"]);
  const config = { ...randomConfig({ vocab_size: tokenizer.size }), eos: [TINY_EOS] };
  const weights = new DecoderWeights(kernels(), config, randomSource(config, 3), "int8");
  const decoder = new Decoder(kernels(), config, weights, () => undefined);
  afterAll(() => decoder[Symbol.dispose]());

  const run = async (options: GenerateOptions): Promise<Outcome> => {
    using engine = new Engine(kernels(), decoder, tokenizer, () => undefined);
    return await outcomeOf(engine.generate(tokenizer.encode("Hi"), options));
  };

  test("writes valid JSON whatever it is made to draw", async () => {
    for (let seed = 0; seed < 8; seed++) {
      const { text, done } = await run({
        schema: TICKET,
        temperature: seed,
        seed,
        maxTokens: 200,
        repetitionPenalty: 1.3,
      });
      expect(done.finish).toBe("stop");
      expect([text, isValid(TICKET, JSON.parse(text))]).toEqual([text, true]);
    }
  });

  test("stops where only the end may come, at no more tokens than the text has", async () => {
    const { text, done } = await run({ grammar: 'root ::= "aé" "b"', temperature: 5, seed: 1 });
    expect([text, done.finish]).toEqual(["aéb", "stop"]);
    expect(done.generatedTokens).toBeLessThanOrEqual(4);
    expect((await run({ grammar: 'root ::= "aéb"', maxTokens: done.generatedTokens })).done.finish).toBe(
      "stop",
    );
    expect(await run({ grammar: 'root ::= ""' })).toMatchObject({
      text: "",
      done: { finish: "stop", generatedTokens: 0 },
    });
  });

  test("may end where the grammar may, and is cut by maxTokens elsewhere", async () => {
    const lengths = new Set<number>();
    for (let seed = 0; seed < 12; seed++) {
      const { text, done } = await run({ grammar: "root ::= [01]+", temperature: 60, seed, maxTokens: 30 });
      expect(text).toMatch(/^[01]+$/);
      expect(done.finish).toBe(text.length < 30 ? "stop" : "length");
      lengths.add(text.length);
    }
    expect(lengths.size).toBeGreaterThan(3);
    const cut = await run({ schema: { type: "string", minLength: 50 }, maxTokens: 5 });
    expect(cut.done).toMatchObject({ finish: "length", generatedTokens: 5 });
  });

  test("log probabilities are those before the grammar", async () => {
    const free = await run({ logprobs: 0, maxTokens: 1 });
    const held = await run({ logprobs: 0, maxTokens: 1, grammar: "root ::= [xyz]+" });
    expect(held.logprobs[0]).toBeLessThan(free.logprobs[0]!);
    expect(Number.isFinite(held.logprobs[0])).toBe(true);
  });

  test.each<[GenerateOptions, RegExp]>([
    [{ grammar: "root = 1" }, /grammar, line 1, column 6: expected "::="/],
    [{ schema: { not: {} } }, /schema, #: keyword "not" is not supported/],
    [{ schema: true, grammar: 'root ::= "a"' }, /grammar and schema together/],
  ])("%j is refused", async (options, message) => {
    await expect(run(options)).rejects.toThrow(message);
  });
});

const folder = fileURLToPath(new URL("../../../shared/models/mneme-lm", import.meta.url));

describe.skipIf(!existsSync(join(folder, "config.json")))("mneme-lm", () => {
  let model: Model;
  beforeAll(async () => {
    model = await load(folder, { workers: 1 });
  });
  afterAll(() => model[Symbol.asyncDispose]());

  test.each([0, 1])("answers in JSON at temperature %i", async (temperature) => {
    const prompt = [{ role: "user", content: "Write a ticket: the upload fails for files over 40 MB." }];
    const { text, done } = await outcomeOf(
      model.chat(prompt, { schema: TICKET, temperature, seed: 5, maxTokens: 200 }),
    );
    expect(done.finish).toBe("stop");
    expect([text, isValid(TICKET, JSON.parse(text))]).toEqual([text, true]);
  });
});
