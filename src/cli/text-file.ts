/** Files that flags name, read and written whole; what goes wrong names the flag. */
import { readFile, writeFile } from "node:fs/promises";
import { MnemeError } from "../errors.ts";

/** @throws MnemeError NOT_FOUND */
export async function textIn(file: string, flag: string): Promise<string> {
  return readFile(file, "utf8").catch((cause: unknown) => {
    throw new MnemeError("NOT_FOUND", `--${flag} ${file}: cannot be read; is the path right?`, { cause });
  });
}

/** @throws MnemeError UNREADABLE */
export async function writeText(file: string, text: string, flag: string): Promise<void> {
  await writeFile(file, text).catch((cause: NodeJS.ErrnoException) => {
    throw new MnemeError(
      "UNREADABLE",
      `--${flag} ${file}: cannot be written (${cause.code}); name a file in a folder that exists`,
      { cause },
    );
  });
}
