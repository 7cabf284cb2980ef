/**
 * Questions answered through a cube, on four sets: the cubes given with them and those that our extractors fill, alone and beside words and meaning; BM25,
 * dense vectors and both together as baselines, and a walk over the graph of labels and documents for the time. The weight of the cube, the power of a
 * label's rarity and the saturation are also chosen for each set on the three others: gains held out. --only for one set.
 */
import { bundledEmbedder } from "../src/embed/bundled.ts";
import {
  type CubeHit,
  type CubeIndex,
  cubeSearchDefaults,
  dates,
  decompose,
  LabelVectors,
  names,
  quantities,
  searchCube,
  themes,
} from "../src/index/cube/index.ts";
import { rowOf } from "../src/linalg/matrix.ts";
import { GraphWalker } from "./graph-walker.ts";
import { CUBE_SETS, type CubeQuestion, type CubeSet, cubeSet, ownCube } from "./hypercube-data.ts";
import { ReferenceBm25 } from "./reference-bm25.ts";
import { printFigure, quantile, switches } from "./row.ts";

const BENCH = "hypercube";
/** Weights of meaning and of the cube beside words, each as a share of its best; the same for all sets. */
const MEANING = 0.3;
const CUBE = 0.5;
const CUBES = [0.35, 0.5, 0.75];
const RARITIES = [1, 2];
const SATURATIONS = [1, 2];
const FIRST = 3;
/** Labels of a dimension that are known by meaning. */
const LABELS = 5_000;
/** Questions that walk over the graph, which takes its time. */
const WALKS = 60;

type Scores = Float64Array;
const embedder = await bundledEmbedder();

const shareOf = (scores: Scores): Scores => {
  const most = scores.reduce((best, score) => Math.max(best, score), 0) || 1;
  return scores.map((score) => score / most);
};
const plus = (a: Scores, b: Scores, weight: number): Scores => a.map((value, i) => value + weight * b[i]!);
const order = (scores: Scores): number[] =>
  [...scores.keys()].sort((a, b) => scores[b]! - scores[a]! || a - b);

/** Of the first document, and of the first three, how often one answers. */
interface Tally {
  first: number;
  three: number;
  asked: number;
}

function judge({ relevant }: CubeQuestion, rows: readonly number[]): [first: number, three: number] {
  return [Number(relevant.has(rows[0]!)), Number(rows.slice(0, FIRST).some((row) => relevant.has(row)))];
}

interface Cube {
  readonly name: string;
  readonly cube: CubeIndex;
  readonly vectors: LabelVectors;
  readonly walker: GraphWalker;
  readonly ms: number[];
  readonly walkMs: number[];
}

async function cubeNamed(name: string, cube: CubeIndex, documents: number): Promise<Cube> {
  const vectors = await LabelVectors.of(cube, (texts) => embedder.embed(texts), { most: LABELS });
  return { name, cube, vectors, walker: new GraphWalker(cube, documents), ms: [], walkMs: [] };
}

/** Every hit names at least one label, and has it. */
function checkReasons(set: CubeSet, cube: CubeIndex, hits: readonly CubeHit[]): void {
  for (const { row, reasons } of hits) {
    const isSound =
      reasons.length > 0 && reasons.every(({ dimension, label }) => cube.rowsOf(dimension, label).has(row));
    if (!isSound) throw new Error(`bench: document ${row} of ${set.documents.length} is not explained`);
  }
}

const CHOICES = RARITIES.flatMap((rarity) => SATURATIONS.map((saturation) => [rarity, saturation] as const));

/** A choice of the three numbers, as its tally is called. */
const choice = (which: string, ...numbers: number[]): string => `choice ${which} ${numbers.join(" ")}`;

