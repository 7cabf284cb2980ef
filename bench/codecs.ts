/**
 * Which code keeps most for its bytes, and how fast is it scanned? Recall@10 of every codec on images (squared distances) and word vectors
 * (products of unit rows), with the time of a whole search by codes alone: tables, scan, the best ten. One thread, one query at a time.
 * FAISS's product quantisers beside them where Python finds it: Debian's python3-faiss is built without AVX2, which costs its scans dear.
 */
import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Metric } from "../src/codecs/codec.ts";
import { parseCodec } from "../src/codecs/index.ts";
import { Shortlist } from "../src/index/shortlist.ts";
import { kernels } from "../src/kernels/index.ts";
import { type Matrix, rowOf, rowsOf } from "../src/linalg/matrix.ts";
import { CodeScan } from "./code-scan.ts";
import { PYTHON } from "./peers.ts";
import { fashionImages, nearestIds, wordVectors } from "./public-vectors.ts";
import { dataFolder, printFigure, quantile, repository, switches } from "./row.ts";
import { scatter } from "./svg.ts";

const K = 10;
const QUERIES = 300;
/** A codec that is scored by plain code answers fewer of them. */
const SLOW_MS = 20;
const FEW_QUERIES = 60;
const WARM_UP = 20;
const SIFT_ROWS = 8192;

interface Data {
  readonly name: string;
  readonly rows: Matrix;
  readonly queries: Matrix;
  readonly metric: Metric & ("l2" | "dot");
  /** The 100 best rows of each query, best first. */
  readonly truth: Int32Array;
  readonly recipes: readonly string[];
  readonly faiss: readonly string[];
}

interface Measured {
  readonly name: string;
  readonly bytes: number;
  readonly recall: number;
  readonly ms: number;
  readonly fitSeconds: number;
  readonly encodeSeconds: number;
}

function fashion(): Data {
  return {
    name: "fashion-mnist",
    rows: fashionImages(dataFolder(), "train"),
    queries: rowsOf(fashionImages(dataFolder(), "t10k"), 0, QUERIES),
    metric: "l2",
    truth: nearestIds(dataFolder(), "fashion-mnist/ann-l2"),
    recipes: [
      "sign",
      "rabitq1",
      "rabitq2",
      "rabitq4",
      "int4-g32",
      "int8",
      "pq4x64",
      "pq4x64-random",
      "pca128>pq4x64",
      "pca128>pq4x64-opq",
      "pq4x196",
      "pq8x32",
      "pca128>pq8x32-opq",
      "pca128>rq8x14",
      "pca192>rabitq1",
      "pca128>rabitq4",
    ],
    faiss: ["PQ64x4fs", "PQ32", "OPQ64_128,PQ64x4fs", "OPQ32_128,PQ32"],
  };
}

function words(): Data {
  const { base, queries } = wordVectors(dataFolder());
  for (const { data, cols } of [base, queries]) kernels().normalizeF32(data, cols);
  return {
    name: "lsa-words",
    rows: base,
    queries: rowsOf(queries, 0, QUERIES),
    metric: "dot",
    truth: nearestIds(dataFolder(), "ann/lsa-words"),
    recipes: [
      "sign",
      "rabitq1",
      "rabitq2",
      "rabitq4",
      "int4-g32",
      "int8",
      "pq4x28",
      "pq4x32",
      "pq4x32-random",
      "pq4x32-opq",
      "pq4x32-avq20",
      "pq4x32-opq-avq20",
      "rq4x28",
      "pq8x16",
      "pq8x16-opq",
      "pq8x16-opq-avq20",
      "rq8x14",
      "pca64>rabitq1",
      "pca64>int8",
    ],
    faiss: ["PQ32x4fs", "PQ16", "OPQ32_128,PQ32x4fs", "OPQ16_128,PQ16"],
  };
}

/** The K best, as the flat index sifts them. */
function best(scores: Float32Array, sifted: Uint32Array): Uint32Array {
  const list = new Shortlist(K);
  for (let start = 0; start < scores.length; start += SIFT_ROWS) {
    const stripe = scores.subarray(start, Math.min(scores.length, start + SIFT_ROWS));
    const found = kernels().selectAbove(stripe, list.threshold, sifted);
    for (let i = 0; i < found; i++) list.push(scores[start + sifted[i]!]!, start + sifted[i]!);
    list.settle();
  }
  return list.finish();
}

