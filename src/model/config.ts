/** What a checkpoint says of its architecture, in the words of this room. Variants of the Llama family are data: a row of a table each. */
import { MnemeError } from "../errors.ts";

export interface Rope {
  readonly theta: number;
  readonly scaling: RopeScaling | undefined;
}

export type RopeScaling =
  | { readonly type: "linear"; readonly factor: number }
  | {
      readonly type: "llama3";
      readonly factor: number;
      readonly low: number;
      readonly high: number;
      readonly original: number;
    }
  | {
      readonly type: "yarn";
      readonly factor: number;
      readonly original: number;
      readonly fast: number;
      readonly slow: number;
      /** Factor on cosines and sines. */
      readonly attention: number;
    }
  /** Of each pair of a head's values, as GGUF files have them. */
  | { readonly type: "factors"; readonly factors: readonly number[] };

export interface ModelConfig {
  readonly architecture: string;
  readonly vocabulary: number;
  /** Values of a token's vector between layers. */
  readonly width: number;
  /** Values of the gated layer in between. */
  readonly hidden: number;
  readonly layers: number;
  readonly heads: number;
  readonly kvHeads: number;
  readonly headDim: number;
  readonly epsilon: number;
  readonly rope: Rope;
  /** Positions it was trained for. */
  readonly context: number;
  /** The output layer is the embedding table. */
  readonly tied: boolean;
  readonly qkvBias: boolean;
  readonly qkNorm: boolean;
  readonly window: number | undefined;
  readonly bos: number | undefined;
  readonly eos: readonly number[];
}

interface Variant {
  readonly qkvBias: boolean | "asSaid";
  readonly qkNorm: boolean;
}

/** By `architectures[0]` of config.json. */
const VARIANTS: Readonly<Record<string, Variant>> = {
  LlamaForCausalLM: { qkvBias: "asSaid", qkNorm: false },
  MistralForCausalLM: { qkvBias: "asSaid", qkNorm: false },
  Qwen2ForCausalLM: { qkvBias: true, qkNorm: false },
  Qwen3ForCausalLM: { qkvBias: "asSaid", qkNorm: true },
};

type Json = Readonly<Record<string, unknown>>;

/** Far beyond every model that one machine holds: what is larger was never meant. */
const MOST: Readonly<Record<string, number>> = {
  vocab_size: 2 ** 22,
  hidden_size: 2 ** 17,
  intermediate_size: 2 ** 19,
  num_hidden_layers: 2 ** 12,
  num_attention_heads: 2 ** 12,
  num_key_value_heads: 2 ** 12,
  head_dim: 2 ** 12,
};

/** @param config parsed config.json of a Hugging Face checkpoint. @throws MnemeError UNSUPPORTED, FORMAT naming the field */
export function configOf(config: unknown, file: string): ModelConfig {
  if (config === null || typeof config !== "object" || Array.isArray(config))
    throw new MnemeError("FORMAT", `${file}: expected a JSON object`);
  const json = config as Json;
  const architecture = String((json.architectures as unknown[] | undefined)?.[0] ?? "none");
  const variant = Object.hasOwn(VARIANTS, architecture) ? VARIANTS[architecture]! : undefined;
  if (!variant)
    throw new MnemeError(
      "UNSUPPORTED",
      `${file}: architecture ${architecture} is not known; known are ${Object.keys(VARIANTS).join(", ")}`,
    );
  const count = (name: string, otherwise?: number): number =>
    wholeNumber(json, name, file, otherwise, MOST[name]);
  const width = count("hidden_size");
  const heads = count("num_attention_heads");
  const kvHeads = count("num_key_value_heads", heads);
  const found: ModelConfig = {
    architecture,
    vocabulary: count("vocab_size"),
    width,
    hidden: count("intermediate_size"),
    layers: count("num_hidden_layers"),
    heads,
    kvHeads,
    headDim: count("head_dim", Math.floor(width / heads)),
    epsilon: positive(json, "rms_norm_eps", file, 1e-6),
    rope: { theta: positive(json, "rope_theta", file, 10_000), scaling: scalingOf(json, file) },
    context: count("max_position_embeddings"),
    tied: json.tie_word_embeddings === true,
    qkvBias: variant.qkvBias === "asSaid" ? json.attention_bias === true : variant.qkvBias,
    qkNorm: variant.qkNorm,
    window: windowOf(json, file),
    bos: typeof json.bos_token_id === "number" ? json.bos_token_id : undefined,
    eos: [json.eos_token_id].flat().filter((id): id is number => typeof id === "number"),
  };
  checkShapes(found, json, file);
  return found;
}