async function run(name: (typeof CUBE_SETS)[number]): Promise<ReadonlyMap<string, Tally>> {
  const set = cubeSet(name);
  const { documents } = set;
  const bm25 = new ReferenceBm25(documents);
  const vectors = await embedder.embed(documents);
  const own = await ownCube([names(), themes(), dates(), quantities()], documents);
  const cubes = [
    await cubeNamed("given", set.given, documents.length),
    await cubeNamed("own", own, documents.length),
  ];
  const tallies = new Map<string, Tally>();
  const take = (system: string, question: CubeQuestion, rows: readonly number[]): void => {
    const tally = tallies.get(system) ?? { first: 0, three: 0, asked: 0 };
    const [first, three] = judge(question, rows);
    tallies.set(system, { first: tally.first + first, three: tally.three + three, asked: tally.asked + 1 });
  };
  for (const [asking, question] of set.questions.entries()) {
    const words = new Float64Array(documents.length);
    for (const [row, score] of bm25.scored(question.question)) words[row] = score;
    const asked = (await embedder.embed([question.question], { role: "query" })).data;
    const meaning = Float64Array.from(documents.keys(), (row) =>
      Math.max(
        0,
        rowOf(vectors, row).reduce((sum, value, i) => sum + value * asked[i]!, 0),
      ),
    );
    const both = plus(shareOf(words), shareOf(meaning), MEANING);
    take("BM25", question, order(words));
    take("dense", question, order(meaning));
    take("BM25 + dense", question, order(both));
    for (const { name: which, cube, vectors: similar, walker, ms, walkMs } of cubes) {
      const exact = decompose(cube, question.question);
      const before = performance.now();
      const quick = await searchCube(cube, exact, { k: 10 });
      const between = performance.now();
      ms.push(between - before);
      if (asking < WALKS) {
        take(`walk ${which}`, question, walker.search(exact, 10));
        walkMs.push(performance.now() - between);
      }
      checkReasons(set, cube, quick.hits);
      const components = decompose(cube, question.question, cube.dimensions);
      for (const [rarity, saturation] of CHOICES) {
        const search = { k: documents.length, vectors: similar, rarity, saturation };
        const scores = new Float64Array(documents.length);
        for (const { row, score } of (await searchCube(cube, components, search)).hits) scores[row] = score;
        const share = shareOf(scores);
        for (const weight of CUBES)
          take(choice(which, rarity, saturation, weight), question, order(plus(both, share, weight)));
        if (rarity === cubeSearchDefaults.rarity && saturation === cubeSearchDefaults.saturation) {
          take(`cube ${which}`, question, order(scores));
          take(`cube ${which} + BM25 + dense`, question, order(plus(both, share, CUBE)));
        }
      }
    }
  }
  console.log(`${name}: ${set.questions.length} questions judged, ${set.unjudged} left out`);
  report(name, tallies, cubes);
  return tallies;
}

const better = (tallies: ReadonlyMap<string, Tally>, of: "first" | "three"): number =>
  Math.max(...["BM25", "dense"].map((system) => tallies.get(system)![of] / tallies.get(system)!.asked));

function report(name: string, tallies: ReadonlyMap<string, Tally>, cubes: readonly Cube[]): void {
  for (const [system, { first, three, asked }] of tallies) {
    if (system.startsWith("choice ")) continue;
    for (const [which, sum] of [
      ["first", first],
      ["three", three],
    ] as const)
      printFigure(BENCH, {
        system: "better of BM25 and dense",
        metric: `${name}: ${system}, ${which === "first" ? "the first" : "one of three"}`,
        unit: "",
        ours: sum / asked,
        baseline: better(tallies, which),
        better: "more",
        note: `${asked} questions`,
      });
  }
  for (const { name: which, ms, walkMs, cube } of cubes)
    printFigure(BENCH, {
      system: "walk over the graph",
      metric: `${name}: cube ${which}, p50 of a search`,
      unit: "ms",
      ours: quantile(ms, 0.5),
      baseline: quantile(walkMs, 0.5),
      better: "less",
      atLeast: 10,
      note: cube
        .memory()
        .map(({ name: structure, bytes }) => `${structure} ${(bytes / 1e6).toFixed(1)} MB`)
        .join(", "),
    });
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

/** In points. */
function gain(tallies: ReadonlyMap<string, Tally>, system: string, of: "first" | "three"): number {
  return 100 * (tallies.get(system)![of] / tallies.get(system)!.asked - better(tallies, of));
}

/** The choice with the largest mean gain on some sets. */
function chosenOn(which: string, sets: readonly ReadonlyMap<string, Tally>[]): string {
  const choices = CHOICES.flatMap(([rarity, saturation]) =>
    CUBES.map((weight) => choice(which, rarity, saturation, weight)),
  );
  const gains = choices.map((system) => mean(sets.map((tallies) => gain(tallies, system, "first"))));
  return choices[gains.indexOf(Math.max(...gains))]!;
}

const all: ReadonlyMap<string, Tally>[] = [];
for (const name of CUBE_SETS)
  if (switches.only === undefined || switches.only === name) all.push(await run(name));
for (const system of ["cube given + BM25 + dense", "cube own + BM25 + dense"])
  for (const of of ["first", "three"] as const) {
    printFigure(BENCH, {
      metric: `${system}: gain over the better, mean, ${of}`,
      unit: "points",
      ours: mean(all.map((tallies) => gain(tallies, system, of))),
      better: "more",
      least: 5,
    });
  }
for (const which of ["given", "own"])
  if (all.length > 1)
    printFigure(BENCH, {
      metric: `cube ${which} + BM25 + dense, all three numbers chosen on the other sets: gain over the better, mean, first`,
      unit: "points",
      ours: mean(
        all.map((tallies) =>
          gain(
            tallies,
            chosenOn(
              which,
              all.filter((one) => one !== tallies),
            ),
            "first",
          ),
        ),
      ),
      better: "more",
      least: 5,
    });
