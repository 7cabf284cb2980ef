/** load: a folder with a checkpoint becomes a model that generates. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { packageRoot } from "../built-file.ts";
import { PagedCache } from "../cache/paged-cache.ts";
import { MnemeError } from "../errors.ts";
import { kernels, LazyPool } from "../kernels/index.ts";
import { Pacer } from "../pacer.ts";
import { PRECISIONS, type Precision } from "../weights/linear-weights.ts";
import { safetensorsSource } from "../weights/safetensors-source.ts";
import type { TensorSource } from "../weights/tensor-source.ts";
import { type ChatMessage, type ChatTemplate, openChatTemplate } from "./chat-template.ts";
import { configOf, type ModelConfig } from "./config.ts";
import { Decoder } from "./decoder.ts";
import { DecoderWeights } from "./decoder-weights.ts";
import { type Engine, type GenerateOptions, generate, type Piece } from "./generate.ts";
import type { LanguageModel } from "./language-model.ts";
import { logProbability } from "./sample.ts";
import { openTokenizer, type Tokenizer } from "./tokenizer.ts";

export interface LoadOptions {
  /** How weights are kept; default int8. */
  readonly precision?: Precision;
  /** Threads beside this one; default: one for each further core, 3 at most. */
  readonly workers?: number;
}

export const loadDefaults = { precision: "int8" } as const;

export class Model implements LanguageModel {
  readonly config: ModelConfig;
  readonly tokenizer: Tokenizer;
  readonly precision: Precision;
  readonly #template: ChatTemplate | undefined;
  readonly #decoder: Decoder;
  readonly #pool: LazyPool;
  readonly #pacer = new Pacer();
  /** Kept from the last call: a prompt that begins alike is not computed again. */
  #cache: PagedCache;
  #tokens: number[] = [];
  #busy: Promise<void> = Promise.resolve();
  #closed = false;

  constructor(
    decoder: Decoder,
    tokenizer: Tokenizer,
    precision: Precision,
    template: ChatTemplate | undefined,
    pool: LazyPool,
  ) {
    this.config = decoder.config;
    this.tokenizer = tokenizer;
    this.precision = precision;
    this.#decoder = decoder;
    this.#template = template;
    this.#pool = pool;
    this.#cache = new PagedCache(kernels().arena, decoder.shape);
  }

