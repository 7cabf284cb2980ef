/**
 * Questions answered through a cube, on four sets: the cubes given with them, the labels of those that their documents say, cubes that our extractors fill, and both, beside words and meaning; BM25 and
 * dense vectors as baselines, in their best settings in hindsight, and a walk over the graph of labels and documents for the time. Weights of the fusions
 * are learnt from other folds than those they are judged by, in several splits. Beside these parts the library itself, with `tune`. --only for one set;
 * by --settings '{"read": true}' the first ten documents of a fusion are also read by mneme-lm, which tells how likely the question is behind a
 * passage of theirs (half an hour for all sets).
 */
import { pairedRandomisation } from "../src/eval/significance.ts";
import { CUBE_SETS, type CubeSet, cubeSet, repeats } from "./hypercube-data.ts";
import {
  bestInHindsight,
  foldsOf,
  fusedRankings,
  type Judged,
  judge,
  meanOf,
  type Retriever,
  SPLITS,
} from "./hypercube-folds.ts";
import { type LibraryRankings, libraryRankings } from "./hypercube-library.ts";
import { likelihoodFeatures } from "./hypercube-likelihood.ts";
import { runSet, type SetRun, WHICH, type Which } from "./hypercube-systems.ts";
import { printFigure, quantile, switches } from "./row.ts";

const BENCH = "hypercube";
const MEASURES = ["first", "three"] as const;
type Measure = (typeof MEASURES)[number];
const NAMES: Record<Measure, string> = { first: "the first", three: "one of three" };

/** Fusions by the cubes in them. */
const CUBES: Readonly<Record<string, readonly Which[]>> = {
  "words + meaning": [],
  "with the cube given": ["given"],
  "with the labels given that documents say": ["said"],
  "with our own": ["own"],
  "with both cubes": ["given", "own"],
};
const isRead = switches.settings.read === true;
/** The claim is of the first document. */
const CLAIMED: Measure = "first";

interface SetResult {
  readonly better: Judged;
  readonly systems: ReadonlyMap<string, Judged>;
}

const mean = (values: readonly number[]): number =>
  values.reduce((sum, value) => sum + value, 0) / values.length;

function judgeSet(run: SetRun, library: LibraryRankings, splits: readonly (readonly number[])[]): SetResult {
  const { asked } = run;
  const [bm25, dense] = [bestInHindsight(asked, "BM25"), bestInHindsight(asked, "dense")];
  const systems = new Map<string, Judged>([
    ["BM25", bm25],
    ["dense", dense],
    ["BM25 over words in one spelling", bestInHindsight(asked, "BM25 over words in one spelling")],
    ["BM25 over text and given labels", bestInHindsight(asked, "BM25 over text and given labels")],
  ]);
  for (const which of WHICH)
    systems.set(
      `cube ${which} alone`,
      judge(
        asked,
        asked.map(({ alone }) => alone[which]),
      ),
    );
  const learnt = (retrievers: readonly Retriever[]): Judged =>
    meanOf(splits.map((folds) => judge(asked, fusedRankings(run, retrievers, folds))));
  if (isRead)
    for (const name of ["words + meaning", "with our own"])
      systems.set(
        `${name}, and read by mneme-lm`,
        learnt(["words", "meaning", ...CUBES[name]!, "likelihood"]),
      );
  for (const [name, cubes] of Object.entries(CUBES)) {
    const retrievers: Retriever[] = ["words", "meaning", ...cubes];
    systems.set(`${name}, plain weights`, judge(asked, fusedRankings(run, retrievers)));
    systems.set(`${name}, weights learnt`, learnt(retrievers));
  }
  systems.set("library, our own cube, plain weights", judge(asked, library.plain));
  systems.set("library, our own cube, weights learnt", judge(asked, library.tuned));
  systems.set("any of them, in hindsight", anyOf(asked, library));
  const pick = (measure: Measure): readonly number[] =>
    mean(bm25[measure]) >= mean(dense[measure]) ? bm25[measure] : dense[measure];
  return { better: { first: pick("first"), three: pick("three") }, systems };
}

/** The first documents by words, meaning and our own cube, read by the bundled model. */
async function readByModel(set: CubeSet, run: SetRun, folds: readonly number[]): Promise<SetRun> {
  const rankings = fusedRankings(run, ["words", "meaning", "own"], folds);
  const features = await likelihoodFeatures(set, run.asked, rankings);
  const asked = run.asked.map((one, i) => ({
    ...one,
    features: { ...one.features, likelihood: features[i]! },
  }));
  return { ...run, asked };
}

/** The most that an order of what these retrievers put first could reach: right where one of them is. */
function anyOf(asked: SetRun["asked"], library: LibraryRankings): Judged {
  const all = asked.map(({ baselines, alone }, i) => [
    ...baselines.BM25,
    ...baselines.dense,
    alone.own,
    library.plain[i]!,
    library.tuned[i]!,
  ]);
  const share = (most: number): number[] =>
    asked.map(({ relevant }, i) =>
      Number(all[i]!.some((rows) => rows.slice(0, most).some((row) => relevant.has(row)))),
    );
  return { first: share(1), three: share(3) };
}

