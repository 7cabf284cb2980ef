/** One file as an item, ready to be cut into passages. */
import type { Stats } from "node:fs";
import { isMnemeError, MnemeError } from "../../errors.ts";
import type { Meta } from "../../index/filter/where.ts";
import type { Item } from "../types.ts";
import type { FileJob } from "../writer/tasks.ts";
import { extensionOf, readerFor } from "./readers/registry.ts";

export interface ReadItem {
  readonly item: Item;
  readonly modifiedAt: number;
  readonly bytes: number;
}

/** Longest file that is read, whatever the caller allows: one string of V8 holds no more. */
export const MAX_READ_BYTES = 2 ** 29 - 24;

/** @throws MnemeError NOT_FOUND (vanished), UNREADABLE, FORMAT, UNSUPPORTED, RANGE (too large), naming the file. */
export async function readItem(file: FileJob, maxFileBytes: number): Promise<ReadItem> {
  node ??= { fs: await import("node:fs"), url: await import("node:url") };
  const { bytes, info } = bytesOf(file.path, maxFileBytes, node.fs);
  const item = await itemFromFile(file.path, bytes, file.meta);
  const provenance = {
    ...item.provenance!,
    uri: node.url.pathToFileURL(file.path).href,
    sourceBytes: info.size,
    modifiedAt: info.mtimeMs,
  };
  return { item: { ...item, id: file.id, provenance }, modifiedAt: info.mtimeMs, bytes: info.size };
}

let node: { readonly fs: typeof import("node:fs"); readonly url: typeof import("node:url") } | undefined;

/** In this thread and at once: a worker has nothing else to do, and four hops to a thread pool cost more than a small file. */
function bytesOf(
  path: string,
  maxFileBytes: number,
  fs: typeof import("node:fs"),
): { bytes: Uint8Array; info: Stats } {
  try {
    const info = fs.statSync(path);
    const most = Math.min(maxFileBytes, MAX_READ_BYTES);
    if (info.size > most) {
      throw new MnemeError(
        "RANGE",
        `${path}: ${info.size} bytes, at most ${most} are read; ${most < MAX_READ_BYTES ? "raise the limit or split it" : "split it"}`,
        { details: { code: "TOO_LARGE" } },
      );
    }
    return { bytes: fs.readFileSync(path), info };
  } catch (cause) {
    throw unreadable(path, cause);
  }
}

/** A file's bytes as an item under its name. @throws MnemeError UNSUPPORTED when no reader knows the name. */
export async function itemFromFile(name: string, bytes: Uint8Array, meta: Meta = {}): Promise<Item> {
  const reader = readerFor(name);
  if (!reader)
    throw new MnemeError(
      "UNSUPPORTED",
      `${name}: no reader for files of this kind; convert it to text, Markdown, HTML, PDF or DOCX`,
    );
  const { title, text, blocks, meta: own, firstLine = 1 } = await reader.read(bytes, name);
  const base = name.slice(Math.max(name.lastIndexOf("/"), name.lastIndexOf("\\")) + 1);
  const extension = extensionOf(name);
  return {
    id: base,
    title: title || base,
    text,
    meta: { ...own, ...meta, extension, ...(reader.language ? { language: reader.language } : {}) },
    provenance: { origin: "file", mediaType: reader.mediaType, sourceBytes: bytes.byteLength },
    ...(blocks ? { blocks } : {}),
    ...(firstLine === 1 ? {} : { firstLine }),
  };
}

function unreadable(path: string, cause: unknown): MnemeError {
  if (isMnemeError(cause)) return cause;
  const code = (cause as NodeJS.ErrnoException).code;
  if (code === "ENOENT")
    return new MnemeError("NOT_FOUND", `${path}: gone before it could be read`, { cause });
  return new MnemeError("UNREADABLE", `${path}: cannot be read (${code ?? cause}); check its permissions`, {
    cause,
  });
}
