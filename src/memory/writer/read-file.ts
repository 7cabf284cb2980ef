/**
 * A file of a folder as an item, read on a thread that has nothing else to do: waiting there costs nobody anything, while each promise
 * of the file system costs more than the read of a small file. Time and size are those the walk saw, so a file that changed since is
 * read again by the next run.
 */
import { readFileSync } from "node:fs";
import { pathToFileURL } from "node:url";
import { MnemeError } from "../../errors.ts";
import { itemFromFile } from "../ingest/read.ts";
import type { Item } from "../types.ts";
import type { SeenFile } from "./tasks.ts";

/** @throws MnemeError NOT_FOUND (vanished), UNREADABLE, FORMAT, UNSUPPORTED, naming the file. */
export async function readFileItem(file: SeenFile, binary = false): Promise<Item> {
  const item = await itemFromFile(file.path, bytesOf(file.path), file.meta, { binary });
  const { modifiedAt, bytes: sourceBytes } = file;
  const uri = pathToFileURL(file.path).href;
  return { ...item, id: file.id, provenance: { ...item.provenance!, uri, sourceBytes, modifiedAt } };
}

function bytesOf(path: string): Uint8Array {
  try {
    return readFileSync(path);
  } catch (cause) {
    const code = (cause as NodeJS.ErrnoException).code;
    if (code === "ENOENT")
      throw new MnemeError("NOT_FOUND", `${path}: gone before it could be read`, { cause });
    throw new MnemeError("UNREADABLE", `${path}: cannot be read (${code ?? cause}); check its permissions`, {
      cause,
    });
  }
}
