/**
 * Runs all requests of a model together: each step takes a token of every request that generates, then fills up with prompts (Yu et al.,
 * Orca, 2022; Agrawal et al., Sarathi, 2023). Requests that begin alike share what is computed once (Zheng et al., BatchLLM, 2024): the second waits
 * until the first has read the common start. Requests are taken in while their caches fit the budget.
 */
import { PagedCache } from "../cache/paged-cache.ts";
import { bytesOfAll, PrefixStore, sharedStart } from "../cache/prefix-store.ts";
import { MnemeError, throwIfAborted } from "../errors.ts";
import type { Pool, WasmFace } from "../kernels/index.ts";
import { Pacer } from "../pacer.ts";
import type { Decoder } from "./decoder.ts";
import type { GenerateOptions, Piece } from "./generate.ts";
import { Governor } from "./governor.ts";
import { Sequence } from "./sequence.ts";
import { MOST_TILES, MOST_TOKENS, type Span, TILE_TOKENS } from "./step-tables.ts";
import type { Tokenizer } from "./tokenizer.ts";

export interface EngineOptions {
  /** Bytes of all caches together: of running requests and of texts read before. Default 1 GB. */
  readonly cacheBytes?: number;
  /** Whether a request waits for one under way that reads the same start. Default true. */
  readonly shareStarts?: boolean;
}

export const engineDefaults = { cacheBytes: 1e9, shareStarts: true } as const;

/** A common start that is worth waiting for, in tokens. */
const WORTH_WAITING = 32;
/** Of a decode step of one token. */
const MOST_RUNNING = MOST_TILES;
/** Steps after which the bytes of all caches are counted again. */
const STEPS_BETWEEN = 32;

type PromptSpan = Span & { readonly tokens: readonly number[] };

interface Taken {
  readonly running: Running;
  readonly span: PromptSpan;
}

interface Running {
  readonly sequence: Sequence;
  wake: () => void;
  error: unknown;
}

export class Engine implements Disposable {
  readonly #face: WasmFace;
  readonly #decoder: Decoder;
  readonly #tokenizer: Tokenizer;
  readonly #pool: () => Pool | undefined;
  readonly #pacer = new Pacer();
  readonly #cacheBytes: number;
  readonly #shareStarts: boolean;
  readonly prefixes: PrefixStore;
  #waiting: Running[] = [];
  #running: Running[] = [];
  #loop: Promise<void> | undefined;
  /** Whether something came, went or was read since requests were last taken in. */
  #changed = false;
  /** Of one token in the cache, learnt from the first one that was filled. */
  #tokenBytes: number;
  /** Most bytes that all caches held together. */
  peakBytes = 0;
  /** Tokens of prompts that were computed. */
  promptTokens = 0;
  steps = 0;

  constructor(
    face: WasmFace,
    decoder: Decoder,
    tokenizer: Tokenizer,
    pool: () => Pool | undefined,
    options: EngineOptions = {},
  ) {
    const { cacheBytes, shareStarts } = { ...engineDefaults, ...options };
    this.#face = face;
    this.#decoder = decoder;
    this.#tokenizer = tokenizer;
    this.#pool = pool;
    this.#cacheBytes = cacheBytes;
    this.#shareStarts = shareStarts;
    this.prefixes = new PrefixStore(cacheBytes);
    const { layers, kvHeads, headDim } = decoder.shape;
    this.#tokenBytes = layers * kvHeads * 2 * (headDim + 4);
  }

