/**
 * ModelThread: a language model on a thread of its own, so that the thread that answers others never waits for it. The same face as
 * Model; calls wait for each other over there, in the order in which they came.
 */

import { basename } from "node:path";
import { Worker } from "node:worker_threads";
import { builtFile } from "../built-file.ts";
import { carried } from "../carried-error.ts";
import { MnemeError, throwIfAborted } from "../errors.ts";
import type { Matrix } from "../linalg/matrix.ts";
import { threadOptions } from "../thread-options.ts";
import type { ChatMessage } from "./chat-template.ts";
import type { ModelConfig } from "./config.ts";
import type { EmbeddingModel, EmbedTextOptions } from "./embed-texts.ts";
import type { GenerateOptions, Piece } from "./generate.ts";
import { fetchModel, isHubName } from "./hub.ts";
import type { LanguageModel, ModelBytes } from "./language-model.ts";
import { bundledModel, type LoadOptions } from "./load.ts";
import type { TitledText } from "./substrings/index-texts.ts";
import type { SubstringModel } from "./substrings/substring-model.ts";
import type { NGramOptions, WrittenNGrams } from "./substrings/write-n-grams.ts";
import type { FromThread, ModelFacts, Request, ThreadStart, ToThread } from "./thread-protocol.ts";
import type { ChatOptions, ChatPiece } from "./tools.ts";

export interface ThreadOptions extends LoadOptions {
  /** By its name: a policy is made of functions, which stay on their thread. */
  readonly cache?: string;
  /** MB of JavaScript objects that the thread may hold, the weights apart; a call that needs more ends it. Default: Node's own limit. */
  readonly heapMb?: number;
}

/** A thread that does not end in this time when it is asked to is ended. */
const CLOSE_TIMEOUT_MS = 5_000;

/** One call under way: what has come of it and who waits for more. */
class Call {
  readonly id: number;
  #pieces: ChatPiece[] = [];
  #ended = false;
  #error: MnemeError | undefined;
  value: unknown;
  #wake: (() => void) | undefined;

  constructor(id: number) {
    this.id = id;
  }

  push(pieces: readonly ChatPiece[]): void {
    this.#pieces.push(...pieces);
    this.#wake?.();
  }

  end(error?: MnemeError): void {
    this.#ended = true;
    this.#error = error;
    this.#wake?.();
  }

