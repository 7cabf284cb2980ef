/** A snapshot on disk, read by synchronous positioned reads. Node only. */
import { closeSync, fstatSync, openSync, readSync, type Stats } from "node:fs";
import { fileURLToPath } from "node:url";
import { MnemeError } from "../errors.ts";
import type { ByteSource } from "./byte-source.ts";
import { toStoreError } from "./store-errors.ts";

/** @throws MnemeError NOT_FOUND, READ_ONLY (no permission), FORMAT (a folder) */
export function fileSource(path: string | URL): ByteSource {
  const location = path instanceof URL ? fileURLToPath(path) : path;
  let fd = -1;
  try {
    fd = openSync(location, "r");
    const found = fstatSync(fd);
    if (!found.isFile())
      throw new MnemeError("FORMAT", `open ${location}: not a file, a snapshot is one file`);
    return new FileSource(location, fd, found);
  } catch (error) {
    if (fd >= 0) closeSync(fd);
    throw toStoreError(error, "open", location);
  }
}

class FileSource implements ByteSource {
  readonly size: number;
  readonly location: string;
  readonly tier = "disk";
  readonly #mtimeMs: number;
  #fd: number;

  constructor(location: string, fd: number, { size, mtimeMs }: Stats) {
    this.location = location;
    this.size = size;
    this.#mtimeMs = mtimeMs;
    this.#fd = fd;
  }

  read(offset: number, length: number): Uint8Array {
    const buffer = Buffer.allocUnsafeSlow(length);
    this.readInto(offset, buffer);
    return new Uint8Array(buffer.buffer);
  }

  readInto(offset: number, bytes: Uint8Array): void {
    for (let done = 0; done < bytes.length; ) {
      const count = readSync(this.#fd, bytes, done, bytes.length - done, offset + done);
      if (count === 0) throw new MnemeError("CORRUPT", `${this.location}: became shorter while it was open`);
      done += count;
    }
  }

  checkUnchanged(): void {
    const { size, mtimeMs } = fstatSync(this.#fd);
    if (size === this.size && mtimeMs === this.#mtimeMs) return;
    throw new MnemeError("CORRUPT", `${this.location}: was written to while it was open`);
  }

  close(): void {
    if (this.#fd < 0) return;
    closeSync(this.#fd);
    this.#fd = -1;
  }
}
