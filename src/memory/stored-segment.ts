/** A segment in the Store: parts cut into pages, read through the page cache. The cache lends its pages, so what is read is copied. */

import { asU32 } from "../bytes.ts";
import { MnemeError } from "../errors.ts";
import type { ByteRange, Parts, Ranges, RowIds, SegmentInput, SegmentSource } from "../index/segment.ts";
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

/** Bytes [from, to) of a page that the cache lacks, wanted in `out` from `at` on. */
interface Piece {
  readonly from: number;
  readonly to: number;
  readonly out: Uint8Array;
  readonly at: number;
}

/** A page that the cache lacks. */
interface Missing {
  readonly part: Part;
  readonly page: number;
  readonly pieces: Piece[];
  /** Whether the cache shall have it. */
  keep: boolean;
}

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
      read: (ranges, room = ownBytes) => this.#readHeld(ranges, prefix) ?? this.#read(ranges, partOf, room),
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

  #hold(part: Part, ranges: Ranges): MaybePromise<ListSource> {
    if (!this.#store.visitMany) return this.#holdCopies(part, ranges);
    const { count, starts, ends } = ranges;
    let wanted: Wanted | undefined;
    for (let i = 0; i < count; i++) {
      const [start, end] = [starts[i]!, ends[i]!];
      if (!isKept(start, end) || isCached(part, start, end)) continue;
      wanted ??= new Wanted();
      wanted.addPages(part, start, end);
    }
    if (wanted) this.#fetch(wanted.pages);
    return new HeldRanges(ranges, {
      words: (page) => part.cached.words(page) ?? this.#wordsAgain(part, page),
    });
  }

  /** Where pages come from afar they must be there when they are copied from, whatever the cache drops meanwhile. */
  #holdCopies(part: Part, ranges: Ranges): MaybePromise<ListSource> {
    const pages = new Map<number, Uint32Array>();
    const read: Missing[] = [];
    const { count, starts, ends } = ranges;
    for (let i = 0; i < count; i++) {
      const [start, end] = [starts[i]!, ends[i]!];
      for (let page = firstPage(start); page * PAGE_BYTES < end; page++) {
        if (pages.has(page)) continue;
        const cached = part.cached.words(page);
        const words = cached?.slice() ?? new Uint32Array(PAGE_WORDS);
        pages.set(page, words);
        if (!cached) read.push(this.#wholePage(part, page, words, isKept(start, end)));
      }
    }
    const held = new HeldRanges(ranges, { words: (page) => pages.get(page)! });
    const reading = this.#fetch(read);
    return reading ? reading.then(() => held) : held;
  }

  #wholePage(part: Part, page: number, words: Uint32Array, keep: boolean): Missing {
    const to = Math.min(PAGE_BYTES, (this.entry.parts[part.name] ?? 0) - page * PAGE_BYTES);
    return { part, page, pieces: [{ from: 0, to, out: new Uint8Array(words.buffer), at: 0 }], keep };
  }

  /** A page that the cache does not keep, or dropped since, in words that the next one is read to. */
  #wordsAgain(part: Part, page: number): Uint32Array {
    this.#fetch([this.#wholePage(part, page, pageAgain, false)]);
    return pageAgain;
  }

  #read(
    ranges: readonly ByteRange[],
    partOf: (name: string) => Part,
    room: (bytes: number) => Uint8Array,
  ): MaybePromise<Uint8Array[]> {
    const read: Uint8Array[] = [];
    // what the reader does not keep as it is it has in another form soon; where pages are mapped they are at hand anyway
    const keep = room === ownBytes || !this.#store.visitMany;
    const wanted = new Wanted();
    for (const { part, start, end } of ranges) {
      const out = room(Math.max(0, end - start));
      read.push(out);
      wanted.copy(partOf(part), start, end, out, 0, keep && isKept(start, end));
    }
    const reading = this.#fetch(wanted.pages);
    return reading ? reading.then(() => read) : read;
  }

  #gather(part: Part, stride: number, ordinals: Uint32Array, out: Uint8Array): MaybePromise<void> {
    if (gatherCached(part, stride, ordinals, out)) return;
    if (this.#store.visitMany) {
      this.#fetch(missingOf(part, stride, ordinals));
      if (gatherCached(part, stride, ordinals, out)) return;
    }
    const wanted = new Wanted();
    ordinals.forEach((ordinal, i) => {
      wanted.copy(part, ordinal * stride, (ordinal + 1) * stride, out, i * stride, isKept(0, stride));
    });
    return this.#fetch(wanted.pages);
  }

  /** Reads pages for their pieces, and for the cache. */
  #fetch(wanted: readonly Missing[]): Promise<void> | undefined {
    if (wanted.length === 0) return undefined;
    const take = (bytes: Uint8Array | undefined, i: number): void => {
      const { part, page, pieces, keep } = wanted[i]!;
      for (const { from, to, out, at } of pieces) {
        if (!bytes || bytes.byteLength < to) this.#missing(part.name, page);
        out.set(bytes.subarray(from, to), at);
      }
      if (keep) part.cached.put(page, bytes ?? this.#missing(part.name, page));
    };
    const keys = wanted.map(({ part, page }): Key => [this.entry.id, part.name, page]);
    if (this.#store.visitMany) {
      this.#store.visitMany(NS.segments, keys, take);
      return undefined;
    }
    const pages = this.#store.getMany(NS.segments, keys);
    if (pages instanceof Promise) return pages.then((some) => some.forEach(take));
    pages.forEach(take);
    return undefined;
  }

  #missing(part: string, page: number): never {
    throw new MnemeError(
      "CORRUPT",
      `${this.#store.location}: segment ${this.entry.id} lacks page ${page} of ${part}; restore a snapshot or index again`,
    );
  }
}