function recallOf({ truth }: Data, found: readonly ArrayLike<number>[]): number {
  let right = 0;
  found.forEach((rows, q) => {
    const near = new Set(truth.subarray(q * 100, q * 100 + K));
    for (let i = 0; i < rows.length; i++) if (near.has(rows[i]!)) right++;
  });
  return right / (K * found.length);
}

/** Signs compared by the bits that differ: the codes of rabitq1 without factors, the query coded too. */
function signs(data: Data): Measured {
  const started = performance.now();
  const coder = parseCodec("rabitq1").fit(data.rows);
  const codes = coder.encode(data.rows);
  const encodeSeconds = (performance.now() - started) / 1000;
  const bytes = coder.blockBytes! - 8;
  using room = kernels().arena.alloc(data.rows.rows * bytes);
  for (let r = 0; r < data.rows.rows; r++)
    room.u8().set(codes.subarray(r * (bytes + 8), r * (bytes + 8) + bytes), r * bytes);
  const rows = { data: room.u8(), count: data.rows.rows, stride: bytes };
  using out = kernels().arena.alloc(data.rows.rows * 4);
  using scores = kernels().arena.alloc(data.rows.rows * 4);
  using sifted = kernels().arena.alloc(SIFT_ROWS * 4);
  const search = (query: Float32Array): Uint32Array => {
    const code = coder.encode({ rows: 1, cols: query.length, data: query }).subarray(0, bytes);
    kernels().hamming(code, rows, out.u32());
    const [differ, near] = [out.u32(), scores.f32()];
    for (let r = 0; r < near.length; r++) near[r] = -differ[r]!;
    return best(near.subarray(0, rows.count), sifted.u32());
  };
  return { name: "sign", bytes, ...searched(data, search), fitSeconds: 0, encodeSeconds };
}

function searched(data: Data, search: (query: Float32Array) => Uint32Array): { recall: number; ms: number } {
  const times: number[] = [];
  for (let q = 0; q < WARM_UP; q++) search(rowOf(data.queries, q));
  const first = performance.now();
  search(rowOf(data.queries, 0));
  const isSlow = performance.now() - first > SLOW_MS;
  const found = Array.from({ length: isSlow ? FEW_QUERIES : QUERIES }, (_, q) => {
    const started = performance.now();
    const rows = search(rowOf(data.queries, q));
    times.push(performance.now() - started);
    return rows;
  });
  return { recall: recallOf(data, found), ms: quantile(times, 0.5) };
}

function measured(data: Data, recipe: string): Measured {
  if (recipe === "sign") return signs(data);
  const started = performance.now();
  const coder = parseCodec(recipe).fit(data.rows, { seed: 1 });
  const fitted = performance.now();
  using scan = new CodeScan(coder, data.rows, rowOf(data.queries, 0), data.metric);
  const encoded = performance.now();
  using sifted = kernels().arena.alloc(SIFT_ROWS * 4);
  const found = searched(data, (query) => best(scan.scores(query), sifted.u32()));
  return {
    name: recipe,
    bytes: scan.bytesPerRow,
    ...found,
    fitSeconds: (fitted - started) / 1000,
    encodeSeconds: (encoded - fitted) / 1000,
  };
}

interface FaissLine extends Omit<Measured, "name" | "bytes" | "recall"> {
  readonly factory: string;
  readonly found: readonly number[][];
}

/** Bytes of a row that a factory's string tells: parts, of 4 bits where it says so. */
function faissBytes(factory: string): number {
  const [, parts, bits] = /[PR]Q(\d+)(x4)?(?:x8)?(?:fs)?$/.exec(factory)!;
  return bits ? Number(parts) / 2 : Number(parts);
}

