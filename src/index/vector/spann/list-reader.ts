/** Lists and pages of a search's round, read in one batch where they are not kept, and kept while they are used. */
import type { MaybePromise } from "../../../storage/store.ts";
import { PAGE, type PostingShape, type Postings } from "./postings.ts";
import { SlotCache } from "./slot-cache.ts";

/** Sums over all searches. Pages are those of the disk store, 4 KiB each. */
export interface ReadCounts {
  lists: number;
  /** Rows scanned and rows scored again. */
  rows: number;
  rescored: number;
  /** Pages that were asked for, kept or not, and those of them that were read. */
  listPages: number;
  finePages: number;
  readPages: number;
}

/** Share of the kept bytes that goes to lists; the rest to pages of fine codes. */
const LISTS_SHARE = 0.7;

export class ListReader implements Disposable {
  readonly shape: PostingShape;
  readonly counts: ReadCounts = { lists: 0, rows: 0, rescored: 0, listPages: 0, finePages: 0, readPages: 0 };
  readonly #postings: Postings;
  /** Rows of each list. */
  #rows: Uint32Array;
  #radii: Float32Array;
  /** Pages of fine codes that a list has numbers for. */
  readonly #listPages: number;
  readonly #lists: SlotCache;
  readonly #pages: SlotCache;
  readonly #least: number;

  /** @param least lists that one round needs at once */
  constructor(postings: Postings, rows: Uint32Array, radii: Float32Array, cacheBytes: number, least: number) {
    this.shape = postings.shape;
    this.#postings = postings;
    this.#least = least;
    this.#rows = rows;
    this.#radii = radii;
    this.#listPages = this.shape.finePages(this.shape.limit);
    const pages = rows.reduce((sum, count) => sum + this.shape.finePages(count), 0);
    const listBytes = this.shape.listBytes(this.shape.limit);
    const pageBytes = this.shape.finePageBytes;
    const forLists = Math.floor((cacheBytes * LISTS_SHARE) / (listBytes + 32));
    const forPages = Math.floor((cacheBytes * (1 - LISTS_SHARE)) / (pageBytes + 32));
    this.#lists = new SlotCache(listBytes, Math.max(least, Math.min(rows.length, forLists)));
    this.#pages = new SlotCache(pageBytes, Math.max(least, Math.min(pages, forPages)));
  }

  get cacheBytes(): number {
    return this.#lists.bytes + this.#pages.bytes;
  }

  /** What the smallest cache holds. */
  get leastCacheBytes(): number {
    const of = ({ slotBytes }: SlotCache): number =>
      this.#least * slotBytes + SlotCache.overhead(this.#least);
    return of(this.#lists) + of(this.#pages);
  }

  get directoryBytes(): number {
    return this.#rows.byteLength + this.#radii.byteLength;
  }

  /** Rows and radii of all lists. Borrowed. */
  get directory(): { readonly counts: Uint32Array; readonly radii: Float32Array } {
    return { counts: this.#rows, radii: this.#radii };
  }

  /** What a list holds from now on; what was kept of it is forgotten. */
  setList(list: number, rows: number, radius: number): void {
    if (list >= this.#rows.length) {
      const counts = new Uint32Array(list + 1);
      const radii = new Float32Array(list + 1);
      counts.set(this.#rows);
      radii.set(this.#radii);
      [this.#rows, this.#radii] = [counts, radii];
    }
    this.#lists.drop(list);
    for (let page = 0; page < this.#listPages; page++) this.#pages.drop(list * this.#listPages + page);
    this.#rows[list] = rows;
    this.#radii[list] = radius;
  }

  /** Lists that one call of `lists` may ask for. */
  get mostLists(): number {
    return this.#lists.capacity;
  }

  /** Pages that one call of `pages` may ask for. */
  get mostPages(): number {
    return this.#pages.capacity;
  }

  rowsOf(list: number): number {
    return this.#rows[list]!;
  }

  radiusOf(list: number): number {
    return this.#radii[list]!;
  }

  /** Number of the page of fine codes that a row of a list lies on, over all lists. */
  pageOf(list: number, place: number): number {
    return list * this.#listPages + Math.floor(place / this.shape.pageRows);
  }

  /**
   * Pointers to the values of different lists, valid until the next call.
   * @throws MnemeError CORRUPT, VERSION
   */
  lists(wanted: Uint32Array, pointers: Float64Array): MaybePromise<void> {
    this.#lists.begin();
    this.counts.lists += wanted.length;
    const missing: number[] = [];
    wanted.forEach((list, i) => {
      this.counts.listPages += this.shape.listPages(this.#rows[list]!);
      pointers[i] = this.#lists.find(list);
      if (pointers[i]! < 0) missing.push(i);
    });
    if (missing.length === 0) return;
    const numbers = missing.map((i) => wanted[i]!);
    const rows = numbers.map((list) => this.#rows[list]!);
    return this.#postings.readLists(numbers, rows, (value, j) => {
      this.counts.readPages += Math.ceil(value.length / PAGE);
      pointers[missing[j]!] = this.#lists.put(numbers[j]!, value);
    });
  }

  /**
   * Pointers to pages of fine codes, valid until the next call; at most `mostPages` different ones, and equal ones side by side.
   * @param lists and numbers of pages, as `pageOf` has them. @throws MnemeError CORRUPT, VERSION
   */
  pages(lists: Uint32Array, pages: Uint32Array, pointers: Float64Array): MaybePromise<void> {
    this.#pages.begin();
    const missing: number[] = [];
    for (let i = 0; i < pages.length; i++) {
      if (i > 0 && pages[i] === pages[i - 1]) continue;
      this.counts.finePages += Math.ceil(this.shape.finePageBytes / PAGE);
      pointers[i] = this.#pages.find(pages[i]!);
      if (pointers[i]! < 0) missing.push(i);
    }
    const spread = (): void => {
      for (let i = 1; i < pages.length; i++) if (pages[i] === pages[i - 1]) pointers[i] = pointers[i - 1]!;
    };
    if (missing.length === 0) return spread();
    const reading = this.#postings.readFine(
      missing.map((i) => lists[i]!),
      missing.map((i) => pages[i]! % this.#listPages),
      (value, j) => {
        this.counts.readPages += Math.ceil(value.length / PAGE);
        pointers[missing[j]!] = this.#pages.put(pages[missing[j]!]!, value);
      },
    );
    return reading ? reading.then(spread) : spread();
  }

  [Symbol.dispose](): void {
    this.#lists[Symbol.dispose]();
    this.#pages[Symbol.dispose]();
  }
}