  /** Bytes of all caches, shared pages counted once. */
  get bytes(): number {
    return bytesOfAll(this.#running.map(({ sequence }) => sequence.cache!)) + this.prefixes.bytes;
  }

  /** @throws MnemeError of options and prompts that cannot be, BUDGET for a prompt that never fits */
  async *generate(prompt: readonly number[], options: GenerateOptions): AsyncGenerator<Piece> {
    throwIfAborted(options.signal, "generate");
    const sequence = new Sequence(this.#decoder.config, this.#tokenizer, prompt, options);
    const needed = sequence.tokensAtMost * this.#tokenBytes;
    if (needed > this.#cacheBytes && !options.cache)
      throw new MnemeError(
        "BUDGET",
        `generate: ${sequence.tokensAtMost} tokens need ${needed} bytes of cache, the budget is ${this.#cacheBytes}; raise cacheBytes, shorten the prompt or choose a cache policy`,
      );
    const running: Running = { sequence, wake: () => {}, error: undefined };
    const abort = (): void => running.wake();
    options.signal?.addEventListener("abort", abort, { once: true });
    this.#waiting.push(running);
    this.#changed = true;
    this.#loop ??= this.#run();
    try {
      yield* this.#piecesOf(running, options.signal);
    } finally {
      options.signal?.removeEventListener("abort", abort);
      this.#leave(running);
    }
  }

  [Symbol.dispose](): void {
    for (const running of [...this.#waiting, ...this.#running])
      this.#fail(running, new MnemeError("DISPOSED", "model: closed while it generated"));
    this.#waiting = [];
    for (const running of [...this.#running]) this.#leave(running);
    this.prefixes[Symbol.dispose]();
  }

  async *#piecesOf(running: Running, signal: AbortSignal | undefined): AsyncGenerator<Piece> {
    const { pieces } = running.sequence;
    for (;;) {
      throwIfAborted(signal, "generate");
      if (running.error) throw running.error;
      const piece = pieces.shift();
      if (piece) {
        yield piece;
        if (piece.type === "done") return;
        continue;
      }
      await new Promise<void>((resolve) => {
        running.wake = resolve;
        if (pieces.length > 0 || running.error || signal?.aborted) resolve();
      });
    }
  }

  /** While there is a request. */
  async #run(): Promise<void> {
    await this.#pacer.pause();
    try {
      while (this.#waiting.length + this.#running.length > 0) {
        this.#step();
        await this.#pacer.pause();
      }
    } finally {
      this.#loop = undefined;
      if (this.#waiting.length > 0) this.#loop = this.#run();
    }
  }

  /** Takes in the next request that fits, if one does; one that would read what another one is reading waits for it. @returns whether it did */
  #admit(): boolean {
    if (!this.#changed || this.#running.length >= MOST_RUNNING) return false;
    for (const running of this.#waiting) {
      const { sequence } = running;
      if (this.#shareStarts && this.#startUnderWay(sequence)) {
        // of a batch the order stands: what is behind would push out what is about to be used
        if (sequence.options.keep !== undefined) break;
        continue;
      }
      if (!this.#makeRoom(sequence)) break;
      this.#waiting = this.#waiting.filter((one) => one !== running);
      try {
        this.#begin(sequence);
        this.#running.push(running);
        return true;
      } catch (error) {
        this.#fail(running, error);
        return this.#admit();
      }
    }
    // until something comes, goes or is read
    this.#changed = false;
    return false;
  }

  #startUnderWay({ prompt, options }: Sequence): boolean {
    if (options.cache?.evicts) return false;
    const reach = this.prefixes.reach(prompt);
    return this.#running.some(
      ({ sequence }) =>
        sequence.promptLeft > 0 &&
        !sequence.governor &&
        sharedStart(sequence.prompt, prompt) >= reach + WORTH_WAITING,
    );
  }

  /** Drops texts read before until the request fits beside those that run. @returns whether it does, or nothing else runs */
  #makeRoom(sequence: Sequence): boolean {
    const shared = this.prefixes.reach(sequence.prompt);
    const grown = this.#running.reduce(
      (sum, { sequence: one }) => sum + (one.tokensAtMost - one.cache!.length) * this.#tokenBytes,
      0,
    );
    const wanted = (sequence.tokensAtMost - shared) * this.#tokenBytes + grown;
    const tooMuch = this.bytes + wanted - this.#cacheBytes;
    if (tooMuch > 0) this.prefixes.shrink(Math.max(0, this.prefixes.bytes - tooMuch), sequence.prompt);
    return this.bytes + wanted <= this.#cacheBytes || this.#running.length === 0;
  }

  #begin(sequence: Sequence): void {
    const { prompt, options } = sequence;
    if (options.cache) {
      sequence.governor = new Governor(this.#face, this.#decoder.config, options.cache, this.#pool);
      sequence.cache = sequence.governor.cache;
      sequence.missed = `the policy ${options.cache.name} has a cache of its own`;
      return;
    }
    const found = this.prefixes.find(prompt, prompt.length - 1);
    sequence.missed = found.missed;
    sequence.cachedTokens = found.cache?.length ?? 0;
    sequence.cache = found.cache ?? new PagedCache(this.#face, this.#decoder.shape);
  }

  #step(): void {
    const taken = this.#spans();
    if (taken.length === 0) return;
    let logits: Float32Array;
    try {
      logits = this.#decoder.step(taken.map(({ span }) => span));
    } catch (error) {
      for (const { running } of taken) {
        this.#fail(running, error);
        this.#leave(running);
      }
      return;
    }
    this.steps++;
    if (this.#changed || this.steps % STEPS_BETWEEN === 0)
      this.peakBytes = Math.max(this.peakBytes, this.bytes);
    const stride = this.#decoder.logitsStride;
    let row = 0;
    for (const { running, span } of taken) {
      const rows = span.logits === "all" ? span.tokens.length : span.logits === "last" ? 1 : 0;
      try {
        this.#after(running, span, logits.subarray(row * stride, (row + rows) * stride), stride);
      } catch (error) {
        this.#fail(running, error);
        this.#leave(running);
      }
      row += rows;
    }
  }

  /** A token of all that generate, then prompts, as far as a step goes; requests are taken in when their turn to be read has come. */
  #spans(): Taken[] {
    const taken: Taken[] = [];
    const room = { rows: MOST_TOKENS, tiles: MOST_TILES, watched: false };
    const reading = this.#running.filter(({ sequence }) => sequence.promptLeft > 0);
    for (const running of this.#running) if (!reading.includes(running)) this.#take(running, taken, room);
    for (const running of reading) this.#take(running, taken, room);
    while (room.rows > 0 && room.tiles > 0 && this.#admit()) this.#take(this.#running.at(-1)!, taken, room);
    return taken;
  }

  #take(running: Running, taken: Taken[], room: { rows: number; tiles: number; watched: boolean }): void {
    const { cache, governor } = running.sequence;
    const most = Math.min(room.rows, room.tiles * TILE_TOKENS);
    if (most <= 0 || (governor?.watch && room.watched)) return;
    room.watched ||= governor?.watch !== undefined;
    const { tokens, logits } = running.sequence.next(most);
    taken.push({ running, span: { tokens, cache: cache!, logits, watch: governor?.watch } });
    room.rows -= tokens.length;
    room.tiles -= Math.ceil(tokens.length / TILE_TOKENS);
  }

  #after(running: Running, span: PromptSpan, logits: Float32Array, stride: number): void {
    const { sequence } = running;
    const { governor } = sequence;
    const inPrompt = sequence.cache!.length <= sequence.prompt.length;
    if (inPrompt) this.promptTokens += span.tokens.length;
    if (inPrompt && sequence.promptLeft > 0) {
      governor?.afterPiece();
      return;
    }
    if (inPrompt) {
      this.#changed = true;
      governor?.afterPrompt();
      if (!governor) this.#keepStart(sequence);
    } else governor?.afterToken();
    sequence.take(span.tokens, logits, stride);
    running.wake();
    if (sequence.finished) this.#leave(running);
  }

  /** What was read is kept for requests that begin alike: all of it, or as much as was said. */
  #keepStart({ prompt, cache, options: { keep = prompt.length } }: Sequence): void {
    const count = Math.min(keep, prompt.length);
    if (count === 0) return;
    const start = cache!.fork();
    start.truncate(count);
    this.prefixes.put(prompt.slice(0, count), start);
  }

  #fail(running: Running, error: unknown): void {
    running.error = error;
    running.wake();
  }

  /** Frees what a request held; what it read, and said, is kept for those that begin alike. */
  #leave(running: Running): void {
    this.#waiting = this.#waiting.filter((one) => one !== running);
    if (!this.#running.includes(running)) return;
    this.#running = this.#running.filter((one) => one !== running);
    this.#changed = true;
    const { sequence } = running;
    const { cache, governor, tokens } = sequence;
    if (governor) governor[Symbol.dispose]();
    else if (cache && sequence.options.keep === undefined)
      this.prefixes.put(tokens.slice(0, cache.length), cache);
    else cache?.[Symbol.dispose]();
  }
}
