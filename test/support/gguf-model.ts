/** A model's tensors and tokenizer as a GGUF file that llama.cpp reads too. */
import type { ModelConfig } from "../../src/model/config.ts";
import type { TensorSource } from "../../src/weights/tensor-source.ts";
import { type GgufTensor, type GgufType, type GgufValue, writeGguf } from "./gguf-writer.ts";

export interface GgufVocabulary {
  readonly tokens: readonly string[];
  readonly merges: readonly string[];
  /** 1 normal, 3 control, of each token. */
  readonly types: readonly number[];
  /** Which way of splitting text, by llama.cpp's names. */
  readonly pre: string;
  readonly chatTemplate?: string;
}

/** From the text of a tokenizer.json of byte-level BPE. */
export function vocabularyOf(json: string, pre: string, chatTemplate?: string): GgufVocabulary {
  const { model, added_tokens: added } = JSON.parse(json) as {
    model: { vocab: Record<string, number>; merges: (readonly string[] | string)[] };
    added_tokens: { id: number; content: string }[];
  };
  const tokens: string[] = [];
  for (const [token, id] of Object.entries(model.vocab)) tokens[id] = token;
  for (const { id, content } of added) tokens[id] = content;
  const special = new Set(added.map(({ id }) => id));
  return {
    tokens,
    merges: model.merges.map((merge) => (typeof merge === "string" ? merge : merge.join(" "))),
    types: tokens.map((_, id) => (special.has(id) ? 3 : 1)),
    pre,
    ...(chatTemplate ? { chatTemplate } : {}),
  };
}

export function writeGgufModel(
  path: string,
  config: ModelConfig,
  source: TensorSource,
  type: GgufType,
  vocabulary: GgufVocabulary,
  more: readonly GgufTensor[] = [],
): void {
  const tensors: GgufTensor[] = [...more];
  const family = FAMILIES[config.architecture]!;
  const paired = family === "llama" || family === "smollm3";
  const add = (name: string, from: string, as: GgufType = type, heads = 0): void => {
    const shape = source.shapeOf(from)!;
    const values = (): Float32Array => {
      const all = source.read(
        from,
        0,
        shape.reduce((product, side) => product * side, 1),
      );
      const whole = from.endsWith("norm.weight") ? all.map((value) => value + config.normOffset) : all;
      return heads > 0 && paired ? pairsTogether(whole, shape[1] ?? 1, shape[0]! / heads) : whole;
    };
    tensors.push({ name, shape, type: as, values });
  };
  add("token_embd.weight", "model.embed_tokens.weight");
  add("output_norm.weight", "model.norm.weight", "F32");
  if (!config.tied) add("output.weight", "lm_head.weight");
  for (let i = 0; i < config.layers; i++) {
    const from = `model.layers.${i}.`;
    add(`blk.${i}.attn_norm.weight`, `${from}input_layernorm.weight`, "F32");
    add(`blk.${i}.attn_q.weight`, `${from}self_attn.q_proj.weight`, type, config.heads);
    add(`blk.${i}.attn_k.weight`, `${from}self_attn.k_proj.weight`, type, config.kvHeads);
    add(`blk.${i}.attn_v.weight`, `${from}self_attn.v_proj.weight`);
    add(`blk.${i}.attn_output.weight`, `${from}self_attn.o_proj.weight`);
    const after = `${from}post_attention_layernorm.weight`;
    if (config.postNorms) {
      add(`blk.${i}.post_attention_norm.weight`, after, "F32");
      add(`blk.${i}.ffn_norm.weight`, `${from}pre_feedforward_layernorm.weight`, "F32");
      add(`blk.${i}.post_ffw_norm.weight`, `${from}post_feedforward_layernorm.weight`, "F32");
    } else add(`blk.${i}.ffn_norm.weight`, after, "F32");
    if (config.qkNorm)
      for (const part of ["q", "k"])
        add(`blk.${i}.attn_${part}_norm.weight`, `${from}self_attn.${part}_norm.weight`, "F32");
    if (config.qkvBias) {
      add(`blk.${i}.attn_q.bias`, `${from}self_attn.q_proj.bias`, "F32", config.heads);
      add(`blk.${i}.attn_k.bias`, `${from}self_attn.k_proj.bias`, "F32", config.kvHeads);
      add(`blk.${i}.attn_v.bias`, `${from}self_attn.v_proj.bias`, "F32");
    }
    if (config.outBias) add(`blk.${i}.attn_output.bias`, `${from}self_attn.o_proj.bias`, "F32");
    for (const part of config.mlpBias ? ["gate", "up", "down"] : [])
      add(`blk.${i}.ffn_${part}.bias`, `${from}mlp.${part}_proj.bias`, "F32");
    add(`blk.${i}.ffn_gate.weight`, `${from}mlp.gate_proj.weight`);
    add(`blk.${i}.ffn_up.weight`, `${from}mlp.up_proj.weight`);
    add(`blk.${i}.ffn_down.weight`, `${from}mlp.down_proj.weight`);
  }
  writeGguf(path, metadataOf(config, vocabulary), tensors);
}

