/** Opening the library that a command line means. */
import { MnemeError } from "../errors.ts";
import type { Memory, OpenOptions, VectorWish } from "../memory/types.ts";

export interface LibraryFlags {
  readonly library?: string | undefined;
  readonly budget?: string | undefined;
  readonly quiet?: boolean | undefined;
  /** Checked where the library is opened. */
  readonly vectors?: string | undefined;
}

export function libraryPath(flags: LibraryFlags): string {
  return flags.library ?? process.env.MNEME_LIBRARY ?? "library.mneme";
}

/** Opens, works, closes, also when the work throws. */
export async function withLibrary<T>(
  flags: LibraryFlags,
  mode: "read" | "write",
  work: (memory: Memory) => Promise<T>,
  options: OpenOptions = {},
): Promise<T> {
  const path = libraryPath(flags);
  if (mode === "read") await mustExist(path);
  const { open } = await import("../memory/index.ts");
  const asked = {
    ...(flags.budget ? { budget: flags.budget } : {}),
    ...(flags.vectors ? { vectors: { index: flags.vectors as VectorWish } } : {}),
  };
  const memory = await open(path, { mode, ...asked, ...options });
  try {
    return await work(memory);
  } finally {
    await memory.close();
  }
}

async function mustExist(path: string): Promise<void> {
  if (/^https?:/.test(path)) return;
  const { existsSync } = await import("node:fs");
  if (!existsSync(path)) {
    throw new MnemeError(
      "NOT_FOUND",
      `no library at ${path}; make one with \`mneme index FOLDER\` or name one with --library`,
    );
  }
}

/** @throws MnemeError ARGUMENT naming the flag. */
export function wholeNumber(value: string | undefined, flag: string): number | undefined {
  if (value === undefined) return undefined;
  const number = Number(value);
  if (!Number.isInteger(number) || number < 0)
    throw new MnemeError("ARGUMENT", `--${flag}: ${JSON.stringify(value)} is no whole number`);
  return number;
}
