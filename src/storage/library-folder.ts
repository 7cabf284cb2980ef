/**
 * The folder of a library: `data-000001.mdb` (LMDB), its `-lock` file, and writers' claims. The data file with the highest number is
 * the current one. A new one (first creation, compaction) is built under a temporary name, synced, and renamed: the rename is
 * the switch, so a process killed at any moment leaves either the old or the new file current, both whole.
 */
import {
  closeSync,
  existsSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
} from "node:fs";
import { basename, join } from "node:path";
import { MnemeError } from "../errors.ts";
import { LOCK_PATTERN } from "./writer-lock.ts";

const DATA_PATTERN = /^data-(\d{6,12})\.mdb$/;
const OWN_LITTER = /^(building-[0-9a-f]+\.tmp|data-\d{6,12}\.mdb)(-lock)?$/;

export interface DataFile {
  readonly number: number;
  readonly path: string;
}

export function dataFile(folder: string, number: number): DataFile {
  return { number, path: join(folder, `data-${String(number).padStart(6, "0")}.mdb`) };
}

export function temporaryFile(folder: string, number: number): string {
  return join(folder, `building-${number.toString(16)}.tmp`);
}

/**
 * The current data file, or undefined in a folder that holds no library yet and may become one.
 * @throws MnemeError FORMAT where the path is a file, or a folder with other things in it.
 */
export function currentDataFile(folder: string): DataFile | undefined {
  const found = statSync(folder, { throwIfNoEntry: false });
  if (!found) return undefined;
  if (!found.isDirectory())
    throw new MnemeError(
      "FORMAT",
      `${folder}: is a file, a library is a folder; open a snapshot file with openSnapshot, or choose another path`,
      { details: { path: folder } },
    );
  const names = readdirSync(folder);
  const numbers = names.flatMap((name) => DATA_PATTERN.exec(name)?.[1] ?? []).map(Number);
  if (numbers.length > 0) return dataFile(folder, Math.max(...numbers));
  const foreign = names.find((name) => !OWN_LITTER.test(name) && !LOCK_PATTERN.test(name));
  if (foreign !== undefined)
    throw new MnemeError(
      "FORMAT",
      `${folder}: not a Mneme library, it holds "${foreign}"; choose an empty or new folder`,
      {
        details: { path: folder, foreign },
      },
    );
  return undefined;
}

export function createFolder(folder: string): void {
  try {
    mkdirSync(folder);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === "EEXIST") return;
    // Only missing parents: on a read-only disk the recursive form says ENOENT and hides the reason.
    if (code !== "ENOENT") throw error;
    mkdirSync(folder, { recursive: true });
  }
}

/** Makes a finished temporary file the current one. */
export function publish(temporary: string, target: DataFile, folder: string): void {
  rmSync(`${temporary}-lock`, { force: true });
  syncPath(temporary);
  renameSync(temporary, target.path);
  syncPath(folder);
}

/** Removes what is not current: older data files, half-built ones, lock files without a data file. Only the writer may. */
export function removeLitter(folder: string, current: DataFile | undefined): void {
  const keep = current ? basename(current.path) : "";
  for (const name of readdirSync(folder)) {
    if (!OWN_LITTER.test(name) || name === keep || name === `${keep}-lock`) continue;
    try {
      rmSync(join(folder, name), { force: true });
    } catch {
      // A reader still has it open on a system that forbids removing open files; the next writer removes it.
    }
  }
}

/** Whether `file` is no longer the current one: compacted away, or superseded. */
export function isSuperseded(folder: string, file: DataFile): boolean {
  return existsSync(dataFile(folder, file.number + 1).path) || !existsSync(file.path);
}

/** fsync of a file or, where the system allows it, of a folder's entries. */
export function syncPath(path: string): void {
  const fd = openSync(path, "r");
  try {
    fsyncSync(fd);
  } catch (error) {
    // Some systems refuse to sync a folder; the rename is then as durable as they make it.
    if (!["EPERM", "EINVAL", "EISDIR"].includes((error as NodeJS.ErrnoException).code ?? "")) throw error;
  } finally {
    closeSync(fd);
  }
}
