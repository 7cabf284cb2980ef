/** Text in and out: pieces of characters, stop strings, sampling, configurations that are refused. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { configOf } from "./config.ts";
import { frequenciesOf } from "./rope.ts";
import { logProbability, Sampler } from "./sample.ts";
import { StopText } from "./stop-text.ts";
import { TextStream, type Tokenizer } from "./tokenizer.ts";

/** A token for each byte. */
const bytes: Tokenizer = {
  encode: (text) => [...new TextEncoder().encode(text)],
  encodeWhole: (text) => [...new TextEncoder().encode(text)],
  decode: (tokens) => new TextDecoder().decode(Uint8Array.from(tokens)),
  idOf: () => undefined,
  tokenOf: () => undefined,
};

test("a stream of tokens gives the text of all, never half a character", () =>
  fc.assert(
    fc.property(fc.string({ unit: "binary", maxLength: 40 }), (raw) => {
      const text = raw.toWellFormed().replaceAll("\ufeff", "").replaceAll("\ufffd", "");
      const stream = new TextStream(bytes);
      const pieces = bytes.encode(text).map((token) => stream.push(token));
      expect(pieces.join("") + stream.end()).toBe(text);
      expect(pieces.join("")).not.toContain("\ufffd");
    }),
    { seed: 2, numRuns: 300 },
  ));

test("bytes that are no text come out as what they are read as", () => {
  const stream = new TextStream(bytes);
  const out = [0x61, 0xff, 0xff, 0xff, 0xff, 0x62].map((token) => stream.push(token)).join("") + stream.end();
  expect(out.replaceAll("\ufffd", "")).toBe("ab");
});

test("a stop string ends the text wherever it is cut", () =>
  fc.assert(
    fc.property(
      fc.array(fc.constantFrom("a", "b", "ab", "ba", "aab"), { maxLength: 12 }),
      fc.array(fc.constantFrom("aab", "bb", "abab"), { minLength: 1, maxLength: 2 }),
      (pieces, stops) => {
        const text = pieces.join("");
        const ends = stops.map((one) => text.indexOf(one)).filter((at) => at >= 0);
        const stop = new StopText(stops);
        const got = pieces.map((piece) => stop.push(piece)).join("") + stop.end("");
        expect(got).toBe(ends.length > 0 ? text.slice(0, Math.min(...ends)) : text);
        expect(stop.found).toBe(ends.length > 0);
      },
    ),
    { seed: 4, numRuns: 500 },
  ));

describe("sampling", () => {
  const logits = (): Float32Array => Float32Array.of(1, 3, 2, -50, 2.5);
  const drawn = (options: ConstructorParameters<typeof Sampler>[0]): Set<number> => {
    const sampler = new Sampler({ temperature: 1, seed: 1, ...options }, []);
    return new Set(Array.from({ length: 400 }, () => sampler.next(logits())));
  };

  test("temperature 0 takes the likeliest, the same seed the same tokens", () => {
    expect(new Sampler({}, []).next(logits())).toBe(1);
    const tokens = (seed: number): number[] => {
      const sampler = new Sampler({ temperature: 2, seed }, []);
      return Array.from({ length: 30 }, () => sampler.next(logits()));
    };
    expect(tokens(7)).toEqual(tokens(7));
    expect(tokens(7)).not.toEqual(tokens(8));
  });

  test("top-k, top-p and min-p leave the likeliest", () => {
    expect(drawn({})).toEqual(new Set([0, 1, 2, 4]));
    expect(drawn({ topK: 2 })).toEqual(new Set([1, 4]));
    expect(drawn({ topP: 0.4 })).toEqual(new Set([1]));
    expect(drawn({ minP: 0.5 })).toEqual(new Set([1, 4]));
  });

  test("at their ends top-k, top-p and min-p leave all, or one", () => {
    const all = drawn({});
    expect(drawn({ topK: 0 })).toEqual(all);
    expect(drawn({ topK: 1000, topP: 1, minP: 0 })).toEqual(all);
    for (const options of [{ topP: 0 }, { topK: 1 }, { minP: 1 }, { temperature: 1e-300 }])
      expect(drawn(options)).toEqual(new Set([1]));
    const equal = new Sampler({ temperature: 1, seed: 2, minP: 1, topP: 1 }, []);
    const found = Array.from({ length: 300 }, () => equal.next(new Float32Array(5).fill(-7)));
    expect(new Set(found).size).toBe(5);
    const some = new Sampler({ temperature: 1, seed: 2, topP: 0.5 }, []);
    expect(
      Array.from({ length: 100 }, () => some.next(new Float32Array(4))).every((token) => token < 2),
    ).toBe(true);
  });

  test("draws follow the probabilities", () => {
    const sampler = new Sampler({ temperature: 1, seed: 3 }, []);
    const counts = new Map<number, number>();
    for (let i = 0; i < 20_000; i++) {
      const token = sampler.next(logits());
      counts.set(token, (counts.get(token) ?? 0) + 1);
    }
    for (const token of [0, 1, 2, 4])
      expect(counts.get(token)! / 20_000).toBeCloseTo(Math.exp(logProbability(logits(), token)), 1.5);
  });

  test.each([0, 1])("logits that are no numbers are refused at temperature %d", (temperature) => {
    const none = Number.NEGATIVE_INFINITY;
    for (const broken of [
      [Number.NaN, 1, 2],
      [1, 2, Number.NaN],
      [1, Number.POSITIVE_INFINITY, 2],
      [none, none, none],
    ])
      expect(() => new Sampler({ temperature, seed: 1 }, []).next(Float32Array.from(broken))).toThrow(
        /not numbers/,
      );
    // of tokens that may not come it does not matter
    const sampler = new Sampler({ temperature, seed: 1 }, []);
    expect(sampler.next(Float32Array.of(Number.NaN, 1, none), Uint32Array.of(0b110))).toBe(1);
  });

  test("penalties keep from repeating", () => {
    expect(new Sampler({ repetitionPenalty: 4 }, [1]).next(logits())).toBe(4);
    const sampler = new Sampler({ frequencyPenalty: 0.4 }, []);
    expect([1, 2, 3].map(() => sampler.next(logits()))).toEqual([1, 1, 4]);
    const once = new Sampler({ presencePenalty: 0.6 }, []);
    expect([1, 2, 3].map(() => once.next(logits()))).toEqual([1, 4, 1]);
  });

  test.each([
    [{ temperature: -1 }, /temperature is -1; expected a number from 0/],
    [{ topP: Number.NaN }, /topP is NaN/],
    [{ topK: 1.5 }, /topK is 1.5/],
    [{ seed: 0.5 }, /seed is 0.5/],
  ])("refuses %j", (options, message) => {
    expect(() => new Sampler(options, [])).toThrow(message);
  });
});

