/**
 * FmIndex: every substring of a corpus counted, located and extracted from an index smaller than the corpus, on disk, in a few megabytes of
 * memory (Ferragina and Manzini, 2000; the use for corpora: Infini-gram mini, 2025). Over bytes: documents may hold any; a match lies in
 * one document. Documents come and go by shards, searched side by side. Not a ranked search: see WordsIndex.
 */
import { isMnemeError, MnemeError, throwIfAborted } from "../../../errors.ts";
import { FmMemory } from "../../../kernels/fm.ts";
import { BlockRing } from "./block-ring.ts";
import { foldTable } from "./build-run.ts";
import { type Documents, mergeShards, planMerge, writeDocuments } from "./grow.ts";
import { type Home, memoryHome } from "./home.ts";
import { type Occurrences, sortOccurrences } from "./occurrences.ts";
import {
  type FmBuildOptions,
  type FmIndexOptions,
  type FmOpenOptions,
  fmOpenDefaults,
  patternOf,
  type Settings,
  settingsOf,
} from "./options.ts";
import { allocScratch, LOCATED, type RowRange, type Scratch, Shard } from "./shard.ts";
import { ShardSource } from "./shard-source.ts";

export type { Occurrences } from "./occurrences.ts";
export type { FmBuildOptions } from "./options.ts";

export interface LocateOptions {
  /** Occurrences at most; default all. Which ones of more is not defined, but the same each time. */
  readonly limit?: number;
  readonly signal?: AbortSignal;
}

/** How often each byte follows, and how often the document ends instead. */
export interface NextBytes {
  readonly counts: Uint32Array;
  readonly ends: number;
}

/** Ranges of a pattern in all shards, to be narrowed further. */
export type Cursor = readonly RowRange[];

/** How often an index is opened again because shards were merged under it. */
const OPENING_ATTEMPTS = 5;

export class FmIndex implements AsyncDisposable {
  readonly #home: Home;
  readonly #scratch: Scratch;
  readonly #fold: Uint8Array;
  #shards: Shard[] = [];
  #names: string[] = [];
  /** Queries one after the other: they share memory. */
  #last: Promise<unknown> = Promise.resolve();
  /** Changes one after the other. */
  #lastWrite: Promise<unknown> = Promise.resolve();
  #closed = false;

  private constructor(home: Home, { cacheBytes = fmOpenDefaults.cacheBytes }: FmOpenOptions) {
    if (!(Number.isInteger(cacheBytes) && cacheBytes >= 1 << 16 && cacheBytes <= 2 ** 31))
      throw new MnemeError("RANGE", `fm-index: cacheBytes is ${cacheBytes}, need 64 KiB to 2 GiB`);
    const memory = new FmMemory();
    this.#home = home;
    this.#fold = foldTable(home.settings.fold);
    this.#scratch = allocScratch(memory, new BlockRing(memory, cacheBytes));
  }

  /**
   * Builds an index of documents, strings as UTF-8. Bytes are borrowed until the next document is asked for.
   * @throws MnemeError EXISTS, LOCKED, RANGE, ARGUMENT, BUDGET, DISK_FULL, CANCELLED
   */
  static async build(documents: Documents, options: FmBuildOptions = {}): Promise<FmIndex> {
    const settings = settingsOf(options);
    const home = await homeOf(options.folder, settings);
    const release = await home.lock(options.lockTimeoutMs ?? 0);
    try {
      await home.commit(await writeDocuments(home, documents, options));
    } finally {
      release();
    }
    const index = new FmIndex(home, options);
    await index.#reopen();
    return index;
  }

  /** @throws MnemeError NOT_FOUND, CORRUPT, VERSION, BUDGET */
  static async open(folder: string, options: FmOpenOptions = {}): Promise<FmIndex> {
    const { clearFolder, openFolder } = await import("./folder-home.ts");
    for (let attempt = 0; ; attempt++) {
      const home = openFolder(folder);
      const index = new FmIndex(home, options);
      try {
        await clearFolder(home);
        await index.#reopen();
        return index;
      } catch (error) {
        // shards that were merged between reading their names and opening them
        if (!isMnemeError(error, "NOT_FOUND") || attempt === OPENING_ATTEMPTS) throw error;
      }
    }
  }

