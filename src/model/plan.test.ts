/** Plans against the bytes that loaded models hold. */
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import fc from "fast-check";
import { afterAll, describe, expect, test } from "vitest";
import { writeCheckpoint } from "../../test/support/checkpoint.ts";
import { randomConfig, randomSource } from "../../test/support/random-model.ts";
import { CACHE_CODECS, PAGE_CODECS } from "../cache/page-codec.ts";
import { PagedCache } from "../cache/paged-cache.ts";
import { kernels } from "../kernels/index.ts";
import { PRECISIONS } from "../weights/linear-weights.ts";
import { Decoder } from "./decoder.ts";
import { DecoderWeights } from "./decoder-weights.ts";
import { load } from "./load.ts";
import { plan, planOf } from "./plan.ts";

const { arena } = kernels();
const work = mkdtempSync(join(tmpdir(), "mneme-plan-"));
afterAll(() => rmSync(work, { recursive: true, force: true }));

const lm = fileURLToPath(new URL("../../../shared/models/mneme-lm", import.meta.url));

const within = (found: number, wanted: number): void => {
  expect(Math.abs(found / wanted - 1)).toBeLessThan(0.02);
};

const FAMILIES = ["Llama", "Qwen2", "Qwen3", "Gemma2", "Gemma3"].map((name) => `${name}ForCausalLM`);

const shapes = fc.record({
  heads: fc.constantFrom(2, 4, 6),
  group: fc.constantFrom(1, 2),
  dim: fc.constantFrom(16, 32, 64),
  width: fc.constantFrom(64, 128, 192),
  hidden: fc.integer({ min: 40, max: 300 }),
  layers: fc.integer({ min: 1, max: 3 }),
  vocabulary: fc.integer({ min: 9, max: 400 }),
  tied: fc.boolean(),
  family: fc.constantFrom(...FAMILIES),
  biases: fc.boolean(),
  tokens: fc.integer({ min: 1, max: 2000 }),
});

describe("bytes", () => {
  test("are those that weights, caches and the decoder take", () =>
    fc.assert(
      fc.property(shapes, (shape) => {
        const config = randomConfig({
          architectures: [shape.family],
          attention_bias: shape.biases,
          mlp_bias: shape.biases,
          num_attention_heads: shape.heads,
          num_key_value_heads: shape.heads / shape.group,
          head_dim: shape.dim,
          hidden_size: shape.width,
          intermediate_size: shape.hidden,
          num_hidden_layers: shape.layers,
          vocab_size: shape.vocabulary,
          tie_word_embeddings: shape.tied,
          max_position_embeddings: 4096,
        });
        const planned = planOf(config, shape.tokens);
        for (const precision of PRECISIONS) {
          using source = randomSource(config, 1);
          const weights = new DecoderWeights(kernels(), config, source, precision);
          expect(planned.weights[precision]).toBe(weights.bytes);
          const before = arena.bytes;
          using decoder = new Decoder(kernels(), config, weights, () => undefined);
          {
            using cache = new PagedCache(kernels(), decoder.shape);
            decoder.forward(new Uint8Array(256), cache);
          }
          within(planned.scratch, arena.bytes - before);
          within(planned.scratch, decoder.scratchBytes);
          for (const codec of PAGE_CODECS) {
            const own = CACHE_CODECS.find((one) => one === codec);
            using cache = new PagedCache(kernels(), decoder.shape, { codec: own ?? "int8", turned: true });
            cache.begin(shape.tokens);
            cache.end(shape.tokens);
            for (let head = 0; !own && head < config.layers * config.kvHeads; head++)
              cache.encode(Math.floor(head / config.kvHeads), head % config.kvHeads, codec, 1);
            expect(planned.cache[codec]).toBe(cache.bytes);
          }
        }
      }),
      { seed: 2, numRuns: 12 },
    ));

  test("of a folder are those of the model that it becomes", async () => {
    writeCheckpoint(work);
    const planned = await plan(work, 200);
    await using model = await load(work, { weightCache: false, workers: 0 });
    expect(planned.weights.int8).toBe(model.bytes.weights);
    for await (const _ of model.generate(
      Array.from({ length: 200 }, () => 5),
      { maxTokens: 1 },
    ));
    within(planned.cache.int8, model.bytes.cache);
  });

  test.skipIf(!existsSync(lm))("of mneme-lm", async () => {
    const planned = await plan(lm, 1024, { budgetBytes: 50e6 });
    await using model = await load(lm, { weightCache: false, workers: 0 });
    within(planned.weights.int8, model.bytes.weights);
    expect(planned.proposal?.precision).toBe("int8");
  });
});