describe("configurations", () => {
  const good = {
    architectures: ["LlamaForCausalLM"],
    vocab_size: 10,
    hidden_size: 64,
    intermediate_size: 64,
    num_hidden_layers: 1,
    num_attention_heads: 4,
    max_position_embeddings: 128,
  };

  test.each<[Record<string, unknown>, RegExp]>([
    [{ architectures: ["MambaForCausalLM"] }, /MambaForCausalLM is not known; known are LlamaForCausalLM/],
    [{ architectures: ["constructor"] }, /constructor is not known/],
    [{ vocab_size: -1 }, /vocab_size is -1/],
    [{ num_hidden_layers: 1e12 }, /num_hidden_layers is 1000000000000/],
    [{ hidden_size: "64" }, /hidden_size is "64"/],
    [{ num_key_value_heads: 3 }, /4 heads do not share 3/],
    [{ head_dim: 20 }, /head_dim 20; expected a multiple of 16/],
    [{ hidden_act: "gelu" }, /hidden_act "gelu"/],
    [{ rms_norm_eps: 0 }, /rms_norm_eps is 0/],
    [
      { architectures: ["GemmaForCausalLM"], hidden_act: "silu" },
      /hidden_act "silu"; expected "gelu_pytorch_tanh"/,
    ],
    [{ partial_rotary_factor: 0.5 }, /partial_rotary_factor is 0\.5; expected 1/],
    [{ layer_types: ["chunked_attention"] }, /layer_types has "chunked_attention"/],
    [{ layer_types: [] }, /layer_types has 0 entries; .* each of 1 layers/],
    [{ sliding_window: -1 }, /sliding_window is -1/],
    [{ rope_scaling: { type: "magic", factor: 2 } }, /type "magic"; known are linear, llama3, yarn/],
    [{ rope_scaling: { type: "linear" } }, /factor is undefined/],
  ])("refuses %j by name", (changes, message) => {
    expect(() => configOf({ ...good, ...changes }, "config.json")).toThrow(message);
  });

  const gemma2 = {
    architectures: ["Gemma2ForCausalLM"],
    hidden_size: 2304,
    intermediate_size: 9216,
    num_hidden_layers: 26,
    num_attention_heads: 8,
    num_key_value_heads: 4,
    head_dim: 256,
    vocab_size: 256_000,
    max_position_embeddings: 8192,
    hidden_act: "gelu_pytorch_tanh",
    hidden_activation: "gelu_pytorch_tanh",
    attn_logit_softcapping: 50,
    final_logit_softcapping: 30,
    query_pre_attn_scalar: 256,
    sliding_window: 4096,
    rope_theta: 10_000,
  };
  const gemma3 = {
    ...gemma2,
    architectures: ["Gemma3ForCausalLM"],
    hidden_size: 1152,
    intermediate_size: 6912,
    num_attention_heads: 4,
    num_key_value_heads: 1,
    vocab_size: 262_144,
    max_position_embeddings: 32_768,
    attn_logit_softcapping: null,
    final_logit_softcapping: null,
    rope_theta: 1_000_000,
    rope_local_base_freq: 10_000,
    sliding_window: 512,
    sliding_window_pattern: 6,
  };

  test("Gemma 2: every other layer has a window, scores and logits are held", () => {
    const config = configOf(gemma2, "config.json");
    expect(config).toMatchObject({ tied: true, normOffset: 1, postNorms: true, qkNorm: false });
    expect(config).toMatchObject({ activation: "gelu", embeddingScale: 48, attentionScale: 1 / 16 });
    expect(config).toMatchObject({ window: 4096, attentionCap: 50, logitCap: 30, localRope: undefined });
    expect(config.layerKinds.map(({ windowed }) => windowed).slice(0, 3)).toEqual([true, false, true]);
  });

  test("Gemma 3: five layers of six have a window and the local rotation", () => {
    const config = configOf(gemma3, "config.json");
    expect(config).toMatchObject({ qkNorm: true, attentionCap: undefined, logitCap: undefined });
    expect(config).toMatchObject({ rope: { theta: 1e6 }, localRope: { theta: 1e4 }, window: 512 });
    expect(config.layerKinds.filter(({ windowed }) => windowed)).toHaveLength(22);
    expect(config.layerKinds[4]).toEqual({ windowed: true, rope: "local" });
    expect(config.layerKinds[5]).toEqual({ windowed: false, rope: "global" });
    const scaling = { rope_scaling: { rope_type: "linear", factor: 8 } };
    const scaled = configOf({ ...gemma3, ...scaling }, "config.json");
    expect([scaled.rope.scaling?.type, scaled.localRope?.scaling]).toEqual(["linear", undefined]);
  });

  test("rotary fields of newer files", () => {
    const { rope_theta: _, rope_local_base_freq: __, ...bare } = gemma3;
    const rope_parameters = {
      full_attention: { rope_type: "linear", rope_theta: 5e5, factor: 8 },
      sliding_attention: { rope_type: "default", rope_theta: 2e4 },
    };
    const config = configOf({ ...bare, rope_parameters }, "config.json");
    expect(config).toMatchObject({
      rope: { theta: 5e5, scaling: { type: "linear", factor: 8 } },
      localRope: { theta: 2e4 },
    });
    const flat = { ...good, rope_parameters: { rope_type: "default", rope_theta: 7 } };
    expect(configOf(flat, "config.json").rope).toEqual({ theta: 7, scaling: undefined });
  });

  test("what a configuration leaves out is its family's", () => {
    const of = (architecture: string, more = {}) =>
      configOf({ ...good, architectures: [architecture], ...more }, "config.json");
    expect(of("GemmaForCausalLM", { hidden_act: "gelu", hidden_activation: null })).toMatchObject({
      tied: true,
      headDim: 256,
      activation: "gelu",
      postNorms: false,
      window: undefined,
    });
    expect(of("LlamaForCausalLM", { attention_bias: true, mlp_bias: true })).toMatchObject({
      qkvBias: true,
      outBias: true,
      mlpBias: true,
      tied: false,
    });
    expect(of("Qwen2ForCausalLM", { sliding_window: 64 })).toMatchObject({
      qkvBias: true,
      outBias: false,
      window: undefined,
    });
    const smol = of("SmolLM3ForCausalLM", { num_hidden_layers: 8 });
    expect(smol.rope.theta).toBe(2e6);
    expect(smol.layerKinds.map(({ rope }) => rope === "none")).toEqual(
      [1, 2, 3, 4, 5, 6, 7, 8].map((n) => n % 4 === 0),
    );
  });

  test("rotary scalings: slow turns are stretched, fast ones stay", () => {
    const of = (rope_scaling: unknown): Float64Array =>
      frequenciesOf(configOf({ ...good, head_dim: 64, rope_scaling }, "c").rope, 64);
    const plain = of(null);
    expect([...of({ type: "linear", factor: 4 })]).toEqual([...plain.map((one) => one / 4)]);
    const llama3 = of({
      rope_type: "llama3",
      factor: 8,
      low_freq_factor: 1,
      high_freq_factor: 4,
      original_max_position_embeddings: 8192,
    });
    const yarn = of({ rope_type: "yarn", factor: 8, original_max_position_embeddings: 4096 });
    for (const scaled of [llama3, yarn]) {
      expect(scaled[0]).toBeCloseTo(plain[0]!, 12);
      expect(scaled[31]).toBeCloseTo(plain[31]! / 8, 12);
      scaled.forEach((one, i) => {
        expect(one).toBeLessThanOrEqual(plain[i]! * (1 + 1e-12));
        expect(one).toBeGreaterThanOrEqual((plain[i]! / 8) * (1 - 1e-12));
      });
    }
  });
});
