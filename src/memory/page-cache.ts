/** PageCache: least-recently-used pages of segment parts under the library's Budget. */
import type { Budget, Claim } from "../storage/budget.ts";

/** Map entry, key and array header per page, measured with 16 KB pages. */
const OVERHEAD_BYTES = 160;

export class PageCache implements Disposable {
  readonly #limitBytes: number;
  readonly #claim: Claim;
  readonly #pages = new Map<number, Uint8Array>();
  #bytes = 0;

  constructor(budget: Budget, limitBytes: number) {
    this.#limitBytes = limitBytes;
    this.#claim = budget.claim("page cache", { shrink: (bytes) => this.#shrink(bytes) });
  }

  get bytes(): number {
    return this.#bytes;
  }

  get(key: number): Uint8Array | undefined {
    const page = this.#pages.get(key);
    if (!page) return undefined;
    this.#pages.delete(key);
    this.#pages.set(key, page);
    return page;
  }

  put(key: number, page: Uint8Array): void {
    if (this.#pages.has(key)) return;
    this.#pages.set(key, page);
    this.#bytes += page.byteLength + OVERHEAD_BYTES;
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
    for (const [key, page] of this.#pages) {
      if (freed >= bytes) break;
      this.#pages.delete(key);
      freed += page.byteLength + OVERHEAD_BYTES;
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
