/** DOCX: to HTML by mammoth, which keeps headings, then as HTML. */
import { MnemeError } from "../../../errors.ts";
import type { Parsed } from "../parsed.ts";
import { readHtml } from "./html.ts";

export async function readDocx(bytes: Uint8Array, name: string): Promise<Parsed> {
  const mammoth = await import("mammoth");
  try {
    const { value } = await mammoth.default.convertToHtml({
      buffer: Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength),
    });
    return readHtml(value);
  } catch (cause) {
    throw new MnemeError("FORMAT", `${name}: a DOCX that cannot be read (damaged, or not a Word document)`, {
      cause,
    });
  }
}
