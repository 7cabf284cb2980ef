/** The decoder against one in plain loops, for every variant of the family and however its input is cut. */
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { randomConfig, randomSource } from "../../test/support/random-model.ts";
import { referenceLogits } from "../../test/support/reference-decoder.ts";
import type { CacheCodec } from "../cache/page-codec.ts";
import { PagedCache } from "../cache/paged-cache.ts";
import { allowRelaxedSimd } from "../kernels/allow-relaxed.ts";
import { kernels, openPool, type Pool } from "../kernels/index.ts";
import type { Precision } from "../weights/linear-weights.ts";
import type { ModelConfig } from "./config.ts";
import { Decoder, type DecoderOptions } from "./decoder.ts";
import { DecoderWeights } from "./decoder-weights.ts";
import { Memories } from "./memories.ts";

// so that products of bytes are among what is tried
allowRelaxedSimd();

let pool: Pool;
beforeAll(async () => {
  pool = await openPool(kernels(), { workers: 1 });
});
afterAll(() => pool[Symbol.asyncDispose]());

/** Small caps, which bite. */
const GEMMA_2 = {
  architectures: ["Gemma2ForCausalLM"],
  sliding_window: 20,
  query_pre_attn_scalar: 8,
  attn_logit_softcapping: 1.5,
  final_logit_softcapping: 0.7,
};
const GEMMA_3 = {
  architectures: ["Gemma3ForCausalLM"],
  sliding_window: 20,
  sliding_window_pattern: 2,
  rope_theta: 100_000,
  rope_local_base_freq: 500,
};
const QWEN_2 = {
  architectures: ["Qwen2ForCausalLM"],
  use_sliding_window: true,
  sliding_window: 20,
  max_window_layers: 1,
};
const SMOL = { architectures: ["SmolLM3ForCausalLM"], no_rope_layers: [1, 0] };

function decoderOf(
  config: ModelConfig,
  seed: number,
  precision: Precision,
  threads?: Pool,
  options: DecoderOptions = {},
): Decoder {
  const weights = new DecoderWeights(kernels(), config, randomSource(config, seed), precision);
  return new Decoder(kernels(), config, weights, () => threads, options);
}

/** Logits behind the last token, when the tokens go in by pieces of these sizes, the last as large as need be. */
function logitsOf(
  decoder: Decoder,
  tokens: readonly number[],
  pieces: readonly number[] = [],
  codec: CacheCodec = "f32",
): Float32Array {
  using cache = new PagedCache(kernels(), decoder.shape, { codec });
  let at = 0;
  let logits: Float32Array | undefined;
  for (const size of [...pieces, tokens.length]) {
    const piece = tokens.slice(at, at + size);
    if (piece.length === 0) break;
    logits = decoder.forward(piece, cache);
    at += piece.length;
  }
  expect(cache.length).toBe(tokens.length);
  return logits!.slice();
}

const tokensOf = (count: number, seed: number): number[] =>
  Array.from({ length: count }, (_, i) => (i * 37 + seed * 11 + ((i * i) % 7)) % 61);

const largest = (a: ArrayLike<number>, b: ArrayLike<number>): number => {
  let most = 0;
  for (let i = 0; i < a.length; i++) most = Math.max(most, Math.abs(a[i]! - b[i]!));
  return most;
};

