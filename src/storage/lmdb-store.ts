/**
 * lmdbStore: the durable Store, a folder with one LMDB file. One writer and many readers, across processes; each commit is synced
 * before its promise resolves; every value is checked when it is read and the file's structure when it is opened.
 * Not zero-copy for what it hands out to keep: LMDB reuses pages that no transaction holds, so such values are copied.
 */
import { statSync } from "node:fs";
import { MnemeError } from "../errors.ts";
import { checkNamespace, collectWrites, type Write } from "./batch-log.ts";
import { CommitQueue, type QueuedBatch } from "./commit-queue.ts";
import { CommitThread } from "./commit-thread.ts";
import { encodeKey, encodeRange } from "./key.ts";
import { type DataFile, dataFile, isSuperseded, removeLitter, temporaryFile } from "./library-folder.ts";
import { loadLmdb } from "./lmdb-binding.ts";
import { COPY_BYTES, rewriteFile } from "./lmdb-copy.ts";
import { type EngineOptions, LmdbEngine, PAGE_SIZE } from "./lmdb-engine.ts";
import { type OpenEngine, type Opened, openForReading, openForWriting } from "./lmdb-open.ts";
import type { Walk } from "./lmdb-walk.ts";
import { SCAN, type Scannable, type ScannedEntry } from "./scan.ts";
import type {
  Batch,
  CompactOptions,
  Entry,
  Key,
  MaybePromise,
  RangeOptions,
  Store,
  StoreStats,
} from "./store.ts";
import { toCommitError, toStoreError } from "./store-errors.ts";
import {
  AFTER_LAST_KEY,
  FIRST_USER_KEY,
  GENERATION_KEY,
  generationBytes,
  readGeneration,
} from "./store-header.ts";
import type { WriterLock } from "./writer-lock.ts";

export interface LmdbStoreOptions {
  /** Open for reading beside a writer, or in a folder without write permission. Default false. */
  readonly readOnly?: boolean;
  /** How long to wait for another writer to finish. Default 0: LOCKED at once. */
  readonly lockTimeoutMs?: number;
  /** Processes that may read at once. Default 512. */
  readonly maxReaders?: number;
  /** Commit and compact on a thread of its own, so that nobody here waits for the disk. Default false. */
  readonly commitThread?: boolean;
}

export const lmdbStoreDefaults: Required<LmdbStoreOptions> = {
  readOnly: false,
  lockTimeoutMs: 0,
  maxReaders: 512,
  commitThread: false,
};

/**
 * Opens the library in `folder`, creating it if there is none.
 * @throws MnemeError FORMAT (another program's file or folder), VERSION, CORRUPT, LOCKED, READ_ONLY, DISK_FULL, DEPENDENCY; NOT_FOUND when
 * opened readOnly where there is no library.
 */
export async function lmdbStore(folder: string, options: LmdbStoreOptions = {}): Promise<Store> {
  const settings = { ...lmdbStoreDefaults, ...options };
  const lmdb = await loadLmdb();
  const openEngine = (path: string): LmdbEngine => new LmdbEngine(lmdb, path, settings);
  try {
    const opened = settings.readOnly
      ? openForReading(folder, openEngine)
      : await openForWriting(folder, settings.lockTimeoutMs, openEngine);
    return new LmdbStore(folder, settings, openEngine, opened);
  } catch (error) {
    throw toStoreError(error, "open", folder);
  }
}

/** A range that is neither finished nor broken off would hold old pages back until the store closes. */
const abandoned = new FinalizationRegistry<Walk>((walk) => walk.end());

class LmdbStore implements Store, Scannable {
  readonly location: string;
  readonly writable: boolean;
  readonly #settings: EngineOptions;
  readonly #openEngine: OpenEngine;
  readonly #lock: WriterLock | undefined;
  readonly #thread: CommitThread | undefined;
  readonly #queue = new CommitQueue((batches) => this.#commit(batches));
  #engine: LmdbEngine;
  #file: DataFile;
  #closed = false;
  /** Set after a failed commit: LMDB's state in memory is then unknown, so the file is opened anew. */
  #stale = false;
  #followed = false;
  #awaitsTurn = false;

