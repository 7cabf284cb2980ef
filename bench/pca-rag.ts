/**
 * Vectors 28 times smaller: what is left of the agreement with people, of the ranking, and how fast are they scanned? Codes of as many
 * bytes beside the full vectors of the bundled model: Pearson and Spearman with the human scores of STS-B (PCA-RAG reports this loss), the
 * time of a scan over all sentences. Then the number of components that `chooseDimension` finds, by its effect on judged retrieval.
 */
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import { chooseDimension, compose, f32, parseCodec, pca } from "../src/codecs/index.ts";
import { type BundledDim, bundledEmbedder } from "../src/embed/bundled.ts";
import type { Embedder } from "../src/embed/embedder.ts";
import { evaluate, readTestSet } from "../src/eval/index.ts";
import { allowRelaxedSimd } from "../src/kernels/allow-relaxed.ts";
import { type Matrix, matrix, rowOf } from "../src/linalg/matrix.ts";
import { CodeScan } from "./code-scan.ts";
import { embedAll } from "./library-data.ts";
import { pearson, spearman } from "./rank-correlation.ts";
import { dataFolder, printFigure, quantile, repository, switches } from "./row.ts";
import { scatter } from "./svg.ts";

const DIM: BundledDim = 512;
/** Of at most 72 bytes, where a full vector has 2048. */
const RECIPES = [
  "pca18>f32",
  "pca64>int8",
  "pca128>rabitq4",
  "pca256>rabitq2",
  "rabitq1",
  "pca256>rabitq1",
  "pca224>rabitq1",
  "truncate256>rabitq1",
  "pca140>pq4x140",
  "pca140u>pq4x140",
  "pq4x140",
  "pq8x72",
] as const;
const CLAIM = { smaller: 28, faster: 20, correlation: 0.03, ndcg: 0.01 } as const;
const ROUNDS = 11;
const SCANNED = 80_000;
const SETS = { cranfield: "qrels.tsv", "npl-vaswani": "qrels.tsv", scifact: "qrels-test.tsv" } as const;
const K = 10;
const CANDIDATES = 100;

interface Pairs {
  readonly scores: readonly number[];
  readonly left: Matrix;
  readonly right: Matrix;
}

function linesOf(file: string): string[][] {
  const text = gunzipSync(readFileSync(join(dataFolder(), "sts", file))).toString("utf8");
  return text
    .split("\n")
    .filter(Boolean)
    .map((line) => line.split("\t"));
}

async function vectorsOf(embedder: Embedder, texts: readonly string[]): Promise<Matrix> {
  return matrix(texts.length, DIM, await embedAll(embedder, texts));
}

/** Human scores 0 to 5, and both sentences. */
async function pairsOf(embedder: Embedder, lines: readonly string[][]): Promise<Pairs> {
  const rated = lines.filter(([score]) => Number.isFinite(Number(score)));
  return {
    scores: rated.map(([score]) => Number(score)),
    left: await vectorsOf(
      embedder,
      rated.map((line) => line.at(-2)!),
    ),
    right: await vectorsOf(
      embedder,
      rated.map((line) => line.at(-1)!),
    ),
  };
}

/** What a coder says of each pair: the left sentence asks, the right one is coded. */
function similarities(coder: ReturnType<ReturnType<typeof f32>["fit"]>, { left, right }: Pairs): number[] {
  const codes = coder.encode(right);
  const out = new Float32Array(1);
  return Array.from({ length: left.rows }, (_, r) => {
    coder.scorer(rowOf(left, r), "cosine").score(codes, r, 1, out);
    return out[0]!;
  });
}

/** Rows again and again until there are enough of them for a scan to be timed. */
function repeated(rows: Matrix, count: number): Matrix {
  const out = matrix(count, rows.cols);
  for (let r = 0; r < count; r++) out.data.set(rowOf(rows, r % rows.rows), r * rows.cols);
  return out;
}

