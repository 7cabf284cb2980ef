/**
 * lmdbStore: the durable Store, a folder with one LMDB file. One writer and many readers, across processes; each commit is synced
 * before its promise resolves; every value is checked when it is read and the file's structure when it is opened.
 * Not zero-copy for what it hands out to keep: LMDB reuses pages that no transaction holds, so such values are copied.
 */
import { statSync } from "node:fs";
import { MnemeError } from "../errors.ts";
import { checkNamespace, collectWrites, type Write } from "./batch-log.ts";
import { encodeKey, encodeRange } from "./key.ts";
import {
  type DataFile,
  dataFile,
  isSuperseded,
  publish,
  removeLitter,
  temporaryFile,
} from "./library-folder.ts";
import { loadLmdb } from "./lmdb-binding.ts";
import { checkLmdbFile } from "./lmdb-check.ts";
import { COPY_BYTES, copyEngine } from "./lmdb-copy.ts";
import { type EngineOptions, LmdbEngine, PAGE_SIZE } from "./lmdb-engine.ts";
import { type OpenEngine, type Opened, openForReading, openForWriting } from "./lmdb-open.ts";
import type { Walk } from "./lmdb-walk.ts";
import { SCAN, type Scannable, type ScannedEntry } from "./scan.ts";
import type { Batch, Entry, Key, RangeOptions, Store, StoreStats } from "./store.ts";
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
}

export const lmdbStoreDefaults: Required<LmdbStoreOptions> = {
  readOnly: false,
  lockTimeoutMs: 0,
  maxReaders: 512,
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
  #engine: LmdbEngine;
  #file: DataFile;
  #closed = false;
  /** Set after a failed commit: LMDB's state in memory is then unknown, so the file is opened anew. */
  #stale = false;
  /** Compaction and the batches behind it; undefined when batches may commit at once. */
  #queue: Promise<unknown> | undefined;
  #followed = false;

  constructor(folder: string, settings: EngineOptions, openEngine: OpenEngine, opened: Opened) {
    this.location = folder;
    this.writable = !settings.readOnly;
    this.#settings = settings;
    this.#openEngine = openEngine;
    this.#lock = opened.lock;
    this.#engine = opened.engine;
    this.#file = opened.file;
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

  range(namespace: string, options: RangeOptions = {}): Iterable<Entry> {
    checkNamespace(namespace);
    const { start, end } = encodeRange(namespace, options);
    this.#live();
    return {
      [Symbol.iterator]: () => {
        const walk = this.#live().walk(start, end, options.reverse ?? false);
        const entries = this.#iterate(walk, options.limit);
        abandoned.register(entries, walk);
        return entries;
      },
    };
  }

  generation(): number {
    this.#followed = false;
    return readGeneration(this.#live().read(GENERATION_KEY));
  }

  async batch(fill: (batch: Batch) => void): Promise<number> {
    this.#live();
    if (!this.writable)
      throw new MnemeError(
        "READ_ONLY",
        `batch: ${this.location} was opened with readOnly; open it for writing`,
      );
    const writes = collectWrites(fill);
    this.#live(); // `fill` may have closed it
    if (!this.#queue) return this.#commit(writes);
    return this.#enqueue(async () => this.#commit(writes));
  }

  async compact(): Promise<{ readonly bytesBefore: number; readonly bytesAfter: number }> {
    this.#live();
    if (!this.writable)
      throw new MnemeError("READ_ONLY", `compact: ${this.location} was opened with readOnly`);
    return this.#enqueue(async () => {
      const bytesBefore = statSync(this.#file.path).size;
      await this.#rewrite();
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
    await this.#queue;
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

  *#iterate(walk: Walk, limit = Number.POSITIVE_INFINITY): Generator<Entry> {
    const engine = this.#engine;
    try {
      for (let left = limit; left > 0; left--) {
        const entry = walk.next();
        if (!entry) return;
        yield { key: entry.key, value: walk.value(entry) };
        if (this.#live() !== engine)
          throw new MnemeError(
            "STATE",
            `range: ${this.location} was compacted meanwhile; begin the range again`,
          );
      }
    } finally {
      walk.end();
    }
  }

  #commit(writes: readonly Write[]): number {
    const engine = this.#current();
    const generation = readGeneration(engine.read(GENERATION_KEY));
    if (writes.length === 0) return generation;
    try {
      engine.commit(writes, { key: GENERATION_KEY, value: generationBytes(generation + 1) });
      return generation + 1;
    } catch (error) {
      this.#stale = true;
      const bytes = statSync(this.#file.path).size;
      throw toCommitError(error, "batch", this.location, bytes, bytesOf(writes));
    }
  }

  /** Copies live data into a new file and switches to it. The old file stays current until the rename. */
  async #rewrite(): Promise<void> {
    const next = dataFile(this.location, this.#file.number + 1);
    const temporary = temporaryFile(this.location, next.number);
    try {
      await copyEngine(this.#engine, () => this.#openEngine(temporary));
      checkLmdbFile(temporary);
      publish(temporary, next, this.location);
    } catch (error) {
      const bytes = statSync(temporary, { throwIfNoEntry: false })?.size ?? 0;
      const typed = toCommitError(error, "compact", this.location, bytes, COPY_BYTES);
      removeLitter(this.location, this.#file);
      throw typed;
    }
    const old = this.#engine;
    this.#engine = this.#openEngine(next.path);
    this.#file = next;
    await old.close();
    removeLitter(this.location, next);
  }

  /** One after another; a failure does not stop those behind it. */
  #enqueue<T>(job: () => Promise<T>): Promise<T> {
    const result = (this.#queue ?? Promise.resolve()).then(job);
    const settled = result.catch(() => {});
    this.#queue = settled;
    void settled.then(() => {
      if (this.#queue === settled) this.#queue = undefined;
    });
    return result;
  }

  #live(): LmdbEngine {
    if (this.#closed) throw new MnemeError("DISPOSED", `store ${this.location}: used after close`);
    return this.#current();
  }

  /** Also for work that was accepted before close, which waits for it. */
  #current(): LmdbEngine {
    if (this.#stale) this.#reopen();
    if (this.#settings.readOnly) this.#follow();
    return this.#engine;
  }

  #reopen(): void {
    void this.#engine.close();
    this.#engine = this.#openEngine(this.#file.path);
    this.#stale = false;
  }

  /** Once in each turn of the event loop a reader looks for later commits, and for the file that a compaction left. */
  #follow(): void {
    if (this.#followed) return;
    this.#followed = true;
    setImmediate(() => {
      this.#followed = false;
    }).unref();
    if (!isSuperseded(this.location, this.#file)) {
      this.#engine.refresh();
      return;
    }
    const opened = openForReading(this.location, this.#openEngine);
    void this.#engine.close();
    this.#engine = opened.engine;
    this.#file = opened.file;
  }
}

/** About what a commit of these writes adds to the file: their values on whole pages, and a copy of the tree's way to each. */
function bytesOf(writes: readonly Write[]): number {
  return writes.reduce(
    (sum, write) => sum + (write.kind === "put" ? write.value.length : 0) + PAGE_SIZE,
    16 * PAGE_SIZE,
  );
}