function checkShapes({ heads, kvHeads, headDim, width }: ModelConfig, json: Json, file: string): void {
  const refuse = (why: string): never => {
    throw new MnemeError("UNSUPPORTED", `${file}: ${why}`);
  };
  if (heads % kvHeads !== 0)
    refuse(`${heads} heads do not share ${kvHeads} key-value heads; expected a multiple`);
  if (headDim % 16 !== 0) refuse(`head_dim ${headDim}; expected a multiple of 16`);
  for (const [name, size] of Object.entries({ hidden_size: width, "heads x head_dim": heads * headDim }))
    if (size % 32 !== 0) refuse(`${name} ${size}; expected a multiple of 32`);
  const act = json.hidden_act ?? "silu";
  if (act !== "silu") refuse(`hidden_act ${JSON.stringify(act)}; expected "silu"`);
}

function wholeNumber(json: Json, name: string, file: string, otherwise?: number, most = 2 ** 31 - 1): number {
  const value = json[name] ?? otherwise;
  if (typeof value === "number" && Number.isSafeInteger(value) && value > 0 && value <= most) return value;
  throw new MnemeError(
    "FORMAT",
    `${file}: ${name} is ${shown(value)}; expected a whole number from 1 to ${most}`,
    { details: { file, field: name } },
  );
}

/** JSON has no word for a number that is none. */
function shown(value: unknown): string {
  return typeof value === "number" ? String(value) : String(JSON.stringify(value)).slice(0, 80);
}

function positive(json: Json, name: string, file: string, otherwise?: number): number {
  const value = json[name] ?? otherwise;
  if (typeof value === "number" && Number.isFinite(value) && value > 0) return value;
  throw new MnemeError("FORMAT", `${file}: ${name} is ${shown(value)}; expected a number above 0`, {
    details: { file, field: name },
  });
}

function windowOf(json: Json, file: string): number | undefined {
  if (json.sliding_window === undefined || json.sliding_window === null || json.use_sliding_window === false)
    return undefined;
  return wholeNumber(json, "sliding_window", file);
}

function scalingOf(json: Json, file: string): RopeScaling | undefined {
  const scaling = json.rope_scaling as Json | null | undefined;
  if (!scaling) return undefined;
  const type = scaling.rope_type ?? scaling.type;
  if (type === "default") return undefined;
  const factor = positive(scaling, "factor", `${file}: rope_scaling`);
  const real = (name: string, otherwise?: number): number =>
    positive(scaling, name, `${file}: rope_scaling`, otherwise);
  if (type === "linear") return { type, factor };
  if (type === "llama3")
    return {
      type,
      factor,
      low: real("low_freq_factor"),
      high: real("high_freq_factor"),
      original: real("original_max_position_embeddings"),
    };
  if (type === "yarn")
    return {
      type,
      factor,
      original: real("original_max_position_embeddings", json.max_position_embeddings as number),
      fast: real("beta_fast", 32),
      slow: real("beta_slow", 1),
      attention: real("attention_factor", 0.1 * Math.log(factor) + 1),
    };
  throw new MnemeError(
    "UNSUPPORTED",
    `${file}: rope_scaling of type ${JSON.stringify(type)}; known are linear, llama3, yarn`,
  );
}
