/** The corpus of the library benchmark, cut and embedded once for all systems: documents, passages, vectors and queries in one folder. */
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { gunzipSync } from "node:zlib";
import { bundledEmbedder } from "../src/embed/bundled.ts";
import type { Embedder } from "../src/embed/embedder.ts";
import { Random } from "../src/linalg/random.ts";
import { chunk } from "../src/memory/ingest/chunk.ts";

export interface Doc {
  readonly id: string;
  readonly title: string;
  readonly text: string;
}

export interface Prepared {
  readonly documents: number;
  readonly passages: number;
  /** UTF-8 bytes of the documents' texts. */
  readonly bytes: number;
  readonly dim: number;
  /** One thread, all passages. */
  readonly embedSeconds: number;
}

const BATCH = 512;
/** Queries that are timed: the slowest of a hundred is then one of fifteen. */
export const QUERIES = 1500;
/** Other queries, asked before: compilers and caches of all systems settle. V8 goes on compiling for some 2,500 searches. */
export const WARM_UP = 3000;
/** Share of words that a seeded copy replaces. */
const EDITED = 0.1;

export function readCorpus(data: string): Doc[] {
  const folder = join(data, "corpus");
  return readdirSync(folder)
    .filter((name) => name.endsWith(".jsonl.gz"))
    .flatMap((name) =>
      linesOf<{ _id: string; title: string; text: string }>(gunzipSync(readFileSync(join(folder, name)))),
    )
    .map(({ _id, title, text }) => ({ id: _id, title, text }));
}

function linesOf<T>(bytes: Uint8Array): T[] {
  const text = Buffer.from(bytes).toString("utf8");
  return text
    .split("\n")
    .filter(Boolean)
    .map((line) => JSON.parse(line) as T);
}

/** The corpus and scale - 1 copies of it in which every tenth word is another one of the corpus. */
export function scaled(documents: readonly Doc[], scale: number): Doc[] {
  const random = new Random(scale);
  const words = documents
    .slice(0, 200)
    .flatMap(({ text }) => text.split(" ").filter((word) => word.length > 3));
  const edited = (text: string): string =>
    text
      .split(" ")
      .map((word) => (word !== "" && random.uniform() < EDITED ? words[random.integer(words.length)]! : word))
      .join(" ");
  const copies = Array.from({ length: scale - 1 }, (_, copy) =>
    documents.map(({ id, title, text }) => ({ id: `${id}#${copy + 1}`, title, text: edited(text) })),
  );
  return [...documents, ...copies.flat()];
}

/** Passages as Mneme cuts them, with the title and headings above that the body does not begin with. */
export function passagesOf({ id, title, text }: Doc): Doc[] {
  return chunk(text).map(({ start, end, headings }, i) => {
    const body = text.slice(start, end);
    const above = title && headings[0] !== title ? [title, ...headings] : headings;
    const missing = above.filter((heading) => {
      const at = body.indexOf(heading);
      return at < 0 || at > 8 || body.slice(0, at).includes("\n");
    });
    return { id: `${id}/${i}`, title, text: missing.length > 0 ? `${missing.join("\n")}\n\n${body}` : body };
  });
}

/** Vectors of all texts, row after row. */
export async function embedAll(embedder: Embedder, texts: readonly string[]): Promise<Float32Array> {
  const { dim } = embedder.space;
  const vectors = new Float32Array(texts.length * dim);
  for (let at = 0; at < texts.length; at += BATCH) {
    vectors.set((await embedder.embed(texts.slice(at, at + BATCH))).data, at * dim);
  }
  return vectors;
}

/** Queries written for the corpus where they lie beside the data, else titles, in a seeded order. */
export function queriesOf(data: string, documents: readonly Doc[], count: number): string[] {
  const path = resolve(data, "../models/eval/queries.jsonl");
  const all = existsSync(path)
    ? linesOf<{ query: string }>(readFileSync(path)).map(({ query }) => query)
    : documents.map(({ title }) => title);
  return new Random(7).shuffle(all).slice(0, count);
}

/** Writes everything that the children read. */
export async function prepare(data: string, work: string, scale: number): Promise<Prepared> {
  const documents = scaled(readCorpus(data), scale);
  const passages = documents.flatMap(passagesOf);
  const embedder = await bundledEmbedder({ dim: 256 });
  const started = performance.now();
  const vectors = await embedAll(
    embedder,
    passages.map(({ text }) => text),
  );
  const embedSeconds = (performance.now() - started) / 1000;
  const queries = queriesOf(data, documents, QUERIES + WARM_UP);
  writeFileSync(join(work, "vectors.f32"), Buffer.from(vectors.buffer));
  writeFileSync(join(work, "queries.json"), JSON.stringify(queries));
  writeFileSync(join(work, "queries.f32"), Buffer.from((await embedAll(embedder, queries)).buffer));
  writeLines(join(work, "documents.jsonl"), documents);
  writeLines(join(work, "passages.jsonl"), passages);
  writeFolder(join(work, "folder"), documents);
  return {
    documents: documents.length,
    passages: passages.length,
    bytes: documents.reduce((sum, { text }) => sum + Buffer.byteLength(text), 0),
    dim: embedder.space.dim,
    embedSeconds,
  };
}

function writeLines(path: string, documents: readonly Doc[]): void {
  writeFileSync(path, "");
  for (let at = 0; at < documents.length; at += 1000) {
    const lines = documents.slice(at, at + 1000).map((one) => `${JSON.stringify(one)}\n`);
    writeFileSync(path, lines.join(""), { flag: "a" });
  }
}

/** The documents as Markdown files, a hundred a folder. */
function writeFolder(folder: string, documents: readonly Doc[]): void {
  documents.forEach(({ text }, i) => {
    const part = join(folder, String(Math.floor(i / 100)));
    if (i % 100 === 0) mkdirSync(part, { recursive: true });
    writeFileSync(join(part, `${i}.md`), text);
  });
}

export function readDocs(path: string): Doc[] {
  const docs: Doc[] = [];
  const bytes = readFileSync(path);
  for (let at = 0; at < bytes.length; ) {
    const end = bytes.indexOf(10, at);
    docs.push(JSON.parse(bytes.toString("utf8", at, end)) as Doc);
    at = end + 1;
  }
  return docs;
}

export function readFloats(path: string): Float32Array {
  const bytes = readFileSync(path);
  return new Float32Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength));
}
