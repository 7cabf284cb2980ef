/** restore: a snapshot (or any store of this package) becomes a new library folder. verifySnapshot: every byte of a snapshot file. Node only. */
import { createHash } from "node:crypto";
import { rmSync, statSync } from "node:fs";
import { isMnemeError, MnemeError, throwIfAborted } from "../errors.ts";
import type { ByteSource } from "./byte-source.ts";
import {
  createFolder,
  currentDataFile,
  dataFile,
  publish,
  removeLitter,
  temporaryFile,
} from "./library-folder.ts";
import { loadLmdb } from "./lmdb-binding.ts";
import { COPY_BYTES } from "./lmdb-copy.ts";
import { LmdbEngine } from "./lmdb-engine.ts";
import { lmdbStoreDefaults } from "./lmdb-store.ts";
import { type ScannedEntry, scanStore } from "./scan.ts";
import { SEAL_BYTES, sealValue } from "./sealed-value.ts";
import { damaged, decodeEnds, FOOTER_BYTES, HEADER_BYTES } from "./snapshot-format.ts";
import type { ReadableStore } from "./store.ts";
import { toCommitError, toStoreError } from "./store-errors.ts";
import { GENERATION_KEY, generationBytes, HEADER_KEY, headerBytes } from "./store-header.ts";
import { acquireWriterLock } from "./writer-lock.ts";

export interface RestoreOptions {
  readonly signal?: AbortSignal;
}

const PORTION_ENTRIES = 4096;

/**
 * Fills a new library folder; it appears whole or not at all. Keeps the generation.
 * @throws MnemeError EXISTS where the folder holds anything, CORRUPT (damaged source), CANCELLED, DISK_FULL, READ_ONLY, LOCKED
 */
export async function restore(
  source: ReadableStore,
  folder: string,
  options: RestoreOptions = {},
): Promise<{ readonly entries: number; readonly bytes: number }> {
  refuseExisting(folder);
  const lmdb = await loadLmdb();
  try {
    createFolder(folder);
    const lock = await acquireWriterLock(folder, 0);
    const temporary = temporaryFile(folder, 1);
    try {
      refuseExisting(folder); // again, now that nobody else can make one
      removeLitter(folder, undefined);
      const engine = new LmdbEngine(lmdb, temporary, { ...lmdbStoreDefaults, readOnly: false });
      const entries = await fill(engine, source, options).finally(() => engine.close());
      const target = dataFile(folder, 1);
      publish(temporary, target, folder);
      return { entries, bytes: statSync(target.path).size };
    } catch (error) {
      throw toCommitError(error, "restore", folder, temporary, COPY_BYTES);
    } finally {
      rmSync(temporary, { force: true });
      rmSync(`${temporary}-lock`, { force: true });
      lock.release();
    }
  } catch (error) {
    throw toStoreError(error, "restore", folder);
  }
}

/** What a killed restore left behind does not count. */
function refuseExisting(folder: string): void {
  try {
    if (!currentDataFile(folder)) return;
  } catch (error) {
    if (!isMnemeError(error, "FORMAT")) throw error;
  }
  throw new MnemeError("EXISTS", `restore: ${folder} is already there; name a new or empty folder`, {
    details: { path: folder },
  });
}

async function fill(engine: LmdbEngine, source: ReadableStore, options: RestoreOptions): Promise<number> {
  const header = [
    { keyBytes: GENERATION_KEY, value: generationBytes(source.generation()) },
    { keyBytes: HEADER_KEY, value: headerBytes() },
  ];
  appendAll(engine, header);
  let entries = 0;
  let bytes = 0;
  let portion: ScannedEntry[] = [];
  for await (const entry of scanStore(source, "restore")) {
    portion.push(entry);
    entries++;
    bytes += entry.value.length;
    if (bytes < COPY_BYTES && portion.length < PORTION_ENTRIES) continue;
    throwIfAborted(options.signal, "restore");
    appendAll(engine, portion);
    portion = [];
    bytes = 0;
    await new Promise((resolve) => setImmediate(resolve));
  }
  throwIfAborted(options.signal, "restore");
  appendAll(engine, portion);
  return entries;
}

function appendAll(engine: LmdbEngine, entries: readonly ScannedEntry[]): void {
  const sealed = entries.map(({ keyBytes, value }) => {
    const bytes = Buffer.allocUnsafeSlow(value.length + SEAL_BYTES);
    sealValue(keyBytes, value, bytes);
    return { key: keyBytes, sealed: bytes };
  });
  if (sealed.length > 0) engine.appendSealed(sealed);
}

const VERIFY_BYTES = 4 << 20;

/** Reads the whole file against its SHA-256; the source stays open. @throws MnemeError FORMAT, VERSION, CORRUPT, CANCELLED */
export async function verifySnapshot(source: ByteSource, options: RestoreOptions = {}): Promise<void> {
  const location = source.location ?? "snapshot";
  const head = await source.read(0, Math.min(HEADER_BYTES, source.size));
  const tailBytes = Math.min(FOOTER_BYTES, source.size);
  const tail = await source.read(source.size - tailBytes, tailBytes);
  const footer = decodeEnds(head, tail, source.size, location);
  const hash = createHash("sha256");
  const end = source.size - FOOTER_BYTES;
  for (let at = 0; at < end; at += VERIFY_BYTES) {
    throwIfAborted(options.signal, "verify");
    hash.update(await source.read(at, Math.min(VERIFY_BYTES, end - at)));
  }
  if (!hash.digest().equals(footer.hash)) throw damaged(location, "it does not match its SHA-256");
}
