/**
 * LMDB's lock file, made before LMDB opens it. LMDB writes to it through a map: on a full disk a file with holes would end the process
 * with SIGBUS, so it is written out beforehand, which fails properly. It appears under its name whole or not at all: whoever finds it
 * opens it, and what was still to be written would wipe out the table of readers that is in use by then.
 */
import { randomBytes } from "node:crypto";
import { linkSync, rmSync, statSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { MnemeError } from "../errors.ts";

/** A slot of LMDB's reader table, and room for what stands before it. */
const READER_BYTES = 64;
const HEADER_BYTES = 4096;

export interface LockFileOptions {
  readonly readOnly: boolean;
  readonly maxReaders: number;
}

/**
 * Makes the lock file if there is none. One that is there is never opened: closing it would drop this process's locks on it.
 * @throws MnemeError FORMAT where it is no file: LMDB would end the process. What the file system says, but not to readers without write permission: LMDB lets them read without it.
 */
export function makeLockFile(path: string, { readOnly, maxReaders }: LockFileOptions): void {
  const found = statSync(path, { throwIfNoEntry: false });
  if (found?.isFile()) return;
  if (found)
    throw new MnemeError(
      "FORMAT",
      `${path}: is ${found.isDirectory() ? "a folder" : "no file"}, a library keeps its lock file there; remove it and open the library again`,
      { details: { path } },
    );
  const half = join(dirname(path), `building-${randomBytes(8).toString("hex")}.tmp-lock`);
  const zeros = new Uint8Array(HEADER_BYTES + maxReaders * READER_BYTES);
  try {
    writeFileSync(half, zeros, { flag: "wx" });
    link(half, path, zeros);
  } catch (error) {
    if (!readOnly || !["EACCES", "EROFS"].includes(codeOf(error))) throw error;
  } finally {
    rmSync(half, { force: true });
  }
}

/** Unlike a rename, a link never replaces the file that another process made meanwhile. */
function link(half: string, path: string, zeros: Uint8Array): void {
  try {
    linkSync(half, path);
  } catch (error) {
    // EEXIST: another process was faster. ENOENT: a writer took it for litter, and LMDB makes its own.
    if (["EEXIST", "ENOENT"].includes(codeOf(error))) return;
    writeInPlace(path, zeros); // a file system without links
  }
}

function writeInPlace(path: string, zeros: Uint8Array): void {
  try {
    writeFileSync(path, zeros, { flag: "wx" });
  } catch (error) {
    if (codeOf(error) === "EEXIST") return;
    rmSync(path, { force: true });
    throw error;
  }
}

function codeOf(error: unknown): string {
  return (error as NodeJS.ErrnoException).code ?? "";
}
