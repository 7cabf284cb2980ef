/** A segment in the Store: parts cut into pages, read through the page cache. Pages are immutable, so views of them may be kept. */

import { asU32, wordsOf } from "../bytes.ts";
import { MnemeError } from "../errors.ts";
import type { ByteRange, Parts, RowIds, SegmentInput, SegmentSource } from "../index/segment.ts";
import type { ListSource } from "../kernels/index.ts";
import { PAGE_BYTES, readWhole } from "../storage/pages.ts";
import type { Key, MaybePromise, ReadableStore } from "../storage/store.ts";
import { HeldRanges } from "./held-ranges.ts";
import { NS, type SegmentEntry } from "./layout.ts";
import type { CachedPart, PageCache } from "./page-cache.ts";

/** A range of more pages than this is read once (codes, dictionaries made resident): it would only push out what is read often. */
const CACHED_RANGE_PAGES = 16;

/** Parts of which a search reads a little when it needs it; opening a segment reads all others whole. */
export const READ_ON_DEMAND: RegExp =
  /^(rows|items\/(heads|text)|(words|sparse)\/postings|substrings\/.*|vectors\d+\/(fine|lists\/values))$/;

/** One part of the segment: its full name, its pages in the cache. */
interface Part {
  readonly name: string;
  readonly cached: CachedPart;
}

/** Bytes [start, end) of a part. */
interface Span {
  readonly part: Part;
  readonly start: number;
  readonly end: number;
}

/** Pages held for one read, whatever the cache drops meanwhile. */
type Loose = ReadonlyMap<Part, ReadonlyMap<number, Uint8Array>>;

const NOTHING: Loose = new Map();

export class StoredSegment {
  readonly entry: SegmentEntry;
  readonly rows: RowIds;
  readonly #store: ReadableStore;
  readonly #cache: PageCache;
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
    const parts = new Map<string, Part>();
    const partOf = (short: string): Part => {
      let part = parts.get(short);
      if (!part) {
        part = { name: prefix + short, cached: this.#cache.part() };
        parts.set(short, part);
      }
      return part;
    };
    return {
      id: this.entry.id,
      rows: this.rows,
      size: (part) => this.entry.parts[prefix + part] ?? 0,
      read: (ranges) => this.#readHeld(ranges, prefix) ?? this.#read(ranges, partOf),
      hold: (part, ranges) => this.#hold(partOf(part), ranges),
      gather: (part, stride, ordinals, out) => this.#gather(partOf(part), stride, ordinals, out),
    };
  }

  has(prefix: string): boolean {
    return Object.keys(this.entry.parts).some((part) => part.startsWith(prefix));
  }

  /** Parts in memory, each a buffer of its own: a merge's input. Read in short turns. */
  async input(wanted: (part: string) => boolean): Promise<SegmentInput> {
    const parts: Parts = new Map();
    for (const part of Object.keys(this.entry.parts))
      if (wanted(part)) parts.set(part, await this.#whole(part));
    return { rows: this.rows, parts };
  }

  /** Reads in short turns what opening the segment will read in one; `release` lets go of it. @param vectors which parts of vectors those are */
  async readAhead(vectors: (part: string) => boolean): Promise<void> {
    for (const part of Object.keys(this.entry.parts)) {
      const wanted = !part.startsWith("vectors") || vectors(part);
      if (wanted && !READ_ON_DEMAND.test(part)) this.#held.set(part, await this.#whole(part));
    }
  }

  release(): void {
    this.#held.clear();
  }

  #whole(part: string): Promise<Uint8Array<ArrayBuffer>> {
    return readWhole(this.#store, NS.segments, [this.entry.id, part], this.entry.parts[part]!);
  }

  /** Ranges of parts that were read ahead, all of them or none. */
  #readHeld(ranges: readonly ByteRange[], prefix: string): Uint8Array[] | undefined {
    if (this.#held.size === 0 || !ranges.every(({ part }) => this.#held.has(prefix + part))) return undefined;
    return ranges.map(({ part, start, end }) => this.#held.get(prefix + part)!.subarray(start, end));
  }

  #hold(part: Part, ranges: readonly Pick<ByteRange, "start" | "end">[]): MaybePromise<ListSource> {
    const held = HeldRanges.of(ranges, part.cached);
    if (held) return held;
    const all = (loose: Loose): ListSource =>
      HeldRanges.of(ranges, {
        words: (page) => part.cached.words(page) ?? wordsOf(pageAt(part, page, loose)),
      })!;
    const loose = this.#atHand(ranges.map(({ start, end }) => ({ part, start, end })));
    return loose instanceof Promise ? loose.then(all) : all(loose);
  }

  #read(ranges: readonly ByteRange[], partOf: (name: string) => Part): MaybePromise<Uint8Array[]> {
    const spans = ranges.map(({ part, start, end }) => ({ part: partOf(part), start, end }));
    const all = (loose: Loose): Uint8Array[] => spans.map((span) => slice(span, loose));
    const loose = this.#atHand(spans);
    return loose instanceof Promise ? loose.then(all) : all(loose);
  }