  /** Bytes that the model holds: weights, and the cache as it is now. */
  get bytes(): { readonly weights: number; readonly cache: number } {
    return { weights: this.#decoder.weights.bytes, cache: this.#cache.bytes };
  }

  /** @param prompt text, or tokens. Calls wait for each other. */
  async *generate(prompt: string | readonly number[], options: GenerateOptions = {}): AsyncGenerator<Piece> {
    const tokens = typeof prompt === "string" ? this.tokenizer.encodeWhole(prompt) : prompt;
    using _turn = await this.#turn();
    this.#cache.truncate(sharedStart(this.#tokens, tokens));
    this.#tokens = [...tokens];
    const engine: Engine = { decoder: this.#decoder, tokenizer: this.tokenizer, pacer: this.#pacer };
    try {
      yield* generate(engine, tokens, this.#cache, options);
    } finally {
      // what was generated is not remembered as tokens: only the prompt is sure to come again
      this.#cache.truncate(Math.min(this.#cache.length, tokens.length));
      this.#tokens = tokens.slice(0, this.#cache.length);
    }
  }

  /** The prompt that the model's template makes of a conversation. @throws MnemeError UNSUPPORTED where it came with none */
  chatPrompt(messages: readonly ChatMessage[], context?: Readonly<Record<string, unknown>>): string {
    if (!this.#template) throw new MnemeError("UNSUPPORTED", "chat: this model came without a chat template");
    return this.#template.render(messages, context);
  }

  chat(messages: readonly ChatMessage[], options: GenerateOptions = {}): AsyncGenerator<Piece> {
    return this.generate(this.tokenizer.encode(this.chatPrompt(messages)), options);
  }

  encode(text: string, whole = false): number[] {
    return whole ? this.tokenizer.encodeWhole(text) : this.tokenizer.encode(text);
  }

  decode(tokens: readonly number[]): string {
    return this.tokenizer.decode(tokens);
  }

  /** Natural logarithms of the probabilities of a text's tokens, each given those before it; of the first there is none. */
  async score(text: string | readonly number[]): Promise<Float64Array> {
    const tokens = typeof text === "string" ? this.tokenizer.encodeWhole(text) : text;
    using _turn = await this.#turn();
    using cache = new PagedCache(kernels().arena, this.#decoder.shape);
    const scores = new Float64Array(Math.max(0, tokens.length - 1));
    for (let i = 0; i < scores.length; i++) {
      scores[i] = logProbability(this.#decoder.forward([tokens[i]!], cache), tokens[i + 1]!);
      if (this.#pacer.isDue) await this.#pacer.pause();
    }
    return scores;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    await this.#busy;
    this.#cache[Symbol.dispose]();
    this.#decoder[Symbol.dispose]();
    await this.#pool[Symbol.asyncDispose]();
  }

  /** Waits for the calls before. @throws MnemeError DISPOSED */
  async #turn(): Promise<Disposable> {
    const before = this.#busy;
    let done = (): void => {};
    this.#busy = new Promise((resolve) => {
      done = resolve;
    });
    await before;
    if (this.#closed) {
      done();
      throw new MnemeError("DISPOSED", "model: used after it was closed");
    }
    return { [Symbol.dispose]: done };
  }
}

/** The bundled model's folder. */
export function bundledModel(): string {
  return fileURLToPath(new URL("models/mneme-lm", packageRoot(import.meta.url)));
}

/**
 * @param folder with config.json, tokenizer.json and *.safetensors; default: the bundled mneme-lm
 * @throws MnemeError NOT_FOUND, FORMAT, UNSUPPORTED naming the file
 */
export async function load(folder: string = bundledModel(), options: LoadOptions = {}): Promise<Model> {
  const precision = options.precision ?? loadDefaults.precision;
  if (!PRECISIONS.includes(precision))
    throw new MnemeError(
      "RANGE",
      `load: precision must be one of ${PRECISIONS.join(", ")}, got ${precision}`,
    );
  const config = configOf(jsonOf(folder, "config.json"), join(folder, "config.json"));
  const about = jsonOf(folder, "tokenizer_config.json") as Record<string, unknown>;
  const file = join(folder, "tokenizer.json");
  const tokenizer = await openTokenizer(textOf(folder, "tokenizer.json"), about, config.bos, file);
  const template =
    typeof about.chat_template === "string"
      ? await openChatTemplate(about.chat_template, about, join(folder, "tokenizer_config.json"))
      : undefined;
  using source = tensorsOf(folder);
  const face = kernels();
  const weights = new DecoderWeights(face.arena, config, source, precision);
  const pool = new LazyPool(face, options.workers);
  return new Model(new Decoder(face, config, weights, () => pool.pool), tokenizer, precision, template, pool);
}

function tensorsOf(folder: string): TensorSource {
  const files = readdirSync(folder).filter((name) => name.endsWith(".safetensors"));
  if (files.length === 0)
    throw new MnemeError("NOT_FOUND", `load ${folder}: no .safetensors file; is it the folder of a model?`);
  return safetensorsSource(
    files.sort().map((name) => join(folder, name)),
    folder,
  );
}

function textOf(folder: string, name: string): string {
  try {
    return readFileSync(join(folder, name), "utf8");
  } catch (cause) {
    throw new MnemeError("NOT_FOUND", `load ${folder}: no ${name} there; is it the folder of a model?`, {
      cause,
    });
  }
}

function jsonOf(folder: string, name: string): unknown {
  const text = textOf(folder, name);
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new MnemeError("FORMAT", `${join(folder, name)}: not JSON; fetch the file again`, { cause });
  }
}

/** How many tokens both begin with. */
function sharedStart(a: readonly number[], b: readonly number[]): number {
  let shared = 0;
  while (shared < a.length && shared < b.length && a[shared] === b[shared]) shared++;
  return shared;
}
