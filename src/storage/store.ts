/**
 * Store: ordered, transactional bytes on a tier. Everything durable goes through it.
 * Reading is split from writing so that a snapshot file, also over HTTP, can serve the same indexes.
 */

/** Parts of a key, ordered as `ordered-binary` orders them: numbers before strings, arrays element by element. */
export type KeyPart = string | number;
export type Key = readonly KeyPart[];
export type MaybePromise<T> = T | Promise<T>;

export interface RangeOptions {
  /** Inclusive lower bound. */
  readonly start?: Key;
  /** Exclusive upper bound. */
  readonly end?: Key;
  /** Only keys that begin with these parts. */
  readonly prefix?: Key;
  readonly reverse?: boolean;
  readonly limit?: number;
}

export interface Entry {
  readonly key: Key;
  /** Borrowed: valid until the next call on the store; copy to keep. */
  readonly value: Uint8Array;
}

/** What a reader sees. `namespace` keeps the rooms' keys apart. Values carry a checksum; a bad one throws CORRUPT naming file and key. */
export interface ReadableStore extends AsyncDisposable {
  readonly location: string;
  readonly writable: boolean;
  /**
   * Values in the order of `keys`; owned copies or views of immutable memory, safe to keep. Synchronous on RAM and disk, a promise
   * where bytes come from afar: callers `await` once per batch of keys, never per key.
   */
  getMany(namespace: string, keys: readonly Key[]): MaybePromise<(Uint8Array | undefined)[]>;
  /**
   * Shows the values in the order of `keys`, each borrowed until `visit` returns, which must not call the store. Where a store has it, it is
   * the cheapest way to values that are copied elsewhere at once. @throws MnemeError CORRUPT after the values before the damaged one
   */
  visitMany?(
    namespace: string,
    keys: readonly Key[],
    visit: (value: Uint8Array | undefined, index: number) => void,
  ): void;
  /**
   * Has the pages of some values brought into RAM by other threads, several at a time: where they lie on a disk, reading them then waits for
   * it once instead of once for each. Shows and checks nothing; keys without values are passed over.
   */
  readAhead?(namespace: string, keys: readonly Key[]): Promise<void>;
  /** Lazy, ordered. Iterate it to the end or break; do not write meanwhile. */
  range(namespace: string, options?: RangeOptions): Iterable<Entry> | AsyncIterable<Entry>;
  /** Grows by one with each commit by any process; 0 for an empty store; constant for a snapshot. */
  generation(): number;
  stats(): StoreStats;
  close(): Promise<void>;
}

export interface StoreStats {
  /** Bytes the store occupies on its tier, e.g. the file's allocated size. */
  readonly bytes: number;
  /** Bytes that a compaction could return. */
  readonly freeBytes: number;
  readonly tier: "ram" | "disk" | "remote";
}

/** Writes of one atomic batch, applied in order. Values are borrowed until the batch's promise settles. */
export interface Batch {
  put(namespace: string, key: Key, value: Uint8Array): void;
  delete(namespace: string, key: Key): void;
  /** Deletes every key that begins with `prefix` (all of the namespace for []). */
  deletePrefix(namespace: string, prefix: Key): void;
}

export interface Store extends ReadableStore {
  /** Synchronous reads: a writable store is always local. */
  getMany(namespace: string, keys: readonly Key[]): (Uint8Array | undefined)[];
  get(namespace: string, key: Key): Uint8Array | undefined;
  range(namespace: string, options?: RangeOptions): Iterable<Entry>;
  /** The first key of a range. Its value is not looked at: it may be damaged. */
  firstKey(namespace: string, options?: RangeOptions): Key | undefined;
  /**
   * Collects the writes of `fill` and commits them at once; resolves when they are durable (fsync) with the new generation.
   * Batches commit in the order of their calls. If `fill` throws, nothing is written.
   * @param given whole buffers that change hands: values that lie in them may be taken without a copy, and are gone afterwards.
   * @throws MnemeError DISK_FULL, READ_ONLY, LOCKED, DISPOSED: nothing of the batch is kept.
   */
  batch(fill: (batch: Batch) => void, given?: readonly ArrayBuffer[]): Promise<number>;
  /** Rewrites live data and returns space to the file system; reads go on meanwhile. @returns bytes before and after. */
  compact(options?: CompactOptions): Promise<{ readonly bytesBefore: number; readonly bytesAfter: number }>;
}

export interface CompactOptions {
  /** Given the switch to what was rewritten, a matter of a moment that ends open ranges: calls it while nobody reads. */
  readonly switching?: (swap: () => Promise<void>) => Promise<void>;
}
