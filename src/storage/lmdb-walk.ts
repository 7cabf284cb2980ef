/** A walk through an ordered range of an LMDB file on one snapshot, forwards or backwards. */
import { MnemeError } from "../errors.ts";
import { decodeKey } from "./key.ts";
import type { Database, ReadTransaction } from "./lmdb-binding.ts";
import type { Key } from "./store.ts";

/** Keys fetched at a time by a walk: few at first, since most walks are short. */
const FIRST_KEYS = 16;
const MOST_KEYS = 512;

/** The engine, as far as a walk needs it. */
export interface SealedReads {
  readonly path: string;
  readCopy(key: Uint8Array, transaction?: ReadTransaction): Uint8Array | undefined;
  readSealed(key: Uint8Array, transaction?: ReadTransaction): Uint8Array | undefined;
}

export interface WalkEntry {
  readonly keyBytes: Uint8Array;
  readonly namespace: string;
  readonly key: Key;
}

/**
 * A position in an ordered range, on the snapshot of the moment it began. Keys come in small batches from cursors that are closed
 * at once, so a walk left unfinished holds no cursor, and closing the store under it is safe.
 */
export class Walk {
  readonly #reads: SealedReads;
  readonly #db: Database;
  readonly #reverse: boolean;
  readonly #onEnd: () => void;
  readonly #transaction: ReadTransaction;
  #from: Uint8Array;
  #fresh = true;
  readonly #to: Uint8Array;
  #keys: Uint8Array[] = [];
  #next = 0;
  #batch = FIRST_KEYS;
  #ended = false;

  constructor(
    reads: SealedReads,
    db: Database,
    start: Uint8Array,
    end: Uint8Array,
    reverse: boolean,
    onEnd: () => void,
  ) {
    this.#reads = reads;
    this.#db = db;
    this.#reverse = reverse;
    this.#from = reverse ? end : start;
    this.#to = reverse ? start : end;
    this.#onEnd = onEnd;
    this.#transaction = db.useReadTransaction();
  }

  /** The next key, or undefined after the last. @throws MnemeError CORRUPT */
  next(): WalkEntry | undefined {
    if (this.#ended) return undefined;
    if (this.#next === this.#keys.length) this.#fetch();
    const keyBytes = this.#keys[this.#next++];
    if (!keyBytes) {
      this.end();
      return undefined;
    }
    const decoded = decodeKey(keyBytes);
    if (decoded) return { keyBytes, ...decoded };
    throw new MnemeError("CORRUPT", `${this.#reads.path}: a key does not match its checksum`, {
      details: { path: this.#reads.path },
    });
  }

  /** Its verified value, owned. */
  value(entry: WalkEntry): Uint8Array {
    return this.#reads.readCopy(entry.keyBytes, this.#transaction) ?? this.#vanished();
  }

  sealed(entry: WalkEntry): Uint8Array {
    return this.#reads.readSealed(entry.keyBytes, this.#transaction) ?? this.#vanished();
  }

  /** Within one snapshot a listed key has a value, unless the file changed under us. */
  #vanished(): never {
    throw new MnemeError("CORRUPT", `${this.#reads.path}: a listed key cannot be found`, {
      details: { path: this.#reads.path },
    });
  }

  end(): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#keys = [];
    this.#transaction.done();
    this.#onEnd();
  }

  #fetch(): void {
    this.#keys = [
      ...this.#db.getKeys({
        start: this.#from,
        end: this.#to,
        reverse: this.#reverse,
        // Forwards the start is inclusive at first; backwards it is the range's exclusive end.
        exclusiveStart: !this.#fresh || this.#reverse,
        inclusiveEnd: this.#reverse,
        limit: this.#batch,
        transaction: this.#transaction,
      }),
    ];
    this.#fresh = false;
    this.#next = 0;
    this.#from = this.#keys.at(-1) ?? this.#from;
    this.#batch = Math.min(MOST_KEYS, this.#batch * 2);
  }
}
