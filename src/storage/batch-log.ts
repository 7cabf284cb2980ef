/**
 * The writes of one batch, collected and checked before anything is applied, so that a `fill` that throws leaves nothing behind.
 * Not a write-ahead log on disk: LMDB's copy-on-write pages are the durability.
 */
import { MnemeError } from "../errors.ts";
import { encodeKey, encodeRange } from "./key.ts";
import type { Batch, Key } from "./store.ts";

export type Write =
  | { readonly kind: "put"; readonly key: Uint8Array; readonly value: Uint8Array }
  | { readonly kind: "delete"; readonly key: Uint8Array }
  | { readonly kind: "deleteRange"; readonly start: Uint8Array; readonly end: Uint8Array };

/** Longest value: LMDB stores the size in 32 bits, and a typed array's view must stay addressable. */
export const MAX_VALUE_BYTES: number = 2 ** 31 - 64;

class BatchLog implements Batch {
  readonly writes: Write[] = [];
  #open = true;

  put(namespace: string, key: Key, value: Uint8Array): void {
    this.#check(namespace);
    if (!(value instanceof Uint8Array))
      throw new MnemeError("ARGUMENT", `put: the value must be a Uint8Array, got ${typeof value}`);
    if (value.length > MAX_VALUE_BYTES)
      throw new MnemeError(
        "RANGE",
        `put: a value of ${value.length} bytes, at most ${MAX_VALUE_BYTES}; use writePages`,
      );
    this.writes.push({ kind: "put", key: encodeKey(namespace, key), value });
  }

  delete(namespace: string, key: Key): void {
    this.#check(namespace);
    this.writes.push({ kind: "delete", key: encodeKey(namespace, key) });
  }

  deletePrefix(namespace: string, prefix: Key): void {
    this.#check(namespace);
    this.writes.push({ kind: "deleteRange", ...encodeRange(namespace, { prefix }) });
  }

  end(): Write[] {
    this.#open = false;
    return this.writes;
  }

  #check(namespace: string): void {
    if (!this.#open)
      throw new MnemeError(
        "STATE",
        "batch: used after its callback returned; batches are filled synchronously",
      );
    checkNamespace(namespace);
  }
}

/** The empty namespace belongs to the store itself. @throws MnemeError ARGUMENT */
export function checkNamespace(namespace: string): void {
  if (typeof namespace !== "string" || namespace === "")
    throw new MnemeError("ARGUMENT", "store: the namespace must be a string that is not empty");
}

/** Runs `fill` and returns its writes in order. Values are borrowed. */
export function collectWrites(fill: (batch: Batch) => void): Write[] {
  const log = new BatchLog();
  const answer: unknown = fill(log);
  const writes = log.end();
  if (typeof (answer as PromiseLike<unknown> | undefined)?.then === "function")
    throw new MnemeError(
      "ARGUMENT",
      "batch: its callback is asynchronous; gather what it needs first, then fill",
    );
  return writes;
}
