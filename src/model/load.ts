/** load: a checkpoint becomes a model that generates. */
import { fileURLToPath } from "node:url";
import { packageRoot } from "../built-file.ts";
import { PagedCache } from "../cache/paged-cache.ts";
import { MnemeError } from "../errors.ts";
import { kernels, LazyPool } from "../kernels/index.ts";
import { Pacer } from "../pacer.ts";
import { PRECISIONS, type Precision } from "../weights/linear-weights.ts";
import type { ChatMessage, ChatTemplate } from "./chat-template.ts";
import { openCheckpoint } from "./checkpoint.ts";
import type { ModelConfig } from "./config.ts";
import { Decoder } from "./decoder.ts";
import { type Engine, type GenerateOptions, generate, type Piece } from "./generate.ts";
import { fetchModel, type HubOptions, isHubName } from "./hub.ts";
import { loadWeights, type WeightCacheOptions } from "./load-weights.ts";
import { logProbability } from "./sample.ts";
import { checkFits } from "./sizes.ts";
import type { Tokenizer } from "./tokenizer.ts";

export interface LoadOptions extends WeightCacheOptions, HubOptions {
  /** How weights are kept; default int8. */
  readonly precision?: Precision;
  /** Threads beside this one; default: one for each further core, 3 at most. */
  readonly workers?: number;
}

export const loadDefaults = { precision: "int8" } as const;

export class Model implements AsyncDisposable {
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
 * @param model a folder with config.json, tokenizer.json and *.safetensors; a GGUF file, a shard of one, or a folder with one; or
 * "hf:owner/name[/file.gguf][@revision]", which is downloaded once. Default: the bundled mneme-lm
 * @throws MnemeError NOT_FOUND, FORMAT, UNSUPPORTED, DEPENDENCY naming the file; BUDGET with the bytes that it needs; of downloads also
 * NETWORK, FORBIDDEN, DISK_FULL, CANCELLED
 */
export async function load(model: string = bundledModel(), options: LoadOptions = {}): Promise<Model> {
  const precision = options.precision ?? loadDefaults.precision;
  if (!PRECISIONS.includes(precision))
    throw new MnemeError(
      "RANGE",
      `load: precision must be one of ${PRECISIONS.join(", ")}, got ${precision}`,
    );
  const path = isHubName(model) ? await fetchModel(model, options) : model;
  using checkpoint = await openCheckpoint(path);
  const { config } = checkpoint;
  checkFits(config, precision, path);
  const tokenizer = await checkpoint.tokenizer();
  const template = await checkpoint.template();
  const face = kernels();
  const weights = loadWeights(face.arena, checkpoint, precision, options);
  const pool = new LazyPool(face, options.workers);
  return new Model(new Decoder(face, config, weights, () => pool.pool), tokenizer, precision, template, pool);
}

/** How many tokens both begin with. */
function sharedStart(a: readonly number[], b: readonly number[]): number {
  let shared = 0;
  while (shared < a.length && shared < b.length && a[shared] === b[shared]) shared++;
  return shared;
}