/** `general.architecture` of Hugging Face's. */
const FAMILIES: Readonly<Record<string, string>> = {
  LlamaForCausalLM: "llama",
  Qwen2ForCausalLM: "qwen2",
  Qwen3ForCausalLM: "qwen3",
  SmolLM3ForCausalLM: "smollm3",
  GemmaForCausalLM: "gemma",
  Gemma2ForCausalLM: "gemma2",
  Gemma3ForCausalLM: "gemma3",
};

function metadataOf(config: ModelConfig, vocabulary: GgufVocabulary): Record<string, GgufValue> {
  const { tokens, merges, types, pre, chatTemplate } = vocabulary;
  const family = FAMILIES[config.architecture]!;
  const own: Record<string, GgufValue> = {
    context_length: { u32: config.context },
    embedding_length: { u32: config.width },
    block_count: { u32: config.layers },
    feed_forward_length: { u32: config.hidden },
    "rope.dimension_count": { u32: config.headDim },
    "attention.head_count": { u32: config.heads },
    "attention.head_count_kv": { u32: config.kvHeads },
    "attention.key_length": { u32: config.headDim },
    "attention.value_length": { u32: config.headDim },
    "attention.layer_norm_rms_epsilon": { f32: config.epsilon },
    "rope.freq_base": { f32: config.rope.theta },
    vocab_size: { u32: config.vocabulary },
    ...(config.window === undefined ? {} : { "attention.sliding_window": { u32: config.window } }),
    ...(config.attentionCap === undefined ? {} : { attn_logit_softcapping: { f32: config.attentionCap } }),
    ...(config.logitCap === undefined ? {} : { final_logit_softcapping: { f32: config.logitCap } }),
  };
  return {
    "general.architecture": { text: family },
    "general.name": { text: "model" },
    ...Object.fromEntries(Object.entries(own).map(([name, value]) => [`${family}.${name}`, value])),
    "tokenizer.ggml.model": { text: "gpt2" },
    "tokenizer.ggml.pre": { text: pre },
    "tokenizer.ggml.tokens": { texts: tokens },
    "tokenizer.ggml.token_type": { i32s: types },
    "tokenizer.ggml.merges": { texts: merges },
    "tokenizer.ggml.bos_token_id": { u32: config.bos ?? 0 },
    "tokenizer.ggml.eos_token_id": { u32: config.eos[0] ?? 0 },
    ...(chatTemplate ? { "tokenizer.chat_template": { text: chatTemplate } } : {}),
  };
}

/** Rows j and j + size / 2 of a head become rows 2 j and 2 j + 1. */
function pairsTogether(values: Float32Array, columns: number, size: number): Float32Array {
  const out = new Float32Array(values.length);
  for (let row = 0; row * columns < values.length; row++) {
    const [head, at] = [Math.floor(row / size) * size, row % size];
    const to = head + (at % (size / 2)) * 2 + (at < size / 2 ? 0 : 1);
    out.set(values.subarray(row * columns, (row + 1) * columns), to * columns);
  }
  return out;
}
