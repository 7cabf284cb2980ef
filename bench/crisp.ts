/**
 * How few token vectors does a document need? A multi-vector model is trained, then trained on with its tokens clustered (CRISP) and, as a
 * control, without; nDCG@10 by exact MaxSim over int8 vectors, beside the control pruned after the fact: k-means, last tokens, runs of
 * tokens; and beside one vector a text, trained as long. Then the speed of scoring, and what fixed encodings find.
 * Differences stand with a paired test over the queries of all seeds. Counts and nDCG do not mind a busy machine; speeds are by processor time.
 * Switches: --only facets | sizes (all of them) | scifact | speed | validate (the seed by which steps and rates were chosen, which is none of
 * the test's), --scale N: N seeds, each a process, side by side where there are many cores, --device webgpu: a seed of
 * the facets takes a quarter of an hour on a GPU, hours without. --settings JSON for other steps and rates than the chosen ones.
 */
import { fork } from "node:child_process";
import { firstWeights, type MixerWeights, mixTokens } from "../src/embed/token-mixer.ts";
import { ndcg } from "../src/eval/metrics.ts";
import { pairedRandomisation } from "../src/eval/significance.ts";
import { MultiVectorIndex } from "../src/index/tokens/multi-vector-index.ts";
import { type Pruning, pruneTokens, pruningName, seedOfText } from "../src/index/tokens/prune.ts";
import { type Matrix, rowsOf } from "../src/linalg/matrix.ts";
import { type CrispOptions, trainCrisp } from "../src/train/crisp.ts";
import { type CrispSet, facetsSet, scifactSet } from "./crisp-data.ts";
import { dataFolder, printFigure, switches } from "./row.ts";
import { reply, sideBySide } from "./side-by-side.ts";

/** Of the set by which steps and rates were chosen. */
const VALIDATION_SEED = 9;
const ALL: Pruning = { kind: "none" };
const C8: Pruning = { kind: "clusters", query: 8, document: 32 };
const C4: Pruning = { kind: "clusters", query: 4, document: 8 };
const SINGLE: Pruning = { kind: "single" };
/** Trained with their own pruning, each beside what the control gives at the same size. */
const TRAINED: readonly { readonly pruning: Pruning; readonly beside: readonly Pruning[] }[] = [
  { pruning: C8, beside: [C8, { kind: "tail", query: 8, document: 32 }] },
  { pruning: C4, beside: [C4, { kind: "tail", query: 4, document: 8 }] },
  {
    pruning: { kind: "share", share: 0.25 },
    beside: [
      { kind: "share", share: 0.25 },
      { kind: "groups", size: 4 },
    ],
  },
  {
    pruning: { kind: "share", share: 0.5 },
    beside: [
      { kind: "share", share: 0.5 },
      { kind: "groups", size: 2 },
    ],
  },
];

interface Result {
  /** nDCG@10 of each query. */
  readonly gains: readonly number[];
  /** Of a document. */
  readonly vectors: number;
  /** Of a document: codes, scales, offset. */
  readonly bytes: number;
}

/** Token vectors of a set under a model. */
interface Encoded {
  readonly documents: readonly Matrix[];
  readonly queries: readonly Matrix[];
}

function encode(set: CrispSet, weights: MixerWeights): Encoded {
  const mix = (text: string, role: "query" | "document"): Matrix => {
    const tokens = set.tokens(text, role);
    const kept = rowsOf(tokens, 0, Math.min(tokens.rows, set.places[role]));
    return mixTokens(set.shape, weights, kept, role === "document");
  };
  return {
    documents: set.documents.map((text) => mix(text, "document")),
    queries: set.queries.map(({ text }) => mix(text, "query")),
  };
}

function pruned(set: CrispSet, { documents, queries }: Encoded, pruning: Pruning): Encoded {
  return {
    documents: documents.map((all, i) =>
      pruneTokens(all, pruning, "document", seedOfText(set.documents[i]!)),
    ),
    queries: queries.map((all, i) => pruneTokens(all, pruning, "query", seedOfText(set.queries[i]!.text))),
  };
}

function evaluate(set: CrispSet, encoded: Encoded, pruning: Pruning): Result {
  const { documents, queries } = pruned(set, encoded, pruning);
  using index = new MultiVectorIndex({ dim: set.shape.outputs, encoding: false });
  documents.forEach((document, row) => index.add(row, document));
  const gains = queries.map((query, q) => {
    const { rows } = index.search(query, { k: 10 });
    return ndcg([...rows].map(String), set.queries[q]!.judged, 10);
  });
  const vectors = index.vectors / index.size;
  return { gains, vectors, bytes: vectors * (set.shape.outputs + 4) + 4 };
}

const mean = (values: readonly number[]): number =>
  values.reduce((sum, value) => sum + value, 0) / values.length;

const ndcgOf = ({ gains }: Result): number => mean(gains);

const train = (options: CrispOptions): Promise<MixerWeights> =>
  trainCrisp({ ...options, device: switches.device });