  #gather(part: Part, stride: number, ordinals: Uint32Array, out: Uint8Array): MaybePromise<void> {
    if (gatherCached(part, stride, ordinals, out)) return;
    const spans = Array.from(ordinals, (o) => ({ part, start: o * stride, end: (o + 1) * stride }));
    const all = (loose: Loose): void => spans.forEach((span, i) => copySpan(span, out, i * stride, loose));
    const loose = this.#atHand(spans);
    return loose instanceof Promise ? loose.then(all) : all(loose);
  }

  /** Nothing when the cache has every page of the spans; else all their pages, read where it has not. */
  #atHand(spans: readonly Span[]): MaybePromise<Loose> {
    if (spans.every(isCached)) return NOTHING;
    const held = new Map<Part, Map<number, Uint8Array>>();
    const wanted: { readonly part: Part; readonly page: number; readonly keep: boolean }[] = [];
    for (const { part, start, end } of spans) {
      const pages = held.get(part) ?? new Map<number, Uint8Array>();
      held.set(part, pages);
      const keep = end - start <= CACHED_RANGE_PAGES * PAGE_BYTES;
      for (let page = Math.floor(start / PAGE_BYTES); page * PAGE_BYTES < end; page++) {
        if (pages.has(page)) continue;
        const cached = part.cached.get(page);
        if (!cached) wanted.push({ part, page, keep });
        pages.set(page, cached ?? EMPTY);
      }
    }
    const take = (pages: readonly (Uint8Array | undefined)[]): Loose => {
      wanted.forEach(({ part, page, keep }, i) => {
        const bytes = pages[i] ?? this.#missing(part.name, page);
        held.get(part)!.set(page, bytes);
        if (keep) part.cached.put(page, bytes);
      });
      return held;
    };
    const keys = wanted.map(({ part, page }): Key => [this.entry.id, part.name, page]);
    const pages = this.#store.getMany(NS.segments, keys);
    return pages instanceof Promise ? pages.then(take) : take(pages);
  }

  #missing(part: string, page: number): never {
    throw new MnemeError(
      "CORRUPT",
      `${this.#store.location}: segment ${this.entry.id} lacks page ${page} of ${part}; restore a snapshot or index again`,
    );
  }
}

const EMPTY = new Uint8Array(0);

const WORD = 4;
const PAGE_WORDS = PAGE_BYTES / WORD;

/** The usual case, without an object for each row and a word at a time. @returns false when a page is not in the cache */
function gatherCached({ cached }: Part, stride: number, ordinals: Uint32Array, out: Uint8Array): boolean {
  if (stride % WORD !== 0 || stride > PAGE_BYTES || out.byteOffset % WORD !== 0) return false;
  const target = new Uint32Array(out.buffer, out.byteOffset, out.byteLength / WORD);
  const words = stride / WORD;
  for (let i = 0, to = 0; i < ordinals.length; i++) {
    const start = ordinals[i]! * words;
    const first = Math.floor(start / PAGE_WORDS);
    let from = start - first * PAGE_WORDS;
    const page = cached.words(first);
    if (!page) return false;
    // by hand: a view for each row would be most of what a search leaves to the collector
    for (const end = Math.min(from + words, PAGE_WORDS); from < end; ) target[to++] = page[from++]!;
    const rest = (i + 1) * words - to;
    if (rest === 0) continue;
    const next = cached.words(first + 1);
    if (!next) return false;
    for (let at = 0; at < rest; at++) target[to++] = next[at]!;
  }
  return true;
}

function isCached({ part, start, end }: Span): boolean {
  for (let page = Math.floor(start / PAGE_BYTES); page * PAGE_BYTES < end; page++)
    if (!part.cached.get(page)) return false;
  return true;
}

function pageAt(part: Part, page: number, loose: Loose): Uint8Array {
  return loose.get(part)?.get(page) ?? part.cached.get(page)!;
}

/** The bytes of a span whose pages are at hand: a view when one page has them all. */
function slice(span: Span, loose: Loose): Uint8Array {
  const { part, start, end } = span;
  if (end <= start) return EMPTY;
  const first = Math.floor(start / PAGE_BYTES);
  if (end <= (first + 1) * PAGE_BYTES)
    return pageAt(part, first, loose).subarray(start - first * PAGE_BYTES, end - first * PAGE_BYTES);
  const whole = new Uint8Array(end - start);
  copySpan(span, whole, 0, loose);
  return whole;
}

function copySpan({ part, start, end }: Span, out: Uint8Array, to: number, loose: Loose): void {
  for (let page = Math.floor(start / PAGE_BYTES); page * PAGE_BYTES < end; page++) {
    const from = Math.max(start - page * PAGE_BYTES, 0);
    const bytes = pageAt(part, page, loose).subarray(from, end - page * PAGE_BYTES);
    out.set(bytes, to + page * PAGE_BYTES + from - start);
  }
}
