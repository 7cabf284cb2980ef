/** The model files of the decode benchmark: mneme-lm and random weights in the shapes of known models, as GGUF for all systems. */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { Random } from "../src/linalg/random.ts";
import { configOf, type ModelConfig } from "../src/model/config.ts";
import { safetensorsSource } from "../src/weights/safetensors-source.ts";
import type { TensorSource } from "../src/weights/tensor-source.ts";
import { type GgufVocabulary, vocabularyOf, writeGgufModel } from "../test/support/gguf-model.ts";
import type { GgufType } from "../test/support/gguf-writer.ts";

/** Shapes of SmolLM-135M and of TinyLlama-1.1B. */
const SHAPES: Readonly<Record<string, Readonly<Record<string, number>>>> = {
  "random-135M": {
    hidden_size: 576,
    intermediate_size: 1536,
    num_hidden_layers: 30,
    num_attention_heads: 9,
    num_key_value_heads: 3,
    vocab_size: 49152,
  },
  "random-1.1B": {
    hidden_size: 2048,
    intermediate_size: 5632,
    num_hidden_layers: 22,
    num_attention_heads: 32,
    num_key_value_heads: 4,
    vocab_size: 32000,
  },
};

export const MODELS: readonly string[] = ["mneme-lm", ...Object.keys(SHAPES)];

/** Writes the file. @param folder of mneme-lm's checkpoint. @returns its path */
export function writeModel(name: string, type: GgufType, folder: string, work: string): string {
  const path = join(work, `${name}-${type}.gguf`);
  if (existsSync(path)) return path;
  const config = name === "mneme-lm" ? fileConfig(folder) : shapeConfig(name);
  const json = readFileSync(join(folder, "tokenizer.json"), "utf8");
  using source = name === "mneme-lm" ? fileSource(folder) : randomWeights(config);
  writeGgufModel(path, config, source, type, filledUp(vocabularyOf(json, "smollm"), config.vocabulary));
  return path;
}

function fileConfig(folder: string): ModelConfig {
  return configOf(JSON.parse(readFileSync(join(folder, "config.json"), "utf8")), "config.json");
}

function fileSource(folder: string): TensorSource {
  const files = [1, 2, 3, 4].map((n) => join(folder, `model-0000${n}-of-00004.safetensors`));
  return safetensorsSource(files, folder);
}

function shapeConfig(name: string): ModelConfig {
  return configOf(
    {
      architectures: ["LlamaForCausalLM"],
      max_position_embeddings: 65_536,
      rms_norm_eps: 1e-5,
      rope_theta: 10_000,
      tie_word_embeddings: true,
      bos_token_id: 0,
      eos_token_id: 1,
      ...SHAPES[name]!,
    },
    name,
  );
}

/** Normal values out of a table, from another place for each tensor: a billion draws would take minutes. */
function randomWeights(config: ModelConfig): TensorSource {
  const random = new Random(1);
  const table = Float32Array.from({ length: 1 << 16 }, () => random.gaussian() * 0.02);
  const { width, hidden, heads, kvHeads, headDim, vocabulary } = config;
  const shapes = new Map<string, readonly number[]>([
    ["model.embed_tokens.weight", [vocabulary, width]],
    ["model.norm.weight", [width]],
  ]);
  for (let i = 0; i < config.layers; i++) {
    const at = `model.layers.${i}.`;
    shapes.set(`${at}self_attn.q_proj.weight`, [heads * headDim, width]);
    shapes.set(`${at}self_attn.k_proj.weight`, [kvHeads * headDim, width]);
    shapes.set(`${at}self_attn.v_proj.weight`, [kvHeads * headDim, width]);
    shapes.set(`${at}self_attn.o_proj.weight`, [width, heads * headDim]);
    shapes.set(`${at}mlp.gate_proj.weight`, [hidden, width]);
    shapes.set(`${at}mlp.up_proj.weight`, [hidden, width]);
    shapes.set(`${at}mlp.down_proj.weight`, [width, hidden]);
    shapes.set(`${at}input_layernorm.weight`, [width]);
    shapes.set(`${at}post_attention_layernorm.weight`, [width]);
  }
  return {
    name: "random weights",
    shapeOf: (tensor) => shapes.get(tensor),
    read(tensor, start, count) {
      if (shapes.get(tensor)!.length === 1) return new Float32Array(count).fill(1);
      const from = start + tensor.length * 7919;
      // an odd step, so that rows differ
      return Float32Array.from({ length: count }, (_, i) => table[((from + i) * 40503) & 0xffff]!);
    },
    [Symbol.dispose]: () => {},
  };
}

function filledUp(vocabulary: GgufVocabulary, count: number): GgufVocabulary {
  const more = Array.from({ length: count - vocabulary.tokens.length }, (_, i) => `<|unused-${i}|>`);
  return {
    ...vocabulary,
    tokens: [...vocabulary.tokens, ...more],
    types: [...vocabulary.types, ...more.map(() => 3)],
  };
}
