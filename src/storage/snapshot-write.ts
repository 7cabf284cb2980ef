/**
 * writeSnapshot: a whole store as one portable, immutable, checksummed file. Streams: besides one block a level nothing is held. The
 * same entries give the same bytes. Node only.
 */
import { createHash, randomBytes } from "node:crypto";
import { type FileHandle, open, rename, rm } from "node:fs/promises";
import { dirname } from "node:path";
import { MnemeError, throwIfAborted } from "../errors.ts";
import { crc32 } from "./crc32.ts";
import { syncPath } from "./library-folder.ts";
import { scanStore } from "./scan.ts";
import {
  BlockBuilder,
  type BlockReference,
  encodeFooter,
  encodeHeader,
  encodeReference,
  FOOTER_BYTES,
  HEADER_BYTES,
} from "./snapshot-format.ts";
import type { ReadableStore } from "./store.ts";
import { toStoreError } from "./store-errors.ts";

export interface SnapshotProgress {
  readonly phase: "write";
  /** Entries written. */
  readonly done: number;
  /** 0: not known beforehand. */
  readonly total: number;
  readonly bytes: number;
  /** Bytes of the store, a guide for `bytes`. */
  readonly totalBytes: number;
}

export interface SnapshotOptions {
  readonly signal?: AbortSignal;
  readonly onProgress?: (progress: SnapshotProgress) => void;
}

export interface SnapshotResult {
  readonly entries: number;
  readonly bytes: number;
}

/** A block is closed when it has this many bytes; a larger value gets a block of its own. */
const BLOCK_BYTES = 32 << 10;
/** Written, reported and checked for cancelling in portions of this size. */
const PORTION_BYTES = 4 << 20;

/**
 * Replaces `path` in one step when the file is complete and synced; until then, and after any failure, what was there stays.
 * The store must not be written meanwhile if it is in RAM; one on disk is read as of now.
 * @throws MnemeError CANCELLED, DISK_FULL, READ_ONLY, CORRUPT (a damaged value in the store), EXISTS (a folder is there)
 */
export async function writeSnapshot(
  store: ReadableStore,
  path: string,
  options: SnapshotOptions = {},
): Promise<SnapshotResult> {
  const temporary = `${path}.${randomBytes(6).toString("hex")}.tmp`;
  try {
    const result = await writeTemporary(store, temporary, options);
    await rename(temporary, path);
    syncPath(dirname(path));
    return result;
  } catch (error) {
    await rm(temporary, { force: true });
    if ((error as NodeJS.ErrnoException).code === "EISDIR")
      throw new MnemeError("EXISTS", `snapshot ${path}: is a folder; name a file`, { cause: error });
    throw toStoreError(error, "snapshot", path);
  }
}

async function writeTemporary(
  store: ReadableStore,
  temporary: string,
  options: SnapshotOptions,
): Promise<SnapshotResult> {
  throwIfAborted(options.signal, "snapshot");
  const file = await open(temporary, "wx");
  try {
    const writer = new SnapshotWriter(file);
    const totalBytes = store.stats().bytes;
    const generation = store.generation(); // in one turn with the scan's beginning: a commit between them would be held but not counted
    for await (const { keyBytes, value } of scanStore(store, "snapshot")) {
      if (writer.add(keyBytes, value) < PORTION_BYTES) continue;
      await writer.flush();
      throwIfAborted(options.signal, "snapshot");
      options.onProgress?.({
        phase: "write",
        done: writer.entries,
        total: 0,
        bytes: writer.bytes,
        totalBytes,
      });
    }
    await writer.finish(generation);
    await file.sync();
    const { entries, bytes } = writer;
    options.onProgress?.({ phase: "write", done: entries, total: entries, bytes, totalBytes: bytes });
    return { entries, bytes };
  } finally {
    await file.close();
  }
}

class SnapshotWriter {
  entries = 0;
  /** Bytes of the file so far, those still to be flushed included. */
  bytes: number = HEADER_BYTES;
  readonly #file: FileHandle;
  readonly #hash = createHash("sha256");
  readonly #levels: BlockBuilder[] = [];
  #pending: Uint8Array[] = [encodeHeader()];
  #pendingBytes: number = HEADER_BYTES;

  constructor(file: FileHandle) {
    this.#file = file;
  }

  /** Keys must come in ascending order. Keeps both arrays for a while. @returns bytes waiting to be flushed */
  add(key: Uint8Array, value: Uint8Array): number {
    this.entries++;
    this.#addTo(0, key, value);
    return this.#pendingBytes;
  }

  async flush(): Promise<void> {
    const chunks = this.#pending;
    this.#pending = [];
    this.#pendingBytes = 0;
    const whole = new Uint8Array(chunks.reduce((sum, chunk) => sum + chunk.length, 0));
    let at = 0;
    for (const chunk of chunks) {
      whole.set(chunk, at);
      at += chunk.length;
    }
    this.#hash.update(whole);
    for (let done = 0; done < whole.length; )
      done += (await this.#file.write(whole, done, whole.length - done)).bytesWritten;
  }

  async finish(generation: number): Promise<void> {
    const { root, depth } = this.#closeLevels();
    await this.flush();
    const size = this.bytes + FOOTER_BYTES;
    const hash = new Uint8Array(this.#hash.digest());
    const footer = encodeFooter({ root, depth, entries: this.entries, size, generation, hash });
    this.bytes = size;
    await this.#file.write(footer);
  }

  #addTo(level: number, key: Uint8Array, value: Uint8Array): void {
    this.#levels[level] ??= new BlockBuilder();
    const builder = this.#levels[level];
    // A parent holds at least two children, or the tree would never end in one root.
    if (builder.count >= (level > 0 ? 2 : 1) && builder.bytes + value.length > BLOCK_BYTES)
      this.#close(level);
    builder.add(key, value);
  }

  #close(level: number): void {
    const builder = this.#levels[level]!;
    const firstKey = builder.firstKey;
    this.#addTo(level + 1, firstKey, encodeReference(this.#write(builder.finish())));
  }

  #write(block: Uint8Array): BlockReference {
    const reference = { offset: this.bytes, length: block.length, crc: crc32(block) };
    this.bytes += block.length;
    this.#pendingBytes += block.length;
    this.#pending.push(block);
    return reference;
  }

  /** Bottom up: a level that stands alone at the top is the root. */
  #closeLevels(): { readonly root: BlockReference; readonly depth: number } {
    if (this.entries === 0) return { root: { offset: 0, length: 0, crc: 0 }, depth: 0 };
    let level = 0;
    for (; level < this.#levels.length - 1; level++) if (this.#levels[level]!.count > 0) this.#close(level);
    return { root: this.#write(this.#levels[level]!.finish()), depth: level + 1 };
  }
}
