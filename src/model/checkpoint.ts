/** A checkpoint on disk, a folder of safetensors or a GGUF file: headers are read when it is opened, tensors when they are asked for. */
import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { MnemeError } from "../errors.ts";
import { ggufShards, openGguf } from "../weights/gguf-source.ts";
import { safetensorsSource } from "../weights/safetensors-source.ts";
import type { TensorSource } from "../weights/tensor-source.ts";
import { type ChatTemplate, openChatTemplate } from "./chat-template.ts";
import { configOf, type ModelConfig, type Rope } from "./config.ts";
import { ggufModelConfig } from "./gguf-config.ts";
import { ggufSpecialTokens, ggufTokenizer } from "./gguf-tokenizer.ts";
import { openTokenizer, type Tokenizer } from "./tokenizer.ts";

export interface Checkpoint extends Disposable {
  /** The folder or file. */
  readonly name: string;
  readonly config: ModelConfig;
  readonly tensors: TensorSource;
  /** Paths of the files that the weights lie in. */
  readonly files: readonly string[];
  /** @throws MnemeError FORMAT, UNSUPPORTED naming the file and the field */
  tokenizer(): Promise<Tokenizer>;
  /** Undefined where the model came with none. @throws MnemeError FORMAT naming the file */
  template(): Promise<ChatTemplate | undefined>;
}

type Json = Readonly<Record<string, unknown>>;

/**
 * @param path a folder with config.json, tokenizer.json and *.safetensors, or with one GGUF file; or that file, or a shard of it
 * @throws MnemeError NOT_FOUND, FORMAT, UNSUPPORTED, DEPENDENCY naming the file
 */
export async function openCheckpoint(path: string): Promise<Checkpoint> {
  if (!existsSync(path))
    throw new MnemeError("NOT_FOUND", `load ${path}: there is no such file or folder`, { details: { path } });
  if (statSync(path).isFile()) return ggufCheckpoint(path);
  const names = readdirSync(path).sort();
  if (names.some((name) => name.endsWith(".safetensors"))) return folderCheckpoint(path, names);
  const whole = names.filter((name) => name.endsWith(".gguf") && ggufShards(name)[0] === name);
  if (whole.length === 1) return ggufCheckpoint(join(path, whole[0]!));
  if (whole.length > 1)
    throw new MnemeError(
      "ARGUMENT",
      `load ${path}: which of its GGUF files? Name one of ${whole.join(", ")}`,
    );
  throw new MnemeError(
    "NOT_FOUND",
    `load ${path}: no .safetensors and no .gguf file; is it the folder of a model?`,
    { details: { path } },
  );
}

async function ggufCheckpoint(path: string): Promise<Checkpoint> {
  const { metadata, tensors, files } = await openGguf(path);
  try {
    const said = ggufModelConfig(metadata, (tensor) => tensors.shapeOf(tensor) !== undefined, path);
    const config = { ...said, rope: ropeOf(said, tensors, path) };
    const source = metadata["tokenizer.chat_template"];
    return {
      name: path,
      config,
      tensors,
      files,
      tokenizer: () => ggufTokenizer(metadata, path),
      template: async () =>
        typeof source === "string"
          ? openChatTemplate(source, { ...ggufSpecialTokens(metadata) }, path)
          : undefined,
      [Symbol.dispose]: () => tensors[Symbol.dispose](),
    };
  } catch (error) {
    tensors[Symbol.dispose]();
    throw error;
  }
}

const ROPE_FACTORS = "model.rope_factors.weight";

/** Models whose context was stretched by frequency (Llama 3.1 and later) come with a factor for each pair instead of the recipe. */
function ropeOf({ rope, headDim }: ModelConfig, tensors: TensorSource, path: string): Rope {
  const shape = tensors.shapeOf(ROPE_FACTORS);
  if (!shape) return rope;
  const factors =
    shape.length === 1 && shape[0] === headDim / 2 ? [...tensors.read(ROPE_FACTORS, 0, shape[0])] : [];
  if (factors.length === 0 || !factors.every((one) => Number.isFinite(one) && one > 0))
    throw new MnemeError(
      "FORMAT",
      `${path}: tensor rope_freqs.weight is [${shape.join(", ")}]; expected ${headDim / 2} numbers above 0`,
      { details: { file: path, field: "rope_freqs.weight" } },
    );
  return { ...rope, scaling: { type: "factors", factors } };
}

