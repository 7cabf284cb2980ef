/** EPUB: the documents of its spine as HTML, one behind the other. One without a heading gets what the table of contents calls it. */
import { isMnemeError, MnemeError } from "../../../errors.ts";
import { decodeText } from "../decode-text.ts";
import type { Block, Parsed } from "../parsed.ts";
import { readPackage } from "./epub-package.ts";
import { readHtml } from "./html.ts";
import { ZipArchive } from "./zip-archive.ts";

/** @throws MnemeError FORMAT: damaged, no EPUB, or its text is encrypted */
export async function readEpub(bytes: Uint8Array, name: string): Promise<Parsed> {
  try {
    const archive = await ZipArchive.open(bytes, name);
    const { title, authors, documents, labels } = await readPackage(archive, name);
    const book = new Book();
    for (const path of documents) {
      const { text: source } = decodeText(await archive.read(path), path);
      const document = readHtml(source, { isXml: true });
      // a document's own title is often the book's
      const own = document.title === title ? "" : document.title;
      book.append(document, labels.get(path) ?? own);
    }
    const author =
      authors.length === 1 ? { author: authors[0]! } : authors.length > 1 ? { author: authors } : {};
    return { title, text: book.text, blocks: book.blocks, meta: author };
  } catch (cause) {
    if (isMnemeError(cause, "FORMAT")) throw cause;
    throw new MnemeError("FORMAT", `${name}: an EPUB that cannot be read (damaged, or not an EPUB)`, {
      cause,
    });
  }
}

class Book {
  text = "";
  readonly blocks: Block[] = [];

  append({ text, blocks = [] }: Parsed, title: string): void {
    const body = text.trimEnd();
    if (body === "") return;
    if (this.text !== "") this.text += "\n\n";
    if (title !== "" && blocks.length === 0) {
      const start = this.text.length;
      this.blocks.push({ kind: "heading", start, end: start + title.length, level: 1, text: title });
      this.text += `${title}\n\n`;
    }
    const start = this.text.length;
    for (const block of blocks)
      this.blocks.push({ ...block, start: block.start + start, end: block.end + start });
    this.text += body;
  }
}
