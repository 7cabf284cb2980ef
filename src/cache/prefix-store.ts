/**
 * Caches of texts that were read before, within a byte budget: a prompt that begins like one of them goes on from a fork of it. Pages that
 * several share are counted once; what was not used for the longest time goes first (Zheng et al., SGLang: RadixAttention, 2024; here a list, as entries are few and long).
 */
import { MnemeError } from "../errors.ts";
import type { PagedCache } from "./paged-cache.ts";

/** Tokens that a text must share with one to come for its sake to stay. */
const WORTH_SPARING = 32;

interface Entry {
  tokens: readonly number[];
  cache: PagedCache;
  used: number;
  name: string | undefined;
}

/** What the store says of an entry. */
export interface PrefixEntry {
  readonly tokens: number;
  readonly bytes: number;
  /** Pinned under this name. */
  readonly name?: string;
}

export interface FoundPrefix {
  /** A fork, the caller's: of the longest start of the prompt that is at hand. */
  readonly cache: PagedCache;
  /** Why the rest of the prompt must be computed. */
  readonly missed: string;
}

export class PrefixStore implements Disposable {
  readonly budgetBytes: number;
  #entries: Entry[] = [];
  #clock = 0;
  #evicted = 0;
  /** Pages of all entries, and bytes; undefined where they must be counted again. */
  #counted: { readonly pages: Set<object>; bytes: number } | undefined;

  /** @throws MnemeError RANGE */
  constructor(budgetBytes: number) {
    if (!(budgetBytes >= 0))
      throw new MnemeError("RANGE", `prefix store: a budget of ${budgetBytes} bytes; expected 0 or more`);
    this.budgetBytes = budgetBytes;
  }

  /** Bytes of all its pages, each counted once. */
  get bytes(): number {
    return this.bytesWith([]);
  }

  /** The same with pages of other caches. */
  bytesWith(others: readonly PagedCache[]): number {
    this.#counted ??= this.#count();
    const { pages, bytes } = this.#counted;
    const more = new Set<object>();
    const seen = {
      has: (page: object) => pages.has(page) || more.has(page),
      add: (page: object) => more.add(page),
    };
    return others.reduce((sum, cache) => sum + cache.bytesBut(seen), bytes);
  }

  /** Bytes that `free` cannot go below, with pages of other caches. */
  leastBytes(spared: readonly number[], others: readonly PagedCache[]): number {
    const staying = this.#entries.filter(this.#stays(spared)).map(({ cache }) => cache);
    return bytesOfAll([...staying, ...others]);
  }

  /** How many tokens of a prompt are at hand. */
  reach(tokens: readonly number[]): number {
    return this.#entries.reduce((most, entry) => Math.max(most, sharedStart(entry.tokens, tokens)), 0);
  }

  /** @param most tokens of the prompt that may come from here. @returns undefined where nothing begins alike */
  find(
    tokens: readonly number[],
    most: number,
  ): FoundPrefix | { readonly cache: undefined; readonly missed: string } {
    let best: Entry | undefined;
    let shared = 0;
    for (const entry of this.#entries) {
      const start = sharedStart(entry.tokens, tokens);
      if (
        start > shared ||
        (start === shared && start > 0 && best && entry.tokens.length < best.tokens.length)
      )
        [best, shared] = [entry, start];
    }
    if (!best || Math.min(shared, most) === 0) return { cache: undefined, missed: this.#nothing() };
    best.used = ++this.#clock;
    const cache = best.cache.fork();
    cache.truncate(Math.min(shared, most));
    return { cache, missed: missedBehind(shared, most) };
  }

  /** Keeps a cache, which becomes the store's, for texts that begin with these tokens. A pinned one stays until it is dropped by name. */
  put(tokens: readonly number[], cache: PagedCache, name?: string): void {
    const length = Math.min(tokens.length, cache.length);
    const known = this.#entries.find(
      (entry) => entry.tokens.length >= length && sharedStart(entry.tokens, tokens) >= length,
    );
    if (known && name === undefined) {
      cache[Symbol.dispose]();
      known.used = ++this.#clock;
      return;
    }
    // what this one continues, or replaces, is in it
    this.#drop((entry) =>
      entry.name === undefined
        ? entry.tokens.length <= length && sharedStart(entry.tokens, tokens) === entry.tokens.length
        : entry.name === name,
    );
    this.#entries.push({ tokens: tokens.slice(0, length), cache, used: ++this.#clock, name });
    if (this.#counted) this.#counted.bytes += cache.bytesBut(this.#counted.pages);
    this.#fit();
  }

