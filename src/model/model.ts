/** A language model that was loaded: it generates, chats and scores; all its requests run together. */
import { PagedCache } from "../cache/paged-cache.ts";
import type { CachePolicy } from "../cache/policy.ts";
import type { PrefixStore } from "../cache/prefix-store.ts";
import { type CacheOrigin, openCache, saveCache } from "../cache/saved-cache.ts";
import { MnemeError, throwIfAborted } from "../errors.ts";
import { TokenIndex } from "../index/text/token-index/token-index.ts";
import { kernels } from "../kernels/index.ts";
import type { Matrix } from "../linalg/matrix.ts";
import { Pacer } from "../pacer.ts";
import type { Precision } from "../weights/linear-weights.ts";
import { type BatchOutcome, runBatch } from "./batch.ts";
import type { ChatMessage, ChatTemplate } from "./chat-template.ts";
import type { ModelConfig } from "./config.ts";
import type { Decoder } from "./decoder.ts";
import { type EmbeddingModel, type EmbedTextOptions, embedTexts } from "./embed-texts.ts";
import { Engine, type EngineOptions } from "./engine.ts";
import type { GenerateOptions, Piece } from "./generate.ts";
import { type HeadProfileOptions, headProfile } from "./head-profile.ts";
import type { LanguageModel, ModelBytes } from "./language-model.ts";
import { likelihoods, type Scorer, scoreTokens } from "./likelihood.ts";
import type { Memories } from "./memories.ts";
import { indexTexts, type TitledText } from "./substrings/index-texts.ts";
import type { SubstringModel } from "./substrings/substring-model.ts";
import { type NGramOptions, type WrittenNGrams, writeNGrams } from "./substrings/write-n-grams.ts";
import type { Tokenizer } from "./tokenizer.ts";
import { piecesWithCalls } from "./tool-call-text.ts";
import {
  argumentsKey,
  type ChatOptions,
  type ChatPiece,
  callSchema,
  messagesFor,
  type Tool,
  toolsOf,
} from "./tools.ts";

/** What a chat template is given beside the messages. */
export type ChatContext = Readonly<Record<string, unknown>> & { readonly tools?: readonly Tool[] };

export class Model implements LanguageModel, EmbeddingModel, SubstringModel {
  readonly config: ModelConfig;
  readonly tokenizer: Tokenizer;
  readonly precision: Precision;
  readonly #template: ChatTemplate | undefined;
  readonly #decoder: Decoder;
  readonly #memories: Memories;
  readonly #pacer = new Pacer();
  readonly #engine: Engine;
  /** Options of requests that say nothing else. */
  readonly #usual: { readonly cache?: CachePolicy | string };
  #origin: CacheOrigin | undefined;
  /** The index that was read last. */
  #index: TokenIndex | undefined;
  #closed = false;

  constructor(
    decoder: Decoder,
    tokenizer: Tokenizer,
    precision: Precision,
    template: ChatTemplate | undefined,
    memories: Memories,
    options: EngineOptions & { readonly cache?: CachePolicy | string } = {},
  ) {
    this.config = decoder.config;
    this.tokenizer = tokenizer;
    this.precision = precision;
    this.#decoder = decoder;
    this.#template = template;
    this.#memories = memories;
    this.#engine = new Engine(kernels(), decoder, tokenizer, () => memories.threads(), options);
    this.#usual = options.cache === undefined ? {} : { cache: options.cache };
  }

