/** The room of durable bytes: stores on RAM and disk, pages, portable snapshots and the byte budget. Node's parts load when called. */
import type { ByteSource } from "./byte-source.ts";
import type { LmdbStoreOptions } from "./lmdb-store.ts";
import type { OpenPathOptions } from "./open-path.ts";
import type { RestoreOptions } from "./snapshot-restore.ts";
import type { SnapshotOptions, SnapshotResult } from "./snapshot-write.ts";
import type { ReadableStore, Store } from "./store.ts";

export * from "./budget.ts";
export { type ByteSource, blobSource, memorySource, sourceOf } from "./byte-source.ts";
export { crc32 } from "./crc32.ts";
export { type HttpSourceOptions, httpSource } from "./http-source.ts";
export type { LmdbStoreOptions } from "./lmdb-store.ts";
export { memoryStore } from "./memory-store.ts";
export type { OpenPathOptions } from "./open-path.ts";
export { PAGE_BYTES, readPages, readWhole, writePages } from "./pages.ts";
export { parseSafetensors, type Tensor } from "./safetensors.ts";
export { openSnapshot, type SnapshotOpenOptions } from "./snapshot-open.ts";
export type { RestoreOptions } from "./snapshot-restore.ts";
export type { SnapshotOptions, SnapshotProgress, SnapshotResult } from "./snapshot-write.ts";
export * from "./store.ts";

/** The durable store on disk; see lmdb-store.ts. Node only. */
export async function lmdbStore(folder: string, options?: LmdbStoreOptions): Promise<Store> {
  return (await import("./lmdb-store.ts")).lmdbStore(folder, options);
}

/** A library folder or a snapshot file, whichever lies at `path`; see open-path.ts. Node only. */
export async function openPath(path: string, options?: OpenPathOptions): Promise<ReadableStore | Store> {
  return (await import("./open-path.ts")).openPath(path, options);
}

/** A snapshot file on disk as a source. Node only. */
export async function fileSource(path: string | URL): Promise<ByteSource> {
  return (await import("./file-source.ts")).fileSource(path);
}

/** A store as one portable file; see snapshot-write.ts. Node only. */
export async function writeSnapshot(
  store: ReadableStore,
  path: string,
  options?: SnapshotOptions,
): Promise<SnapshotResult> {
  return (await import("./snapshot-write.ts")).writeSnapshot(store, path, options);
}

/** A new library folder from a snapshot; see snapshot-restore.ts. Node only. */
export async function restore(
  source: ReadableStore,
  folder: string,
  options?: RestoreOptions,
): Promise<{ readonly entries: number; readonly bytes: number }> {
  return (await import("./snapshot-restore.ts")).restore(source, folder, options);
}

/** Every byte of a snapshot against its SHA-256; see snapshot-restore.ts. Node only. */
export async function verifySnapshot(source: ByteSource, options?: RestoreOptions): Promise<void> {
  return (await import("./snapshot-restore.ts")).verifySnapshot(source, options);
}
