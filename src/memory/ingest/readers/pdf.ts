/** PDF: the text of each page, by unpdf (PDF.js). Scans without a text layer have none. */
import { MnemeError } from "../../../errors.ts";
import type { Block, Parsed } from "../parsed.ts";

export async function readPdf(bytes: Uint8Array, name: string): Promise<Parsed> {
  const { extractText, getDocumentProxy, getMeta } = await import("unpdf");
  try {
    // PDF.js takes the buffer away
    const document = await getDocumentProxy(new Uint8Array(bytes), { verbosity: 0 }); // errors, not warnings, and those throw;
    try {
      const { text } = await extractText(document, { mergePages: false });
      const info = (await getMeta(document).catch(() => ({ info: {} }))).info as { Title?: string };
      return joinPages(text, info.Title ?? "");
    } finally {
      await document.destroy();
    }
  } catch (cause) {
    throw new MnemeError(
      "FORMAT",
      `${name}: a PDF that cannot be read (damaged, or protected by a password)`,
      { cause },
    );
  }
}

function joinPages(pages: readonly string[], title: string): Parsed {
  const blocks: Block[] = [];
  let text = "";
  pages.forEach((page, i) => {
    blocks.push({ kind: "page", start: text.length, end: text.length, page: i + 1 });
    text += `${page.trim()}\n\n`;
  });
  return { title: title || (pages[0]?.trim().split("\n")[0] ?? "").slice(0, 120), text, blocks };
}