/** Results by name: "C8x32" trained so, "C8x32 after" pruned after the fact. */
async function measure(set: CrispSet, seed: number, sizes: typeof TRAINED): Promise<Map<string, Result>> {
  const results = new Map<string, Result>();
  const keep = (name: string, result: Result): void => {
    results.set(name, result);
    console.error(
      `  seed ${seed}, ${name}: nDCG@10 ${ndcgOf(result).toFixed(4)}, ${result.vectors.toFixed(1)} vectors`,
    );
  };
  const { first, further } = { ...set.training, ...switches.settings } as CrispSet["training"];
  const trained = (from: MixerWeights, pruning: Pruning): Promise<MixerWeights> => {
    const onStep = (step: number, loss: number): void =>
      console.error(`    seed ${seed}, ${pruningName(pruning)} step ${step}: loss ${loss.toFixed(3)}`);
    // other texts than those of the first training
    const texts: CrispSet["texts"] = (step) => set.texts(step + first.steps);
    return train({ ...set, ...further, weights: from, pruning, texts, onStep });
  };
  const begun = firstWeights(set.shape, seed, set.share);
  const base = await train({ ...set, ...first, weights: begun, pruning: ALL });
  // side by side: while one's clusters are sought the GPU has another's step
  const prunings = [ALL, ...sizes.map(({ pruning }) => pruning), SINGLE];
  const [unpruned, ...rest] = await Promise.all(prunings.map((pruning) => trained(base, pruning)));
  const control = encode(set, unpruned!);
  keep("all", evaluate(set, control, ALL));
  for (const { beside } of sizes)
    for (const pruning of beside) keep(`${pruningName(pruning)} after`, evaluate(set, control, pruning));
  keep("single after", evaluate(set, control, SINGLE));
  for (const [i, pruning] of prunings.slice(1).entries())
    keep(pruningName(pruning), evaluate(set, encode(set, rest[i]!), pruning));
  return results;
}

/** Of all seeds: queries one after the other, means of the rest. */
function pooled(all: readonly Map<string, Result>[]): Map<string, Result> {
  return new Map(
    [...all[0]!.keys()].map((name) => {
      const results = all.map((one) => one.get(name)!);
      const [vectors, bytes] = (["vectors", "bytes"] as const).map((part) =>
        mean(results.map((result) => result[part])),
      );
      return [name, { gains: results.flatMap(({ gains }) => gains), vectors: vectors!, bytes: bytes! }];
    }),
  );
}

/** Points between two, and how likely as many are by chance. */
function differenceOf(ours: Result, theirs: Result): string {
  const points = 100 * (ndcgOf(ours) - ndcgOf(theirs));
  const p = pairedRandomisation(ours.gains, theirs.gains);
  return `${points.toFixed(2)} points, p ${p.toFixed(4)} (paired randomisation of ${ours.gains.length} queries)`;
}

/** Of nDCG at least this share must stay, at so many times fewer vectors. */
const CLAIMS = new Map([
  ["C8x32", { kept: 0.998, fewer: 2.9 }],
  ["C4x8", { kept: 0.964, fewer: 11 }],
]);

function report(name: string, dim: number, results: Map<string, Result>, sizes: typeof TRAINED): void {
  const all = results.get("all")!;
  const unpruned = { system: "unpruned", baseline: ndcgOf(all), better: "more", unit: "" } as const;
  for (const { pruning, beside } of sizes) {
    const size = pruningName(pruning);
    const ours = results.get(size)!;
    const claim = CLAIMS.get(size);
    printFigure("crisp", {
      ...unpruned,
      metric: `${name}: ${size}, nDCG@10`,
      ours: ndcgOf(ours),
      ...(claim ? { atLeast: claim.kept } : {}),
      note: differenceOf(ours, all),
    });
    for (const other of [...beside.map((by) => `${pruningName(by)} after`), "single"])
      printFigure("crisp", {
        system: other,
        metric: `${name}: ${size}, nDCG@10`,
        unit: "",
        ours: ndcgOf(ours),
        baseline: ndcgOf(results.get(other)!),
        better: "more",
        atLeast: 1,
        note: differenceOf(ours, results.get(other)!),
      });
    const less = { system: "unpruned", better: "less" } as const;
    printFigure("crisp", {
      ...less,
      metric: `${name}: ${size}, vectors a document`,
      unit: "",
      ours: ours.vectors,
      baseline: all.vectors,
      ...(claim ? { atLeast: claim.fewer } : {}),
    });
    printFigure("crisp", {
      ...less,
      system: "unpruned f32",
      metric: `${name}: ${size}, bytes a document`,
      unit: "B",
      ours: ours.bytes,
      baseline: all.vectors * dim * 4 + 4,
      ...(size === "C8x32" ? { atLeast: 10 } : {}),
    });
  }
}

const SPEED_QUERIES = 60;
const ROUNDS = 3;

/** Milliseconds of processor time a query, the best of some rounds. */
function timed(queries: readonly Matrix[], ask: (query: Matrix) => void): number {
  const rounds = Array.from({ length: ROUNDS }, () => {
    const started = process.cpuUsage();
    queries.forEach(ask);
    return process.cpuUsage(started).user / 1000 / queries.length;
  });
  return Math.min(...rounds);
}

