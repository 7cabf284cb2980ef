/**
 * Codes that find and vectors that verify, each trained for its job: on made-up pairs whose geometry misleads (--only synth), on titles and
 * texts of the corpus (--only titles). Candidates beside OPQ and RaBitQ of the same bytes over the same dense adapters; verification by
 * adapters of neighbours beside those of documents from everywhere, and beside random batches; all of it end to end, with each part left
 * out in turn; pages that a learned bound saves. Then a student of the query adapter over the same index (--only distil).
 * --scale N for N times the documents; --only validate: synth by the seed by which settings were chosen, none of the test's; --device webgpu
 * to train on a GPU, --settings JSON for others than the chosen ones.
 */
import { f32Coder } from "../src/codecs/f32.ts";
import { type Coder, parseCodec, rabitq } from "../src/codecs/index.ts";
import { bundledEmbedder } from "../src/embed/bundled.ts";
import { SynthPairs } from "../src/eval/synth-pairs.ts";
import { contiguousRows, memorySegment } from "../src/index/segment.ts";
import { BigranularIndex, buildBigranular, clusterOrder } from "../src/index/vector/bigranular.ts";
import { type Bound, calibrateBound } from "../src/index/vector/learned-bound.ts";
import { kMeans } from "../src/linalg/k-means.ts";
import { gatherRows, type Matrix, matrix, rowOf, rowsOf } from "../src/linalg/matrix.ts";
import { type Bidr, fitWeight, sparseCandidates, trainBidr, trainLocal } from "../src/train/bidr.ts";
import { type Candidates, candidatesOf, exactCandidates, productsWith } from "../src/train/candidates.ts";
import { distillQueries } from "../src/train/distill.ts";
import type { Dual, PairData } from "../src/train/dual.ts";
import { loadJax } from "../src/train/jax.ts";
import { embedAll, readCorpus } from "./library-data.ts";
import { dataFolder, printFigure, switches } from "./row.ts";

const DIM = 256;
/** 1/64 of f32: with so few documents codes of 1/32 find all there is to find. */
const PARTS = 16;
const K = 10;
/** Candidates that are verified; of many more documents one would take a thousand. */
const DEPTH = 200;
/** Depth of candidate recall. */
const FOUND = 10;
/** Documents, training queries, which grow with the scale, and test queries. */
const SYNTH = { rows: 6_000, train: 5_400, test: 500 } as const;
/** Documents of the corpus at most. */
const TITLES = 6_000;
/** Chosen by the validation seed. */
const SETTINGS = {
  hidden: 256,
  steps: { global: 300, sparse: 120, local: 200 },
  batch: 64,
  rate: 1e-3,
  temperature: 0.05,
  negatives: [0, 200],
  links: [200, 400],
} as const;
const CLAIM = { candidates: 0.02, verifier: 1.02, endToEnd: 1.04, pages: 1 / 3, loss: 0.005 } as const;
const SEED = 1;
const VALIDATION_SEED = 9;

interface Task {
  readonly name: string;
  readonly train: PairData;
  readonly test: PairData;
}

function synthTask(seed: number): Task {
  const { test } = SYNTH;
  const [rows, train] = [SYNTH.rows * switches.scale, SYNTH.train * switches.scale];
  // document i is relevant to query i; the last ones are nobody's
  const made = new SynthPairs({ dim: DIM, rank: 32, nuisance: 0.7, seed }).pairs(rows, 0);
  const { documents, queries } = made;
  const of = (from: number, to: number): PairData => ({
    documents,
    queries: rowsOf(queries, from, to),
    positives: Array.from({ length: to - from }, (_, i) => [from + i]),
  });
  return { name: "synth", train: of(0, train), test: of(train, train + test) };
}