describe("equals plain loops", () => {
  test.each<[string, Record<string, unknown>]>([
    ["grouped heads", {}],
    ["a head for each query", { num_key_value_heads: 4 }],
    ["one head for all queries", { num_key_value_heads: 1 }],
    ["an output layer of its own", { tie_word_embeddings: false }],
    ["biases (Qwen2)", { architectures: ["Qwen2ForCausalLM"] }],
    ["norms of queries and keys (Qwen3)", { architectures: ["Qwen3ForCausalLM"] }],
    ["a sliding window (Mistral)", { architectures: ["MistralForCausalLM"], sliding_window: 20 }],
    ["hidden values that fill no group", { intermediate_size: 44 }],
    ["heads wider than the model", { head_dim: 32 }],
    ["biases of attention (Llama)", { attention_bias: true }],
    ["biases of the gated layer (Llama)", { mlp_bias: true, intermediate_size: 44 }],
    ["all biases (Llama)", { attention_bias: true, mlp_bias: true }],
    ["Gemma", { architectures: ["GemmaForCausalLM"] }],
    ["Gemma 2", { ...GEMMA_2, attn_logit_softcapping: null, final_logit_softcapping: null }],
    ["Gemma 2, scores and logits held", GEMMA_2],
    ["Gemma 2 with biases", { ...GEMMA_2, attention_bias: true }],
    ["Gemma 2 with heads of 32", { ...GEMMA_2, head_dim: 32 }],
    ["Gemma 3", GEMMA_3],
    ["layers of a window by name", { ...GEMMA_3, layer_types: ["full_attention", "sliding_attention"] }],
    ["a window in upper layers (Qwen2)", QWEN_2],
    ["layers without positions (SmolLM3)", SMOL],
  ])("%s", (_, changes) => {
    const config = randomConfig(changes);
    const tokens = tokensOf(90, 3);
    const expected = referenceLogits(config, randomSource(config, 5), tokens);
    using decoder = decoderOf(config, 5, "bf16", pool);
    expect(largest(logitsOf(decoder, tokens), expected.at(-1)!)).toBeLessThan(2e-4);
    expect(largest(logitsOf(decoder, tokens, [60, 1, 1]), expected.at(-1)!)).toBeLessThan(2e-4);
    expect(largest(logitsOf(decoder, tokens.slice(0, 1)), expected[0]!)).toBeLessThan(2e-4);
  });

  test.each<Precision>(["int8", "int4", "bf16"])(
    "logits of several tokens stay in their room: %s",
    (precision) => {
      const config = randomConfig();
      using decoder = decoderOf(config, 5, precision);
      const step = (): Float32Array => {
        using cache = new PagedCache(kernels(), decoder.shape);
        return decoder.step([{ tokens: tokensOf(5, 1), cache, logits: "all" }]).slice();
      };
      const first = step();
      // what is free behind the logits is filled
      const others = Array.from({ length: 3000 }, () => kernels().arena.alloc(64));
      for (const other of others) other.u8().fill(0x5a);
      expect(step()).toEqual(first);
      expect(others.filter((other) => other.u8().some((byte) => byte !== 0x5a))).toHaveLength(0);
      for (const other of others) other[Symbol.dispose]();
    },
  );

  test("quantised weights come close", () => {
    const config = randomConfig();
    const tokens = tokensOf(30, 4);
    const expected = referenceLogits(config, randomSource(config, 9), tokens).at(-1)!;
    const spread = Math.sqrt(expected.reduce((sum, value) => sum + value * value, 0) / expected.length);
    for (const [precision, bound] of [
      ["int8", 0.05],
      ["int4", 0.8],
    ] as const) {
      using decoder = decoderOf(config, 9, precision, pool);
      expect(largest(logitsOf(decoder, tokens), expected)).toBeLessThan(bound * spread);
    }
  });
});

test.each([
  ["wide heads", { head_dim: 64, num_attention_heads: 2, num_key_value_heads: 1 }],
  ["wider ones", { head_dim: 96 }],
  ["narrow heads", {}],
  ["a window", { architectures: ["MistralForCausalLM"], sliding_window: 70 }],
  ["Gemma 2", { ...GEMMA_2, sliding_window: 70, head_dim: 32 }],
  ["Gemma 3", { ...GEMMA_3, sliding_window: 70, head_dim: 32 }],
])("caches of bytes and of halves come close: %s", (_, changes) => {
  const config = randomConfig(changes);
  using decoder = decoderOf(config, 6, "bf16", pool);
  const tokens = tokensOf(300, 2);
  const expected = logitsOf(decoder, tokens);
  const spread = Math.sqrt(expected.reduce((sum, value) => sum + value * value, 0) / expected.length);
  for (const pieces of [[], [299], [130, 1, 1]]) {
    expect(largest(logitsOf(decoder, tokens, pieces, "int8"), expected)).toBeLessThan(0.05 * spread);
    expect(largest(logitsOf(decoder, tokens, pieces, "f16"), expected)).toBeLessThan(2e-3 * spread);
  }
});

