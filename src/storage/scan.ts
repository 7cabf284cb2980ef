/** Every entry of a store in one consistent pass, for snapshots and restores. A symbol, so that it is no part of what rooms program against. */
import { MnemeError } from "../errors.ts";
import type { ReadableStore } from "./store.ts";

export interface ScannedEntry {
  /** Encoded key; see key.ts. Owned. */
  readonly keyBytes: Uint8Array;
  /** Verified; owned, or a view of memory that never changes. */
  readonly value: Uint8Array;
}

export const SCAN: unique symbol = Symbol("every entry in key order");

export interface Scannable {
  [SCAN](): Iterable<ScannedEntry> | AsyncIterable<ScannedEntry>;
}

/** @throws MnemeError UNSUPPORTED for stores made elsewhere. */
export function scanStore(
  store: ReadableStore,
  operation: string,
): Iterable<ScannedEntry> | AsyncIterable<ScannedEntry> {
  const scan = (store as Partial<Scannable>)[SCAN];
  if (scan) return scan.call(store);
  throw new MnemeError("UNSUPPORTED", `${operation}: ${store.location} is not a store of this package`);
}
