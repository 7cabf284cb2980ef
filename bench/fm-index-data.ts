/** Text of the FM-index benchmark: the documents of the corpus in one file, each ended by the byte 255, and phrases out of them. */
import { closeSync, openSync, readdirSync, readFileSync, readSync, writeFileSync, writeSync } from "node:fs";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import { Random } from "../src/linalg/random.ts";
import { dataFolder } from "./row.ts";

export const END = 255;
const PHRASES = 2000;
const PHRASE_WORDS = 10;
/** Bytes from one edit of a copy to the next, on average. */
const EDIT_EACH = 60;

export interface Prepared {
  readonly text: string;
  readonly phrases: string;
  readonly bytes: number;
  readonly documents: number;
}

function* corpusDocuments(): Generator<Buffer> {
  const folder = join(dataFolder(), "corpus");
  for (const file of readdirSync(folder).filter((name) => name.endsWith(".jsonl.gz"))) {
    for (const line of gunzipSync(readFileSync(join(folder, file)))
      .toString("utf8")
      .split("\n")) {
      if (line === "") continue;
      const bytes = Buffer.from((JSON.parse(line) as { text: string }).text);
      // the peer cannot index zeros
      for (let at = bytes.indexOf(0); at >= 0; at = bytes.indexOf(0, at)) bytes[at] = 32;
      yield bytes;
    }
  }
}

/** `scale` times the corpus: the first copy as it is (a part of it below 1), the others with seeded edits of letters. */
export function prepare(folder: string, scale: number): Prepared {
  const text = join(folder, "text.bin");
  const fd = openSync(text, "w");
  const source = new Random(57);
  const random = (): number => source.uniform();
  const documents = [...corpusDocuments()];
  const some = Math.ceil(documents.length * Math.min(1, scale));
  const phrases: string[] = [];
  let [bytes, count] = [0, 0];
  for (let copy = 0; copy < Math.max(1, Math.round(scale)); copy++) {
    for (const original of documents.slice(0, some)) {
      const document = copy === 0 ? original : edited(original, random);
      writeSync(fd, Buffer.concat([document, Uint8Array.of(END)]));
      bytes += document.length;
      count++;
      if (copy === 0 && phrases.length < PHRASES) phrases.push(...phraseOf(document.toString(), random));
    }
  }
  closeSync(fd);
  writeFileSync(join(folder, "phrases.txt"), `${phrases.join("\n")}\n`);
  return { text, phrases: join(folder, "phrases.txt"), bytes, documents: count };
}

function edited(document: Buffer, random: () => number): Buffer {
  const copy = Buffer.from(document);
  for (
    let at = Math.floor(random() * EDIT_EACH);
    at < copy.length;
    at += 1 + Math.floor(random() * 2 * EDIT_EACH)
  )
    if (copy[at]! < 128) copy[at] = 97 + Math.floor(random() * 26);
  return copy;
}

/** Ten words that follow each other in a line, from a random line. */
function phraseOf(text: string, random: () => number): string[] {
  const lines = text.split("\n").filter((line) => line.trim().split(/ +/).length >= PHRASE_WORDS);
  const line = lines[Math.floor(random() * lines.length)];
  if (line === undefined) return [];
  const words = line.trim().split(" ");
  const first = Math.floor(random() * Math.max(1, words.length - PHRASE_WORDS));
  return [words.slice(first, first + PHRASE_WORDS).join(" ")];
}

/** Documents of a prepared file, valid until the next, read piece by piece. */
export function* documentsIn(path: string): Generator<Uint8Array> {
  const fd = openSync(path, "r");
  let buffer = Buffer.allocUnsafeSlow(1 << 20);
  let held = 0;
  for (;;) {
    if (held === buffer.length) buffer = Buffer.concat([buffer], 2 * held);
    const read = readSync(fd, buffer, held, buffer.length - held, null);
    if (read === 0) break;
    held += read;
    let start = 0;
    const bytes = buffer.subarray(0, held);
    for (let end = bytes.indexOf(END); end >= 0; end = bytes.indexOf(END, start)) {
      yield bytes.subarray(start, end);
      start = end + 1;
    }
    buffer.copyWithin(0, start, held);
    held -= start;
  }
  closeSync(fd);
}