function folderCheckpoint(folder: string, names: readonly string[]): Checkpoint {
  const file = (name: string): string => join(folder, name);
  const optional = (name: string): Json => (names.includes(name) ? objectOf(folder, name) : {});
  const said = configOf(jsonOf(folder, "config.json"), file("config.json"));
  // chat models often name the token that ends a turn only there
  const { eos_token_id: more } = optional("generation_config.json");
  const ends = [more].flat().filter((id): id is number => typeof id === "number");
  const config = { ...said, eos: [...new Set([...said.eos, ...ends])] };
  const about = optional("tokenizer_config.json");
  const files = shardsOf(folder, names).map(file);
  const tensors = safetensorsSource(files, folder);
  return {
    name: folder,
    config,
    tensors,
    files,
    tokenizer: async () =>
      openTokenizer(textOf(folder, "tokenizer.json"), about, config.bos, file("tokenizer.json")),
    async template() {
      const own = names.includes("chat_template.jinja");
      const source = own ? textOf(folder, "chat_template.jinja") : templateOf(about.chat_template);
      const from = own ? "chat_template.jinja" : "tokenizer_config.json";
      return source === undefined ? undefined : openChatTemplate(source, about, file(from));
    },
    [Symbol.dispose]: () => tensors[Symbol.dispose](),
  };
}

const INDEX = "model.safetensors.index.json";

/** Names of the files with weights: those of the index; without one model.safetensors, or all. */
function shardsOf(folder: string, names: readonly string[]): string[] {
  if (!names.includes(INDEX)) {
    const all = names.filter((name) => name.endsWith(".safetensors"));
    return all.includes("model.safetensors") ? ["model.safetensors"] : all;
  }
  const { weight_map: map } = objectOf(folder, INDEX);
  const refuse = (why: string): MnemeError =>
    new MnemeError("FORMAT", `${join(folder, INDEX)}: ${why}; fetch the file again`, {
      details: { file: join(folder, INDEX), field: "weight_map" },
    });
  if (map === null || typeof map !== "object" || Array.isArray(map)) throw refuse("weight_map is no object");
  const shards = [...new Set(Object.values(map as Json))].sort();
  if (shards.length === 0) throw refuse("weight_map names no file");
  return shards.map((shard) => {
    if (typeof shard !== "string" || !/^[^/\\]+\.safetensors$/.test(shard))
      throw refuse(
        `weight_map names ${JSON.stringify(shard)?.slice(0, 80)}, expected the name of a .safetensors file`,
      );
    if (names.includes(shard)) return shard;
    throw new MnemeError(
      "NOT_FOUND",
      `load ${folder}: ${INDEX} names ${shard}, which is not there; fetch it too`,
      {
        details: { file: join(folder, shard), field: "weight_map" },
      },
    );
  });
}

/** A template, or the one called "default" of several. */
function templateOf(found: unknown): string | undefined {
  if (typeof found === "string") return found;
  if (!Array.isArray(found)) return undefined;
  const named = found as readonly ({ readonly name?: unknown; readonly template?: unknown } | null)[];
  const template = named.find((one) => one?.name === "default")?.template;
  return typeof template === "string" ? template : undefined;
}

function textOf(folder: string, name: string): string {
  try {
    return readFileSync(join(folder, name), "utf8");
  } catch (cause) {
    throw new MnemeError("NOT_FOUND", `load ${folder}: no ${name} there; is it the folder of a model?`, {
      cause,
      details: { file: join(folder, name) },
    });
  }
}

function jsonOf(folder: string, name: string): unknown {
  const text = textOf(folder, name);
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new MnemeError("FORMAT", `${join(folder, name)}: not JSON; fetch the file again`, {
      cause,
      details: { file: join(folder, name) },
    });
  }
}

function objectOf(folder: string, name: string): Json {
  const json = jsonOf(folder, name);
  if (json !== null && typeof json === "object" && !Array.isArray(json)) return json as Json;
  throw new MnemeError("FORMAT", `${join(folder, name)}: expected a JSON object; fetch the file again`, {
    details: { file: join(folder, name) },
  });
}
