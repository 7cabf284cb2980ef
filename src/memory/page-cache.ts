/**
 * PageCache: pages of segment parts under the library's Budget. Second chance (Corbato, A Paging Experiment with the Multics System,
 * 1968): a page read since the hand last passed stays for another round, so that a hit costs a look at an array and no reordering.
 */
import { wordsOf } from "../bytes.ts";
import type { Budget, Claim } from "../storage/budget.ts";

/** Queue entry, array slots and views per page, measured with 16 KB pages. */
const OVERHEAD_BYTES = 240;

/** The cached pages of one part of one segment. */
export class CachedPart {
  readonly #cache: PageCache;
  readonly #pages: (Uint8Array | undefined)[] = [];
  readonly #used: boolean[] = [];
  /** Views for copying in words, of pages that were asked for so. */
  readonly #words: (Uint32Array | undefined)[] = [];

  constructor(cache: PageCache) {
    this.#cache = cache;
  }

  get(page: number): Uint8Array | undefined {
    const bytes = this.#pages[page];
    if (bytes) this.#used[page] = true;
    return bytes;
  }

  /** The page as words, padded to whole ones; undefined when it is not in the cache. */
  words(page: number): Uint32Array | undefined {
    const bytes = this.get(page);
    if (!bytes) return undefined;
    let words = this.#words[page];
    if (!words) {
      words = wordsOf(bytes);
      this.#words[page] = words;
    }
    return words;
  }

  put(page: number, bytes: Uint8Array): void {
    if (this.#pages[page]) return;
    this.#pages[page] = bytes;
    this.#used[page] = false;
    this.#cache.admit(this, page, bytes.byteLength);
  }

  /** Drops the page unless it was used since the last call, or `force`. @returns bytes freed */
  drop(page: number, force: boolean): number {
    if (this.#used[page] && !force) {
      this.#used[page] = false;
      return 0;
    }
    const { byteLength } = this.#pages[page]!;
    this.#pages[page] = undefined;
    if (this.#words.length > page) this.#words[page] = undefined;
    return byteLength;
  }
}

export class PageCache implements Disposable {
  readonly #limitBytes: number;
  readonly #claim: Claim;
  /** Oldest first; the hand goes round from the front to the back. */
  #queue: { readonly part: CachedPart; readonly page: number }[] = [];
  #hand = 0;
  #bytes = 0;

  constructor(budget: Budget, limitBytes: number) {
    this.#limitBytes = limitBytes;
    this.#claim = budget.claim("page cache", { shrink: (bytes) => this.#shrink(bytes) });
  }

  get bytes(): number {
    return this.#bytes;
  }

  part(): CachedPart {
    return new CachedPart(this);
  }

  /** Accounts for a page that `part` took in. */
  admit(part: CachedPart, page: number, bytes: number): void {
    this.#queue.push({ part, page });
    this.#bytes += bytes + OVERHEAD_BYTES;
    if (this.#bytes > this.#limitBytes) this.#evict(this.#bytes - this.#limitBytes);
    this.#claim.resize(Math.min(this.#bytes, this.#limitBytes));
  }

  clear(): void {
    this.#shrink(this.#bytes);
  }

  [Symbol.dispose](): void {
    this.clear();
    this.#claim[Symbol.dispose]();
  }

  #evict(bytes: number): number {
    let freed = 0;
    // after one round without a find every page has lost its second chance
    const force = bytes >= this.#bytes;
    while (freed < bytes && this.#hand < this.#queue.length) {
      const { part, page } = this.#queue[this.#hand++]!;
      const dropped = part.drop(page, force);
      if (dropped > 0) freed += dropped + OVERHEAD_BYTES;
      else this.#queue.push({ part, page });
      if (this.#hand > 1024 && this.#hand * 2 > this.#queue.length) {
        this.#queue = this.#queue.slice(this.#hand);
        this.#hand = 0;
      }
    }
    this.#bytes -= freed;
    return freed;
  }

  #shrink(bytes: number): number {
    const freed = this.#evict(bytes);
    this.#claim.resize(this.#bytes);
    return freed;
  }
}
