/** One file as an item, ready to be cut into passages. */
import { MnemeError } from "../../errors.ts";
import type { Meta } from "../../index/filter/where.ts";
import type { Item } from "../types.ts";
import { isUtf8, looksBinary } from "./decode-text.ts";
import { extensionOf, plainText, type Reader, readerFor } from "./readers/registry.ts";

/** Longest file that is read, whatever the caller allows: one string of V8 holds no more. */
export const MAX_READ_BYTES = 2 ** 29 - 24;

/**
 * A file's bytes as an item under its name. A name without an extension is read as text if its bytes are UTF-8. With `binary`, what is no text becomes an item of bytes, and a name that no reader knows is no
 * hindrance. @throws MnemeError UNSUPPORTED when no reader knows the name, UNREADABLE, FORMAT.
 */
export async function itemFromFile(
  name: string,
  bytes: Uint8Array,
  meta: Meta = {},
  { binary = false }: { readonly binary?: boolean } = {},
): Promise<Item> {
  const reader = readerFor(name) ?? (binary || extensionOf(name) === "" ? readerOfText(bytes) : undefined);
  if (binary && (!reader || (reader.isText && looksBinary(bytes)))) return itemOfBytes(name, bytes, meta);
  if (!reader)
    throw new MnemeError(
      "UNSUPPORTED",
      `${name}: no reader for files of this kind; convert it to text, Markdown, HTML, PDF, DOCX or EPUB`,
    );
  const { title, text, blocks, meta: own, firstLine = 1 } = await reader.read(bytes, name);
  const base = baseOf(name);
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

const baseOf = (name: string): string =>
  name.slice(Math.max(name.lastIndexOf("/"), name.lastIndexOf("\\")) + 1);

/** Of a name that says nothing: what is UTF-8 is text. */
function readerOfText(bytes: Uint8Array): Reader | undefined {
  return !looksBinary(bytes) && isUtf8(bytes) ? plainText : undefined;
}

function itemOfBytes(name: string, data: Uint8Array, meta: Meta): Item {
  const base = baseOf(name);
  return {
    id: base,
    title: base,
    text: "",
    data,
    meta: { ...meta, extension: extensionOf(name) },
    provenance: { origin: "file", mediaType: "application/octet-stream", sourceBytes: data.byteLength },
  };
}