/** Titles ask for the texts below them, headings and titles taken out. */
async function titleTask(): Promise<Task> {
  const embedder = await bundledEmbedder({ dim: DIM });
  const seen = new Set<string>();
  const pairs = readCorpus(dataFolder())
    .flatMap(({ title, text }) => {
      const body = text.replaceAll(title, " ").replace(/^#.*$/gm, "").trim().slice(0, 1200);
      if (title.length < 8 || body.length < 200 || seen.has(title)) return [];
      seen.add(title);
      return [{ title, body }];
    })
    .slice(0, TITLES * switches.scale);
  const documents = matrix(
    pairs.length,
    DIM,
    await embedAll(
      embedder,
      pairs.map(({ body }) => body),
    ),
  );
  const queries = matrix(
    pairs.length,
    DIM,
    await embedAll(
      embedder,
      pairs.map(({ title }) => title),
    ),
  );
  const places = [...pairs.keys()];
  const of = (which: readonly number[]): PairData => ({
    documents,
    queries: gatherRows(queries, which),
    positives: which.map((row) => [row]),
  });
  return {
    name: "titles",
    train: of(places.filter((row) => row % 8 !== 0)),
    test: of(places.filter((row) => row % 8 === 0)),
  };
}

/** Share of queries whose document is among the first `depth`. */
const recallAt = (
  found: readonly { readonly rows: Uint32Array }[],
  { positives }: PairData,
  depth: number,
): number =>
  found.reduce((sum, { rows }, q) => sum + (rows.subarray(0, depth).includes(positives[q]![0]!) ? 1 : 0), 0) /
  found.length;

/** Mean of 1 / rank within ten, of candidates ordered by `scores`. */
function mrr(
  candidates: readonly Candidates[],
  scores: readonly Float32Array[],
  { positives }: PairData,
): number {
  const sum = candidates.reduce((total, { rows }, q) => {
    const place = rows.indexOf(positives[q]![0]!);
    if (place < 0) return total;
    const own = scores[q]![place]!;
    const above = scores[q]!.reduce((count, score) => (score > own ? count + 1 : count), 0);
    return above < K ? total + 1 / (above + 1) : total;
  }, 0);
  return sum / candidates.length;
}

/** Candidates by a coder over a dual's documents. */
function coded(coder: Coder, dual: Dual, { documents, queries }: PairData, depth = DEPTH): Candidates[] {
  const codes = coder.encode(dual.document.apply(documents));
  return candidatesOf(coder, codes, documents.rows, dual.query.apply(queries), depth);
}

/** Candidates in the order of fine + weight * coarse. */
function verified(
  candidates: readonly Candidates[],
  fine: readonly Float32Array[],
  weight: number,
): Candidates[] {
  return candidates.map(({ rows, scores }, q) => {
    const final = scores.map((score, i) => fine[q]![i]! + weight * score);
    const order = [...final.keys()].sort((a, b) => final[b]! - final[a]!);
    return {
      rows: Uint32Array.from(order, (i) => rows[i]!),
      scores: Float32Array.from(order, (i) => final[i]!),
    };
  });
}

const fineOf = (
  dual: Dual,
  { queries, documents }: PairData,
  candidates: readonly Candidates[],
): Float32Array[] => productsWith(dual.query.apply(queries), dual.document.apply(documents), candidates);

async function study(task: Task): Promise<Bidr> {
  const started = performance.now();
  const settings = { ...SETTINGS, seed: SEED, ...switches.settings };
  const trained = await trainBidr(task.train, {
    ...settings,
    parts: PARTS,
    device: switches.device,
    onStage: (stage) =>
      console.error(`${task.name}: ${stage}, ${((performance.now() - started) / 1000).toFixed(0)} s`),
    onStep: (stage, step, loss) => {
      if (step % 40 === 0)
        console.error(
          `  ${stage} ${step}: ${loss.toFixed(3)}, ${((performance.now() - started) / 1000).toFixed(0)} s`,
        );
    },
  });
  const jax = await loadJax(switches.device);
  const neighbours = sparseCandidates(trained.sparse, task.train.documents, task.train.queries);
  const random = await trainLocal(jax, task.train, trained.global, neighbours, {
    ...settings,
    order: "random",
  });
  const opq = trained.sparse.fitted;
  candidatesStage(task, trained, opq);
  verifierStage(task, trained, random);
  endToEnd(task, trained, opq);
  await indexStage(task, trained);
  return trained;
}

function candidatesStage({ name, test }: Task, { sparse, global }: Bidr, opq: Coder): void {
  const one = rabitq({ bits: 1 }).fit(matrix(0, DIM));
  // eight bytes of a code of RaBitQ are two factors; the others are signs
  const same = parseCodec(`pca${8 * (PARTS - 8)}u>rabitq1`).fit(global.document.apply(test.documents));
  const ours = recallAt(coded(sparse.coder, sparse, test), test, FOUND);
  const raw = exactCandidates(test.documents, test.queries, FOUND);
  for (const [system, baseline, claim] of [
    ["untrained f32", recallAt(raw, test, FOUND), {}],
    ["OPQ", recallAt(coded(opq, global, test), test, FOUND), CLAIM.candidates],
    [`RaBitQ ${same.blockBytes} B`, recallAt(coded(same, global, test), test, FOUND), 0],
    [`RaBitQ ${one.blockBytes} B`, recallAt(coded(one, global, test), test, FOUND), {}],
    ["dense f32", recallAt(coded(f32Coder(DIM), global, test), test, FOUND), {}],
  ] as const) {
    const least = typeof claim === "number" ? { least: baseline + claim } : {};
    const metric = `${name}: candidate recall@${FOUND}, ${PARTS} B`;
    printFigure("bidr", { system, metric, unit: "", better: "more", ours, baseline, ...least });
  }
}

function verifierStage({ name, test }: Task, { sparse, local, global }: Bidr, random: Dual): void {
  const candidates = coded(sparse.coder, sparse, test);
  const by = (dual: Dual): number => mrr(candidates, fineOf(dual, test, candidates), test);
  const ours = by(local);
  const common = { metric: `${name}: verifier MRR@${K}`, unit: "", better: "more", ours } as const;
  printFigure("bidr", { ...common, system: "dense, global", baseline: by(global), atLeast: CLAIM.verifier });
  printFigure("bidr", { ...common, system: "random batches", baseline: by(random), atLeast: 1 });
}

function endToEnd({ name, train, test }: Task, trained: Bidr, opq: Coder): void {
  const { sparse, local, global, weight } = trained;
  const codes = coded(sparse.coder, sparse, test);
  const plain = coded(opq, global, test);
  const run = (candidates: Candidates[], dual: Dual, w: number): number =>
    recallAt(verified(candidates, fineOf(dual, test, candidates), w), test, K);
  const ours = run(codes, local, weight);
  const metric = `${name}: recall@${K}, end to end`;
  const common = { metric, unit: "", better: "more", ours } as const;
  printFigure("bidr", {
    ...common,
    system: "OPQ + dense, global",
    baseline: run(plain, global, 0),
    atLeast: CLAIM.endToEnd,
    note: `weight ${weight}`,
  });
  const some = { ...train, queries: rowsOf(train.queries, 0, 500), positives: train.positives.slice(0, 500) };
  for (const [system, baseline] of [
    ["without trained codes", run(plain, local, fitWeight({ ...global, coder: opq }, local, some))],
    ["without neighbours", run(codes, global, fitWeight(sparse, global, some))],
    ["without the coarse score", run(codes, local, 0)],
    ["all documents verified by local", run(coded(f32Coder(DIM), local, test, K), local, 0)],
  ] as const)
    printFigure("bidr", {
      ...common,
      system,
      baseline,
      ...(system.startsWith("all") ? {} : { least: baseline }),
    });
}

/** The index itself: bytes, what candidates lose, pages with and without a bound. */
async function indexStage({ name, train, test }: Task, { sparse, local, weight }: Bidr): Promise<void> {
  const coarse = sparse.document.apply(test.documents);
  const fine = local.document.apply(test.documents);
  const { assignment } = kMeans(coarse, Math.ceil(coarse.rows / 100), { seed: SEED, iterations: 10 });
  const order = clusterOrder(assignment);
  const coders = { coarse: sparse.coder as Coder, fine: f32Coder(DIM) };
  using index = new BigranularIndex({ coders, weight });
  const parts = buildBigranular(coders, gatherRows(coarse, order), gatherRows(fine, order));
  await index.attach(memorySegment(1, contiguousRows(0, order.length), parts));
  const perRow = PARTS;
  printFigure("bidr", {
    metric: `${name}: RAM of a document`,
    unit: "B",
    better: "less",
    system: "f32",
    ours: perRow,
    baseline: DIM * 4,
    atLeast: 30,
    note: "rows are numbered: no ids; the coder besides, once",
  });
  const ask = ({ queries }: PairData, q: number) => ({
    coarse: rowOf(sparse.query.apply(rowsOf(queries, q, q + 1)), 0),
    fine: rowOf(local.query.apply(rowsOf(queries, q, q + 1)), 0),
  });
  const bound = boundOf(train, { sparse, local, weight }, coarse, fine);
  const sums = { found: 0, exact: 0, same: 0, pages: 0, all: 0 };
  for (let q = 0; q < test.queries.rows; q++) {
    const query = ask(test, q);
    const full = await index.search(query, { k: K, candidates: DEPTH });
    const pruned = await index.search(query, { k: K, candidates: DEPTH, bound });
    const whole = await index.search(query, { k: K, candidates: order.length });
    const hit = ({ rows }: { rows: Uint32Array }): number =>
      rows.some((row) => order[row] === test.positives[q]![0]) ? 1 : 0;
    sums.found += hit(full);
    sums.exact += hit(whole);
    sums.same += full.rows.every((row, i) => row === pruned.rows[i]) ? 1 : 0;
    sums.pages += pruned.pages;
    sums.all += full.pages;
  }
  const n = test.queries.rows;
  const common = { unit: "", better: "more" } as const;
  printFigure("bidr", {
    ...common,
    system: "all documents",
    metric: `${name}: recall@${K} of ${DEPTH} candidates`,
    ours: sums.found / n,
    baseline: sums.exact / n,
    least: sums.exact / n - CLAIM.loss,
  });
  printFigure("bidr", {
    system: "without a bound",
    metric: `${name}: pages read`,
    unit: "",
    better: "less",
    ours: sums.pages / n,
    baseline: sums.all / n,
    atLeast: 1 / CLAIM.pages,
    note: `the same ten for ${((100 * sums.same) / n).toFixed(1)}% of the queries`,
  });
}

function boundOf(
  { queries }: PairData,
  { sparse, local, weight }: Pick<Bidr, "sparse" | "local" | "weight">,
  coarse: Matrix,
  fine: Matrix,
): Bound {
  const some = rowsOf(queries, 0, 400);
  const codes = sparse.coder.encode(coarse);
  const seen = candidatesOf(sparse.coder, codes, coarse.rows, sparse.query.apply(some), DEPTH);
  const scores = productsWith(local.query.apply(some), fine, seen);
  const pairs = seen.map(({ scores: own }, q) => ({ coarse: own, fine: scores[q]! }));
  return calibrateBound(pairs, { k: K, weight, share: 0.99 });
}

/** A student that sees a quarter of each query's values answers over the teacher's index. */
async function distil({ name, train, test }: Task, { sparse }: Bidr): Promise<void> {
  const codes = sparse.coder.encode(sparse.document.apply(test.documents));
  const before = codes.slice();
  const narrow = ({ rows, cols, data }: Matrix): Matrix => {
    const out = matrix(rows, cols / 4);
    for (let r = 0; r < rows; r++) out.data.set(data.subarray(r * cols, r * cols + cols / 4), (r * cols) / 4);
    return out;
  };
  const find = (queries: Matrix): number =>
    recallAt(candidatesOf(sparse.coder, codes, test.documents.rows, queries, 50), test, 50);
  const teacher = find(sparse.query.apply(test.queries));
  const targets = sparse.query.apply(train.queries);
  const figures: number[] = [];
  for (const share of [0.1, 0.3, 1]) {
    const rows = Math.floor(train.queries.rows * share);
    const student = await distillQueries(rowsOf(narrow(train.queries), 0, rows), rowsOf(targets, 0, rows));
    figures.push(find(student.apply(narrow(test.queries))));
    printFigure("bidr", {
      system: "teacher",
      metric: `${name}: recall@50 of a student, ${rows} queries`,
      unit: "",
      better: "more",
      ours: figures.at(-1)!,
      baseline: teacher,
      ...(share === 1 ? { atLeast: 0.99 } : {}),
      note: `${DIM / 4} of ${DIM} values of a query`,
    });
  }
  const changed = codes.reduce((count, byte, i) => (byte === before[i] ? count : count + 1), 0);
  printFigure("bidr", {
    metric: `${name}: bytes of the index changed`,
    unit: "B",
    better: "less",
    ours: changed,
    atMost: 0,
  });
}

async function main(): Promise<void> {
  const { only } = switches;
  if (only === "validate") await study(synthTask(VALIDATION_SEED));
  if (!only || only === "synth") await study(synthTask(SEED));
  if (only && only !== "titles" && only !== "distil") return;
  const task = await titleTask();
  console.error(`titles: ${task.train.queries.rows} pairs to train on, ${task.test.queries.rows} to test`);
  const trained = await study(task);
  if (!only || only === "distil") await distil(task, trained);
}

void main();
