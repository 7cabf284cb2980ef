/** Models of random weights, exact in bf16, in memory. */
import { Random } from "../../src/linalg/random.ts";
import { configOf, type ModelConfig } from "../../src/model/config.ts";
import type { TensorSource } from "../../src/weights/tensor-source.ts";

/** As config.json spells it. */
export const SMALL_CONFIG = {
  architectures: ["LlamaForCausalLM"],
  vocab_size: 61,
  hidden_size: 64,
  intermediate_size: 96,
  num_hidden_layers: 2,
  num_attention_heads: 4,
  num_key_value_heads: 2,
  head_dim: 16,
  max_position_embeddings: 512,
  rms_norm_eps: 1e-5,
  rope_theta: 10000,
  tie_word_embeddings: true,
  bos_token_id: 0,
  eos_token_id: 1,
} as const;

export function randomConfig(changes: Readonly<Record<string, unknown>> = {}): ModelConfig {
  return configOf({ ...SMALL_CONFIG, ...changes }, "config.json");
}

export function randomSource(
  config: ModelConfig,
  seed: number,
): TensorSource & { names(): readonly string[] } {
  const random = new Random(seed);
  const tensors = new Map<string, { readonly shape: readonly number[]; readonly values: Float32Array }>();
  const add = (name: string, shape: readonly number[], mean: number, spread: number): void => {
    const count = shape.reduce((product, side) => product * side, 1);
    const values = Float32Array.from({ length: count }, () => asB16(mean + spread * random.gaussian()));
    tensors.set(name, { shape, values });
  };
  const { width, hidden, heads, kvHeads, headDim, vocabulary } = config;
  const matrix = (name: string, rows: number, columns: number): void =>
    add(name, [rows, columns], 0, 1 / Math.sqrt(columns));
  add("model.embed_tokens.weight", [vocabulary, width], 0, 1);
  // norms' weights are about 1, as they are meant
  const norm = (name: string, length: number): void => add(name, [length], 1 - config.normOffset, 0.1);
  norm("model.norm.weight", width);
  if (!config.tied) matrix("lm_head.weight", vocabulary, width);
  for (let layer = 0; layer < config.layers; layer++) {
    const at = `model.layers.${layer}.`;
    for (const [name, count] of [
      ["q", heads],
      ["k", kvHeads],
      ["v", kvHeads],
    ] as const) {
      matrix(`${at}self_attn.${name}_proj.weight`, count * headDim, width);
      if (config.qkvBias) add(`${at}self_attn.${name}_proj.bias`, [count * headDim], 0, 0.3);
      if (config.qkNorm && name !== "v") norm(`${at}self_attn.${name}_norm.weight`, headDim);
    }
    matrix(`${at}self_attn.o_proj.weight`, width, heads * headDim);
    matrix(`${at}mlp.gate_proj.weight`, hidden, width);
    matrix(`${at}mlp.up_proj.weight`, hidden, width);
    matrix(`${at}mlp.down_proj.weight`, width, hidden);
    norm(`${at}input_layernorm.weight`, width);
    norm(`${at}post_attention_layernorm.weight`, width);
    if (config.postNorms)
      for (const place of ["pre", "post"]) norm(`${at}${place}_feedforward_layernorm.weight`, width);
    if (config.outBias) add(`${at}self_attn.o_proj.bias`, [width], 0, 0.3);
    if (!config.mlpBias) continue;
    for (const part of ["gate", "up"]) add(`${at}mlp.${part}_proj.bias`, [hidden], 0, 0.3);
    add(`${at}mlp.down_proj.bias`, [width], 0, 0.3);
  }
  return {
    name: "random",
    names: () => [...tensors.keys()],
    shapeOf: (tensor) => tensors.get(tensor)?.shape,
    read: (tensor, start, count) => tensors.get(tensor)!.values.slice(start, start + count),
    [Symbol.dispose]: () => {},
  };
}

const f32 = new Float32Array(1);
const u32 = new Uint32Array(f32.buffer);

function asB16(value: number): number {
  f32[0] = value;
  u32[0] = u32[0]! & 0xffff0000;
  return f32[0]!;
}
