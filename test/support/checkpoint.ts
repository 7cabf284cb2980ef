/** A small model of random weights as a folder that Hugging Face's tools would know, or as a GGUF file. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { configOf } from "../../src/model/config.ts";
import type { TensorSource } from "../../src/weights/tensor-source.ts";
import { writeGgufModel } from "./gguf-model.ts";
import type { GgufTensor, GgufType } from "./gguf-writer.ts";
import { randomSource, SMALL_CONFIG } from "./random-model.ts";

/** What is written to config.json. */
export { SMALL_CONFIG as CHECKPOINT_CONFIG } from "./random-model.ts";

const TOKENS = [
  "<s>",
  "</s>",
  "Ġ",
  ..."abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ",
  "Ġa",
  "Ġb",
  "th",
  "he",
  "an",
  "in",
];

const tokenizer = {
  added_tokens: [0, 1].map((id) => ({ id, content: TOKENS[id], special: true })),
  normalizer: null,
  pre_tokenizer: { type: "ByteLevel", add_prefix_space: false, use_regex: true },
  post_processor: null,
  decoder: { type: "ByteLevel" },
  model: {
    type: "BPE",
    vocab: Object.fromEntries(TOKENS.map((token, id) => [token, id])),
    merges: ["Ġ a", "Ġ b", "t h", "h e", "a n", "i n"],
  },
};

/** The bytes of a safetensors file with these tensors as f32, one after another behind their header. */
export function safetensorsOf(source: TensorSource, names: readonly string[]): Uint8Array {
  const header: Record<string, unknown> = {};
  const parts: Uint8Array[] = [];
  let at = 0;
  for (const name of names) {
    const shape = source.shapeOf(name)!;
    const values = source.read(
      name,
      0,
      shape.reduce((product, side) => product * side, 1),
    );
    header[name] = { dtype: "F32", shape, data_offsets: [at, at + values.byteLength] };
    parts.push(new Uint8Array(values.buffer, values.byteOffset, values.byteLength));
    at += values.byteLength;
  }
  const json = new TextEncoder().encode(JSON.stringify(header));
  return Buffer.concat([new Uint8Array(BigUint64Array.of(BigInt(json.length)).buffer), json, ...parts]);
}

export const SHARDS = ["model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors"] as const;

/** Files by name, with weights in two shards. */
export function checkpointFiles(
  changes: Readonly<Record<string, unknown>> = {},
  seed = 1,
): Map<string, Uint8Array> {
  const json = { ...SMALL_CONFIG, ...changes };
  const config = configOf(json, "config.json");
  const source = randomSource(config, seed);
  const names = source.names();
  const halves = [names.slice(0, names.length >> 1), names.slice(names.length >> 1)];
  const map = Object.fromEntries(halves.flatMap((half, i) => half.map((name) => [name, SHARDS[i]])));
  const text = (value: unknown): Uint8Array => new TextEncoder().encode(JSON.stringify(value));
  return new Map<string, Uint8Array>([
    ["config.json", text(json)],
    ["tokenizer.json", text(tokenizer)],
    ["tokenizer_config.json", text({ bos_token: "<s>", eos_token: "</s>" })],
    ["model.safetensors.index.json", text({ weight_map: map })],
    ...SHARDS.map((name, i) => [name, safetensorsOf(source, halves[i]!)] as const),
  ]);
}

export function writeCheckpoint(
  folder: string,
  changes: Readonly<Record<string, unknown>> = {},
  seed = 1,
): void {
  for (const [name, bytes] of checkpointFiles(changes, seed)) writeFileSync(join(folder, name), bytes);
}

/** The same model as a GGUF file. */
export function writeSmallGguf(
  path: string,
  changes: Readonly<Record<string, unknown>> = {},
  seed = 1,
  type: GgufType = "F32",
  more: readonly GgufTensor[] = [],
): void {
  const config = configOf({ ...SMALL_CONFIG, ...changes }, "config.json");
  writeGgufModel(
    path,
    config,
    randomSource(config, seed),
    type,
    {
      tokens: TOKENS,
      merges: tokenizer.model.merges,
      types: TOKENS.map((_, id) => (id < 2 ? 3 : 1)),
      pre: "gpt-2",
      chatTemplate: "{{ bos_token }}{% for m in messages %}{{ m.content }}{% endfor %}",
    },
    more,
  );
}
