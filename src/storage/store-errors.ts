/** What the operating system and LMDB say, as MnemeErrors. Unknown failures stay INTERNAL with their cause. */
import { closeSync, openSync, rmSync, statSync, writeSync } from "node:fs";
import { join } from "node:path";
import { type ErrorCode, MnemeError } from "../errors.ts";

/** Codes of Node's file system, and errno and LMDB numbers as the native binding reports them. */
const CODES: Readonly<Record<string, ErrorCode>> = {
  ENOSPC: "DISK_FULL",
  EDQUOT: "DISK_FULL",
  EFBIG: "DISK_FULL",
  28: "DISK_FULL",
  122: "DISK_FULL",
  27: "DISK_FULL",
  [-30792]: "DISK_FULL", // MDB_MAP_FULL
  EACCES: "READ_ONLY",
  EROFS: "READ_ONLY",
  EPERM: "READ_ONLY",
  13: "READ_ONLY",
  30: "READ_ONLY",
  1: "READ_ONLY",
  ENOENT: "NOT_FOUND",
  2: "NOT_FOUND",
  ENOTDIR: "FORMAT",
  [-30790]: "BUSY", // MDB_READERS_FULL
  [-30797]: "CORRUPT", // MDB_PAGE_NOTFOUND
  [-30796]: "CORRUPT", // MDB_CORRUPTED
  [-30793]: "FORMAT", // MDB_INVALID
  [-30794]: "VERSION", // MDB_VERSION_MISMATCH
};

const ADVICE: Partial<Record<ErrorCode, string>> = {
  DISK_FULL: "no space left, nothing of this batch was kept; free space and repeat it",
  READ_ONLY: "no permission to write; open with readOnly or change the folder's permissions",
  NOT_FOUND: "there is no such file or folder",
  FORMAT: "this is not a Mneme library",
  BUSY: "too many processes read this library at once; close some",
  CORRUPT: "the file is damaged; restore it from a snapshot",
};

/** MnemeErrors pass through. */
export function toStoreError(error: unknown, operation: string, path: string): MnemeError {
  if (error instanceof MnemeError) return error;
  const raw = error as { readonly code?: string | number; readonly message?: string };
  const code = codeOf(raw);
  const advice = ADVICE[code] ?? raw.message ?? String(error);
  return new MnemeError(code, `${operation} ${path}: ${advice}`, { cause: error, details: { path } });
}

function codeOf(raw: { readonly code?: string | number; readonly message?: string }): ErrorCode {
  const known = CODES[String(raw.code)];
  if (known) return known;
  const text = raw.message ?? "";
  if (/No space left|MDB_MAP_FULL|Disk quota|File too large/.test(text)) return "DISK_FULL";
  if (/Read-only file system|Permission denied/.test(text)) return "READ_ONLY";
  return "INTERNAL";
}

const EIO = 5;
const PROBE_BYTES = 1 << 20;

/**
 * LMDB reports a write that the system cut short as an I/O error, whatever the reason. Writing as much into a file beside it, at the
 * same offset, tells a full disk, a quota or a size limit from a failing device.
 * @param file that was written, in `folder`. @param bytes it was to grow by, about
 */
export function toCommitError(
  error: unknown,
  operation: string,
  folder: string,
  file: string,
  bytes: number,
): MnemeError {
  if ((error as { readonly code?: unknown }).code !== EIO) return toStoreError(error, operation, folder);
  const offset = statSync(file, { throwIfNoEntry: false })?.size ?? 0;
  return toStoreError(writeProbe(join(folder, "building-0.tmp"), offset, bytes) ?? error, operation, folder);
}

function writeProbe(path: string, offset: number, bytes: number): unknown {
  let fd = -1;
  try {
    fd = openSync(path, "w");
    const zeros = new Uint8Array(Math.min(bytes, PROBE_BYTES));
    for (let done = 0; done < bytes; ) {
      const count = writeSync(fd, zeros, 0, Math.min(zeros.length, bytes - done), offset + done);
      if (count === 0) break;
      done += count;
    }
    return undefined;
  } catch (error) {
    return error;
  } finally {
    if (fd >= 0) closeSync(fd);
    rmSync(path, { force: true });
  }
}
