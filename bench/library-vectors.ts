/**
 * Which vector index should a segment of a library have? Part "segments": one segment of 10,000 to 160,000 passages, searched by each kind at
 * several wanted recalls, and by cells beside them: what they find of the exact hits, processor milliseconds, bytes in RAM. The planner's
 * constants come from here. Part "library": a library of all passages through its public face, hybrid and by meaning alone, each kind in turn.
 * Switches: --only segments | library, --scale N for N times the corpus. The questions are those written for the corpus, not passages.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { bundledEmbedder } from "../src/embed/bundled.ts";
import { contiguousRows, memorySegment, type Parts } from "../src/index/segment.ts";
import type { Finder } from "../src/index/vector/finder.ts";
import { FlatIndex } from "../src/index/vector/flat.ts";
import { buildIndex, openIndex, VECTOR_INDEXES, type VectorIndex } from "../src/index/vector/kinds.ts";
import { FINE, type VectorCoders, vectorsKind } from "../src/index/vector/vectors-kind.ts";
import { matrix } from "../src/linalg/matrix.ts";
import { type Memory, open } from "../src/memory/index.ts";
import { codersOf, newSpaceEntry } from "../src/memory/spaces.ts";
import { cellsFinder } from "./cells-finder.ts";
import { embedAll, passagesOf, queriesOf, readCorpus, scaled } from "./library-data.ts";
import { dataFolder, printFigure, quantile, switches } from "./row.ts";

const BENCH = "library-vectors";
const DIM = 256;
const K = 10;
const ROWS = [10_000, 20_000, 40_000, 80_000, 160_000];
const WISHES = [0.8, 0.9, 0.95, 0.98, 0.99, 0.995];
const RECALLS = [0.95, 0.99];
const SEGMENT_QUERIES = 300;
const LIBRARY_QUERIES = 400;
const ROUNDS = 3;
const MB = 1e6;

interface Data {
  readonly texts: readonly string[];
  readonly vectors: Float32Array;
  readonly queries: readonly string[];
  readonly queryVectors: readonly Float32Array[];
}

async function dataOf(scale: number): Promise<Data> {
  const folder = dataFolder();
  const documents = scaled(readCorpus(folder), scale);
  const texts = documents.flatMap(passagesOf).map(({ text }) => text);
  const embedder = await bundledEmbedder({ dim: DIM });
  const queries = queriesOf(folder, documents, LIBRARY_QUERIES);
  const asked = await embedAll(embedder, queries);
  return {
    texts,
    vectors: await embedAll(embedder, texts),
    queries,
    queryVectors: queries.map((_, q) => asked.subarray(q * DIM, (q + 1) * DIM)),
  };
}

type Measured = VectorIndex | "cells";

interface Point {
  readonly recall: number;
  readonly ms: number;
}

/** Processor milliseconds of the whole process, so that a busy machine matters less. */
async function cpuMs(work: () => Promise<void>): Promise<number> {
  const started = process.cpuUsage();
  await work();
  const { user, system } = process.cpuUsage(started);
  return (user + system) / 1000;
}

async function measureSegment(
  { vectors, queryVectors }: Data,
  rows: number,
  coders: VectorCoders,
): Promise<void> {
  const step = Math.floor(vectors.length / DIM / rows);
  const some = Array.from({ length: rows }, (_, i) => vectors.subarray(i * step * DIM, (i * step + 1) * DIM));
  const flatParts = vectorsKind(coders).build(some);
  const asked = queryVectors.slice(0, SEGMENT_QUERIES);
  const curves = new Map<Measured, readonly Point[]>();
  let exact: ReadonlySet<number>[] | undefined;
  for (const kind of [...VECTOR_INDEXES, "cells"] as const) {
    const parts: Parts = new Map(flatParts);
    let cells: Finder | undefined;
    const seconds = await cpuMs(async () => {
      if (kind === "flat") return;
      if (kind === "cells") {
        cells = await cellsFinder(flatParts.get(FINE)!, coders);
        return;
      }
      const built = await buildIndex(kind, flatParts.get(FINE)!, coders, { metric: "cosine" });
      for (const [name, bytes] of built) parts.set(name, bytes);
    });
    using index = new FlatIndex({
      coders,
      ...(kind === "flat"
        ? {}
        : { finder: (source) => (kind === "cells" ? cells : openIndex(kind, source)) }),
    });
    await index.attach(memorySegment(1, contiguousRows(0, rows), parts));
    exact ??= await hitsOf(index, asked, 1);
    const points: Point[] = [];
    for (const recall of WISHES) points.push(await pointOf(index, asked, recall, exact));
    curves.set(kind, points);
    const bytes = index.memory().reduce((sum, one) => sum + one.bytes, 0);
    const note = kind === "flat" ? {} : { note: `built in ${(seconds / 1000).toFixed(1)} processor seconds` };
    const metric = `${rows} passages, ${kind}: RAM`;
    printFigure(BENCH, { metric, unit: "B/row", ours: bytes / rows, better: "less", ...note });
    const reached = points.map((point, i) => `${WISHES[i]}: ${point.recall.toFixed(3)}`).join(", ");
    console.error(`# ${rows} passages, ${kind}: wanted and found: ${reached}`);
  }
  for (const recall of RECALLS) reportMs(rows, recall, curves);
}

