/** The architectures that are known, each a row of a table: what its configurations may leave out, and what no field of them says. */

type Json = Readonly<Record<string, unknown>>;

/** What differs from layer to layer. */
export interface LayerKind {
  /** It attends by the window. */
  readonly windowed: boolean;
  /** How its queries and keys are rotated; "none": they know no positions. */
  readonly rope: "global" | "local" | "none";
}

export interface Variant {
  /** Fields of config.json that may be missing there. */
  readonly defaults: Json;
  /** Biases of queries, keys and values, and of the product behind attention: as `attention_bias` says, or always so. */
  readonly qkvBias: boolean | "asSaid";
  readonly outBias: boolean | "asSaid";
  readonly qkNorm: boolean;
  readonly activation: "silu" | "gelu";
  /** Gemma's ways: norms whose weights are kept less 1, tokens' vectors times the root of the width. */
  readonly gemma: boolean;
  /** Norms behind attention and behind the gated layer too. */
  readonly postNorms: boolean;
  /** Where `layer_types` is missing and there is a window. */
  readonly windowed: (layer: number, json: Json) => boolean;
  readonly rope: (layer: number, windowed: boolean, json: Json) => LayerKind["rope"];
}

const everywhere = (): boolean => true;

const llama: Variant = {
  defaults: {},
  qkvBias: "asSaid",
  outBias: "asSaid",
  qkNorm: false,
  activation: "silu",
  gemma: false,
  postNorms: false,
  windowed: everywhere,
  rope: () => "global",
};

/** Only with `use_sliding_window`, and only in the upper layers. */
const qwen: Partial<Variant> = {
  windowed: (layer, json) => json.use_sliding_window === true && layer >= Number(json.max_window_layers),
};

const gemma: Variant = {
  ...llama,
  defaults: { tie_word_embeddings: true, head_dim: 256 },
  activation: "gelu",
  gemma: true,
};

const GEMMA_NORMED = { ...gemma.defaults, sliding_window: 4096, query_pre_attn_scalar: 256 } as const;

/** By `architectures[0]` of config.json. */
export const VARIANTS: Readonly<Record<string, Variant>> = {
  LlamaForCausalLM: llama,
  MistralForCausalLM: llama,
  Qwen2ForCausalLM: {
    ...llama,
    ...qwen,
    defaults: { max_window_layers: 28 },
    qkvBias: true,
    outBias: false,
  },
  Qwen3ForCausalLM: { ...llama, ...qwen, defaults: { max_window_layers: 28, head_dim: 128 }, qkNorm: true },
  SmolLM3ForCausalLM: {
    ...llama,
    ...qwen,
    defaults: {
      tie_word_embeddings: true,
      rope_theta: 2_000_000,
      no_rope_layer_interval: 4,
      max_window_layers: 0,
    },
    rope: (layer, _, json) => (turns(layer, json) ? "global" : "none"),
  },
  GemmaForCausalLM: gemma,
  Gemma2ForCausalLM: {
    ...gemma,
    defaults: { ...GEMMA_NORMED, attn_logit_softcapping: 50, final_logit_softcapping: 30 },
    postNorms: true,
    windowed: (layer) => layer % 2 === 0,
  },
  Gemma3ForCausalLM: {
    ...gemma,
    defaults: {
      ...GEMMA_NORMED,
      rope_theta: 1_000_000,
      rope_local_base_freq: 10_000,
      sliding_window_pattern: 6,
    },
    qkNorm: true,
    postNorms: true,
    windowed: (layer, json) => (layer + 1) % Number(json.sliding_window_pattern) !== 0,
    rope: (_, windowed) => (windowed ? "local" : "global"),
  },
};

/** In `no_rope_layers` a 1 stands for a layer with rotary positions; without it every fourth layer has none. */
function turns(layer: number, { no_rope_layers: said, no_rope_layer_interval: interval }: Json): boolean {
  if (Array.isArray(said)) return said[layer] === 1;
  return (layer + 1) % Number(interval) !== 0;
}