  /** Entries, the last used first. */
  list(): PrefixEntry[] {
    return [...this.#entries]
      .sort((a, b) => b.used - a.used)
      .map(({ tokens, cache, name }) => ({
        tokens: tokens.length,
        bytes: cache.bytes,
        ...(name === undefined ? {} : { name }),
      }));
  }

  /** A fork of a pinned entry and its tokens, for saving. */
  named(name: string): { readonly tokens: readonly number[]; readonly cache: PagedCache } | undefined {
    const entry = this.#entries.find((one) => one.name === name);
    return entry && { tokens: entry.tokens, cache: entry.cache.fork() };
  }

  /** @param name of a pinned entry; default: everything, pinned or not. @returns entries dropped */
  clear(name?: string): number {
    return this.#drop((entry) => name === undefined || entry.name === name);
  }

  /** Drops the entry of these tokens, neither more nor fewer, unless it is pinned. */
  forget(tokens: readonly number[]): void {
    this.#drop(
      (entry) =>
        entry.name === undefined &&
        entry.tokens.length === tokens.length &&
        sharedStart(entry.tokens, tokens) === tokens.length,
    );
  }

  /**
   * Drops entries that were not used for the longest time until `bytes` are free: pages that others hold too free nothing. Pinned ones
   * stay, and the one that `spared` would go on from.
   */
  free(bytes: number, spared: readonly number[] = []): void {
    const stays = this.#stays(spared);
    const oldest = this.#entries.filter((entry) => !stays(entry)).sort((a, b) => a.used - b.used);
    for (let freed = 0; freed < bytes && oldest.length > 0; ) {
      const entry = oldest.shift()!;
      freed += entry.cache.ownBytes;
      this.#evicted++;
      this.#drop((one) => one === entry);
    }
  }

  [Symbol.dispose](): void {
    this.clear();
  }

  #count(): { readonly pages: Set<object>; bytes: number } {
    const pages = new Set<object>();
    return { pages, bytes: this.#entries.reduce((sum, { cache }) => sum + cache.bytesBut(pages), 0) };
  }

  /** Which entries are pinned, or what `spared` would go on from. */
  #stays(spared: readonly number[]): (entry: Entry) => boolean {
    const reach = spared.length > 0 ? this.reach(spared) : 0;
    return ({ name, tokens }) =>
      name !== undefined || (reach >= WORTH_SPARING && sharedStart(tokens, spared) === reach);
  }

  #fit(): void {
    this.free(this.bytes - this.budgetBytes);
  }

  #drop(which: (entry: Entry) => boolean): number {
    const gone = this.#entries.filter(which);
    this.#entries = this.#entries.filter((entry) => !gone.includes(entry));
    if (gone.length > 0) this.#counted = undefined;
    for (const { cache } of gone) cache[Symbol.dispose]();
    return gone.length;
  }

  #nothing(): string {
    return this.#evicted > 0
      ? `no text that was read before begins like this; ${this.#evicted} were dropped to keep within ${this.budgetBytes} bytes`
      : "no text that was read before begins like this";
  }
}

/** Why the rest of a prompt must be computed. @param shared tokens that are at hand. @param most that may come from elsewhere */
export function missedBehind(shared: number, most: number): string {
  return shared >= most
    ? "the last token is always computed"
    : `the nearest text that was read before differs from token ${shared} on`;
}

/** Bytes of several caches, shared pages counted once. */
export function bytesOfAll(caches: readonly PagedCache[]): number {
  const seen = new Set<object>();
  return caches.reduce((sum, cache) => sum + cache.bytesBut(seen), 0);
}

/** How many tokens both begin with. */
export function sharedStart(a: readonly number[], b: readonly number[]): number {
  const most = Math.min(a.length, b.length);
  let shared = 0;
  while (shared < most && a[shared] === b[shared]) shared++;
  return shared;
}