const ownBytes = (bytes: number): Uint8Array => new Uint8Array(bytes);

const WORD = 4;
const PAGE_WORDS = PAGE_BYTES / WORD;

/** Where a page is read to that is copied from at once. */
const pageAgain = new Uint32Array(PAGE_WORDS);

const firstPage = (start: number): number => Math.floor(start / PAGE_BYTES);

const isKept = (start: number, end: number): boolean => end - start <= CACHED_RANGE_PAGES * PAGE_BYTES;

/** Whether all pages of bytes [start, end) are in the cache; those before one that is not count as used. */
function isCached({ cached }: Part, start: number, end: number): boolean {
  for (let page = firstPage(start); page * PAGE_BYTES < end; page++) if (!cached.get(page)) return false;
  return true;
}

/** The pages that a read wants and the cache lacks, each once. */
class Wanted {
  readonly pages: Missing[] = [];
  readonly #known = new Map<Part, Map<number, Missing>>();

  /** Copies bytes [start, end) to `out` from `at` on, now or when their page comes. */
  copy(part: Part, start: number, end: number, out: Uint8Array, at: number, keep: boolean): void {
    for (let page = firstPage(start); page * PAGE_BYTES < end; page++) {
      const from = Math.max(start - page * PAGE_BYTES, 0);
      const to = Math.min(end - page * PAGE_BYTES, PAGE_BYTES);
      const place = at + page * PAGE_BYTES + from - start;
      const cached = part.cached.get(page);
      if (cached) out.set(cached.subarray(from, to), place);
      else this.#page(part, page, keep).pieces.push({ from, to, out, at: place });
    }
  }

  /** The pages of bytes [start, end), for the cache only. */
  addPages(part: Part, start: number, end: number): void {
    for (let page = firstPage(start); page * PAGE_BYTES < end; page++)
      if (!part.cached.get(page)) this.#page(part, page, true);
  }

  #page(part: Part, page: number, keep: boolean): Missing {
    let known = this.#known.get(part);
    if (!known) {
      known = new Map();
      this.#known.set(part, known);
    }
    let missing = known.get(page);
    if (!missing) {
      missing = { part, page, pieces: [], keep };
      known.set(page, missing);
      this.pages.push(missing);
    }
    missing.keep ||= keep;
    return missing;
  }
}

/** The pages of some rows that the cache lacks. */
function missingOf(part: Part, stride: number, ordinals: Uint32Array): readonly Missing[] {
  const wanted = new Wanted();
  let last = -1;
  for (const ordinal of ordinals) {
    const [start, end] = [ordinal * stride, (ordinal + 1) * stride];
    // most rows lie in the page of the row before
    if (firstPage(start) === last && end <= (last + 1) * PAGE_BYTES) continue;
    wanted.addPages(part, start, end);
    last = firstPage(end - 1);
  }
  return wanted.pages;
}

/** Rows that are asked of memory before the first of them is copied: it answers many requests in the time of one. */
const ASKED_AHEAD = 32;
/** Words of a line of the processor's caches. */
const LINE_WORDS = 16;
/** Where what was read ahead is left, so that no compiler leaves it out. */
const readAhead = new Uint32Array(1);

/** Reads a word of each line of rows [first, last). @returns false when a page is not in the cache */
function askFor(
  { cached }: Part,
  words: number,
  ordinals: Uint32Array,
  first: number,
  last: number,
): boolean {
  let read = 0;
  for (let i = first; i < last; i++) {
    const start = ordinals[i]! * words;
    const number = Math.floor(start / PAGE_WORDS);
    const page = cached.words(number);
    if (!page) return false;
    const from = start - number * PAGE_WORDS;
    for (let at = from; at < Math.min(from + words, PAGE_WORDS); at += LINE_WORDS) read ^= page[at]!;
  }
  readAhead[0] = read;
  return true;
}

/** The usual case, without an object for each row and a word at a time. @returns false when a page is not in the cache */
function gatherCached(part: Part, stride: number, ordinals: Uint32Array, out: Uint8Array): boolean {
  if (stride % WORD !== 0 || stride > PAGE_BYTES || out.byteOffset % WORD !== 0) return false;
  const { cached } = part;
  const target = new Uint32Array(out.buffer, out.byteOffset, out.byteLength / WORD);
  const words = stride / WORD;
  for (let i = 0, to = 0; i < ordinals.length; i++) {
    if (i % ASKED_AHEAD === 0) {
      const last = Math.min(ordinals.length, i + ASKED_AHEAD);
      if (!askFor(part, words, ordinals, i, last)) return false;
    }
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