function report(
  name: string,
  { better, systems }: SetResult,
  { times, asked }: SetRun,
  library: LibraryRankings,
): void {
  for (const [system, judged] of systems)
    for (const measure of MEASURES) {
      const isBaseline = judged[measure] === better[measure];
      const p = isBaseline ? 1 : pairedRandomisation(judged[measure], better[measure]);
      printFigure(BENCH, {
        system: "better of BM25 and dense",
        metric: `${name}: ${system}, ${NAMES[measure]}`,
        unit: "",
        ours: mean(judged[measure]),
        baseline: mean(better[measure]),
        better: "more",
        note: `${asked.length} questions, p ${p.toPrecision(2)}`,
      });
    }
  for (const { name: which, ms, walkMs, note } of times) {
    if (walkMs.length === 0) continue;
    printFigure(BENCH, {
      system: "walk over the graph",
      metric: `${name}: cube ${which}, p50 of a search`,
      unit: "ms",
      ours: quantile(ms, 0.5),
      baseline: quantile(walkMs, 0.5),
      better: "less",
      atLeast: 10,
      note,
    });
    if (which === "own")
      printFigure(BENCH, {
        system: "walk over the graph",
        metric: `${name}: library, our own cube, p50 of a whole search`,
        unit: "ms",
        ours: quantile(library.ms.slice(0, walkMs.length), 0.5),
        baseline: quantile(walkMs, 0.5),
        better: "less",
        note: "words, meaning and cube; the walk is over the cube alone",
      });
    const walked = asked.filter(({ walked }) => walked[which] !== undefined);
    printFigure(BENCH, {
      system: "walk over the graph",
      metric: `${name}: cube ${which} alone, the first`,
      unit: "",
      ours: mean(walked.map(({ alone, relevant }) => Number(relevant.has(alone[which][0]!)))),
      baseline: mean(walked.map(({ walked, relevant }) => Number(relevant.has(walked[which]![0]!)))),
      better: "more",
      note: `${walked.length} questions that walked; every hit of the cube names labels that its document has, or the run fails`,
    });
  }
}

/** Labels that repeat what only the question says were not made of the document: of answering documents, beside the first one that is wrong. */
function reportRepeats(name: string, set: CubeSet, { asked }: SetRun): void {
  const repeated = repeats(set);
  const shareOf = (rowsOf: (i: number) => readonly number[]): number =>
    mean(asked.map((_, i) => Number(rowsOf(i).some((row) => repeated(set.questions[i]!.question, row)))));
  printFigure(BENCH, {
    system: "the first wrong one of BM25",
    metric: `${name}: questions of which labels given to the document say what it does not say itself`,
    unit: "",
    ours: shareOf((i) => [...asked[i]!.relevant]),
    baseline: shareOf((i) =>
      asked[i]!.baselines.BM25[0]!.filter((row) => !asked[i]!.relevant.has(row)).slice(0, 1),
    ),
    better: "less",
  });
}

/** Mean over sets of what a system gains over the better baseline, in points; each set weighs alike. */
function reportMean(all: readonly SetResult[], system: string, measure: Measure, isClaimed: boolean): void {
  const gains = all.map(
    ({ better, systems }) => 100 * (mean(systems.get(system)![measure]) - mean(better[measure])),
  );
  const weighed = (of: (result: SetResult) => readonly number[]): number[] =>
    all.flatMap((result) => of(result).map((right) => right / of(result).length));
  const p = pairedRandomisation(
    weighed(({ systems }) => systems.get(system)![measure]),
    weighed(({ better }) => better[measure]),
  );
  printFigure(BENCH, {
    metric: `mean of ${all.length} sets: ${system}, ${NAMES[measure]}: gain`,
    unit: "points",
    ours: mean(gains),
    better: "more",
    ...(isClaimed ? { least: 5 } : {}),
    note: `over the better of BM25 and dense, both in hindsight; ${gains.map((gain) => gain.toFixed(1)).join(", ")}; p ${p.toPrecision(2)}`,
  });
}

/** Of the questions of all sets that walked. */
function reportTimes(runs: readonly SetRun[], which: (typeof WHICH)[number]): void {
  const times = runs.flatMap(({ times }) => times.filter(({ name }) => name === which));
  printFigure(BENCH, {
    system: "walk over the graph",
    metric: `${runs.length} sets: cube ${which}, p50 of a search`,
    unit: "ms",
    ours: quantile(
      times.flatMap(({ ms, walkMs }) => ms.slice(0, walkMs.length)),
      0.5,
    ),
    baseline: quantile(
      times.flatMap(({ walkMs }) => walkMs),
      0.5,
    ),
    better: "less",
    atLeast: 10,
    note: "the same questions: the first of each set",
  });
}

const all: SetResult[] = [];
const times: SetRun[] = [];
for (const name of CUBE_SETS) {
  if (switches.only !== undefined && switches.only !== name) continue;
  const set = cubeSet(name);
  console.log(`${name}: ${set.questions.length} questions judged, ${set.unjudged} left out`);
  const splits = Array.from({ length: SPLITS }, (_, split) => foldsOf(set.questions, split));
  const library = await libraryRankings(set, splits[0]!);
  const unread = await runSet(set);
  const run = isRead ? await readByModel(set, unread, splits[0]!) : unread;
  const result = judgeSet(run, library, splits);
  report(name, result, run, library);
  reportRepeats(name, set, run);
  all.push(result);
  // only the clocks are needed still
  times.push({ ...run, asked: [] });
}
for (const which of ["given", "own"] as const) reportTimes(times, which);
for (const system of all[0]?.systems.keys() ?? []) {
  if (system === "BM25" || system === "dense") continue;
  const isOurs = /^(?:with |library, ).*(?:learnt|mneme-lm)$/.test(system);
  for (const measure of MEASURES) reportMean(all, system, measure, isOurs && measure === CLAIMED);
}