describe("the proposal", () => {
  const config = randomConfig();
  const bytesOf = (budgetBytes: number): string => {
    const { proposal } = planOf(config, 512, { budgetBytes });
    return proposal ? `${proposal.precision} ${proposal.cacheCodec}` : "none";
  };

  test("is the best that fits, and nothing where nothing does", () => {
    const { choices, proposal, missingBytes } = planOf(config, 512);
    const order = choices.map((one) => `${one.precision} ${one.cacheCodec}`);
    expect(new Set(order).size).toBe(21);
    const placeOf = (choice: string): number => order.indexOf(choice);
    // a cache of 2 bits costs more than weights of a byte, weights of 4 bits more than a cache of 2 by levels
    for (const [better, worse] of [
      ["bf16 f32", "bf16 f16"],
      ["bf16 int8", "int8 f32"],
      ["int8 affine4", "bf16 lloyd2"],
      ["int8 lloyd2", "int4 f32"],
      ["int4 lloyd4", "bf16 affine2"],
      ["int4 lloyd2", "int4 affine2"],
    ] as const)
      expect([better, placeOf(better) < placeOf(worse)]).toEqual([better, true]);
    expect([proposal, missingBytes]).toEqual([choices[0], 0]);
    for (const { bytes, precision, cacheCodec } of choices) {
      const better = choices.find((one) => one.bytes <= bytes)!;
      expect(bytesOf(bytes)).toBe(`${better.precision} ${better.cacheCodec}`);
      if (better.precision === precision && better.cacheCodec === cacheCodec)
        expect(bytesOf(bytes - 1)).not.toBe(bytesOf(bytes));
    }
    const least = Math.min(...choices.map(({ bytes }) => bytes));
    const none = planOf(config, 512, { budgetBytes: least - 7 });
    expect([none.proposal, none.missingBytes]).toEqual([undefined, 7]);
  });

  test("keeps to what was asked for; of weights several memories, of caches one", () => {
    const { choices } = planOf(config, 512, { precision: "int4", cacheCodec: "f32" });
    expect(choices.map(({ precision, cacheCodec }) => [precision, cacheCodec])).toEqual([["int4", "f32"]]);
    const large = { ...config, layers: 64, width: 4096, hidden: 8192, context: 2 ** 21 };
    const { proposal } = planOf(large, 512, { budgetBytes: 1e12 });
    expect(proposal?.bytes).toBeGreaterThan(2 ** 32);
    const long = planOf(large, 2 ** 21, { budgetBytes: 1e12 });
    for (const { cacheCodec, fits } of long.choices)
      expect(fits).toBe(long.cache[cacheCodec] + long.scratch <= 2 ** 32);
    expect(new Set(long.choices.map(({ fits }) => fits)).size).toBe(2);
  });

  test("refuses contexts and budgets that cannot be", () => {
    for (const tokens of [0, 1.5, 513, Number.NaN])
      expect(() => planOf(config, tokens)).toThrow(/from 1 to the model's 512/);
    for (const budgetBytes of [0, -1, Number.NaN])
      expect(() => planOf(config, 1, { budgetBytes })).toThrow(/a budget of/);
  });
});