  /** An index of shards that live elsewhere, as they are now. @throws MnemeError CORRUPT, VERSION, BUDGET */
  static async over(home: Home, options: FmOpenOptions = {}): Promise<FmIndex> {
    const index = new FmIndex(home, options);
    await index.#reopen();
    return index;
  }

  get documents(): number {
    return this.#shards.reduce((sum, { source }) => sum + source.header.documents, 0);
  }

  /** Bytes of the documents. */
  get textBytes(): number {
    return this.#shards.reduce((sum, { source }) => sum + source.header.textBytes, 0);
  }

  /** Bytes of the index: all that counting, locating and extracting need. */
  get indexBytes(): number {
    return this.#shards.reduce((sum, { source }) => sum + source.size, 0);
  }

  get shardCount(): number {
    return this.#shards.length;
  }

  /** Documents of one shard. */
  documentsIn(shard: number): number {
    return this.#shards[shard]!.source.header.documents;
  }

  get settings(): Settings {
    return this.#home.settings;
  }

  /** Bytes of RAM held: blocks, tables, what queries work in. */
  get memoryBytes(): number {
    return this.#shards.reduce((sum, { memoryBytes }) => sum + memoryBytes, this.#scratch.memory.bytes);
  }

  /** Appends documents as new shards. @returns how many there are now. @throws MnemeError as build does */
  async append(
    documents: Documents,
    options: Pick<FmIndexOptions, "signal" | "onProgress" | "lockTimeoutMs"> = {},
  ): Promise<number> {
    return this.#write(options.lockTimeoutMs, async () => {
      const added = await writeDocuments(this.#home, documents, { ...this.#home.settings, ...options });
      await this.#home.commit([...this.#home.shards, ...added]);
      await this.#turn(() => this.#reopen());
      return this.documents;
    });
  }

  /**
   * Merges neighbouring shards while they fit in `shardBytes` together; searches go on with the old ones meanwhile.
   * @returns shards before and after. @throws MnemeError LOCKED, CANCELLED, CORRUPT, BUDGET, DISK_FULL
   */
  async merge(
    options: Pick<FmIndexOptions, "shardBytes" | "signal" | "lockTimeoutMs"> = {},
  ): Promise<{ before: number; after: number }> {
    return this.#write(options.lockTimeoutMs, async () => {
      const { shardBytes } = settingsOf({ ...this.settings, ...options });
      const before = this.#home.shards;
      const groups = planMerge(
        this.#shards.map(({ source }) => source.header.textBytes),
        shardBytes,
      );
      const after = await mergeShards(this.#home, groups, options.signal);
      await this.#home.commit(after);
      await this.#turn(() => this.#reopen());
      this.#home.remove(before.filter((name) => !after.includes(name)));
      return { before: before.length, after: after.length };
    });
  }

  /** How often the pattern occurs. @throws MnemeError RANGE for a pattern that is empty or longer than 64 KiB */
  async count(pattern: string | Uint8Array): Promise<number> {
    return sizeOfCursor(await this.find(pattern));
  }

  /** Of many patterns. @throws MnemeError CANCELLED, RANGE */
  async countMany(patterns: readonly (string | Uint8Array)[], signal?: AbortSignal): Promise<Float64Array> {
    const counts = new Float64Array(patterns.length);
    for (const [i, pattern] of patterns.entries()) {
      throwIfAborted(signal, "fm-index count");
      counts[i] = await this.count(pattern);
    }
    return counts;
  }

  /** Rows of a pattern, for `extend` and `next`. They are valid until documents are appended or shards merged. */
  async find(pattern: string | Uint8Array): Promise<Cursor> {
    const bytes = patternOf(pattern, this.#fold);
    return this.#turn(async () => {
      const ranges: RowRange[] = [];
      for (const shard of this.#shards) ranges.push(await shard.find(bytes));
      return ranges;
    });
  }

  /** Rows of all text: where a cursor begins. */
  start(): Cursor {
    return this.#shards.map((shard) => shard.everything);
  }

  /** Rows of the cursor's pattern followed by more bytes. */
  async extend(cursor: Cursor, more: string | Uint8Array): Promise<Cursor> {
    const bytes = patternOf(more, this.#fold);
    return this.#turn(async () => {
      const ranges: RowRange[] = [];
      for (const [i, shard] of this.#shards.entries()) ranges.push(await shard.narrow(cursor[i]!, bytes));
      return ranges;
    });
  }

  /** What follows the cursor's pattern, or a pattern. */
  async next(after: Cursor | string | Uint8Array): Promise<NextBytes> {
    const { counts, ends } = await this.branch(await this.#cursorOf(after));
    return { counts, ends };
  }

  /** As `next`, with the cursor of every byte that follows. */
  async branch(cursor: Cursor): Promise<NextBytes & { readonly cursors: ReadonlyMap<number, Cursor> }> {
    return this.#turn(async () => {
      const counts = new Uint32Array(256);
      const cursors = new Map<number, RowRange[]>();
      let ends = 0;
      for (const [i, shard] of this.#shards.entries()) {
        const { low, high } = cursor[i]!;
        if (low === high) continue;
        const found = await shard.branch({ low, high });
        ends += found.ends;
        for (let byte = 0; byte < 256; byte++) {
          const [from, to] = [found.ranges[2 * byte]!, found.ranges[2 * byte + 1]!];
          if (from >= to) continue;
          counts[byte]! += to - from;
          const ranges = cursors.get(byte) ?? this.#shards.map(() => ({ low: 0, high: 0 }));
          ranges[i] = { low: from, high: to };
          cursors.set(byte, ranges);
        }
      }
      return { counts, ends, cursors };
    });
  }

  /** Where the pattern occurs. @throws MnemeError RANGE, CANCELLED, CORRUPT */
  async locate(pattern: string | Uint8Array, options: LocateOptions = {}): Promise<Occurrences> {
    const bytes = patternOf(pattern, this.#fold);
    return this.locateRows(await this.find(bytes), bytes.length, options);
  }

  /** Where the rows of a cursor over so many bytes occur. */
  async locateRows(
    cursor: Cursor,
    length: number,
    { limit, signal }: LocateOptions = {},
  ): Promise<Occurrences> {
    if (limit !== undefined && !(Number.isInteger(limit) && limit >= 0))
      throw new MnemeError("RANGE", `fm-index locate: limit is ${limit}, need a whole number`);
    const total = Math.min(limit ?? Number.POSITIVE_INFINITY, sizeOfCursor(cursor));
    const documents = new Uint32Array(total);
    const offsets = new Uint32Array(total);
    let [done, base] = [0, 0];
    for (const [i, shard] of this.#shards.entries()) {
      const { low, high } = cursor[i]!;
      for (let from = low; from < high && done < total; ) {
        throwIfAborted(signal, "fm-index locate");
        const some = Math.min(LOCATED, high - from, total - done);
        const [found, depths] = [documents.subarray(done, done + some), offsets.subarray(done, done + some)];
        await this.#turn(() => shard.locate({ low: from, high: from + some }, found, depths));
        const { lengths } = shard.source.documents;
        for (let n = 0; n < some; n++) {
          depths[n] = lengths[found[n]!]! - depths[n]! - length;
          found[n]! += base;
        }
        from += some;
        done += some;
      }
      base += shard.source.header.documents;
    }
    return sortOccurrences({ documents, offsets });
  }

  /** Documents that hold the pattern, ascending, and how often each does. @throws MnemeError as locate does */
  async documentsOf(
    pattern: string | Uint8Array,
    options: LocateOptions = {},
  ): Promise<{ documents: Uint32Array; counts: Uint32Array }> {
    const { documents } = await this.locate(pattern, options);
    const counts = new Map<number, number>();
    for (const document of documents) counts.set(document, (counts.get(document) ?? 0) + 1);
    return { documents: Uint32Array.from(counts.keys()), counts: Uint32Array.from(counts.values()) };
  }

  /** Bytes of a document. @throws MnemeError RANGE */
  lengthOf(document: number): number {
    const { shard, local } = this.#ownerOf(document);
    return shard.source.documents.lengths[local]!;
  }

  /** Bytes `start` to before `end` of a document, cut at its length, owned. @throws MnemeError RANGE, CORRUPT */
  async extract(document: number, start = 0, end: number = Number.POSITIVE_INFINITY): Promise<Uint8Array> {
    const { shard, local } = this.#ownerOf(document);
    if (!(Number.isInteger(start) && start >= 0 && end >= start))
      throw new MnemeError(
        "RANGE",
        `fm-index extract: bytes ${start} to ${end}, need whole numbers in order`,
      );
    const stop = Math.min(end, shard.source.documents.lengths[local]!);
    const out = new Uint8Array(Math.max(0, stop - start));
    if (out.length > 0) await this.#turn(() => shard.extract(local, start, out.length, out));
    return out;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closed = true;
    await this.#lastWrite;
    await this.#last;
    for (const shard of this.#shards) await shard.source.close();
    this.#shards = [];
  }

  async #cursorOf(after: Cursor | string | Uint8Array): Promise<Cursor> {
    if (typeof after === "string" || after instanceof Uint8Array)
      return after.length === 0 ? this.start() : this.find(after);
    return after;
  }

  #ownerOf(document: number): { shard: Shard; local: number } {
    let local = document;
    for (const shard of this.#shards) {
      if (Number.isInteger(local) && local >= 0 && local < shard.source.header.documents)
        return { shard, local };
      local -= shard.source.header.documents;
    }
    throw new MnemeError("RANGE", `fm-index: document ${document}, there are ${this.documents}`);
  }

  #alive(): void {
    if (this.#closed) throw new MnemeError("DISPOSED", "fm-index: used after it was closed");
  }

  #turn<T>(work: () => Promise<T>): Promise<T> {
    this.#alive();
    const turn = this.#last.then(work);
    this.#last = turn.catch(() => {});
    return turn;
  }

  /** One change at a time, of one process: beginning with what others have listed meanwhile. */
  #write<T>(lockTimeoutMs: number | undefined, work: () => Promise<T>): Promise<T> {
    this.#alive();
    const turn = this.#lastWrite.then(async () => {
      const release = await this.#home.lock(lockTimeoutMs ?? 0);
      try {
        await this.#turn(() => this.#reopen());
        return await work();
      } finally {
        release();
      }
    });
    this.#lastWrite = turn.catch(() => {});
    return turn;
  }

  async #openShard(name: string): Promise<Shard> {
    const source = await this.#home.open(name);
    try {
      return new Shard(await ShardSource.open(source), this.#scratch);
    } catch (error) {
      await source.close();
      throw error;
    }
  }

  /** Opens listed shards that are not open, closes those that are no longer listed. */
  async #reopen(): Promise<void> {
    const known = new Map(this.#names.map((name, i) => [name, this.#shards[i]!]));
    const shards: Shard[] = [];
    for (const name of this.#home.shards) {
      shards.push(known.get(name) ?? (await this.#openShard(name)));
      known.delete(name);
    }
    this.#shards = shards;
    this.#names = [...this.#home.shards];
    for (const left of known.values()) await left.source.close();
  }
}

async function homeOf(folder: string | undefined, settings: Settings): Promise<Home> {
  return folder === undefined
    ? memoryHome(settings)
    : (await import("./folder-home.ts")).createFolder(folder, settings);
}

/** Occurrences in a cursor. */
export const sizeOfCursor = (cursor: Cursor): number =>
  cursor.reduce((sum, { low, high }) => sum + high - low, 0);
