/** One file as an item, ready to be cut into passages. */
import { MnemeError } from "../../errors.ts";
import type { Meta } from "../../index/filter/where.ts";
import type { Item } from "../types.ts";
import { extensionOf, readerFor } from "./readers/registry.ts";

/** Longest file that is read, whatever the caller allows: one string of V8 holds no more. */
export const MAX_READ_BYTES = 2 ** 29 - 24;

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
