/**
 * How many bits does a vector need? Recall@10 of codes against exact search over the corpus' passages, 512 and 256 dimensions: RaBitQ of
 * one bit whose best R are scored again by f32 or by int8, through the same FlatIndex as the library's; and the bytes held resident.
 */
import type { Codec } from "../src/codecs/codec.ts";
import { f32, int8, rabitq } from "../src/codecs/index.ts";
import { type BundledDim, bundledEmbedder } from "../src/embed/bundled.ts";
import { contiguousRows, memorySegment, type Parts } from "../src/index/segment.ts";
import { FlatIndex, flatDefaults } from "../src/index/vector/flat.ts";
import { COARSE, FINE } from "../src/index/vector/vectors-kind.ts";
import { kernels } from "../src/kernels/index.ts";
import { type Matrix, matrix, rowOf } from "../src/linalg/matrix.ts";
import { embedAll, passagesOf, queriesOf, readCorpus, scaled } from "./library-data.ts";
import { dataFolder, printFigure, quantile, switches } from "./row.ts";

const K = 10;
const RESCORED = [100, 200, 400, 1000] as const;
/** Queries that recall is measured over. */
const QUERIES = 300;
/** What is claimed where as many are re-scored as the library does. */
const CLAIM = { rescored: flatDefaults.minRescore, recall: 0.98, resident: 20 } as const;
const MB = 1e6;

interface Data {
  readonly rows: Matrix;
  readonly queries: Matrix;
  /** The K best rows of each query by f32. */
  readonly exact: readonly ReadonlySet<number>[];
  /** Milliseconds of an exact scan. */
  readonly exactMs: number;
}

async function dataOf(dim: BundledDim, texts: readonly string[], queries: readonly string[]): Promise<Data> {
  const embedder = await bundledEmbedder({ dim });
  const rows = matrix(texts.length, dim, await embedAll(embedder, texts));
  const asked = matrix(queries.length, dim, await embedAll(embedder, queries));
  await embedder[Symbol.asyncDispose]();
  const { exact, ms } = exactBest(rows, asked);
  return { rows, queries: asked, exact, exactMs: ms };
}

function exactBest(rows: Matrix, queries: Matrix): { exact: Set<number>[]; ms: number } {
  const region = kernels().arena.alloc(rows.data.byteLength);
  region.f32().set(rows.data);
  const scores = new Float32Array(rows.rows);
  const times: number[] = [];
  const exact = Array.from({ length: queries.rows }, (_, q) => {
    const started = performance.now();
    kernels().dotF32(rowOf(queries, q), region.f32(), scores);
    // the scan alone: a sort is no fair way to pick ten
    times.push(performance.now() - started);
    const kth = scores.slice().sort().at(-K)!;
    // rows that tie with the last of the best are as good
    return new Set(Array.from(scores.keys()).filter((row) => scores[row]! >= kth));
  });
  region[Symbol.dispose]();
  return { exact, ms: quantile(times, 0.5) };
}

interface Measured {
  readonly recall: number;
  readonly ms: number;
  readonly resident: number;
}

/** Coarse codes in RAM, `rescored` of the best scored again by fine codes. */
async function measure(
  { rows, queries, exact }: Data,
  coarse: Codec,
  fine: Codec,
  rescored: number,
): Promise<Measured> {
  const coders = { coarse: coarse.fit(rows), fine: fine.fit(rows) };
  const parts: Parts = new Map([
    [COARSE, coders.coarse.encode(rows)],
    [FINE, coders.fine.encode(rows)],
  ]);
  const index = new FlatIndex({ coders, rescoreFactor: 1, minRescore: rescored });
  await index.attach(memorySegment(1, contiguousRows(0, rows.rows), parts));
  let found = 0;
  const times: number[] = [];
  for (let q = 0; q < queries.rows; q++) {
    const started = performance.now();
    const hits = await index.search(rowOf(queries, q), { k: K });
    times.push(performance.now() - started);
    for (const row of hits.rows) if (exact[q]!.has(row)) found++;
  }
  const resident = index.memory().find(({ name }) => name.includes("coarse"))!.bytes;
  index[Symbol.dispose]();
  return { recall: found / (K * queries.rows), ms: quantile(times, 0.5), resident };
}

function print(
  name: string,
  { rows, exactMs }: Data,
  { recall, ms, resident }: Measured,
  isClaimed = false,
): void {
  const whole = rows.data.byteLength / MB;
  const f32Scan = { system: "f32", better: "less" } as const;
  printFigure("codes", {
    metric: `${name}: recall@10`,
    unit: "",
    ours: recall,
    baseline: 1,
    system: "f32",
    better: "more",
    ...(isClaimed ? { least: CLAIM.recall } : {}),
  });
  printFigure("codes", {
    ...f32Scan,
    metric: `${name}: resident`,
    unit: "MB",
    ours: resident / MB,
    baseline: whole,
    ...(isClaimed ? { atLeast: CLAIM.resident } : {}),
  });
  printFigure("codes", { ...f32Scan, metric: `${name}: p50`, unit: "ms", ours: ms, baseline: exactMs });
}

async function main(): Promise<void> {
  const data = dataFolder();
  const documents = scaled(readCorpus(data), switches.scale);
  const texts = documents.flatMap(passagesOf).map(({ text }) => text);
  const queries = queriesOf(data, documents, QUERIES);
  for (const dim of [512, 256] as const) {
    const set = await dataOf(dim, texts, queries);
    for (const rescored of RESCORED) {
      for (const fine of [f32(), int8()]) {
        const name = `${dim} dim, rabitq1, best ${rescored} by ${fine.id}`;
        const measured = await measure(set, rabitq({ bits: 1 }), fine, rescored);
        print(name, set, measured, rescored === CLAIM.rescored);
      }
    }
    print(`${dim} dim, int8 alone`, set, await measure(set, int8(), int8(), K));
  }
}

void main();
