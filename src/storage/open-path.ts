/** openPath: what lies at a path decides: a folder is a library, a file is a snapshot, nothing yet is a library to be made. Node only. */
import { statSync } from "node:fs";
import { fileSource } from "./file-source.ts";
import { lmdbStore } from "./lmdb-store.ts";
import { openSnapshot } from "./snapshot-open.ts";
import type { ReadableStore, Store } from "./store.ts";

export interface OpenPathOptions {
  /** "read": beside a writer, or without write permission. Default "write". A snapshot opens for reading either way. */
  readonly mode?: "write" | "read";
  /** When another process writes. Default "refuse". */
  readonly lock?: "wait" | "refuse";
  /** How long "wait" waits. Default 30,000. */
  readonly lockTimeoutMs?: number;
  /** Commit on a thread of its own. Default false. */
  readonly commitThread?: boolean;
}

export const openPathDefaults: Required<OpenPathOptions> = {
  mode: "write",
  lock: "refuse",
  lockTimeoutMs: 30_000,
  commitThread: false,
};

/** @throws MnemeError as lmdbStore and openSnapshot do */
export async function openPath(path: string, options: OpenPathOptions = {}): Promise<ReadableStore | Store> {
  const { mode, lock, lockTimeoutMs, commitThread } = { ...openPathDefaults, ...options };
  if (statSync(path, { throwIfNoEntry: false })?.isFile()) return openSnapshot(fileSource(path));
  return lmdbStore(path, {
    readOnly: mode === "read",
    lockTimeoutMs: lock === "wait" ? lockTimeoutMs : 0,
    commitThread,
  });
}
