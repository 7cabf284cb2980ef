/** A segment in the Store: parts cut into pages, read through the page cache. Pages are immutable, so views of them may be kept. */
import { MnemeError } from "../errors.ts";
import type { ByteRange, Parts, RowIds, SegmentInput, SegmentSource } from "../index/segment.ts";
import { PAGE_BYTES, readWhole } from "../storage/pages.ts";
import type { Key, MaybePromise, ReadableStore } from "../storage/store.ts";
import { asU32 } from "./block-text.ts";
import { NS, type SegmentEntry } from "./layout.ts";
import type { PageCache } from "./page-cache.ts";

/** A range of more pages than this is read once (codes, dictionaries made resident): it would only push out what is read often. */
const CACHED_RANGE_PAGES = 16;

/** Parts of which a search reads a little when it needs it; opening a segment reads all others whole. */
const READ_ON_DEMAND = /^(rows|items\/(heads|text)|words\/postings|vectors\d+\/fine)$/;

let nextPart = 1;

/** A page wanted, and where its bytes go. */
interface Wanted {
  readonly cacheKey: number;
  readonly key: Key;
  readonly keep: boolean;
}

export class StoredSegment {
  readonly entry: SegmentEntry;
  readonly rows: RowIds;
  readonly #store: ReadableStore;
  readonly #cache: PageCache;
  /** Part name -> number unique in the process, the high half of a cache key. */
  readonly #partNumbers = new Map<string, number>();
  /** Whole parts, read ahead of an opening. */
  readonly #held = new Map<string, Uint8Array>();

  private constructor(store: ReadableStore, cache: PageCache, entry: SegmentEntry, rows: RowIds) {
    this.#store = store;
    this.#cache = cache;
    this.entry = entry;
    this.rows = rows;
  }

  static async open(store: ReadableStore, cache: PageCache, entry: SegmentEntry): Promise<StoredSegment> {
    if (entry.base !== null) {
      return new StoredSegment(store, cache, entry, { base: entry.base, count: entry.count, ids: null });
    }
    const unnumbered = new StoredSegment(store, cache, entry, {
      base: null,
      count: entry.count,
      ids: new Uint32Array(0),
    });
    const [bytes] = await unnumbered
      .source("")
      .read([{ part: "rows", start: 0, end: entry.parts.rows ?? 0 }]);
    return new StoredSegment(store, cache, entry, { base: null, count: entry.count, ids: asU32(bytes!) });
  }

  /** The parts under `prefix` ("words/"), seen by one index room. */
  source(prefix: string): SegmentSource {
    return {
      id: this.entry.id,
      rows: this.rows,
      size: (part) => this.entry.parts[prefix + part] ?? 0,
      read: (ranges) => this.#read(prefix, ranges),
    };
  }

  has(prefix: string): boolean {
    return Object.keys(this.entry.parts).some((part) => part.startsWith(prefix));
  }

  /** All parts in memory, each a buffer of its own: a merge's input. Read in short turns. */
  async input(): Promise<SegmentInput> {
    const parts: Parts = new Map();
    for (const part of Object.keys(this.entry.parts)) parts.set(part, await this.#whole(part));
    return { rows: this.rows, parts };
  }

  /** Reads in short turns what opening the segment will read in one; `release` lets go of it. Parts of other spaces stay. */
  async readAhead(vectors: string): Promise<void> {
    for (const part of Object.keys(this.entry.parts)) {
      const wanted = !part.startsWith("vectors") || part.startsWith(vectors);
      if (wanted && !READ_ON_DEMAND.test(part)) this.#held.set(part, await this.#whole(part));
    }
  }

  release(): void {
    this.#held.clear();
  }

  #whole(part: string): Promise<Uint8Array<ArrayBuffer>> {
    return readWhole(this.#store, NS.segments, [this.entry.id, part], this.entry.parts[part]!);
  }

  #read(prefix: string, ranges: readonly ByteRange[]): MaybePromise<Uint8Array[]> {
    if (ranges.every(({ part }) => this.#held.has(prefix + part)))
      return ranges.map(({ part, start, end }) => this.#held.get(prefix + part)!.subarray(start, end));
    const found = new Map<number, Uint8Array>();
    const wanted: Wanted[] = [];
    for (const { part, start, end } of ranges) this.#collect(prefix + part, start, end, found, wanted);
    const assemble = (pages: readonly (Uint8Array | undefined)[]): Uint8Array[] => {
      wanted.forEach(({ cacheKey, key, keep }, i) => {
        const page = pages[i] ?? this.#missing(String(key[1]), Number(key[2]));
        found.set(cacheKey, page);
        if (keep) this.#cache.put(cacheKey, page);
      });
      return ranges.map(({ part, start, end }) => this.#slice(prefix + part, start, end, found));
    };
    if (wanted.length === 0) return assemble([]);
    const pages = this.#store.getMany(
      NS.segments,
      wanted.map(({ key }) => key),
    );
    return pages instanceof Promise ? pages.then(assemble) : assemble(pages);
  }

  #collect(part: string, start: number, end: number, found: Map<number, Uint8Array>, wanted: Wanted[]): void {
    const keep = end - start <= CACHED_RANGE_PAGES * PAGE_BYTES;
    for (let page = Math.floor(start / PAGE_BYTES); page * PAGE_BYTES < end; page++) {
      const cacheKey = this.#cacheKey(part, page);
      if (found.has(cacheKey)) continue;
      const cached = this.#cache.get(cacheKey);
      if (!cached) wanted.push({ cacheKey, key: [this.entry.id, part, page], keep });
      found.set(cacheKey, cached ?? EMPTY);
    }
  }

  #slice(part: string, start: number, end: number, pages: ReadonlyMap<number, Uint8Array>): Uint8Array {
    const first = Math.floor(start / PAGE_BYTES);
    if (end <= (first + 1) * PAGE_BYTES) {
      if (end <= start) return EMPTY;
      return pages
        .get(this.#cacheKey(part, first))!
        .subarray(start - first * PAGE_BYTES, end - first * PAGE_BYTES);
    }
    const whole = new Uint8Array(end - start);
    for (let page = first; page * PAGE_BYTES < end; page++) {
      const from = Math.max(start - page * PAGE_BYTES, 0);
      const bytes = pages.get(this.#cacheKey(part, page))!.subarray(from, end - page * PAGE_BYTES);
      whole.set(bytes, page * PAGE_BYTES + from - start);
    }
    return whole;
  }

  #cacheKey(part: string, page: number): number {
    let number = this.#partNumbers.get(part);
    if (number === undefined) {
      number = nextPart++;
      this.#partNumbers.set(part, number);
    }
    return number * 2 ** 24 + page;
  }

  #missing(part: string, page: number): never {
    throw new MnemeError(
      "CORRUPT",
      `${this.#store.location}: segment ${this.entry.id} lacks page ${page} of ${part}; restore a snapshot or index again`,
    );
  }
}

const EMPTY = new Uint8Array(0);
