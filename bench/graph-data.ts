/**
 * Vector sets with exact neighbours: what the graph benchmark asks, and how it judges the answers. Each is made once, a block of rows at a
 * time, into a folder of temporary files, so that sets larger than memory allows beside their indexes can be used again.
 */
import { type ChildProcess, fork } from "node:child_process";
import {
  closeSync,
  existsSync,
  mkdirSync,
  openSync,
  readFileSync,
  readSync,
  renameSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { bundledEmbedder } from "../src/embed/bundled.ts";
import { ExactNearest } from "../src/eval/exact-nearest.ts";
import { Manifold } from "../src/eval/synth-manifold.ts";
import { kernels } from "../src/kernels/index.ts";
import { type Matrix, matrix, rowOf, rowsOf } from "../src/linalg/matrix.ts";
import { textsOfCorpus } from "./graph-texts.ts";
import { embedAll, passagesOf, queriesOf, readCorpus } from "./library-data.ts";
import { fashionImages, wordVectors } from "./public-vectors.ts";
import { keptFolder } from "./row.ts";
import { cores, reply } from "./side-by-side.ts";

/** The last two are made and asked only when they are named. */
export const SETS = ["fashion-mnist", "lsa-words", "passages", "sentences", "manifold"] as const;
export const LARGE: readonly string[] = ["sentences", "manifold"];
export type SetName = (typeof SETS)[number];
export const K = 10;
const QUERIES = 1000;
const PASSAGE_DIM = 256;
const SENTENCES = { rows: 1_000_000, dim: 512 } as const;
const MANIFOLD = { rows: 5_000_000, dim: 128 } as const;
/** Scores so near are the same. */
const TIE = 1e-5;
/** Rows made and written at once. */
const BLOCK = 8192;
const FOLDER = keptFolder("mneme-bench-vectors");

export interface Facts {
  readonly metric: "l2" | "cosine";
  readonly rows: number;
  readonly queries: number;
  readonly dim: number;
}

/** A set before its neighbours are known. Queries of unit length under cosine. */
interface Source {
  readonly metric: Facts["metric"];
  readonly rows: number;
  readonly queries: Matrix;
  /** `count` rows from `first` on; asked for one block after the other. */
  readonly block: (first: number, count: number) => Matrix | Promise<Matrix>;
}

/**
 * Makes the set's files if they are not there: set.json, base.f32, queries.f32, worst.f32. Large sets by as many processes as there are cores.
 * @param bench file of the benchmark, that runs `makePart` below. @returns their folder
 */
export async function makeSet(name: SetName, data: string, scale: number, bench: string): Promise<string> {
  const folder = join(FOLDER, scale === 1 ? name : `${name}-${scale}`);
  if (existsSync(join(folder, "set.json"))) return folder;
  mkdirSync(folder, { recursive: true });
  const { metric, rows, queries } = await sourceOf(name, data, scale);
  if (metric === "cosine") kernels().normalizeF32(queries.data, queries.cols);
  writeFileSync(join(folder, "queries.f32"), bytesOf(queries.data));
  writeFileSync(join(folder, "base.f32"), "");
  const parts = partsOf(rows, LARGE.includes(name) ? cores : 1).map(
    (part): Part => ({ folder, name, data, scale, ...part }),
  );
  console.log(`# ${name}: ${rows} rows, processes that make them: ${parts.length}`);
  const nearest =
    parts.length === 1
      ? [await makePart(parts[0]!)]
      : await Promise.all(parts.map((part) => reply<number[]>(forkPart(part, bench))));
  using base = new RowFile(join(folder, "base.f32"), queries.cols);
  const worst = Float32Array.from({ length: queries.rows }, (_, q) => {
    const near = nearest.flatMap((found) => found.slice(q * K, (q + 1) * K)).filter((row) => row < rows);
    const scores = near.map((row) => scoreOf(metric, rowOf(queries, q), base.row(row)));
    return scores.sort((a, b) => b - a)[Math.min(K, scores.length) - 1]!;
  });
  writeFileSync(join(folder, "worst.f32"), bytesOf(worst));
  const facts: Facts = { metric, rows, queries: queries.rows, dim: queries.cols };
  writeFileSync(join(folder, "set.json.new"), JSON.stringify(facts));
  renameSync(join(folder, "set.json.new"), join(folder, "set.json"));
  return folder;
}

/** Rows of a set that one process makes. */
export interface Part {
  readonly folder: string;
  readonly name: SetName;
  readonly data: string;
  readonly scale: number;
  readonly first: number;
  readonly end: number;
}

/** Even parts of whole blocks. */
function partsOf(rows: number, count: number): { first: number; end: number }[] {
  const each = Math.ceil(rows / count / BLOCK) * BLOCK;
  return Array.from({ length: Math.ceil(rows / each) }, (_, i) => ({
    first: i * each,
    end: Math.min(rows, (i + 1) * each),
  }));
}

const forkPart = (part: Part, bench: string): ChildProcess =>
  fork(fileURLToPath(bench), ["--make", JSON.stringify(part)]);

/** Writes some rows into their place in base.f32. @returns the nearest of them, K a query */
export async function makePart({ folder, name, data, scale, first, end }: Part): Promise<number[]> {
  const { metric, queries, block } = await sourceOf(name, data, scale, first);
  if (metric === "cosine") kernels().normalizeF32(queries.data, queries.cols);
  const nearest = new ExactNearest(queries, K);
  const file = openSync(join(folder, "base.f32"), "r+");
  for (let from = first; from < end; from += BLOCK) {
    const some = await block(from, Math.min(BLOCK, end - from));
    const bytes = bytesOf(some.data);
    writeSync(file, bytes, 0, bytes.length, from * some.cols * 4);
    const judged = matrix(some.rows, some.cols, some.data.slice());
    if (metric === "cosine") kernels().normalizeF32(judged.data, some.cols);
    nearest.add(judged, from);
  }
  closeSync(file);
  return Array.from(nearest.rows);
}

/** @param from first row that is wanted */
async function sourceOf(name: SetName, data: string, scale: number, from = 0): Promise<Source> {
  if (name === "fashion-mnist")
    return held("l2", fashionImages(data, "train"), fashionImages(data, "t10k"), scale);
  if (name === "lsa-words") {
    const { base, queries } = wordVectors(data);
    return held("cosine", base, queries, scale);
  }
  if (name === "manifold") return manifold(Math.round(MANIFOLD.rows * scale));
  if (name === "sentences") return sentences(data, Math.round(SENTENCES.rows * scale), from);
  const documents = readCorpus(data);
  await using embedder = await bundledEmbedder({ dim: PASSAGE_DIM });
  const texts = documents.flatMap(passagesOf).map(({ text }) => text);
  const asked = queriesOf(data, documents, QUERIES);
  const [base, queries] = [await embedAll(embedder, texts), await embedAll(embedder, asked)];
  return held(
    "cosine",
    matrix(texts.length, PASSAGE_DIM, base),
    matrix(asked.length, PASSAGE_DIM, queries),
    scale,
  );
}

/** The first rows of a matrix. */
function held(metric: Facts["metric"], base: Matrix, all: Matrix, scale: number): Source {
  const count = Math.min(QUERIES, all.rows);
  const queries = matrix(count, all.cols, all.data.slice(0, count * all.cols));
  const rows = Math.min(base.rows, Math.round(base.rows * scale));
  return { metric, rows, queries, block: (first, some) => rowsOf(base, first, first + some) };
}

function manifold(rows: number): Source {
  const made = new Manifold(MANIFOLD.dim, { seed: 1 });
  return {
    metric: "l2",
    rows,
    queries: made.queries(QUERIES),
    block(first, count) {
      const some = matrix(count, MANIFOLD.dim);
      made.fill(first, some.data);
      return some;
    },
  };
}

/** Sentences and word windows of the corpus; asked are the corpus's own queries. */
async function sentences(data: string, rows: number, from: number): Promise<Source> {
  const { dim } = SENTENCES;
  const documents = readCorpus(data);
  const embedder = await bundledEmbedder({ dim });
  const asked = queriesOf(data, documents, QUERIES);
  const texts = textsOfCorpus(documents);
  for (let row = 0; row < from; row++) texts.next();
  return {
    metric: "cosine",
    rows,
    queries: matrix(asked.length, dim, await embedAll(embedder, asked)),
    async block(_, count) {
      const some: string[] = [];
      while (some.length < count) {
        const { value, done } = texts.next();
        if (done) throw new Error(`bench: the corpus has no ${rows} texts; name a smaller --scale`);
        some.push(value);
      }
      return matrix(count, dim, await embedAll(embedder, some));
    },
  };
}

/** Rows of f32 in a file, one at a time. */
class RowFile implements Disposable {
  readonly #file: number;
  readonly #row: Float32Array;

  constructor(path: string, dim: number) {
    this.#file = openSync(path, "r");
    this.#row = new Float32Array(dim);
  }

  /** Borrowed until the next call. */
  row(index: number): Float32Array {
    const { byteLength } = this.#row;
    readSync(this.#file, this.#row, 0, byteLength, index * byteLength);
    return this.#row;
  }

  [Symbol.dispose](): void {
    closeSync(this.#file);
  }
}

export function factsOf(folder: string): Facts {
  return JSON.parse(readFileSync(join(folder, "set.json"), "utf8")) as Facts;
}

/** Values of a file of any size. */
export function readFloats(path: string, length: number): Float32Array {
  const values = new Float32Array(length);
  const bytes = new Uint8Array(values.buffer);
  const file = openSync(path, "r");
  const most = 2 ** 30;
  for (let at = 0; at < bytes.length; at += most)
    readSync(file, bytes, at, Math.min(most, bytes.length - at), at);
  closeSync(file);
  return values;
}

/** Share of the answers that are among the k best, ties with the last of them too. @param rows k a query, of the first queries */
export function recallOf(folder: string, rows: ArrayLike<number>): number {
  const { metric, queries, dim } = factsOf(folder);
  const asked = matrix(queries, dim, readFloats(join(folder, "queries.f32"), queries * dim));
  const worst = readFloats(join(folder, "worst.f32"), queries);
  using base = new RowFile(join(folder, "base.f32"), dim);
  let right = 0;
  for (let i = 0; i < rows.length; i++) {
    const q = Math.floor(i / K);
    if (rows[i]! < 0 || rows[i]! === 0xffff_ffff) continue;
    const score = scoreOf(metric, rowOf(asked, q), base.row(rows[i]!));
    if (score >= worst[q]! - TIE * Math.abs(worst[q]!)) right++;
  }
  return right / rows.length;
}

function scoreOf(metric: string, a: Float32Array, b: Float32Array): number {
  let [product, square, distance] = [0, 0, 0];
  for (let i = 0; i < a.length; i++) {
    product += a[i]! * b[i]!;
    square += b[i]! * b[i]!;
    distance += (a[i]! - b[i]!) ** 2;
  }
  return metric === "l2" ? -distance : product / Math.sqrt(square);
}

const bytesOf = ({ buffer, byteOffset, byteLength }: Float32Array): Uint8Array =>
  new Uint8Array(buffer, byteOffset, byteLength);
