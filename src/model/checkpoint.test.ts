/** Opening checkpoints: folders, GGUF files and their shards, and the same model out of both; and files that lie. */
import { cpSync, mkdtempSync, readFileSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { SHARDS, safetensorsOf, writeCheckpoint, writeSmallGguf } from "../../test/support/checkpoint.ts";
import { splitGguf } from "../../test/support/gguf-split.ts";
import type { GgufTensor } from "../../test/support/gguf-writer.ts";
import { randomConfig, randomSource } from "../../test/support/random-model.ts";
import { isMnemeError } from "../errors.ts";
import { kernels } from "../kernels/index.ts";
import { openGguf } from "../weights/gguf-source.ts";
import { openCheckpoint } from "./checkpoint.ts";
import { configOf } from "./config.ts";
import { ggufConfig } from "./gguf-config.ts";
import { load } from "./load.ts";
import type { Model } from "./model.ts";
import { frequenciesOf } from "./rope.ts";
import { checkFits, scratchBytes, weightBytes } from "./sizes.ts";

const work = mkdtempSync(join(tmpdir(), "mneme-checkpoint-"));
afterAll(() => rmSync(work, { recursive: true, force: true }));

let folders = 0;
function scratch(): string {
  const folder = join(work, `${folders++}`);
  cpSync(good, folder, { recursive: true });
  return folder;
}

const good = mkdtempSync(join(work, "good-"));
writeCheckpoint(good);

const GEMMA_3 = {
  architectures: ["Gemma3ForCausalLM"],
  sliding_window: 20,
  num_hidden_layers: 6,
  rope_theta: 1e5,
};

const options = { precision: "bf16", weightCache: false, workers: 0 } as const;

async function textOf(model: Model): Promise<string> {
  let text = "";
  for await (const piece of model.generate("the ban", { maxTokens: 12 }))
    if (piece.type === "text") text += piece.text;
  return text;
}

describe("a folder", () => {
  test("opens with all that generation asks for", async () => {
    await using model = await load(good, options);
    expect((await textOf(model)).length).toBeGreaterThan(0);
    expect(model.config.layers).toBe(2);
    expect(model.bytes.weights).toBe(weightBytes(model.config, "bf16"));
  });

  test("is not loaded in ways that cannot be", async () => {
    const as = (given: object) => load(good, { weightCache: false, workers: 0, ...given });
    await expect(as({ precision: "int9" })).rejects.toThrow(
      /precision must be one of int8, int4, bf16, got int9/,
    );
    await expect(as({ activations: "f32" })).rejects.toThrow(
      /activations must be one of int16, int8, got f32/,
    );
    await expect(as({ precision: "bf16", activations: "int8" })).rejects.toThrow(
      /bf16 weights are multiplied with f32 activations; take precision int8 or int4/,
    );
  });

  test("tokens that end a turn are also those of generation_config.json", async () => {
    const folder = scratch();
    writeFileSync(join(folder, "generation_config.json"), JSON.stringify({ eos_token_id: [1, 7] }));
    using checkpoint = await openCheckpoint(folder);
    expect(checkpoint.config.eos).toEqual([1, 7]);
  });

  test("takes the chat template of its own file, or the default of several", async () => {
    const folder = scratch();
    const said = [
      { name: "tools", template: "no" },
      { name: "default", template: "{{ messages[0].content }}!" },
    ];
    writeFileSync(join(folder, "tokenizer_config.json"), JSON.stringify({ chat_template: said }));
    const messages = [{ role: "user", content: "hi" }];
    {
      using checkpoint = await openCheckpoint(folder);
      expect((await checkpoint.template())!.render(messages)).toBe("hi!");
    }
    writeFileSync(join(folder, "chat_template.jinja"), "<{{ messages[0].content }}>");
    using checkpoint = await openCheckpoint(folder);
    expect((await checkpoint.template())!.render(messages)).toBe("<hi>");
  });

  test("of single files model.safetensors is the model", async () => {
    const folder = scratch();
    const config = randomConfig();
    rmSync(join(folder, "model.safetensors.index.json"));
    const all = Buffer.from(safetensorsOf(randomSource(config, 1), ["model.norm.weight"]));
    writeFileSync(join(folder, "model.safetensors"), all);
    using checkpoint = await openCheckpoint(folder);
    expect(checkpoint.files).toEqual([join(folder, "model.safetensors")]);
  });
});

describe("a GGUF file", () => {
  const path = join(work, "small.gguf");
  writeSmallGguf(path);

  test("is the same model as the folder", async () => {
    await using model = await load(path, options);
    await using other = await load(good, options);
    expect(await textOf(model)).toBe(await textOf(other));
    expect(model.chatPrompt([{ role: "user", content: "hi" }])).toBe("<s>hi");
    expect(await model.score("the ban")).toEqual(await other.score("the ban"));
  });

  test.each<[string, Record<string, unknown>]>([
    ["Llama with all biases", { attention_bias: true, mlp_bias: true }],
    ["Qwen2", { architectures: ["Qwen2ForCausalLM"] }],
    ["Qwen3", { architectures: ["Qwen3ForCausalLM"] }],
    ["SmolLM3", { architectures: ["SmolLM3ForCausalLM"], num_hidden_layers: 4 }],
    ["Gemma", { architectures: ["GemmaForCausalLM"] }],
    ["Gemma 2", { architectures: ["Gemma2ForCausalLM"], sliding_window: 20, query_pre_attn_scalar: 16 }],
    ["Gemma 3", { ...GEMMA_3, query_pre_attn_scalar: 16 }],
  ])("of another family is the same model too: %s", async (name, changes) => {
    const folder = mkdtempSync(join(work, "family-"));
    writeCheckpoint(folder, changes);
    const file = join(work, `${name}.gguf`);
    writeSmallGguf(file, changes);
    await using model = await load(file, options);
    await using other = await load(folder, options);
    // the file has it as f32, and norms' weights whole
    const { normOffset: _, epsilon: __, ...config } = model.config;
    expect(other.config).toMatchObject(config);
    const tokens = Array.from({ length: 60 }, (_, i) => 3 + ((i * 7) % 50));
    const [found, wanted] = [await model.score(tokens), await other.score(tokens)];
    expect(Math.max(...found.map((one, i) => Math.abs(one - wanted[i]!)))).toBeLessThan(1e-5);
    expect(await textOf(model)).toBe(await textOf(other));
  });

  test("opens by its folder, and by any of its shards", async () => {
    const folder = mkdtempSync(join(work, "sharded-"));
    const shards = splitGguf(path, folder, 3);
    for (const one of [folder, ...shards]) {
      using checkpoint = await openCheckpoint(one);
      expect(checkpoint.files).toEqual(shards);
    }
    await using model = await load(folder, options);
    await using other = await load(path, options);
    expect(await textOf(model)).toBe(await textOf(other));
    writeSmallGguf(join(folder, "other.gguf"));
    await expect(openCheckpoint(folder)).rejects.toThrow(
      /which of its GGUF files\? Name one of other\.gguf, small-00001/,
    );
    rmSync(shards[1]!);
    await expect(openCheckpoint(shards[0]!)).rejects.toMatchObject({
      code: "NOT_FOUND",
      message: expect.stringContaining("small-00002-of-00003.gguf"),
    });
  });

  test("frequencies that a context was stretched by come as factors", async () => {
    const scaling = {
      rope_type: "llama3",
      factor: 8,
      low_freq_factor: 1,
      high_freq_factor: 4,
      original_max_position_embeddings: 64,
    };
    const folder = scratch();
    writeCheckpoint(folder, { rope_scaling: scaling });
    const { rope, headDim } = randomConfig({ rope_scaling: scaling });
    const plain = frequenciesOf({ ...rope, scaling: undefined }, headDim);
    const factors = Float32Array.from(frequenciesOf(rope, headDim), (one, i) => plain[i]! / one);
    const stretched = join(work, "stretched.gguf");
    const write = (values: Float32Array): void =>
      writeSmallGguf(stretched, {}, 1, "F32", [
        { name: "rope_freqs.weight", shape: [values.length], type: "F32", values: () => values },
      ]);
    write(factors);
    await using model = await load(stretched, options);
    await using other = await load(folder, options);
    await using unstretched = await load(path, options);
    const tokens = Array.from({ length: 60 }, (_, i) => 3 + ((i * 7) % 50));
    const [found, wanted] = [await model.score(tokens), await other.score(tokens)];
    const off = (scores: Float64Array): number =>
      scores.reduce((most, one, i) => Math.max(most, Math.abs(one - wanted[i]!)), 0);
    expect(off(found)).toBeLessThan(1e-2);
    expect(off(await unstretched.score(tokens))).toBeGreaterThan(0.5);
    write(factors.map(() => 0));
    await expect(openCheckpoint(stretched)).rejects.toThrow(
      /rope_freqs\.weight is \[8\]; expected 8 numbers above 0/,
    );
    write(factors.subarray(1));
    await expect(openCheckpoint(stretched)).rejects.toThrow(
      /stretched\.gguf: tensor rope_freqs\.weight is \[7\]/,
    );
  });

  test("biases, further ends, and heads that are rotated in part", async () => {
    const biased = join(work, "biased.gguf");
    const one = (part: string, rows: number): GgufTensor[] =>
      [0, 1].map((layer) => ({
        name: `blk.${layer}.attn_${part}.bias`,
        shape: [rows],
        type: "F32",
        values: () => new Float32Array(rows).fill(1),
      }));
    writeSmallGguf(biased, {}, 1, "F32", [...one("q", 64), ...one("k", 32), ...one("v", 32)]);
    await using model = await load(biased, options);
    await using plain = await load(path, options);
    expect(await model.score("the ban")).not.toEqual(await plain.score("the ban"));
    const { metadata, tensors } = await openGguf(path);
    tensors[Symbol.dispose]();
    const ends = { ...metadata, "tokenizer.ggml.eot_token_id": 5, "tokenizer.ggml.eom_token_id": 1n };
    expect(ggufConfig(ends, true, path).eos).toEqual([1, 5]);
    expect(() => ggufConfig({ ...metadata, "llama.rope.dimension_count": 8 }, true, path)).toThrow(
      /small\.gguf: llama\.rope\.dimension_count is 8; expected all 16/,
    );
  });

  test("a shard under the name of a whole file is refused", async () => {
    const folder = mkdtempSync(join(work, "renamed-"));
    const [first] = splitGguf(path, folder, 2);
    cpSync(first!, join(folder, "whole.gguf"));
    await expect(openCheckpoint(join(folder, "whole.gguf"))).rejects.toThrow(/split\.count says 2 shards/);
  });
});

describe("files that lie", () => {
  /** @returns code and message of the refusal; kernel memory is given back */
  async function fate(folder: string): Promise<{ code: string; message: string }> {
    const before = kernels().arena.bytes;
    try {
      await using model = await load(folder, options);
      return { code: "read", message: `${model.bytes.weights}` };
    } catch (error) {
      if (!isMnemeError(error)) throw error;
      expect(kernels().arena.bytes).toBe(before);
      return error;
    }
  }

  test.each([0, 4, 100, 1000, -1])("a shard cut to %i bytes", async (bytes) => {
    const folder = scratch();
    const path = join(folder, SHARDS[1]);
    truncateSync(path, bytes < 0 ? readFileSync(path).length + bytes : bytes);
    const { code, message } = await fate(folder);
    expect(code).toBe("FORMAT");
    expect(message).toContain(SHARDS[1]);
  });

  test("an index that names files that are not there, or that lie elsewhere", async () => {
    const folder = scratch();
    rmSync(join(folder, SHARDS[0]));
    expect(await fate(folder)).toMatchObject({
      code: "NOT_FOUND",
      message: expect.stringContaining(SHARDS[0]),
    });
    const path = join(folder, "model.safetensors.index.json");
    for (const map of [{ a: "../other.safetensors" }, { a: 7 }, {}, [], null, { a: "/etc/passwd" }]) {
      writeFileSync(path, JSON.stringify({ weight_map: map }));
      const { code, message } = await fate(folder);
      expect([code, message]).toEqual(["FORMAT", expect.stringMatching(/index\.json: weight_map/)]);
    }
    writeFileSync(path, "{");
    expect(await fate(folder)).toMatchObject({
      code: "FORMAT",
      message: expect.stringContaining("index.json: not JSON"),
    });
  });

  const header = (json: unknown, bytes: number): Uint8Array => {
    const text = new TextEncoder().encode(JSON.stringify(json));
    return Buffer.concat([
      new Uint8Array(BigUint64Array.of(BigInt(text.length)).buffer),
      text,
      new Uint8Array(bytes),
    ]);
  };

  test.each<[string, unknown, string]>([
    ["a shape that overflows", { dtype: "F32", shape: [2 ** 40, 2 ** 40], data_offsets: [0, 64] }, "FORMAT"],
    ["bytes outside the file", { dtype: "F32", shape: [16], data_offsets: [1e12, 1e12 + 64] }, "FORMAT"],
    ["bytes that end before they begin", { dtype: "F32", shape: [16], data_offsets: [64, 0] }, "FORMAT"],
    ["a negative side", { dtype: "F32", shape: [-16], data_offsets: [0, 64] }, "FORMAT"],
    [
      "another shape than the configuration says",
      { dtype: "F32", shape: [16], data_offsets: [0, 64] },
      "FORMAT",
    ],
    [
      "a dtype that is no weight",
      { dtype: "I32", shape: [61, 64], data_offsets: [0, 61 * 64 * 4] },
      "UNSUPPORTED",
    ],
  ])("%s", async (_, entry, wanted) => {
    const folder = scratch();
    rmSync(join(folder, "model.safetensors.index.json"));
    const bytes = (entry as { data_offsets: number[] }).data_offsets[1] === 61 * 64 * 4 ? 61 * 64 * 4 : 64;
    writeFileSync(join(folder, "model.safetensors"), header({ "model.embed_tokens.weight": entry }, bytes));
    const { code, message } = await fate(folder);
    expect(code).toBe(wanted);
    expect(message).toContain(folder);
    expect(message).toContain("model.embed_tokens.weight");
  });

  test.each<[string, unknown]>([
    ["num_hidden_layers", 1e9],
    ["num_hidden_layers", 3],
    ["hidden_size", 0],
    ["hidden_size", 2 ** 40],
    ["intermediate_size", -5],
    ["vocab_size", "NaN"],
    ["vocab_size", 1e300],
    ["num_attention_heads", null],
    ["num_key_value_heads", 1.5],
    ["head_dim", 2 ** 31],
    ["rms_norm_eps", 0],
    ["rope_theta", "big"],
    ["max_position_embeddings", {}],
  ])("a configuration whose %s is %j", async (field, value) => {
    const folder = scratch();
    const path = join(folder, "config.json");
    const config = { ...(JSON.parse(readFileSync(path, "utf8")) as object), [field]: value };
    writeFileSync(path, JSON.stringify(config));
    const { code, message } = await fate(folder);
    expect(["FORMAT", "UNSUPPORTED"]).toContain(code);
    expect(message).toContain(folder);
    expect(message).toContain(field === "num_hidden_layers" && value === 3 ? "model.layers.2" : field);
  });

  test("numbers that JSON does not know", () => {
    for (const value of [Number.NaN, Number.POSITIVE_INFINITY])
      expect(() => randomConfig({ hidden_size: value })).toThrow(`config.json: hidden_size is ${value}`);
  });
});

test("weights beyond the machine's memory are refused with the bytes that they need", () => {
  const config = configOf(
    {
      architectures: ["LlamaForCausalLM"],
      vocab_size: 128_256,
      hidden_size: 4096,
      intermediate_size: 14_336,
      num_hidden_layers: 32,
      num_attention_heads: 32,
      num_key_value_heads: 8,
      max_position_embeddings: 8192,
    },
    "config.json",
  );
  const needed = weightBytes(config, "int8") + scratchBytes(config);
  expect(needed).toBeGreaterThan(2 ** 32);
  expect(() => checkFits(config, "int8", "big", 2 ** 32)).toThrow(`load big: ${needed} bytes are needed`);
  expect(() => checkFits(config, "int8", "big", 2 ** 32)).toThrow(/load a smaller model/);
  const smaller = { ...config, layers: 16 };
  expect(() => checkFits(smaller, "bf16", "big", 2 ** 32)).toThrow(
    /as int4 they are \d+: load it with that precision/,
  );
  expect(() => checkFits(smaller, "int4", "big", 2 ** 32)).not.toThrow();
});
