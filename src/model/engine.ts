/**
 * Runs all requests of a model together: each step takes a token of every request that generates, then fills up with prompts (Yu et al.,
 * Orca, 2022; Agrawal et al., Sarathi, 2023). Requests that begin alike share what is computed once (Zheng et al., BatchLLM, 2024): the second waits
 * until the first has read the common start. Requests are taken in while their caches fit the budget.
 */
import { PagedCache } from "../cache/paged-cache.ts";
import { missedBehind, PrefixStore, sharedStart } from "../cache/prefix-store.ts";
import { MnemeError, throwIfAborted } from "../errors.ts";
import { PAGE_SLOTS, type Pool, type WasmFace } from "../kernels/index.ts";
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
/** Of a cache beside its pages, a head. */
const TABLE_BYTES = 1024;

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
  /** Of the pages that a token of all heads begins, and of their tables. */
  readonly #pageBytes: number;
  readonly #tableBytes: number;
  #peakBytes = 0;
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
    this.#pageBytes = layers * kvHeads * 2 * (headDim + 4) * PAGE_SLOTS;
    this.#tableBytes = layers * kvHeads * TABLE_BYTES;
  }

  /** Bytes of all caches, shared pages counted once. */
  get bytes(): number {
    return this.prefixes.bytesWith(this.#caches);
  }

  get #caches(): PagedCache[] {
    return this.#running.map(({ sequence }) => sequence.cache!);
  }

  /** Most bytes that all caches held together. */
  get peakBytes(): number {
    return Math.max(this.#peakBytes, this.bytes);
  }

  /** @throws MnemeError of options and prompts that cannot be, BUDGET for a prompt that never fits */
  async *generate(prompt: readonly number[], options: GenerateOptions): AsyncGenerator<Piece> {
    throwIfAborted(options.signal, "generate");
    const sequence = new Sequence(this.#decoder.config, this.#tokenizer, prompt, options);
    const needed = this.#bytesOf(0, sequence.tokensAtMost);
    if (needed > this.#cacheBytes && !sequence.policy)
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

  /** Whether one that runs will have read what this one would read again. */
  #startUnderWay({ prompt, policy }: Sequence): boolean {
    if (policy) return false;
    const coming = this.#running.reduce(
      (most, { sequence }) =>
        sequence.promptLeft > 0 && !sequence.governor
          ? Math.max(most, sharedStart(sequence.prompt, prompt))
          : most,
      0,
    );
    return coming >= WORTH_WAITING && coming >= this.#reach(prompt) + WORTH_WAITING;
  }

  /** How many tokens of a prompt are at hand, of texts read before and of requests that run. */
  #reach(prompt: readonly number[]): number {
    return Math.max(this.prefixes.reach(prompt), this.#nearest(prompt).shared);
  }

  /** The request that runs and has read most of the prompt. */
  #nearest(prompt: readonly number[]): { readonly shared: number; readonly cache: PagedCache | undefined } {
    let nearest: { shared: number; cache: PagedCache | undefined } = { shared: 0, cache: undefined };
    if (!this.#shareStarts) return nearest;
    for (const { sequence } of this.#running) {
      const { cache, governor, tokens } = sequence;
      const shared = governor ? 0 : Math.min(cache!.length, sharedStart(tokens, prompt));
      if (shared > nearest.shared) nearest = { shared, cache };
    }
    return nearest;
  }

  /** Of pages and tables for tokens up to `to` where those up to `from` are at hand; a page that is partly at hand is copied. */
  #bytesOf(from: number, to: number): number {
    const pages = Math.ceil(to / PAGE_SLOTS) - Math.floor(from / PAGE_SLOTS);
    return pages * this.#pageBytes + this.#tableBytes;
  }

  /** Bytes that requests under way still come to take. */
  get #growth(): number {
    return this.#running.reduce((sum, { sequence: { cache, cachedTokens, tokensAtMost } }) => {
      const { length } = cache!;
      // its last page is its own once it has written
      const from = length === cachedTokens ? length : Math.ceil(length / PAGE_SLOTS) * PAGE_SLOTS;
      return sum + Math.max(0, this.#bytesOf(from, tokensAtMost) - this.#tableBytes);
    }, 0);
  }

  /** Drops texts read before until the request fits beside those that run. @returns whether it does, or nothing else runs */
  #makeRoom({ prompt, options, tokensAtMost }: Sequence): boolean {
    const shared = options.cache ? 0 : Math.min(prompt.length - 1, this.#reach(prompt));
    const wanted = this.#bytesOf(shared, tokensAtMost) + this.#growth;
    const tooMuch = this.#count() + wanted - this.#cacheBytes;
    if (tooMuch <= 0) return true;
    const fits = this.prefixes.leastBytes(prompt, this.#caches) + wanted <= this.#cacheBytes;
    if (!fits && this.#running.length > 0) return false;
    if (fits) this.prefixes.free(tooMuch, prompt);
    else this.prefixes.free(Number.POSITIVE_INFINITY);
    return true;
  }

  /** Before anything is dropped: bytes only grow until then. */
  #count(): number {
    const { bytes } = this;
    this.#peakBytes = Math.max(this.#peakBytes, bytes);
    return bytes;
  }

  #begin(sequence: Sequence): void {
    const { prompt } = sequence;
    if (sequence.policy) {
      sequence.governor = new Governor(this.#face, this.#decoder.config, sequence.policy, this.#pool);
      sequence.cache = sequence.governor.cache;
      sequence.missed = `the policy ${sequence.policy.name} has a cache of its own`;
      return;
    }
    const found = this.#find(prompt);
    sequence.missed = found.missed;
    sequence.cachedTokens = found.cache?.length ?? 0;
    sequence.cache = found.cache ?? new PagedCache(this.#face, this.#decoder.shape);
  }

  /** A fork of what has read most of the prompt: a text read before, or a request that runs. */
  #find(prompt: readonly number[]): ReturnType<PrefixStore["find"]> {
    const { shared, cache } = this.#nearest(prompt);
    const most = prompt.length - 1;
    if (!cache || shared <= this.prefixes.reach(prompt)) return this.prefixes.find(prompt, most);
    const fork = cache.fork();
    fork.truncate(Math.min(shared, most));
    return { cache: fork, missed: missedBehind(shared, most) };
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
    if (inPrompt) {
      this.promptTokens += span.tokens.length;
      this.#changed = true;
    }
    if (inPrompt && sequence.promptLeft > 0) {
      governor?.afterPiece();
      return;
    }
    if (inPrompt) governor?.afterPrompt();
    else governor?.afterToken();
    sequence.take(span.tokens, logits, stride);
    running.wake();
    if (sequence.finished) this.#leave(running);
  }

  #fail(running: Running, error: unknown): void {
    running.error = error;
    running.wake();
  }

  /** Frees what a request held; what it read, and said, is kept for those that begin alike: all of it, or as much as was said. */
  #leave(running: Running): void {
    // one that waited for room may have kept those behind it waiting
    this.#changed = true;
    this.#waiting = this.#waiting.filter((one) => one !== running);
    if (!this.#running.includes(running)) return;
    this.#count();
    this.#running = this.#running.filter((one) => one !== running);
    const { cache, governor, tokens, options } = running.sequence;
    if (governor) {
      governor[Symbol.dispose]();
      return;
    }
    const kept = Math.min(options.keep ?? Number.POSITIVE_INFINITY, cache!.length);
    if (kept === 0) {
      cache![Symbol.dispose]();
      return;
    }
    cache!.truncate(kept);
    this.prefixes.put(tokens.slice(0, kept), cache!);
  }
}
