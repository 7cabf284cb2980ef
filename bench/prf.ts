/**
 * Where shall words and meaning meet around feedback: before, after, both, nowhere? Judged on three collections, with the paper's feedback
 * (a vector moved, words as they are) and with Mneme's; weights untuned, and cross-validated where that is said. nDCG@10 and times are of
 * searches for 10, average precision and recall of searches for 1000. `--only` names one collection; `--settings '{"sparse": true}'`: sparse vectors alone.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { bundledEmbedder } from "../src/embed/bundled.ts";
import {
  crossValidate,
  evaluateQueries,
  holm,
  pairedRandomisation,
  percentile,
  type QueryEvaluation,
  type TestSet,
} from "../src/eval/index.ts";
import { TermWeigher } from "../src/index/sparse/term-weigher.ts";
import type { Memory, SearchQuery } from "../src/memory/types.ts";
import { JUDGED_SETS, type JudgedSet, readJudgedSet } from "./judged-sets.ts";
import { openMneme } from "./library-systems.ts";
import { grid, SPARSE_SYSTEMS, SYSTEMS, type SystemName, TUNED } from "./prf-systems.ts";
import { printFigure, switches } from "./row.ts";

/** No feedback, and what the default must be beside every other place of interpolation. */
const PLAIN: SystemName = "hybrid";
const DEFAULT: SystemName = "both";
const PLACES: readonly SystemName[] = (Object.keys(SYSTEMS) as SystemName[]).filter((name) =>
  /^(none|before|after)/.test(name),
);
const GAIN = 0.02;
const WITHIN = 0.005;

interface Judged {
  readonly shallow: readonly QueryEvaluation[];
  readonly deep: readonly QueryEvaluation[];
}

const names = Object.keys(SYSTEMS) as SystemName[];
const mean = (values: readonly number[]): number => values.reduce((sum, one) => sum + one, 0) / values.length;

/** @param own what a query brings beside its text */
async function judge(
  memory: Memory,
  set: TestSet,
  query: SearchQuery,
  k: number,
  own: (text: string) => SearchQuery = () => ({}),
): Promise<QueryEvaluation[]> {
  return evaluateQueries(set, async (text) => {
    const { hits } = await memory.search(text, { ...query, ...own(text), k, snippet: 0 });
    return hits.map(({ id }) => id);
  });
}

/** With `--settings '{"sparse": true}'` sparse vectors alone are compared. */
const isSparseAlone = switches.settings.sparse === true;