test.each([
  ["narrow heads", {}],
  ["heads of 32, three queries to a key", { head_dim: 32, num_attention_heads: 6, num_key_value_heads: 2 }],
  ["a window", { architectures: ["MistralForCausalLM"], head_dim: 32, sliding_window: 90 }],
  ["Gemma 2", { ...GEMMA_2, head_dim: 32, sliding_window: 90 }],
])("pieces, threads and a longer history change nothing: %s", (_, changes) => {
  const config = randomConfig(changes);
  for (const precision of ["bf16", "int8", "int4"] as const) {
    using alone = decoderOf(config, 7, precision);
    using shared = decoderOf(config, 7, precision, pool);
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 400 }),
        fc.array(fc.integer({ min: 1, max: 150 }), { maxLength: 5 }),
        (count, pieces) => {
          const tokens = tokensOf(count, count);
          const whole = logitsOf(alone, tokens);
          expect(largest(logitsOf(shared, tokens, pieces), whole)).toBeLessThan(1e-3);
          for (const codec of ["f16", "int8"] as const) {
            const other = logitsOf(alone, tokens, [], codec);
            expect(largest(logitsOf(shared, tokens, pieces, codec), other)).toBeLessThan(1e-2);
          }
        },
      ),
      { seed: 3, numRuns: 12 },
    );
  }
});

test.each(["int8", "int4"] as const)(
  "activations of 8 bits come close, in pieces and by threads: %s",
  (precision) => {
    const config = randomConfig();
    using exact = decoderOf(config, 4, precision, undefined, { activations: "int16" });
    using rounded = decoderOf(config, 4, precision, pool, { activations: "int8" });
    const tokens = tokensOf(120, 6);
    const expected = logitsOf(exact, tokens);
    const spread = Math.sqrt(expected.reduce((sum, value) => sum + value * value, 0) / expected.length);
    for (const pieces of [[], [119], [40, 1, 1, 33]]) {
      const off = largest(logitsOf(rounded, tokens, pieces), expected) / spread;
      expect(off).toBeGreaterThan(1e-4);
      expect(off).toBeLessThan(0.08);
    }
  },
);

test("a cache that was cut back goes on as if the rest had never been", () => {
  const config = randomConfig();
  using decoder = decoderOf(config, 2, "int8", pool);
  const tokens = tokensOf(200, 1);
  const expected = logitsOf(decoder, [...tokens.slice(0, 100), 5, 6]);
  using cache = new PagedCache(kernels(), decoder.shape, { codec: "f32" });
  decoder.forward(tokens, cache);
  const before = cache.bytes;
  cache.truncate(100);
  expect(cache.bytes).toBeLessThan(before);
  decoder.forward([5], cache);
  expect(largest(decoder.forward([6], cache), expected)).toBeLessThan(1e-3);
});

test("refuses tokens that are none, and no tokens", () => {
  using decoder = decoderOf(randomConfig(), 1, "int8");
  using cache = new PagedCache(kernels(), decoder.shape);
  expect(() => decoder.forward([61], cache)).toThrow(/token 61 is none of 61/);
  expect(() => decoder.forward([-1], cache)).toThrow(/token -1/);
  expect(() => decoder.forward([], cache)).toThrow(/no tokens/);
});

test("gives all its memory back", () => {
  const { arena } = kernels();
  const before = arena.bytes;
  {
    using decoder = decoderOf(randomConfig(), 1, "int4");
    logitsOf(decoder, tokensOf(300, 1));
  }
  expect(arena.bytes).toBe(before);
});

test.each<Precision>(["int8", "int4", "bf16"])(
  "weights in further memories change nothing: %s",
  async (precision) => {
    const config = randomConfig({ tie_word_embeddings: false, intermediate_size: 100 });
    const tokens = tokensOf(70, 3);
    await using memories = new Memories(kernels(), { workers: 1, annexBytes: 9000 });
    const faces = new Set<unknown>();
    const faceFor = (bytes: number) => {
      const face = memories.annexFor(bytes);
      faces.add(face);
      return face;
    };
    const source = randomSource(config, 5);
    const weights = new DecoderWeights(kernels(), config, source, precision, { faceFor });
    expect(faces.size).toBeGreaterThan(2);
    using split = new Decoder(kernels(), config, weights, (face) => memories.threads(face));
    using whole = decoderOf(config, 5, precision, pool);
    for (const pieces of [[], [33, 1, 4], [69]])
      expect(logitsOf(split, tokens, pieces)).toEqual(logitsOf(whole, tokens, pieces));
    using cache = new PagedCache(kernels(), split.shape);
    using other = new PagedCache(kernels(), whole.shape);
    const step = (decoder: Decoder, of: PagedCache) =>
      decoder.step([{ tokens, cache: of, logits: "all" }]).slice(0, tokens.length * decoder.logitsStride);
    expect(step(split, cache)).toEqual(step(whole, other));
    expect(split.fingerprint()).toBe(whole.fingerprint());
  },
);
