/** The configuration that a GGUF file's metadata tell, in the words of a Hugging Face config.json. */
import { MnemeError } from "../errors.ts";
import { configOf, type ModelConfig } from "./config.ts";

type Metadata = Readonly<Record<string, unknown>>;

/** By `general.architecture`. */
const ARCHITECTURES: Readonly<Record<string, string>> = {
  llama: "LlamaForCausalLM",
  qwen2: "Qwen2ForCausalLM",
  qwen3: "Qwen3ForCausalLM",
  smollm3: "SmolLM3ForCausalLM",
  gemma: "GemmaForCausalLM",
  gemma2: "Gemma2ForCausalLM",
  gemma3: "Gemma3ForCausalLM",
};

/** Layers of the largest model of a family, the one whose scores are scaled by width a head, which no field says. */
const LARGEST: Readonly<Record<string, number>> = { gemma2: 46, gemma3: 62 };

/** Tokens that end a text, a turn, a message. */
const ENDS = ["eos", "eot", "eom"] as const;

/** @param tied no output layer is in the file. @throws MnemeError UNSUPPORTED, FORMAT naming the field */
export function ggufConfig(metadata: Metadata, tied: boolean, file: string): ModelConfig {
  const family = String(metadata["general.architecture"]);
  const architecture = Object.hasOwn(ARCHITECTURES, family) ? ARCHITECTURES[family] : undefined;
  if (!architecture)
    throw new MnemeError(
      "UNSUPPORTED",
      `${file}: architecture ${JSON.stringify(family)} is not known; known are ${Object.keys(ARCHITECTURES).join(", ")}`,
    );
  const of = (name: string): unknown => plain(metadata[`${family}.${name}`]);
  const tokens = metadata["tokenizer.ggml.tokens"];
  const scaling = of("rope.scaling.type");
  const config = {
    architectures: [architecture],
    vocab_size: of("vocab_size") ?? (Array.isArray(tokens) ? tokens.length : undefined),
    hidden_size: of("embedding_length"),
    intermediate_size: of("feed_forward_length"),
    num_hidden_layers: of("block_count"),
    num_attention_heads: of("attention.head_count"),
    num_key_value_heads: of("attention.head_count_kv"),
    head_dim: of("attention.key_length"),
    max_position_embeddings: of("context_length"),
    rms_norm_eps: of("attention.layer_norm_rms_epsilon"),
    rope_theta: of("rope.freq_base"),
    rope_local_base_freq: of("rope.freq_base_swa"),
    sliding_window: of("attention.sliding_window"),
    query_pre_attn_scalar: scalarOf(family, of),
    attn_logit_softcapping: of("attn_logit_softcapping"),
    final_logit_softcapping: of("final_logit_softcapping"),
    tie_word_embeddings: tied,
    bos_token_id: plain(metadata["tokenizer.ggml.bos_token_id"]),
    eos_token_id: [...new Set(ENDS.map((name) => plain(metadata[`tokenizer.ggml.${name}_token_id`])))],
    ...(scaling === undefined || scaling === "none"
      ? {}
      : {
          rope_scaling: {
            type: scaling,
            factor: of("rope.scaling.factor"),
            original_max_position_embeddings: of("rope.scaling.original_context_length"),
          },
        }),
  };
  // whoever wrote the file has added to norms' weights what is to be added
  const found: ModelConfig = { ...configOf(JSON.parse(JSON.stringify(config)), file), normOffset: 0 };
  const rotated = of("rope.dimension_count");
  if (rotated !== undefined && rotated !== found.headDim)
    throw new MnemeError(
      "UNSUPPORTED",
      `${file}: ${family}.rope.dimension_count is ${String(rotated)}; expected all ${found.headDim} values of a head`,
      { details: { file, field: `${family}.rope.dimension_count` } },
    );
  return found;
}

/** The same with what no field tells: which tensors there are. @param has by the names of Hugging Face checkpoints */
export function ggufModelConfig(
  metadata: Metadata,
  has: (tensor: string) => boolean,
  file: string,
): ModelConfig {
  const said = ggufConfig(metadata, !has("lm_head.weight"), file);
  const hasBias = (part: string): boolean => has(`model.layers.0.${part}.bias`);
  return {
    ...said,
    qkvBias: said.qkvBias || hasBias("self_attn.q_proj"),
    outBias: hasBias("self_attn.o_proj"),
    mlpBias: hasBias("mlp.gate_proj"),
  };
}

function scalarOf(family: string, of: (name: string) => unknown): unknown {
  if (!Object.hasOwn(LARGEST, family)) return undefined;
  return of("block_count") === LARGEST[family]
    ? Number(of("embedding_length")) / Number(of("attention.head_count"))
    : of("attention.key_length");
}

/** Counts may be of 64 bits. */
const plain = (value: unknown): unknown => (typeof value === "bigint" ? Number(value) : value);
