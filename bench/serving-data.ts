/** Documents and queries of the serving benchmark: corpus files in folders, notes of a few lines, HTML and PDF of some megabytes. */
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import type { Doc } from "./library-data.ts";

const NOTE_CHARACTERS = 600;

/** All queries of the judged sets, no two alike beside each other. */
export function judgedQueries(data: string): string[] {
  const folder = join(data, "retrieval");
  const all = readdirSync(folder).flatMap((name) => {
    const lines = gunzipSync(readFileSync(join(folder, name, "queries.jsonl.gz"))).toString("utf8");
    return lines
      .split("\n")
      .filter(Boolean)
      .map((line) => (JSON.parse(line) as { text: string }).text);
  });
  const distinct = [...new Set(all)];
  return distinct.map((_, i) => distinct[(i * 7919) % distinct.length]!);
}

/** The beginning of a document, as somebody would note it down. */
export function noteOf({ id, title, text }: Doc): Doc {
  return { id, title, text: text.slice(0, NOTE_CHARACTERS) };
}

export function writeMarkdown(folder: string, documents: readonly Doc[]): void {
  documents.forEach(({ text }, i) => {
    const part = join(folder, String(Math.floor(i / 100)));
    if (i % 100 === 0) mkdirSync(part, { recursive: true });
    writeFileSync(join(part, `${i}.md`), text);
  });
}

export function htmlOf(documents: readonly Doc[], bytes: number): Uint8Array<ArrayBuffer> {
  const sections: string[] = [];
  let size = 0;
  for (let i = 0; size < bytes; i++) {
    const { title, text } = documents[i % documents.length]!;
    const section = `<h2>${escaped(title)}</h2>\n${text
      .split("\n\n")
      .map((paragraph) => `<p>${escaped(paragraph)}</p>`)
      .join("\n")}\n`;
    size += section.length;
    sections.push(section);
  }
  return new TextEncoder().encode(`<html><body>${sections.join("")}</body></html>`).subarray(0, bytes);
}

function escaped(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;");
}

const LINE_CHARACTERS = 90;
const PAGE_LINES = 60;

/** A PDF of nothing but lines of text, as a word processor prints them. */
export function pdfOf(documents: readonly Doc[], bytes: number): Uint8Array<ArrayBuffer> {
  const lines = linesOf(documents, bytes);
  const objects: string[] = [
    "<< /Type /Catalog /Pages 2 0 R >>",
    "",
    "<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
  ];
  const pages: number[] = [];
  for (let at = 0; at < lines.length; at += PAGE_LINES) {
    const shown = lines
      .slice(at, at + PAGE_LINES)
      .map((line) => `(${line.replace(/[\\()]/g, "\\$&")}) Tj T*`);
    const content = `BT /F1 9 Tf 12 TL 40 800 Td\n${shown.join("\n")}\nET`;
    objects.push(`<< /Length ${content.length} >>\nstream\n${content}\nendstream`);
    objects.push(
      `<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Resources << /Font << /F1 3 0 R >> >> /Contents ${objects.length} 0 R >>`,
    );
    pages.push(objects.length);
  }
  objects[1] = `<< /Type /Pages /Count ${pages.length} /Kids [${pages.map((page) => `${page} 0 R`).join(" ")}] >>`;
  return assembled(objects);
}

function linesOf(documents: readonly Doc[], bytes: number): string[] {
  const lines: string[] = [];
  let size = 0;
  for (let i = 0; size < bytes; i++) {
    const text = documents[i % documents.length]!.text.replace(/[^\x20-\x7e]+/g, " ");
    for (let at = 0; at < text.length && size < bytes; at += LINE_CHARACTERS) {
      lines.push(text.slice(at, at + LINE_CHARACTERS));
      size += LINE_CHARACTERS + 8;
    }
  }
  return lines;
}

function assembled(objects: readonly string[]): Uint8Array<ArrayBuffer> {
  const pieces = ["%PDF-1.4\n"];
  const offsets: number[] = [];
  let length = pieces[0]!.length;
  objects.forEach((object, i) => {
    offsets.push(length);
    const piece = `${i + 1} 0 obj\n${object}\nendobj\n`;
    pieces.push(piece);
    length += piece.length;
  });
  const entries = offsets.map((offset) => `${String(offset).padStart(10, "0")} 00000 n \n`).join("");
  pieces.push(`xref\n0 ${objects.length + 1}\n0000000000 65535 f \n${entries}`);
  pieces.push(`trailer\n<< /Size ${objects.length + 1} /Root 1 0 R >>\nstartxref\n${length}\n%%EOF\n`);
  return new Uint8Array(Buffer.from(pieces.join(""), "latin1"));
}