/** Speed by the untrained model's vectors: what they mean does not matter here, how they lie hardly. */
function speed(): void {
  const set = facetsSet(7);
  const all = encode(set, firstWeights(set.shape, 7, set.share));
  const some = { ...all, queries: all.queries.slice(0, SPEED_QUERIES) };
  const few = pruned(set, some, C8);
  using whole = filled(set, some.documents, 1);
  using small = filled(set, few.documents, 1);
  const exact = { candidates: "all", k: 10 } as const;
  const [slow, fast] = [
    timed(some.queries, (query) => whole.search(query, exact)),
    timed(few.queries, (query) => small.search(query, exact)),
  ];
  const count = set.documents.length;
  printFigure("crisp", {
    system: "unpruned",
    metric: "exact scoring by C8x32",
    unit: "k/s",
    ours: count / fast,
    baseline: count / slow,
    better: "more",
    atLeast: 8,
    note: "documents a second, one thread",
  });
  using large = filled(set, few.documents, COPIES);
  twoStages("C8x32", large, few.queries);
  using largest = filled(set, some.documents, COPIES);
  twoStages("unpruned", largest, some.queries);
}

/** Other documents of the same making, by turning signs of dimensions: as far from the first as those are from one another. */
const COPIES = 10;

function filled(set: CrispSet, documents: readonly Matrix[], copies: number): MultiVectorIndex {
  const dim = set.shape.outputs;
  const index = new MultiVectorIndex({ dim, encoding: copies > 1 ? {} : false });
  for (let copy = 0; copy < copies; copy++)
    documents.forEach(({ rows, cols, data }, i) => {
      const turned =
        copy === 0 ? data : data.map((x, at) => (((at % cols) * (2 * copy + 1)) % 7 < 3 ? -x : x));
      index.add(copy * documents.length + i, { rows, cols, data: turned });
    });
  return index;
}

function twoStages(name: string, index: MultiVectorIndex, queries: readonly Matrix[]): void {
  const exact = queries.map((query) => index.search(query, { k: 10, candidates: "all" }).rows);
  const found = queries.map((query, q) => {
    const { rows } = index.search(query, { k: 100, candidates: 100 });
    return exact[q]!.filter((row) => rows.includes(row)).length / 10;
  });
  printFigure("crisp", {
    metric: `${name}: recall@100 of the exact ten`,
    unit: "",
    ours: mean(found),
    better: "more",
    least: 0.95,
    note: `${index.size} documents, fixed encodings`,
  });
  printFigure("crisp", {
    system: "exact scan",
    metric: `${name}: encodings, then 100 exact scores`,
    unit: "ms",
    ours: timed(queries, (query) => index.search(query, { k: 10, candidates: 100 })),
    baseline: timed(queries, (query) => index.search(query, { k: 10, candidates: "all" })),
    better: "less",
    atLeast: 5,
    note: "processor time a query",
  });
}

const SETS = ["facets", "sizes", "scifact", "validate"] as const;
type SetName = (typeof SETS)[number];

const sizesOf = (name: SetName): typeof TRAINED =>
  name === "sizes" ? TRAINED.slice(2) : TRAINED.slice(0, 2);

const setOf = async (name: SetName, seed: number): Promise<CrispSet> =>
  name === "scifact" ? scifactSet(dataFolder(), seed) : facetsSet(seed);

/** Names the set and the seed of which a child tells its parent the results. */
const PART = "MNEME_BENCH_CRISP";

interface Measured {
  /** Of a vector. */
  readonly dim: number;
  readonly results: Map<string, Result>;
}

/** In a process of its own: of what a training takes most is one thread's. */
function measureApart(name: SetName, seed: number): Promise<Measured> {
  const env = { ...process.env, [PART]: JSON.stringify([name, seed]) };
  return reply(fork(process.argv[1]!, process.argv.slice(2), { env, serialization: "advanced" }));
}

async function asChild(part: string): Promise<void> {
  const [name, seed] = JSON.parse(part) as [SetName, number];
  process.on("disconnect", () => process.exit(1));
  const set = await setOf(name, seed);
  const results = await measure(set, seed, sizesOf(name));
  const measured: Measured = { dim: set.shape.outputs, results };
  await new Promise((sent) => process.send!(measured, sent));
}

async function main(): Promise<void> {
  const wants = (part: string): boolean => !switches.only || switches.only === part;
  if (wants("speed")) speed();
  const tests = Array.from({ length: switches.scale }, (_, i) => i + 1);
  for (const name of SETS) {
    if (!wants(name) || (name === "validate" && !switches.only)) continue;
    const seeds = name === "validate" ? [VALIDATION_SEED] : tests;
    const ended = await sideBySide(
      seeds.map((seed) => ({ threads: 1, run: () => measureApart(name, seed) })),
    );
    const all = ended.map((end) => {
      if (end.status === "rejected") throw end.reason;
      return end.value;
    });
    report(name, all[0]!.dim, pooled(all.map(({ results }) => results)), sizesOf(name));
  }
}

const part = process.env[PART];
await (part === undefined ? main() : asChild(part));
