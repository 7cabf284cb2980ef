/**
 * One open LMDB data file: sealed reads, ordered walks and synchronous durable commits. It knows nothing of folders, locks
 * between processes or generations; see lmdb-store.ts. The file must have passed lmdb-check.ts.
 *
 * Commits run with overlappingSync off: `transactionSync` returns after LMDB wrote the pages, synced them, and wrote the meta page
 * through a synchronous descriptor. Nothing is acknowledged earlier, and nothing can be seen by a reader that a crash could undo.
 */
import { MnemeError } from "../errors.ts";
import type { Write } from "./batch-log.ts";
import { decodeKey } from "./key.ts";
import type { Database, Lmdb, ReadTransaction, TreeStats } from "./lmdb-binding.ts";
import { type LockFileOptions, makeLockFile } from "./lmdb-lock-file.ts";
import { Walk } from "./lmdb-walk.ts";
import { SEAL_BYTES, sealValue, unsealValue } from "./sealed-value.ts";

/** LMDB's page, fixed so that a library opens on machines with other memory pages. */
export const PAGE_SIZE = 4096;
export type EngineOptions = LockFileOptions;

const SMALL_BYTES = 1024;
/** As many as the system's pool has by default. */
const READING_THREADS = 4;
/** A reader that was killed within a read would hold old pages back for ever. */
const COMMITS_BETWEEN_CHECKS = 64;
/** The buffer that values are sealed in is kept up to this size. */
const KEPT_SCRATCH_BYTES = 1 << 20;

export class LmdbEngine {
  readonly path: string;
  readonly #db: Database;
  readonly #walks = new Set<Walk>();
  #scratch: Buffer = Buffer.allocUnsafeSlow(1 << 17);
  #open = true;
  #commits = 0;

  constructor(lmdb: Lmdb, path: string, options: EngineOptions) {
    this.path = path;
    makeLockFile(`${path}-lock`, options);
    this.#db = lmdb.open({
      path,
      noSubdir: true,
      readOnly: options.readOnly,
      maxReaders: options.maxReaders,
      pageSize: PAGE_SIZE,
      keyEncoding: "binary",
      encoding: "binary",
      overlappingSync: false,
    });
  }

  get isOpen(): boolean {
    return this.#open;
  }

  /** Forgets the cached read transaction, so that the next read sees the latest commit of any process. */
  refresh(): void {
    this.#db.resetReadTxn();
  }

  /**
   * The value, verified: borrowed, valid until the next call on the engine.
   * @throws MnemeError CORRUPT naming file and key.
   */
  read(key: Uint8Array, transaction?: ReadTransaction): Uint8Array | undefined {
    const sealed = this.readSealed(key, transaction);
    if (!sealed) return undefined;
    return unsealValue(key, sealed) ?? this.#corrupt(key);
  }

  /** The value with its seal, unverified and borrowed. */
  readSealed(key: Uint8Array, transaction?: ReadTransaction): Uint8Array | undefined {
    const found = this.#db.getBinaryFast(key, transaction && { transaction });
    // lmdb-js answers small values in a shared buffer whose `length` it overrides; only lastSize is true.
    return found && new Uint8Array(found.buffer, found.byteOffset, this.#db.lastSize);
  }

  /** Like `read`, as an owned copy. */
  readCopy(key: Uint8Array, transaction?: ReadTransaction): Uint8Array | undefined {
    const value = this.read(key, transaction);
    if (!value) return undefined;
    // Small arrays live on V8's heap; large ones skip the zeroing of fresh memory.
    if (value.length <= SMALL_BYTES) return new Uint8Array(value);
    const copy = new Uint8Array(Buffer.allocUnsafeSlow(value.length).buffer);
    copy.set(value);
    return copy;
  }

  /** Has values' pages brought into RAM by threads of the system's pool. */
  async readAhead(keys: readonly Uint8Array[]): Promise<void> {
    const share = Math.ceil(keys.length / READING_THREADS);
    const parts = Array.from({ length: READING_THREADS }, (_, i) => keys.slice(i * share, (i + 1) * share));
    const fetch = (some: readonly Uint8Array[]): Promise<void> =>
      new Promise((resolve) => this.#db.prefetch(some, resolve));
    await Promise.all(parts.filter(({ length }) => length > 0).map(fetch));
  }

  /** Ordered entries with start <= key < end of one snapshot. */
  walk(start: Uint8Array, end: Uint8Array, reverse = false): Walk {
    const walk = new Walk(this, this.#db, start, end, reverse, () => this.#walks.delete(walk));
    this.#walks.add(walk);
    return walk;
  }

  /**
   * Applies the writes and the closing record in one transaction; durable on return.
   * @throws what LMDB says; then nothing was kept, and the engine must be opened anew before the next commit.
   */
  commit(writes: readonly Write[], closing?: { readonly key: Uint8Array; readonly value: Uint8Array }): void {
    this.#db.transactionSync(() => {
      for (const write of writes) this.#apply(write);
      if (closing) this.#put(closing.key, closing.value);
    });
    if (++this.#commits % COMMITS_BETWEEN_CHECKS === 0) this.#db.readerCheck();
    if (this.#scratch.length > KEPT_SCRATCH_BYTES) this.#scratch = Buffer.allocUnsafeSlow(1 << 17);
  }

  /** Appends sealed values in key order, for copies of whole stores. */
  appendSealed(entries: readonly { readonly key: Uint8Array; readonly sealed: Uint8Array }[]): void {
    this.#db.transactionSync(() => {
      for (const { key, sealed } of entries) this.#db.put(key, sealed, { append: true });
    });
  }

  /** Bytes of pages that hold something. */
  usedBytes(): number {
    const stats = this.#db.getStats() as { readonly root: TreeStats; readonly free: TreeStats };
    const pages = (tree: TreeStats): number =>
      tree.treeBranchPageCount + tree.treeLeafPageCount + tree.overflowPages;
    return (2 + pages(stats.root) + pages(stats.free)) * PAGE_SIZE;
  }

  /** Ends open walks, then unmaps the file. */
  async close(): Promise<void> {
    if (!this.#open) return;
    this.#open = false;
    for (const walk of [...this.#walks]) walk.end();
    await this.#db.close();
  }

  #apply(write: Write): void {
    if (write.kind === "put") this.#put(write.key, write.value);
    else if (write.kind === "delete") this.#db.remove(write.key);
    else {
      const keys = [...this.#db.getKeys({ start: write.start, end: write.end })];
      for (const key of keys) this.#db.remove(key);
    }
  }

  #put(key: Uint8Array, value: Uint8Array): void {
    const needed = value.length + SEAL_BYTES;
    if (this.#scratch.length < needed) this.#scratch = Buffer.allocUnsafeSlow(needed);
    const length = sealValue(key, value, this.#scratch);
    this.#db.put(key, this.#scratch.subarray(0, length));
  }

  #corrupt(key: Uint8Array): never {
    const name = decodeKey(key);
    throw new MnemeError(
      "CORRUPT",
      `${this.path}: the value of ${name ? `${name.namespace}/${JSON.stringify(name.key)}` : "a key"} does not match its ` +
        "checksum; restore it from a snapshot or index again",
      { details: { path: this.path, namespace: name?.namespace, key: name?.key } },
    );
  }
}
