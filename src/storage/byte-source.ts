/**
 * Where the bytes of a snapshot come from: anything that can read at an offset. Reads may be synchronous (RAM, files) or promises
 * (blobs, HTTP); whoever uses a source passes that on. For browsers too: nothing here touches Node.
 */
import { MnemeError } from "../errors.ts";
import type { MaybePromise } from "./store.ts";

export interface ByteSource {
  /** Bytes in all. */
  readonly size: number;
  /** What messages call it. Default "snapshot". */
  readonly location?: string;
  /** Default "remote". */
  readonly tier?: "ram" | "disk" | "remote";
  /** Exactly `length` bytes, immutable. Only asked for ranges inside `size`. */
  read(offset: number, length: number): MaybePromise<Uint8Array>;
  /** The same into bytes of the caller's, at once: of files. */
  readInto?(offset: number, bytes: Uint8Array): void;
  /** Of files: @throws MnemeError CORRUPT where it was written to since it was opened */
  checkUnchanged?(): void;
  close(): MaybePromise<void>;
}

/** Bytes in RAM, borrowed: leave them unchanged while the source is open. */
export function memorySource(bytes: Uint8Array, location = "bytes in memory"): ByteSource {
  return {
    size: bytes.length,
    location,
    tier: "ram",
    read: (offset, length) => bytes.subarray(offset, offset + length),
    close: () => {},
  };
}

/** A Blob, hence also a File from a picker or from OPFS. */
export function blobSource(blob: Blob, location = "blob"): ByteSource {
  return {
    size: blob.size,
    location: "name" in blob ? String(blob.name) : location,
    tier: "disk",
    read: async (offset, length) => new Uint8Array(await blob.slice(offset, offset + length).arrayBuffer()),
    close: () => {},
  };
}

/** A path, URL, bytes or Blob as a source. @throws MnemeError NETWORK, NOT_FOUND, UNSUPPORTED (a path outside Node) */
export async function sourceOf(location: string | URL | Uint8Array | Blob): Promise<ByteSource> {
  if (location instanceof Uint8Array) return memorySource(location);
  if (location instanceof Blob) return blobSource(location);
  const text = String(location);
  if (/^https?:/i.test(text)) return (await import("./http-source.ts")).httpSource(text);
  if (typeof location === "string") return (await import("./file-source.ts")).fileSource(text);
  if (location.protocol !== "file:")
    throw new MnemeError("UNSUPPORTED", `open ${text}: URLs are http, https or file`);
  return (await import("./file-source.ts")).fileSource(location);
}
