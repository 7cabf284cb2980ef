/** What a checkpoint says of its architecture, in the words of this room. Variants of the Llama family are data: a row of a table each (variants.ts). */
import { MnemeError } from "../errors.ts";
import { type LayerKind, VARIANTS, type Variant } from "./variants.ts";

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
  /** Of layers whose kind says so. */
  readonly localRope: Rope | undefined;
  /** One for each layer. */
  readonly layerKinds: readonly LayerKind[];
  /** Positions it was trained for. */
  readonly context: number;
  /** The output layer is the embedding table. */
  readonly tied: boolean;
  readonly qkvBias: boolean;
  /** Of the product behind attention. */
  readonly outBias: boolean;
  /** Of all three products of the gated layer. */
  readonly mlpBias: boolean;
  readonly qkNorm: boolean;
  /** Norms also behind attention and behind the gated layer, before they are added. */
  readonly postNorms: boolean;
  /** What is added to the weights of norms as the checkpoint has them. */
  readonly normOffset: 0 | 1;
  /** Of the gate; "gelu" by its form with tanh. */
  readonly activation: "silu" | "gelu";
  /** Factor on tokens' vectors. */
  readonly embeddingScale: number;
  /** Factor on scores of attention. */
  readonly attentionScale: number;
  /** Scores and logits are held below these: cap x tanh(score / cap). */
  readonly attentionCap: number | undefined;
  readonly logitCap: number | undefined;
  /** Tokens that windowed layers see; undefined where there is no such layer. */
  readonly window: number | undefined;
  readonly bos: number | undefined;
  readonly eos: readonly number[];
}

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
  const given = config as Json;
  const architecture = String((given.architectures as unknown[] | undefined)?.[0] ?? "none");
  const variant = Object.hasOwn(VARIANTS, architecture) ? VARIANTS[architecture]! : undefined;
  if (!variant)
    throw new MnemeError(
      "UNSUPPORTED",
      `${file}: architecture ${architecture} is not known; known are ${Object.keys(VARIANTS).join(", ")}`,
    );
  const json = { ...variant.defaults, ...withRopeFields(given) };
  const count = (name: string, otherwise?: number): number =>
    wholeNumber(json, name, file, otherwise, MOST[name]);
  const width = count("hidden_size");
  const heads = count("num_attention_heads");
  const kvHeads = count("num_key_value_heads", heads);
  const headDim = count("head_dim", Math.floor(width / heads));
  const layers = count("num_hidden_layers");
  const layerKinds = layerKindsOf(variant, json, layers, file);
  const asSaid = (bias: boolean | "asSaid"): boolean =>
    bias === "asSaid" ? json.attention_bias === true : bias;
  const found: ModelConfig = {
    architecture,
    vocabulary: count("vocab_size"),
    width,
    hidden: count("intermediate_size"),
    layers,
    heads,
    kvHeads,
    headDim,
    epsilon: positive(json, "rms_norm_eps", file, 1e-6),
    rope: { theta: positive(json, "rope_theta", file, 10_000), scaling: scalingOf(json, file) },
    localRope: layerKinds.some(({ rope }) => rope === "local")
      ? { theta: positive(json, "rope_local_base_freq", file), scaling: undefined }
      : undefined,
    layerKinds,
    context: count("max_position_embeddings"),
    tied: json.tie_word_embeddings === true,
    qkvBias: asSaid(variant.qkvBias),
    outBias: asSaid(variant.outBias),
    mlpBias: json.mlp_bias === true,
    qkNorm: variant.qkNorm,
    postNorms: variant.postNorms,
    normOffset: variant.gemma ? 1 : 0,
    activation: variant.activation,
    embeddingScale: variant.gemma ? Math.sqrt(width) : 1,
    attentionScale: positive(json, "query_pre_attn_scalar", file, headDim) ** -0.5,
    attentionCap: capOf(json, "attn_logit_softcapping", file),
    logitCap: capOf(json, "final_logit_softcapping", file),
    window: layerKinds.some(({ windowed }) => windowed)
      ? wholeNumber(json, "sliding_window", file)
      : undefined,
    bos: typeof json.bos_token_id === "number" ? json.bos_token_id : undefined,
    eos: [json.eos_token_id].flat().filter((id): id is number => typeof id === "number"),
  };
  checkShapes(found, json, file);
  return found;
}

/** Newer files have all of rotary positions in one field, of each kind of layer where kinds differ. */
function withRopeFields(json: Json): Json {
  const all = json.rope_parameters as Json | null | undefined;
  if (!all) return json;
  const [global, local] = [all.full_attention ?? all, all.sliding_attention] as (Json | undefined)[];
  const more = {
    rope_theta: json.rope_theta ?? global?.rope_theta,
    rope_scaling: json.rope_scaling ?? (global?.rope_type === undefined ? undefined : global),
    rope_local_base_freq: json.rope_local_base_freq ?? local?.rope_theta,
  };
  return { ...json, ...Object.fromEntries(Object.entries(more).filter(([, value]) => value !== undefined)) };
}

function layerKindsOf(variant: Variant, json: Json, layers: number, file: string): LayerKind[] {
  const { layer_types: types, sliding_window: window } = json;
  const said = Array.isArray(types) ? (types as unknown[]) : undefined;
  const odd = said?.find((one) => one !== "full_attention" && one !== "sliding_attention");
  if (said && (said.length !== layers || odd !== undefined))
    throw new MnemeError(
      "UNSUPPORTED",
      `${file}: layer_types has ${odd === undefined ? `${said.length} entries` : JSON.stringify(odd)}; ` +
        `expected "full_attention" or "sliding_attention" for each of ${layers} layers`,
    );
  const none = window === undefined || window === null || json.use_sliding_window === false;
  return Array.from({ length: layers }, (_, layer) => {
    const sliding = said ? said[layer] === "sliding_attention" : variant.windowed(layer, json);
    const windowed = !none && sliding;
    return { windowed, rope: variant.rope(layer, windowed, json) };
  });
}

function capOf(json: Json, name: string, file: string): number | undefined {
  return json[name] === undefined || json[name] === null ? undefined : positive(json, name, file);
}

function checkShapes(
  { heads, kvHeads, headDim, width, activation }: ModelConfig,
  json: Json,
  file: string,
): void {
  const refuse = (why: string): never => {
    throw new MnemeError("UNSUPPORTED", `${file}: ${why}`);
  };
  if (heads % kvHeads !== 0)
    refuse(`${heads} heads do not share ${kvHeads} key-value heads; expected a multiple`);
  if (headDim % 16 !== 0) refuse(`head_dim ${headDim}; expected a multiple of 16`);
  for (const [name, size] of Object.entries({ hidden_size: width, "heads x head_dim": heads * headDim }))
    if (size % 32 !== 0) refuse(`${name} ${size}; expected a multiple of 32`);
  // Gemma's first files say "gelu" and mean its form with tanh, as all of them were trained
  const known = activation === "silu" ? ["silu"] : ["gelu_pytorch_tanh", "gelu"];
  const act = (activation === "gelu" ? json.hidden_activation : undefined) ?? json.hidden_act ?? known[0];
  if (!known.includes(act as string))
    refuse(`hidden_act ${JSON.stringify(act)}; expected ${JSON.stringify(known[0])}`);
  for (const [name, plain] of [
    ["partial_rotary_factor", 1],
    ["use_bidirectional_attention", false],
  ] as const)
    if (json[name] !== undefined && json[name] !== null && json[name] !== plain)
      refuse(`${name} is ${JSON.stringify(json[name])}; expected ${plain}`);
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