/** FAISS over the same rows and queries, index by index; none where Python does not find it. */
function* faissMeasured(data: Data): Generator<Measured> {
  if (spawnSync(PYTHON, ["-c", "import faiss"]).status !== 0) {
    console.error("bench: no faiss for Python; install python3-faiss to see it beside");
    return;
  }
  const folder = mkdtempSync(join(tmpdir(), "mneme-bench-"));
  try {
    const bytes = ({ data: floats }: Matrix): Uint8Array =>
      new Uint8Array(floats.buffer, floats.byteOffset, floats.byteLength);
    writeFileSync(join(folder, "rows.f32"), bytes(data.rows));
    writeFileSync(join(folder, "queries.f32"), bytes(data.queries));
    const sizes = [data.rows.rows, QUERIES, data.rows.cols].map(String);
    const script = join(repository, "bench/faiss-codes.py");
    for (const factory of data.faiss) {
      const options = { encoding: "utf8", maxBuffer: 1 << 26 } as const;
      const asked = [script, folder, ...sizes, data.metric, String(K), factory];
      const { stdout, stderr, status } = spawnSync(PYTHON, asked, options);
      if (status !== 0) throw new Error(`bench: faiss failed: ${stderr}`);
      const { found, ...rest } = JSON.parse(stdout) as FaissLine;
      yield {
        ...rest,
        name: `FAISS ${factory}`,
        bytes: faissBytes(factory),
        recall: recallOf(data, found),
      };
    }
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Ours that a factory is set beside: as many codes of as many bits, rotated or not. */
function nearestOf(peer: Measured, all: readonly Measured[]): Measured | undefined {
  const parts = /PQ(\d+)(x4)?/.exec(peer.name.replace(/.*,/, ""));
  if (!parts) return undefined;
  const [, count, bits] = parts;
  const opq = peer.name.includes("OPQ") ? "-opq" : "";
  return all.find(({ name }) => name.replace(/^pca\d+>/, "") === `pq${bits ? 4 : 8}x${count}${opq}`);
}

function noteOf(data: Data, { bytes, ms, fitSeconds, encodeSeconds }: Measured): string {
  const rate = data.rows.rows / ms / 1000;
  return `${bytes} bytes a row, ${rate.toFixed(1)} M rows/s, ${((rate * bytes) / 1000).toFixed(2)} GB/s, fitted in ${fitSeconds.toFixed(1)} s, coded in ${encodeSeconds.toFixed(1)} s`;
}

function report(data: Data, own: Measured): void {
  const metric = `${data.name}, ${own.name}`;
  const note = noteOf(data, own);
  printFigure("codecs", { metric: `${metric}: recall@10`, unit: "", ours: own.recall, better: "more", note });
  printFigure("codecs", { metric: `${metric}: search`, unit: "ms", ours: own.ms, better: "less" });
}

function compare(data: Data, own: Measured, peer: Measured): void {
  const metric = `${data.name}, ${own.name}`;
  const beside = { system: peer.name, note: `${peer.name}: ${noteOf(data, peer)}` };
  const recall = { unit: "", ours: own.recall, baseline: peer.recall, better: "more" } as const;
  const search = { unit: "ms", ours: own.ms, baseline: peer.ms, better: "less" } as const;
  printFigure("codecs", { ...beside, ...recall, metric: `${metric}: recall@10` });
  printFigure("codecs", { ...beside, ...search, metric: `${metric}: search` });
}

function draw(data: Data, all: readonly Measured[]): void {
  mkdirSync(join(repository, "bench/results"), { recursive: true });
  const path = join(repository, `bench/results/codecs-${data.name}.svg`);
  const points = all.map(({ name, bytes, recall }) => ({ label: name, x: bytes, y: recall }));
  writeFileSync(path, scatter(`Recall@10 of codes alone, ${data.name}`, "bytes a row", "recall@10", points));
  console.error(`bench: wrote ${path}`);
}

function main(): void {
  for (const make of [words, fashion]) {
    const data = make();
    if (switches.only && switches.only !== data.name) continue;
    const all: Measured[] = [];
    for (const recipe of data.recipes) {
      const own = measured(data, recipe);
      report(data, own);
      all.push(own);
    }
    for (const peer of faissMeasured(data)) {
      const own = nearestOf(peer, all);
      if (own) compare(data, own, peer);
      all.push(peer);
    }
    draw(data, all);
  }
  process.exit(0);
}

main();