  /** The pieces that came since; none at the end. @throws what ended it */
  async take(): Promise<readonly ChatPiece[]> {
    if (!this.#ended && this.#pieces.length === 0)
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    this.#wake = undefined;
    if (this.#error && this.#pieces.length === 0) throw this.#error;
    return this.#pieces.splice(0);
  }
}

export class ModelThread implements LanguageModel, EmbeddingModel, SubstringModel {
  /** The folder's own name. */
  readonly name: string;
  readonly config: ModelConfig;
  readonly precision: string;
  readonly #worker: Worker;
  readonly #calls = new Map<number, Call>();
  #bytes: ModelBytes;
  #next = 0;
  #gone: MnemeError | undefined;
  #closing: Promise<void> | undefined;

  constructor(worker: Worker, name: string, { config, precision, bytes }: ModelFacts) {
    this.name = name;
    this.config = config;
    this.precision = precision;
    this.#bytes = bytes;
    this.#worker = worker;
    worker.on("message", (message: FromThread) => this.#hear(message));
    worker.on("error", (cause) => this.#lose(lost(cause)));
    worker.on("exit", (code) => this.#lose(lost(new Error(`it ended with code ${code}`))));
    worker.unref();
  }

  get bytes(): ModelBytes {
    return this.#bytes;
  }

  /** Calls under way, those that wait for their turn among them. */
  get pending(): number {
    return this.#calls.size;
  }

  generate(prompt: string | readonly number[], options: GenerateOptions = {}): AsyncGenerator<Piece> {
    const { signal, ...rest } = options;
    // of a text generated there are no calls of tools
    return this.#stream({ verb: "generate", prompt, options: rest }, signal) as AsyncGenerator<Piece>;
  }

  chat(messages: readonly ChatMessage[], options: ChatOptions = {}): AsyncGenerator<ChatPiece> {
    const { signal, ...rest } = options;
    return this.#stream({ verb: "chat", messages, options: rest }, signal);
  }

  chatPrompt(messages: readonly ChatMessage[], context?: Readonly<Record<string, unknown>>): Promise<string> {
    return this.#ask({ verb: "chatPrompt", messages, ...(context ? { context } : {}) });
  }

  encode(text: string, whole = false): Promise<number[]> {
    return this.#ask({ verb: "encode", text, whole });
  }

  decode(tokens: readonly number[]): Promise<string> {
    return this.#ask({ verb: "decode", tokens });
  }

  score(text: string | readonly number[]): Promise<Float64Array> {
    return this.#ask({ verb: "score", text });
  }

  /** @throws MnemeError ARGUMENT, RANGE, CANCELLED */
  likelihood(
    passage: string,
    questions: readonly string[],
    { signal }: { readonly signal?: AbortSignal } = {},
  ): Promise<Float64Array> {
    return this.#ask({ verb: "likelihood", passage, questions }, signal);
  }

  /** @throws MnemeError RANGE, CANCELLED */
  embed(text: string, options?: EmbedTextOptions): Promise<Float32Array>;
  embed(texts: readonly string[], options?: EmbedTextOptions): Promise<Matrix>;
  embed(texts: string | readonly string[], options: EmbedTextOptions = {}): Promise<Float32Array | Matrix> {
    const { signal, ...rest } = options;
    return this.#ask({ verb: "embed", texts, options: rest }, signal);
  }

  /** @throws MnemeError RANGE, CANCELLED */
  indexTexts(
    texts: readonly TitledText[],
    { signal }: { readonly signal?: AbortSignal } = {},
  ): Promise<Uint8Array> {
    return this.#ask({ verb: "indexTexts", texts }, signal);
  }

  /** @throws MnemeError ARGUMENT, RANGE, CANCELLED, VERSION */
  nGrams(question: string, index: Uint8Array, options: NGramOptions = {}): Promise<WrittenNGrams> {
    const { signal, ...rest } = options;
    return this.#ask({ verb: "nGrams", question, index, options: rest }, signal);
  }

  fingerprint(): Promise<string> {
    return this.#ask({ verb: "fingerprint" });
  }

  /** Ends the thread; calls under way end in DISPOSED. */
  [Symbol.asyncDispose](): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  /** @throws MnemeError UNSUPPORTED for a cache policy: it is made of functions, which stay on their thread */
  async *#stream(
    request: Extract<Request, { readonly verb: "generate" | "chat" }>,
    signal: AbortSignal | undefined,
  ): AsyncGenerator<ChatPiece> {
    if (typeof request.options.cache === "object")
      throw new MnemeError(
        "UNSUPPORTED",
        `generate: the policy ${request.options.cache.name} cannot cross to the model's thread; give its name, or load the model on this one`,
      );
    throwIfAborted(signal, request.verb);
    const call = this.#begin(request);
    const unheard = endedBy(signal, request.verb, call);
    try {
      for (let pieces = await call.take(); pieces.length > 0; pieces = await call.take()) {
        for (const piece of pieces) {
          throwIfAborted(signal, request.verb);
          yield piece;
        }
      }
    } finally {
      unheard();
      this.#leave(call);
    }
  }

  async #ask<T>(request: Request, signal?: AbortSignal): Promise<T> {
    throwIfAborted(signal, request.verb);
    const call = this.#begin(request);
    const unheard = endedBy(signal, request.verb, call);
    try {
      await call.take();
      return call.value as T;
    } finally {
      unheard();
      this.#leave(call);
    }
  }

  /** @throws MnemeError DISPOSED, INTERNAL (the thread is lost), ARGUMENT (what cannot be sent to a thread) */
  #begin(request: Request): Call {
    if (this.#closing) throw disposed();
    if (this.#gone) throw this.#gone;
    const call = new Call(this.#next++);
    try {
      this.#tell({ kind: "call", id: call.id, request });
    } catch (cause) {
      throw new MnemeError(
        "ARGUMENT",
        `${request.verb}: options of a model on a thread of its own must be plain data: ${(cause as Error).message}`,
        { cause },
      );
    }
    if (this.#calls.size === 0) this.#worker.ref();
    this.#calls.set(call.id, call);
    return call;
  }

  /** Whoever asked is gone: what still runs for it stops. */
  #leave(call: Call): void {
    if (!this.#calls.delete(call.id)) return;
    if (!this.#gone) this.#tell({ kind: "stop", id: call.id });
    this.#rest();
  }

  /** A program that waits for no call ends without being held up by the thread. */
  #rest(): void {
    if (this.#calls.size === 0 && !this.#closing) this.#worker.unref();
  }

  #tell(message: ToThread): void {
    this.#worker.postMessage(message);
  }

  #hear(message: FromThread): void {
    if (message.kind === "ready" || message.kind === "refused") return;
    const call = this.#calls.get(message.id);
    if (message.kind === "end") this.#bytes = message.bytes;
    if (!call) return;
    if (message.kind === "pieces") {
      call.push(message.pieces);
      return;
    }
    this.#calls.delete(message.id);
    if (message.kind === "end") call.value = message.value;
    call.end(message.kind === "failed" ? carried(message.error) : undefined);
    this.#rest();
  }

  #lose(error: MnemeError): void {
    this.#gone ??= error;
    for (const call of this.#calls.values()) call.end(this.#closing ? disposed() : this.#gone);
    this.#calls.clear();
  }

  async #close(): Promise<void> {
    for (const call of this.#calls.values()) call.end(disposed());
    this.#calls.clear();
    if (this.#gone) return;
    this.#worker.ref();
    const ended = new Promise((resolve) => this.#worker.once("exit", resolve));
    this.#tell({ kind: "close" });
    const timer = setTimeout(() => void this.#worker.terminate(), CLOSE_TIMEOUT_MS);
    await ended;
    clearTimeout(timer);
  }
}

/** A signal ends a call here at once. @returns what takes the listener away */
function endedBy(signal: AbortSignal | undefined, verb: string, call: Call): () => void {
  const stop = (): void =>
    call.end(new MnemeError("CANCELLED", `${verb}: cancelled by its signal`, { cause: signal?.reason }));
  signal?.addEventListener("abort", stop, { once: true });
  return () => signal?.removeEventListener("abort", stop);
}

function disposed(): MnemeError {
  return new MnemeError("DISPOSED", "model: used after it was closed");
}

function lost(cause: Error): MnemeError {
  return new MnemeError("INTERNAL", `model: its thread is lost (${cause.message}); load the model again`, {
    cause,
  });
}

/**
 * The same as `load`, on a thread of its own.
 * @param folder or file, or "hf:owner/name...", as `load` takes it; default: the bundled mneme-lm
 * @throws MnemeError as `load`; INTERNAL when the thread does not start
 */
export async function loadOnThread(
  folder: string = bundledModel(),
  { heapMb, signal, onProgress, ...options }: ThreadOptions = {},
): Promise<ModelThread> {
  const path = isHubName(folder)
    ? await fetchModel(folder, {
        ...options,
        ...(signal ? { signal } : {}),
        ...(onProgress ? { onProgress } : {}),
      })
    : folder;
  const worker = new Worker(builtFile("model/worker.js", import.meta.url), {
    ...threadOptions,
    workerData: { folder: path, options } satisfies ThreadStart,
    ...(heapMb === undefined ? {} : { resourceLimits: { maxOldGenerationSizeMb: heapMb } }),
  });
  const first = await firstMessage(worker);
  if (first.kind === "ready") return new ModelThread(worker, basename(folder), first.facts);
  await worker.terminate();
  throw first.kind === "refused" ? carried(first.error) : lost(new Error(`it began with ${first.kind}`));
}

/** @throws MnemeError INTERNAL when the thread ends without one */
function firstMessage(worker: Worker): Promise<FromThread> {
  return new Promise((resolve, reject) => {
    const fail = (cause: Error): void => settle(() => reject(lost(cause)));
    const ended = (code: number): void => fail(new Error(`it ended with code ${code}`));
    const hear = (message: FromThread): void => settle(() => resolve(message));
    const settle = (then: () => void): void => {
      worker.off("error", fail).off("exit", ended).off("message", hear);
      then();
    };
    worker.on("error", fail).on("exit", ended).on("message", hear);
  });
}
