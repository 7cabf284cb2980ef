/** Opening the library that a command line means. */
import { MnemeError } from "../errors.ts";
import type { Memory, OpenOptions, VectorWish } from "../memory/types.ts";
import { type EmbedderFlags, storedEmbedder } from "./embedder.ts";

export interface LibraryFlags extends EmbedderFlags {
  readonly library?: string | undefined;
  readonly budget?: string | undefined;
  readonly quiet?: boolean | undefined;
  /** Seconds. */
  readonly wait?: string | undefined;
  /** Checked where the library is opened. */
  readonly vectors?: string | undefined;
}

export function libraryPath(flags: LibraryFlags): string {
  return flags.library ?? (process.env.MNEME_LIBRARY || "library.mneme"); // set to nothing is not set
}

/** Opens, works, closes, also when the work throws. */
export async function withLibrary<T>(
  flags: LibraryFlags,
  mode: "read" | "write",
  work: (memory: Memory) => Promise<T>,
  options: OpenOptions = {},
): Promise<T> {
  const path = libraryPath(flags);
  if (mode === "read") await mustExist(path, "make one with `mneme index FOLDER` or name one with --library");
  const { open } = await import("../memory/index.ts");
  const seconds = numberOf(flags.wait, "wait");
  const asked = {
    ...(seconds === undefined ? {} : { lock: "wait" as const, lockTimeoutMs: seconds * 1000 }),
    ...(flags.budget ? { budget: flags.budget } : {}),
    embedderOf: storedEmbedder(flags, await isFolder(path)),
    ...(flags.vectors ? { vectors: { index: flags.vectors as VectorWish } } : {}),
  };
  const memory = await open(path, { mode, ...asked, ...options });
  try {
    return await work(memory);
  } finally {
    await memory.close();
  }
}

/** A library is a folder; a file or a URL is a snapshot. */
async function isFolder(path: string): Promise<boolean> {
  const { statSync } = await import("node:fs");
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false;
}

/** @throws MnemeError NOT_FOUND, with what to do. */
export async function mustExist(path: string, instead: string): Promise<void> {
  if (/^https?:/.test(path)) return;
  const { existsSync } = await import("node:fs");
  if (!existsSync(path)) throw new MnemeError("NOT_FOUND", `no library at ${path}; ${instead}`);
}

/** @throws MnemeError ARGUMENT naming the flag. */
export function numberOf(value: string | undefined, flag: string): number | undefined {
  if (value === undefined) return undefined;
  const number = Number(value);
  if (value.trim() === "" || !Number.isFinite(number))
    throw new MnemeError("ARGUMENT", `--${flag}: ${JSON.stringify(value)} is no number`);
  return number;
}

/** @throws MnemeError ARGUMENT naming the flag. */
export function wholeNumber(value: string | undefined, flag: string): number | undefined {
  const number = numberOf(value, flag);
  if (number !== undefined && (!Number.isInteger(number) || number < 0))
    throw new MnemeError("ARGUMENT", `--${flag}: ${JSON.stringify(value)} is no whole number`);
  return number;
}