async function compare(name: JudgedSet): Promise<Map<SystemName, Judged>> {
  const set = await readJudgedSet(name);
  const work = mkdtempSync(join(tmpdir(), "mneme-bench-"));
  try {
    if (isSparseAlone) {
      await compareSparse(name, set, work);
      return new Map();
    }
    await using memory = await openMneme(join(work, "set.mneme"), "write");
    await memory.add(set.documents);
    await memory.idle();
    await judge(memory, set, {}, 10); // warms up
    const found = new Map<SystemName, Judged>();
    for (const system of names) {
      const query = SYSTEMS[system];
      const judged = {
        shallow: await judge(memory, set, query, 10),
        deep: await judge(memory, set, query, 1000),
      };
      found.set(system, judged);
      report(name, system, judged);
    }
    for (const system of TUNED) await tune(name, memory, set, system);
    await compareSparse(name, set, work);
    return found;
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}

/** The same places with sparse vectors instead of BM25, and beside it: those of a TermWeigher, which no judged query taught anything. */
async function compareSparse(name: JudgedSet, set: TestSet, work: string): Promise<void> {
  const embedder = await bundledEmbedder({ dim: 64 });
  const texts = set.documents.map(({ title, text }) => `${title} ${text}`);
  const weigher = await TermWeigher.over(texts, embedder);
  const items = set.documents.map((document, i) => ({ ...document, sparse: weigher.document(texts[i]!) }));
  await using memory = await openMneme(join(work, "sparse.mneme"), "write");
  await memory.add(items.filter(({ sparse }) => Object.keys(sparse).length > 0));
  await memory.idle();
  for (const [system, query] of Object.entries(SPARSE_SYSTEMS)) {
    const own = (text: string): SearchQuery => ({ sparse: weigher.query(text) });
    const shallow = await judge(memory, set, query, 10, own);
    report(name, system, { shallow, deep: await judge(memory, set, query, 1000, own) });
    const known = sparseNdcg.get(system) ?? [];
    sparseNdcg.set(system, [...known, shallow.map(({ ndcg10 }) => ndcg10)]);
  }
}

/** nDCG@10 of every query, by set, by what was done with sparse vectors. */
const sparseNdcg = new Map<string, readonly (readonly number[])[]>();

/** The places of interpolation with sparse vectors for words, on average over the sets. */
function concludeSparse(): void {
  const average = (system: string): number => mean(sparseNdcg.get(system)!.map(mean));
  const every = (system: string): readonly number[] => sparseNdcg.get(system)!.flat();
  const both = average("sparse, both");
  const p = pairedRandomisation(every("sparse, both"), every("sparse and dense"));
  const others = ["sparse, none", "sparse, before", "sparse, after"].map(average);
  const common = { unit: "", better: "more" } as const;
  printFigure("prf", {
    ...common,
    metric: "average: nDCG@10 of sparse, both above sparse and dense without feedback",
    ours: both - average("sparse and dense"),
    least: GAIN,
    note: `p ${p.toFixed(4)} (paired randomisation of ${every("sparse, both").length} queries)`,
  });
  printFigure("prf", {
    ...common,
    metric: "average: nDCG@10 of sparse, both above the best other place",
    ours: both - Math.max(...others),
    least: -WITHIN,
  });
}

function report(set: JudgedSet, system: string, { shallow, deep }: Judged): void {
  const times = shallow.map(({ ms }) => ms);
  const figures: [string, string, number, "more" | "less"][] = [
    ["nDCG@10", "", mean(shallow.map(({ ndcg10 }) => ndcg10)), "more"],
    ["MAP", "", mean(deep.map(({ map }) => map)), "more"],
    ["recall@100", "", mean(deep.map(({ recall100 }) => recall100)), "more"],
    ["recall@1000", "", mean(deep.map(({ recall1000 }) => recall1000)), "more"],
    ["p50", "ms", percentile(times, 0.5), "less"],
  ];
  for (const [metric, unit, ours, better] of figures)
    printFigure("prf", { metric: `${set}: ${metric}, ${system}`, unit, ours, better });
}

/** Five folds: each is judged by the weights that were best on the other four. */
async function tune(name: JudgedSet, memory: Memory, set: TestSet, system: SystemName): Promise<void> {
  const settings = grid(system);
  const scores: number[][] = [];
  for (const query of settings)
    scores.push((await judge(memory, set, query, 10)).map(({ ndcg10 }) => ndcg10));
  const { scores: held, best } = crossValidate(scores);
  const { first, last } = settings[best]!.fusion!;
  printFigure("prf", {
    metric: `${name}: nDCG@10, ${system}, cross-validated weights`,
    unit: "",
    ours: mean(held),
    better: "more",
    note: `best on all queries: first ${first}, last ${last}`,
  });
}

/** nDCG@10 of every query of all sets. */
const pooled = (all: readonly Map<SystemName, Judged>[], system: SystemName): number[] =>
  all.flatMap((found) => found.get(system)!.shallow.map(({ ndcg10 }) => ndcg10));

function averages(all: readonly Map<SystemName, Judged>[]): Map<SystemName, number> {
  const average = (system: SystemName): number =>
    mean(all.map((found) => mean(found.get(system)!.shallow.map(({ ndcg10 }) => ndcg10))));
  return new Map(names.map((system) => [system, average(system)]));
}

function conclude(all: readonly Map<SystemName, Judged>[]): void {
  const average = averages(all);
  const others = names.filter((system) => system !== DEFAULT);
  const ours = pooled(all, DEFAULT);
  const ps = holm(others.map((system) => pairedRandomisation(ours, pooled(all, system))));
  others.forEach((system, i) => {
    printFigure("prf", {
      system,
      metric: `average: nDCG@10, ${DEFAULT}`,
      unit: "",
      ours: average.get(DEFAULT)!,
      baseline: average.get(system)!,
      better: "more",
      note: `p ${ps[i]!.toFixed(4)} (paired randomisation of ${ours.length} queries, Holm over ${others.length})`,
    });
  });
  const gain = { unit: "", better: "more" } as const;
  printFigure("prf", {
    ...gain,
    metric: `average: nDCG@10 of ${DEFAULT} above no feedback`,
    ours: average.get(DEFAULT)! - average.get(PLAIN)!,
    least: GAIN,
  });
  printFigure("prf", {
    ...gain,
    metric: `average: nDCG@10 of ${DEFAULT} above the best other place`,
    ours: average.get(DEFAULT)! - Math.max(...PLACES.map((system) => average.get(system)!)),
    least: -WITHIN,
  });
  for (const guarded of names.filter((system) => system.includes("guard"))) hurt(all, guarded);
}

/** Queries that feedback costs more than 0.1 of average precision, with a guard and without. */
function hurt(all: readonly Map<SystemName, Judged>[], guarded: SystemName): void {
  const precisions = (system: SystemName): number[] =>
    all.flatMap((found) => found.get(system)!.deep.map(({ map }) => map));
  const plain = precisions(PLAIN);
  const count = (system: SystemName): number =>
    precisions(system).filter((one, i) => plain[i]! - one > 0.1).length;
  printFigure("prf", {
    system: DEFAULT,
    metric: `queries hurt by feedback, ${guarded}`,
    unit: "",
    ours: count(guarded),
    baseline: count(DEFAULT),
    better: "less",
    note: `MAP ${mean(precisions(guarded)).toFixed(4)}, without guard ${mean(precisions(DEFAULT)).toFixed(4)}`,
  });
}

async function main(): Promise<void> {
  const all: Map<SystemName, Judged>[] = [];
  for (const name of Object.keys(JUDGED_SETS) as JudgedSet[])
    if (!switches.only || switches.only === name) all.push(await compare(name));
  if (all.length > 1 && !isSparseAlone) conclude(all);
  if (sparseNdcg.size > 0) concludeSparse();
  process.exit(0);
}

void main();
