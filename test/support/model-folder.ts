/** A folder with a tiny model of random weights, a token a byte, and a chat template: what `load` opens. */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { safetensorsOf } from "./checkpoint.ts";
import { randomConfig, randomSource } from "./random-model.ts";

const SPECIAL = ["<|bos|>", "<|eos|>", "<|system|>", "<|user|>", "<|assistant|>", "<|tool|>"] as const;
const BYTES = 256;

const TEMPLATE =
  "{{ bos_token }}{% for m in messages %}<|{{ m.role }}|>\n{{ m.content }}{% endfor %}" +
  "{% if add_generation_prompt %}<|assistant|>\n{% endif %}";

export interface ModelFolderOptions {
  readonly seed?: number;
  readonly context?: number;
  /** Further fields of config.json. */
  readonly config?: Readonly<Record<string, unknown>>;
}

/** @returns the folder */
export function writeModelFolder(folder: string, options: ModelFolderOptions = {}): string {
  const shape = {
    vocab_size: SPECIAL.length + BYTES,
    max_position_embeddings: options.context ?? 256,
    ...options.config,
  };
  const config = randomConfig(shape);
  mkdirSync(folder, { recursive: true });
  writeJson(folder, "config.json", {
    architectures: ["LlamaForCausalLM"],
    vocab_size: config.vocabulary,
    hidden_size: config.width,
    intermediate_size: config.hidden,
    num_hidden_layers: config.layers,
    num_attention_heads: config.heads,
    num_key_value_heads: config.kvHeads,
    head_dim: config.headDim,
    max_position_embeddings: config.context,
    rms_norm_eps: config.epsilon,
    rope_theta: config.rope.theta,
    tie_word_embeddings: config.tied,
    bos_token_id: 0,
    eos_token_id: 1,
    ...options.config,
  });
  writeJson(folder, "tokenizer.json", tokenizer());
  writeJson(folder, "tokenizer_config.json", {
    bos_token: SPECIAL[0],
    eos_token: SPECIAL[1],
    chat_template: TEMPLATE,
  });
  using source = randomSource(config, options.seed ?? 1);
  writeFileSync(join(folder, "model.safetensors"), safetensorsOf(source, source.names()));
  return folder;
}

function writeJson(folder: string, name: string, value: unknown): void {
  writeFileSync(join(folder, name), JSON.stringify(value));
}

/** Byte-level BPE without merges (Radford et al., 2019): its alphabet writes each byte as a printable character. */
function tokenizer(): unknown {
  const vocab = Object.fromEntries(byteAlphabet().map((char, byte) => [char, SPECIAL.length + byte]));
  return {
    version: "1.0",
    added_tokens: SPECIAL.map((content, id) => ({
      id,
      content,
      single_word: false,
      lstrip: false,
      rstrip: false,
      normalized: false,
      special: true,
    })),
    normalizer: null,
    pre_tokenizer: { type: "ByteLevel", add_prefix_space: false, trim_offsets: true, use_regex: true },
    post_processor: null,
    decoder: { type: "ByteLevel", add_prefix_space: true, trim_offsets: true, use_regex: true },
    model: { type: "BPE", vocab, merges: [] },
  };
}

function byteAlphabet(): string[] {
  const printable = (byte: number): boolean =>
    (byte >= 33 && byte <= 126) || (byte >= 161 && byte <= 172) || byte >= 174;
  let next = 256;
  return Array.from({ length: BYTES }, (_, byte) => String.fromCharCode(printable(byte) ? byte : next++));
}