async function hitsOf(
  index: FlatIndex,
  queries: readonly Float32Array[],
  recall: number,
): Promise<Set<number>[]> {
  const found: Set<number>[] = [];
  for (const query of queries) found.push(new Set((await index.search(query, { k: K, recall })).rows));
  return found;
}

async function pointOf(
  index: FlatIndex,
  queries: readonly Float32Array[],
  wish: number,
  exact: readonly ReadonlySet<number>[],
): Promise<Point> {
  const times: number[] = [];
  let found: Set<number>[] = [];
  for (let round = 0; round < ROUNDS; round++)
    times.push(
      await cpuMs(async () => {
        found = await hitsOf(index, queries, wish);
      }),
    );
  const right = found.reduce((sum, rows, q) => sum + [...rows].filter((row) => exact[q]!.has(row)).length, 0);
  return {
    recall: right / exact.reduce((sum, { size }) => sum + size, 0),
    ms: Math.min(...times) / queries.length,
  };
}

/** Milliseconds at a recall, between the two measured points around it; undefined where it is not reached. */
function msAt(points: readonly Point[], recall: number): number | undefined {
  const at = points.findIndex((point) => point.recall >= recall);
  if (at <= 0) return points[at]?.ms;
  const [a, b] = [points[at - 1]!, points[at]!];
  return a.ms + ((b.ms - a.ms) * (recall - a.recall)) / (b.recall - a.recall);
}

function reportMs(rows: number, recall: number, curves: ReadonlyMap<Measured, readonly Point[]>): void {
  const flat = msAt(curves.get("flat")!, recall);
  for (const [kind, points] of curves) {
    const ours = msAt(points, recall);
    const metric = `${rows} passages, ${kind}: search, recall@${K} ${recall}`;
    if (ours === undefined) console.log(`${metric}: not reached`);
    else
      printFigure(BENCH, {
        metric,
        unit: "ms",
        ours,
        better: "less",
        ...(flat === undefined || kind === "flat" ? {} : { system: "flat", baseline: flat }),
      });
  }
}

async function measureLibrary(data: Data): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), "mneme-library-vectors-"));
  const options = { budget: "4GB", embedder: await bundledEmbedder({ dim: DIM }) } as const;
  try {
    {
      await using memory = await open(folder, { ...options, vectors: { index: "flat" } });
      await memory.add(
        data.texts.map((text, i) => ({
          id: `${i}`,
          text,
          vector: data.vectors.slice(i * DIM, (i + 1) * DIM),
        })),
      );
      await memory.compact();
    }
    for (const index of VECTOR_INDEXES) {
      await using memory = await open(folder, { ...options, vectors: { index } });
      await memory.compact();
      await reportLibrary(memory, index, data);
    }
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

async function reportLibrary(
  memory: Memory,
  kind: VectorIndex,
  { queries, queryVectors }: Data,
): Promise<void> {
  const [explained] = memory.explain();
  const of = `library of ${memory.info().passages}, ${kind}`;
  printFigure(BENCH, {
    metric: `${of}: vectors in RAM`,
    unit: "MB",
    ours: explained!.heldBytes / MB,
    better: "less",
  });
  for (const retriever of ["meaning", "hybrid"] as const) {
    const times: number[] = [];
    let right = 0;
    let all = 0;
    for (const round of [0, 1]) {
      for (const [q, text] of queries.entries()) {
        const asked = { retriever, k: K, snippet: 0, vector: queryVectors[q]! } as const;
        const result = await memory.search(text, asked);
        if (round > 0) times.push(result.ms);
        if (round > 0 || q >= queries.length / 4) continue;
        const exact = new Set([...(await memory.search(text, { ...asked, recall: 1 }))].map(({ id }) => id));
        right += [...result].filter(({ id }) => exact.has(id)).length;
        all += exact.size;
      }
    }
    const note = `of the exact hits ${(right / all).toFixed(3)}, p99 ${quantile(times, 0.99).toFixed(2)} ms`;
    printFigure(BENCH, {
      metric: `${of}: ${retriever}, p50`,
      unit: "ms",
      ours: quantile(times, 0.5),
      better: "less",
      note,
    });
  }
}

const data = await dataOf(switches.scale);
const coders = codersOf(newSpaceEntry(1, await bundledEmbedder({ dim: DIM })));
// kernels and compilers settle
await measureWarmUp();
if (switches.only !== "library")
  for (const rows of ROWS.filter((count) => count <= data.texts.length))
    await measureSegment(data, rows, coders);
if (switches.only !== "segments") await measureLibrary(data);

async function measureWarmUp(): Promise<void> {
  using index = new FlatIndex({ coders });
  const some = matrix(1000, DIM, data.vectors.slice(0, 1000 * DIM));
  const rows = Array.from({ length: some.rows }, (_, i) => some.data.subarray(i * DIM, (i + 1) * DIM));
  await index.attach(memorySegment(1, contiguousRows(0, some.rows), vectorsKind(coders).build(rows)));
  for (let i = 0; i < 5; i++) await hitsOf(index, data.queryVectors, 0.95);
}
