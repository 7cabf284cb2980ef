/**
 * openSnapshot: a snapshot file as a read-only store, from disk, RAM, a Blob or a web server. Synchronous where its source is;
 * otherwise reads are promises and ranges asynchronous. Works in browsers. Only the blocks on the way to a key are read.
 */
import { MnemeError } from "../errors.ts";
import { checkNamespace } from "./batch-log.ts";
import { BlockCache } from "./block-cache.ts";
import type { ByteSource } from "./byte-source.ts";
import { compareBytes, decodeKey, encodeKey, encodeRange } from "./key.ts";
import { SCAN, type Scannable, type ScannedEntry } from "./scan.ts";
import { SnapshotCursor } from "./snapshot-cursor.ts";
import {
  type Block,
  damaged,
  decodeEnds,
  decodeReference,
  FOOTER_BYTES,
  type Footer,
  HEADER_BYTES,
} from "./snapshot-format.ts";
import type { Entry, Key, MaybePromise, RangeOptions, ReadableStore, StoreStats } from "./store.ts";

export { sourceOf } from "./byte-source.ts";

export interface SnapshotOpenOptions {
  /** Bytes of blocks kept in RAM. Default 8 MB. */
  readonly cacheBytes?: number;
}

export const snapshotOpenDefaults: Required<SnapshotOpenOptions> = { cacheBytes: 8 << 20 };

/**
 * Takes over the source and closes it with the store.
 * @throws MnemeError FORMAT (not a snapshot), VERSION, CORRUPT, and the source's own errors
 */
export async function openSnapshot(
  source: ByteSource,
  options: SnapshotOpenOptions = {},
): Promise<ReadableStore> {
  const location = source.location ?? "snapshot";
  try {
    const headBytes = Math.min(HEADER_BYTES, source.size);
    const tailBytes = Math.min(FOOTER_BYTES, source.size);
    const head = headBytes === 0 ? new Uint8Array(0) : source.read(0, headBytes);
    const remote = !(head instanceof Uint8Array);
    const tail = tailBytes === 0 ? new Uint8Array(0) : source.read(source.size - tailBytes, tailBytes);
    // together, so that neither failure is left unhandled when both fail
    const [first, last] = await Promise.all([head, tail]);
    const footer = decodeEnds(first, last, source.size, location);
    const cache = new BlockCache(source, location, options.cacheBytes ?? snapshotOpenDefaults.cacheBytes);
    return new SnapshotStore(source, location, footer, cache, remote);
  } catch (error) {
    await source.close();
    throw error;
  }
}

class SnapshotStore implements ReadableStore, Scannable {
  readonly location: string;
  readonly writable = false;
  readonly #source: ByteSource;
  readonly #footer: Footer;
  readonly #cache: BlockCache;
  readonly #remote: boolean;
  #closed = false;

  constructor(source: ByteSource, location: string, footer: Footer, cache: BlockCache, remote: boolean) {
    this.location = location;
    this.#source = source;
    this.#footer = footer;
    this.#cache = cache;
    this.#remote = remote;
  }

  getMany(namespace: string, keys: readonly Key[]): MaybePromise<(Uint8Array | undefined)[]> {
    this.#live();
    checkNamespace(namespace);
    const values = keys.map((key) => drive(this.#find(encodeKey(namespace, key))));
    if (values.some((value) => value instanceof Promise)) return Promise.all(values);
    return values as (Uint8Array | undefined)[];
  }

  range(namespace: string, options: RangeOptions = {}): Iterable<Entry> | AsyncIterable<Entry> {
    this.#live();
    checkNamespace(namespace);
    const { start, end } = encodeRange(namespace, options);
    const entry = (keyBytes: Uint8Array, value: Uint8Array): Entry => ({
      key: this.#decode(keyBytes),
      value: value.slice(),
    });
    return this.#entries(start, end, options.reverse ?? false, options.limit, entry);
  }

  generation(): number {
    this.#live();
    return this.#footer.generation;
  }

  stats(): StoreStats {
    this.#live();
    return { bytes: this.#source.size, freeBytes: 0, tier: this.#source.tier ?? "remote" };
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    await this.#source.close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  [SCAN](): Iterable<ScannedEntry> | AsyncIterable<ScannedEntry> {
    const entry = (keyBytes: Uint8Array, value: Uint8Array): ScannedEntry => ({
      keyBytes: keyBytes.slice(),
      value,
    });
    return this.#entries(new Uint8Array([0]), new Uint8Array([0xff]), false, undefined, entry);
  }

  #entries<T>(
    start: Uint8Array,
    end: Uint8Array,
    reverse: boolean,
    limit: number | undefined,
    make: (key: Uint8Array, value: Uint8Array) => T,
  ): Iterable<T> | AsyncIterable<T> {
    const next = (cursor: SnapshotCursor): MaybePromise<T | undefined> => {
      this.#live();
      const step = cursor.next();
      const take = (found: boolean): T | undefined => (found ? make(cursor.key, cursor.value) : undefined);
      return typeof step === "boolean" ? take(step) : step.then(take);
    };
    const open = (): SnapshotCursor => new SnapshotCursor(this.#footer, this.#cache, start, end, reverse);
    const count = Math.max(0, limit ?? Number.POSITIVE_INFINITY);
    return this.#remote ? iterateAsync(open, next, count) : iterateSync(open, next, count);
  }

  *#find(key: Uint8Array): Generator<MaybePromise<Block>, Uint8Array | undefined, Block> {
    if (this.#footer.depth === 0) return undefined;
    let block = yield this.#cache.get(this.#footer.root);
    for (let level = this.#footer.depth - 1; level > 0; level--)
      block = yield this.#cache.get(decodeReference(block.value(block.childFor(key))));
    const at = block.lowerBound(key);
    return at < block.count && compareBytes(block.key(at), key) === 0 ? block.value(at).slice() : undefined;
  }

  #decode(keyBytes: Uint8Array): Key {
    const decoded = decodeKey(keyBytes);
    if (!decoded) throw damaged(this.location, "a key does not match its checksum");
    return decoded.key;
  }

  #live(): void {
    if (this.#closed) throw new MnemeError("DISPOSED", `snapshot ${this.location}: used after close`);
  }
}

/** Runs a search: at once while its blocks are at hand, as a promise from the first one that is not. */
function drive<T>(search: Generator<MaybePromise<Block>, T, Block>): MaybePromise<T> {
  let step = search.next();
  while (!step.done) {
    if (step.value instanceof Promise) return step.value.then((block) => resume(search, block));
    step = search.next(step.value);
  }
  return step.value;
}

async function resume<T>(search: Generator<MaybePromise<Block>, T, Block>, block: Block): Promise<T> {
  let step = search.next(block);
  while (!step.done) step = search.next(await step.value);
  return step.value;
}

type Next<T> = (cursor: SnapshotCursor) => MaybePromise<T | undefined>;

function iterateSync<T>(open: () => SnapshotCursor, next: Next<T>, limit: number): Iterable<T> {
  return {
    *[Symbol.iterator]() {
      const cursor = open();
      for (let left = limit; left > 0; left--) {
        const entry = next(cursor) as T | undefined;
        if (entry === undefined) return;
        yield entry;
      }
    },
  };
}

function iterateAsync<T>(open: () => SnapshotCursor, next: Next<T>, limit: number): AsyncIterable<T> {
  return {
    async *[Symbol.asyncIterator]() {
      const cursor = open();
      for (let left = limit; left > 0; left--) {
        const entry = await next(cursor);
        if (entry === undefined) return;
        yield entry;
      }
    },
  };
}