async function similarity(embedder: Embedder): Promise<void> {
  const train = await pairsOf(embedder, linesOf("stsb-train.tsv.gz"));
  const test = await pairsOf(embedder, linesOf("stsb-test.tsv.gz"));
  const scanned = repeated(train.left, SCANNED * switches.scale);
  const full = f32().fit(train.left);
  const base = similarities(full, test);
  const [basePearson, baseSpearman] = [pearson(base, test.scores), spearman(base, test.scores)];
  const scans = [full, ...RECIPES.map((recipe) => parseCodec(recipe).fit(train.left, { seed: 1 }))].map(
    // rows have unit length: full vectors are scanned by products, which is fastest
    (coder) => new CodeScan(coder, scanned, rowOf(test.left, 0), coder === full ? "dot" : "cosine"),
  );
  const times: number[][] = scans.map(() => []);
  for (let round = 0; round < ROUNDS; round++)
    for (const [i, scan] of scans.entries()) times[i]!.push(scan.time());
  const [fullMs, ...ms] = times.map((all) => quantile(all, 0.5));
  scans.slice(1).forEach(({ coder, bytesPerRow }, i) => {
    const own = similarities(coder, test);
    const common = { system: "f32", unit: "" } as const;
    const figures = [
      {
        metric: "bytes a row",
        unit: "B",
        ours: bytesPerRow,
        baseline: DIM * 4,
        better: "less",
        atLeast: CLAIM.smaller,
      },
      {
        metric: "Pearson, STS-B test",
        ours: pearson(own, test.scores),
        baseline: basePearson,
        better: "more",
      },
      {
        metric: "Spearman, STS-B test",
        ours: spearman(own, test.scores),
        baseline: baseSpearman,
        better: "more",
        least: baseSpearman - CLAIM.correlation,
      },
      {
        metric: "scan, one thread",
        unit: "ms",
        ours: ms[i]!,
        baseline: fullMs!,
        better: "less",
        atLeast: CLAIM.faster,
      },
    ] as const;
    for (const figure of figures)
      printFigure("pca-rag", { ...common, ...figure, metric: `${coder.id}: ${figure.metric}` });
  });
  for (const scan of scans) scan[Symbol.dispose]();
}

/** nDCG@10 of documents by scores of a coder; `candidates` of the best are scored again by the full vectors. */
async function ndcgOf(
  set: Awaited<ReturnType<typeof readTestSet>>,
  rows: Matrix,
  embedder: Embedder,
  coder: ReturnType<ReturnType<typeof f32>["fit"]>,
  candidates: number,
): Promise<number> {
  const codes = coder.encode(rows);
  const scores = new Float32Array(rows.rows);
  const { ndcg10 } = await evaluate(set, async (text) => {
    const query = (await embedder.embed([text])).data;
    coder.scorer(query, "cosine").score(codes, 0, rows.rows, scores);
    const order = [...scores.keys()]
      .sort((a, b) => scores[b]! - scores[a]!)
      .slice(0, Math.max(K, candidates));
    const exact = new Map(
      order.map((row) => [row, rowOf(rows, row).reduce((sum, value, i) => sum + value * query[i]!, 0)]),
    );
    const best = candidates > 0 ? order.sort((a, b) => exact.get(b)! - exact.get(a)!) : order;
    return best.slice(0, K).map((row) => set.documents[row]!.id);
  });
  return ndcg10;
}

async function dimensions(embedder: Embedder): Promise<void> {
  const points: { label: string; x: number; y: number }[] = [];
  for (const [name, qrels] of Object.entries(SETS)) {
    const folder = join(dataFolder(), "retrieval", name);
    const set = await readTestSet({
      corpus: join(folder, "corpus.jsonl.gz"),
      queries: join(folder, "queries.jsonl.gz"),
      qrels: join(folder, qrels),
    });
    const texts = set.documents.map(({ title, text }) => (title ? `${title}\n\n${text}` : text) || " ");
    const rows = await vectorsOf(embedder, texts);
    const whole = await ndcgOf(set, rows, embedder, f32().fit(rows), 0);
    // projections alone rank like the rows only where nothing is centred
    for (const { candidates, centre, keep } of [
      { candidates: CANDIDATES, centre: true, keep: 0.99 },
      { candidates: K, centre: false, keep: 0.9 },
    ]) {
      const started = performance.now();
      const { dim, found, curve } = chooseDimension(rows, { candidates, centre, keep });
      const seconds = (performance.now() - started) / 1000;
      const coder = compose(pca({ dim, centre }), f32()).fit(rows);
      const note = `${dim} of ${DIM} components, ${(100 * found).toFixed(1)}% of the neighbours among ${candidates}, chosen in ${seconds.toFixed(1)} s`;
      const ours = await ndcgOf(set, rows, embedder, coder, candidates > K ? candidates : 0);
      const how = candidates > K ? `best ${candidates} re-scored` : "projections alone";
      printFigure("pca-rag", {
        system: "full vectors",
        metric: `${name}: nDCG@10, ${how}`,
        unit: "",
        ours,
        baseline: whole,
        better: "more",
        least: whole - CLAIM.ndcg,
        note,
      });
      for (const point of curve)
        points.push({ label: `${name}, ${how}: ${point.dim}`, x: point.dim, y: point.found });
    }
  }
  mkdirSync(join(repository, "bench/results"), { recursive: true });
  const path = join(repository, "bench/results/pca-rag.svg");
  writeFileSync(
    path,
    scatter("Neighbours kept by principal components", "components", "share found", points),
  );
  console.error(`bench: wrote ${path}`);
}

async function main(): Promise<void> {
  // as the command has it: full vectors and codes are scanned by the same module
  allowRelaxedSimd();
  const embedder = await bundledEmbedder({ dim: DIM });
  if (!switches.only || switches.only === "sts") await similarity(embedder);
  if (!switches.only || switches.only === "retrieval") await dimensions(embedder);
  process.exit(0);
}

void main();