  get bytes(): ModelBytes {
    const { weights, scratchBytes: scratch } = this.#decoder;
    return { weights: weights.bytes, cache: this.#engine.bytes, scratch };
  }

  /** Texts read before, whose caches are kept. */
  get prefixes(): PrefixStore {
    return this.#engine.prefixes;
  }

  /** What the requests so far took. */
  get counts(): { readonly steps: number; readonly promptTokens: number; readonly peakCacheBytes: number } {
    const { steps, promptTokens, peakBytes } = this.#engine;
    return { steps, promptTokens, peakCacheBytes: peakBytes };
  }

  /** @param prompt text, or tokens. Calls run side by side. */
  generate(prompt: string | readonly number[], options: GenerateOptions = {}): AsyncGenerator<Piece> {
    this.#open();
    const tokens = typeof prompt === "string" ? this.tokenizer.encodeWhole(prompt) : prompt;
    return this.#engine.generate(tokens, { ...this.#usual, ...options });
  }

  /**
   * The prompt that the model's template makes of a conversation.
   * @param context what the template knows beside the messages; tools are told in words where it does not speak of them
   * @throws MnemeError UNSUPPORTED where it came with none
   */
  chatPrompt(messages: readonly ChatMessage[], context: ChatContext = {}): string {
    const template = this.#chatTemplate();
    return template.render(messagesFor(template, messages, context.tools), context);
  }

  /** @throws MnemeError ARGUMENT for tools that cannot be called. The calls come before the end, and are not in the text. */
  chat(
    messages: readonly ChatMessage[],
    options?: GenerateOptions & { readonly tools?: never },
  ): AsyncGenerator<Piece>;
  chat(messages: readonly ChatMessage[], options?: ChatOptions): AsyncGenerator<ChatPiece>;
  chat(messages: readonly ChatMessage[], options: ChatOptions = {}): AsyncGenerator<ChatPiece> {
    const tools = toolsOf(options);
    const prompt = this.tokenizer.encode(this.chatPrompt(messages, tools.length > 0 ? { tools } : {}));
    if (tools.length === 0) return this.generate(prompt, options);
    const schema = callSchema(tools, options.toolChoice, argumentsKey(this.#chatTemplate()));
    return piecesWithCalls(this.generate(prompt, schema ? { ...options, schema } : options), tools, options);
  }

  #chatTemplate(): ChatTemplate {
    if (!this.#template) throw new MnemeError("UNSUPPORTED", "chat: this model came without a chat template");
    return this.#template;
  }

  encode(text: string, whole = false): number[] {
    return whole ? this.tokenizer.encodeWhole(text) : this.tokenizer.encode(text);
  }

  decode(tokens: readonly number[]): string {
    return this.tokenizer.decode(tokens);
  }

  /** Answers many requests that are known beforehand, grouped by what they begin with; outcomes come as they are ready. */
  batch(
    requests: readonly { readonly prompt: string | readonly number[]; readonly options?: GenerateOptions }[],
  ): AsyncGenerator<BatchOutcome> {
    this.#open();
    const all = requests.map(({ prompt, options }) => ({
      prompt: typeof prompt === "string" ? this.tokenizer.encodeWhole(prompt) : prompt,
      options: { ...this.#usual, ...options },
    }));
    return runBatch(this.#engine, all);
  }

  /**
   * Reads a text that prompts will begin with, and keeps it under a name until it is dropped: `prefixes.clear(name)`.
   * @returns its tokens. @throws as generate
   */
  async read(
    text: string | readonly number[],
    name: string,
    options: { readonly signal?: AbortSignal } = {},
  ): Promise<number> {
    const tokens = typeof text === "string" ? this.tokenizer.encodeWhole(text) : text;
    this.#open();
    // not as requests usually are: what a policy governs is not shared
    for await (const _ of this.#engine.generate(tokens, { ...options, maxTokens: 1 }));
    const { cache } = this.prefixes.find(tokens, tokens.length);
    if (!cache)
      throw new MnemeError(
        "BUDGET",
        `read: ${tokens.length} tokens do not fit the budget of the caches; raise cacheBytes`,
      );
    this.prefixes.put(tokens, cache, name);
    return tokens.length;
  }

  /** A text that was read under a name, as a file that outlives the process. @returns bytes. @throws MnemeError NOT_FOUND; what the file system says */
  saveRead(name: string, path: string): number {
    const found = this.prefixes.named(name);
    if (!found)
      throw new MnemeError("NOT_FOUND", `save: nothing was read under the name ${JSON.stringify(name)}`);
    using cache = found.cache;
    return saveCache(path, { tokens: found.tokens, cache }, this.origin);
  }

  /** The inverse of `saveRead`. @returns its tokens. @throws MnemeError NOT_FOUND, CORRUPT, FORMAT for another model, naming the file */
  openRead(path: string, name: string): number {
    const { tokens, cache } = openCache(kernels(), path, this.origin);
    this.prefixes.put(tokens, cache, name);
    return tokens.length;
  }

  /**
   * How much each head is needed to look far back, for `duo(maskOfGates(profile, share))`: made once for a model, in minutes.
   * @param prompts that need something far away, a few thousand tokens each, with what is answered to them. @throws as headProfile
   */
  async headProfile(
    prompts: readonly { readonly prompt: string; readonly answer: string }[],
    options: HeadProfileOptions = {},
  ): Promise<Float32Array> {
    this.#open();
    const all = prompts.map(({ prompt, answer }) => ({
      prompt: this.tokenizer.encodeWhole(prompt),
      answer: this.tokenizer.encode(answer),
    }));
    return headProfile(kernels(), this.#decoder, () => this.#memories.threads(), all, options);
  }

  /** What a saved cache must be of to be this model's. */
  get origin(): CacheOrigin {
    this.#origin ??= {
      fingerprint: this.fingerprint(),
      model: `${this.config.architecture} of ${this.config.layers} layers, ${this.precision}`,
      rope: this.config.rope,
    };
    return this.#origin;
  }

  /** Natural logarithms of the probabilities of a text's tokens, each given those before it; of the first there is none. */
  async score(text: string | readonly number[]): Promise<Float64Array> {
    const tokens = typeof text === "string" ? this.tokenizer.encodeWhole(text) : text;
    this.#open();
    using cache = new PagedCache(kernels(), this.#decoder.shape);
    return await scoreTokens(this.#scorer(), tokens, cache);
  }

  /**
   * How likely questions are behind a passage, as `ask` words both: of two passages the one that answers makes its question likelier.
   * @returns of each question the mean natural logarithm of the probabilities of its tokens, at most 0
   * @throws MnemeError ARGUMENT for an empty question, RANGE where they do not fit the context, CANCELLED
   */
  async likelihood(
    passage: string,
    questions: readonly string[],
    options: { readonly signal?: AbortSignal } = {},
  ): Promise<Float64Array> {
    this.#open();
    const asked = questions.map((question) => question.trim());
    if (asked.includes("")) throw new MnemeError("ARGUMENT", "likelihood: a question is empty; leave it out");
    const head = this.#questioned(passage);
    const tails = asked.map((question) => this.tokenizer.encode(` ${question}`));
    const longest = head.length + tails.reduce((most, { length }) => Math.max(most, length), 0);
    if (longest > this.config.context)
      throw new MnemeError(
        "RANGE",
        `likelihood: ${longest} tokens, the model's context is ${this.config.context}; cut the passage`,
      );
    return likelihoods(this.#scorer(options.signal), head, tails);
  }

  /** Tokens of a passage up to where its question begins. */
  #questioned(passage: string): number[] {
    const content = `[1] ${passage}\n\nQuestion:`;
    if (!this.#template) return this.tokenizer.encodeWhole(content);
    const prompt = this.chatPrompt([{ role: "user", content }]);
    return this.tokenizer.encode(prompt.slice(0, prompt.lastIndexOf("Question:") + "Question:".length));
  }

  #scorer(signal?: AbortSignal): Scorer {
    const pause = async (): Promise<void> => {
      await this.#pacer.pause();
      throwIfAborted(signal, "likelihood");
      this.#open();
    };
    return { decoder: this.#decoder, pause };
  }

  /** @throws MnemeError RANGE, CANCELLED */
  embed(text: string, options?: EmbedTextOptions): Promise<Float32Array>;
  embed(texts: readonly string[], options?: EmbedTextOptions): Promise<Matrix>;
  async embed(
    texts: string | readonly string[],
    options: EmbedTextOptions = {},
  ): Promise<Float32Array | Matrix> {
    this.#open();
    const list = typeof texts === "string" ? [texts] : texts;
    const tokens = list.map((text) => this.tokenizer.encodeWhole(text));
    const found = await embedTexts(kernels(), this.#decoder, tokens, options, async () => {
      await this.#pacer.pause();
      this.#open();
    });
    return typeof texts === "string" ? found.data : found;
  }

  /**
   * Texts as the index of their tokens that `nGrams` reads: its bytes, in memory that threads share.
   * @throws MnemeError RANGE for no texts, CANCELLED
   */
  async indexTexts(
    texts: readonly TitledText[],
    options: { readonly signal?: AbortSignal } = {},
  ): Promise<Uint8Array> {
    this.#open();
    const index = await indexTexts(this.tokenizer, this.config, texts, () => this.#paused(), options.signal);
    return index.bytes;
  }

  /**
   * N-grams of the indexed texts that the model would write about a question: what passages are found by.
   * @param index of `indexTexts`. @throws MnemeError ARGUMENT, RANGE, CANCELLED, VERSION for an index of another model's tokens
   */
  async nGrams(question: string, index: Uint8Array, options: NGramOptions = {}): Promise<WrittenNGrams> {
    this.#open();
    if (this.#index?.bytes !== index) this.#index = TokenIndex.open(index);
    const writer = {
      face: kernels(),
      decoder: this.#decoder,
      tokenizer: this.tokenizer,
      pause: async () => {
        await this.#pacer.pause();
        this.#open();
      },
    };
    return writeNGrams(writer, question, this.#index, options);
  }

  /** Lets others have their turn where it is theirs. */
  async #paused(): Promise<void> {
    if (this.#pacer.isDue) await this.#pacer.pause();
    this.#open();
  }

  /** Of the configuration and the weights as they are kept. */
  fingerprint(): string {
    return this.#decoder.fingerprint();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    this.#engine[Symbol.dispose]();
    this.#decoder[Symbol.dispose]();
    await this.#memories[Symbol.asyncDispose]();
  }

  /** @throws MnemeError DISPOSED */
  #open(): void {
    if (this.#closed) throw new MnemeError("DISPOSED", "model: used after it was closed");
  }
}