  constructor(folder: string, settings: Required<LmdbStoreOptions>, openEngine: OpenEngine, opened: Opened) {
    this.location = folder;
    this.writable = !settings.readOnly;
    this.#settings = settings;
    this.#openEngine = openEngine;
    this.#lock = opened.lock;
    this.#engine = opened.engine;
    this.#file = opened.file;
    if (settings.commitThread && this.writable)
      this.#thread = new CommitThread({ readOnly: false, maxReaders: settings.maxReaders });
  }

  get(namespace: string, key: Key): Uint8Array | undefined {
    checkNamespace(namespace);
    return this.#live().readCopy(encodeKey(namespace, key));
  }

  getMany(namespace: string, keys: readonly Key[]): (Uint8Array | undefined)[] {
    checkNamespace(namespace);
    const engine = this.#live();
    return keys.map((key) => engine.readCopy(encodeKey(namespace, key)));
  }

  visitMany(
    namespace: string,
    keys: readonly Key[],
    visit: (value: Uint8Array | undefined, index: number) => void,
  ): void {
    checkNamespace(namespace);
    const engine = this.#live();
    keys.forEach((key, i) => visit(engine.read(encodeKey(namespace, key)), i));
  }

  async readAhead(namespace: string, keys: readonly Key[]): Promise<void> {
    checkNamespace(namespace);
    await this.#live().readAhead(keys.map((key) => encodeKey(namespace, key)));
  }

  range(namespace: string, options: RangeOptions = {}): Iterable<Entry> {
    checkNamespace(namespace);
    const { start, end } = encodeRange(namespace, options);
    this.#live();
    return {
      [Symbol.iterator]: () => {
        const engine = this.#live();
        const walk = engine.walk(start, end, options.reverse ?? false);
        const entries = this.#iterate(engine, walk, options.limit);
        abandoned.register(entries, walk);
        return entries;
      },
    };
  }

  firstKey(namespace: string, options: RangeOptions = {}): Key | undefined {
    checkNamespace(namespace);
    const { start, end } = encodeRange(namespace, options);
    const walk = this.#live().walk(start, end, options.reverse ?? false);
    try {
      return walk.next()?.key;
    } finally {
      walk.end();
    }
  }

