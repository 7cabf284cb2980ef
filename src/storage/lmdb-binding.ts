/** What is used of the native package lmdb (lmdb-js), and its lazy loading: whoever never opens a library needs no binary. */
import { MnemeError } from "../errors.ts";

export interface ReadTransaction {
  done(): void;
}

interface KeyRange {
  readonly start?: Uint8Array;
  readonly end?: Uint8Array;
  readonly reverse?: boolean;
  readonly exclusiveStart?: boolean;
  readonly inclusiveEnd?: boolean;
  readonly limit?: number;
  readonly transaction?: ReadTransaction;
}

/** What is used of lmdb-js; its own types leave some of it out. */
export interface Database {
  readonly lastSize: number;
  getBinaryFast(key: Uint8Array, options?: { transaction?: ReadTransaction }): Uint8Array | undefined;
  prefetch(keys: readonly Uint8Array[], callback: () => void): void;
  getKeys(range: KeyRange): Iterable<Uint8Array>;
  useReadTransaction(): ReadTransaction;
  resetReadTxn(): void;
  transactionSync<T>(action: () => T): T;
  put(key: Uint8Array, value: Uint8Array, options?: { append?: boolean }): unknown;
  remove(key: Uint8Array): unknown;
  getStats(): unknown;
  /** Frees the slots of readers that died. */
  readerCheck(): number;
  close(): Promise<void>;
}

export interface Lmdb {
  open(options: Record<string, unknown>): Database;
}

export interface TreeStats {
  readonly treeBranchPageCount: number;
  readonly treeLeafPageCount: number;
  readonly overflowPages: number;
}

/** @throws MnemeError DEPENDENCY with the install command. */
export async function loadLmdb(): Promise<Lmdb> {
  try {
    return (await import("lmdb")) as unknown as Lmdb;
  } catch (cause) {
    throw new MnemeError(
      "DEPENDENCY",
      "lmdbStore: package lmdb is missing or has no binary for this platform; run: npm install lmdb@3.5.6",
      { cause },
    );
  }
}