  generation(): number {
    this.#followed = false;
    return readGeneration(this.#live().read(GENERATION_KEY));
  }

  async batch(fill: (batch: Batch) => void, given: readonly ArrayBuffer[] = []): Promise<number> {
    this.#live();
    if (!this.writable)
      throw new MnemeError(
        "READ_ONLY",
        `batch: ${this.location} was opened with readOnly; open it for writing`,
      );
    const writes = collectWrites(fill);
    this.#live(); // `fill` may have closed it
    return this.#queue.batch({ writes, given });
  }

  async compact({ switching = (swap) => swap() }: CompactOptions = {}): Promise<{
    readonly bytesBefore: number;
    readonly bytesAfter: number;
  }> {
    this.#live();
    if (!this.writable)
      throw new MnemeError("READ_ONLY", `compact: ${this.location} was opened with readOnly`);
    return this.#queue.alone(async () => {
      const bytesBefore = statSync(this.#file.path).size;
      await this.#rewrite(switching);
      return { bytesBefore, bytesAfter: statSync(this.#file.path).size };
    });
  }

  stats(): StoreStats {
    const engine = this.#live();
    const bytes = statSync(this.#file.path).size;
    return { bytes, freeBytes: Math.max(0, bytes - engine.usedBytes()), tier: "disk" };
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    await this.#queue.idle();
    await this.#thread?.close();
    await this.#engine.close();
    this.#lock?.release();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  /** Its own records stay behind: a copy writes its own. */
  *[SCAN](): Generator<ScannedEntry> {
    const engine = this.#live();
    const walk = engine.walk(FIRST_USER_KEY, AFTER_LAST_KEY);
    try {
      for (let entry = walk.next(); entry; entry = walk.next()) {
        yield { keyBytes: entry.keyBytes, value: walk.value(entry) };
        if (this.#live() !== engine)
          throw new MnemeError("STATE", `scan: ${this.location} was compacted meanwhile; begin again`);
      }
    } finally {
      walk.end();
    }
  }

  *#iterate(engine: LmdbEngine, walk: Walk, limit = Number.POSITIVE_INFINITY): Generator<Entry> {
    try {
      for (let left = limit; left > 0; left--) {
        if (this.#live() !== engine)
          throw new MnemeError(
            "STATE",
            `range: ${this.location} was compacted meanwhile; begin the range again`,
          );
        const entry = walk.next();
        if (!entry) return;
        yield { key: entry.key, value: walk.value(entry) };
      }
    } finally {
      walk.end();
    }
  }

  /** @returns the generation before */
  #commit(batches: readonly QueuedBatch[]): MaybePromise<number> {
    const engine = this.#current();
    const before = readGeneration(engine.read(GENERATION_KEY));
    const writing = batches.filter(({ writes }) => writes.length > 0);
    if (writing.length === 0) return before;
    const writes = writing.flatMap((one) => one.writes);
    const given = writing.flatMap((one) => one.given);
    const bytes = bytesOf(writes);
    const generation = before + writing.length;
    if (this.#thread?.takes(bytes))
      return this.#thread
        .commit({ folder: this.location, path: engine.path, generation, bytes }, writes, given)
        .then(
          () => {
            engine.refresh();
            return before;
          },
          (error) => {
            this.#stale = true;
            throw error;
          },
        );
    try {
      engine.commit(writes, { key: GENERATION_KEY, value: generationBytes(generation) });
      return before;
    } catch (error) {
      this.#stale = true;
      throw toCommitError(error, "batch", this.location, engine.path, bytes);
    }
  }

  /** Copies live data into a new file and switches to it. The old file stays current until the rename. */
  async #rewrite(switching: NonNullable<CompactOptions["switching"]>): Promise<void> {
    const next = dataFile(this.location, this.#file.number + 1);
    try {
      const engine = this.#current();
      if (this.#thread) await this.#thread.rewrite(engine.path, this.location, next);
      else await rewriteFile(engine, this.location, next, this.#openEngine);
    } catch (error) {
      const temporary = temporaryFile(this.location, next.number);
      const typed = toCommitError(error, "compact", this.location, temporary, COPY_BYTES);
      removeLitter(this.location, this.#file);
      throw typed;
    }
    const swap = async (): Promise<void> => {
      if (this.#file !== next) await this.#switchTo(next);
    };
    try {
      await switching(swap);
    } finally {
      await swap(); // the new file is current already
      removeLitter(this.location, next);
    }
  }

  /** Where opening fails the next call tries again: a commit to the old file would be lost. */
  async #switchTo(file: DataFile): Promise<void> {
    this.#file = file;
    this.#stale = true;
    await this.#reopen();
  }

  #live(): LmdbEngine {
    if (this.#closed) throw new MnemeError("DISPOSED", `store ${this.location}: used after close`);
    return this.#current();
  }

  /** Also for work that was accepted before close, which waits for it. */
  #current(): LmdbEngine {
    if (this.#stale) void this.#reopen();
    if (this.#settings.readOnly) this.#follow();
    return this.#engine;
  }

  /** Open on return; resolves when the engine before is closed. */
  #reopen(): Promise<void> {
    const closing = this.#engine.close();
    try {
      this.#engine = this.#openEngine(this.#file.path);
    } catch (error) {
      throw toStoreError(error, "open", this.location);
    }
    this.#stale = false;
    return closing;
  }

  /** Once in each turn of the event loop a reader looks for later commits, and for the file that a compaction left. */
  #follow(): void {
    if (this.#followed) return;
    this.#followed = true;
    this.#awaitTurn();
    if (!isSuperseded(this.location, this.#file)) {
      this.#engine.refresh();
      return;
    }
    const opened = openForReading(this.location, this.#openEngine);
    void this.#engine.close();
    this.#engine = opened.engine;
    this.#file = opened.file;
  }

  /** One callback, however often it is asked for: whoever reads in a loop that never ends its turn would heap them up. */
  #awaitTurn(): void {
    if (this.#awaitsTurn) return;
    this.#awaitsTurn = true;
    setImmediate(() => {
      this.#awaitsTurn = false;
      this.#followed = false;
    }).unref();
  }
}

/** About what a commit of these writes adds to the file: their values on whole pages, and a copy of the tree's way to each. */
function bytesOf(writes: readonly Write[]): number {
  return writes.reduce(
    (sum, write) => sum + (write.kind === "put" ? write.value.length : 0) + PAGE_SIZE,
    16 * PAGE_SIZE,
  );
}
