/**
 * What every system says of every question of a set: BM25 and dense vectors in several settings, the cubes, and the features of the documents that any
 * of them puts first. Rankings are lists of documents; what is learnt from them is another file's.
 */
import { bundledEmbedder } from "../src/embed/bundled.ts";
import {
  ALIAS,
  aliases,
  type Component,
  type CubeHit,
  type CubeIndex,
  dates,
  decompose,
  evidenceOf,
  evidenceScale,
  evidenceSize,
  LabelVectors,
  labelKey,
  names,
  quantities,
  searchCube,
  themes,
} from "../src/index/cube/index.ts";
import { stemWord } from "../src/index/text/stem-english.ts";
import { rowOf } from "../src/linalg/matrix.ts";
import { GraphWalker } from "./graph-walker.ts";
import { type CubeSet, ownCube } from "./hypercube-data.ts";
import { ReferenceBm25 } from "./reference-bm25.ts";

/** Words of a passage, and from where the next begins. */
const PASSAGE = { words: 150, step: 100 } as const;
/** Documents that each retriever puts up for the final order. */
const POOL = 50;
/** Documents of a ranking that are judged. */
const JUDGED = 3;
/** Labels of a dimension that are known by meaning. */
const LABELS = 5_000;
/** Questions that walk over the graph, which takes its time. */
const WALKS = 60;

const SMALL = new Set(
  "a an the of in on at to for from by with and or not no is are was were be been being do does did done have has had can could may might must shall should will would that this these those it its they them their he his she her we our you your i my what which who whom whose when where why how".split(
    " ",
  ),
);

/** Words without small ones, by Porter's second stemmer. */
export function stemmed(text: string): string[] {
  const words = text.toLowerCase().match(/[\p{L}\p{N}]+/gu) ?? [];
  return words
    .filter((word) => !SMALL.has(word))
    .map((word) => (/^[a-z]+$/.test(word) ? stemWord(word) : word));
}

/** Words without small ones, each as a label of a cube is compared. */
function spelled(text: string): string[] {
  const words = text.match(/[\p{L}\p{N}][\p{L}\p{N}\p{M}-]*/gu) ?? [];
  return words.filter((word) => !SMALL.has(word.toLowerCase())).flatMap((word) => labelKey(word).split(" "));
}

/** BM25's k1 and b, with and without a real stemmer. */
const BM25 = [0.9, 1.2, 2].flatMap((k1) => [0.4, 0.75].map((b) => ({ k1, b })));

export type Scores = Float64Array;

export const WHICH = ["given", "said", "own"] as const;
export type Which = (typeof WHICH)[number];

/** Who speaks for documents. Likelihood puts none up, and says nothing until a model has read them. */
export type Speaker = "words" | "meaning" | Which | "likelihood";

export interface Asked {
  readonly relevant: ReadonlySet<number>;
  /** The first documents of each setting of each baseline. */
  readonly baselines: Readonly<
    Record<
      "BM25" | "BM25 over words in one spelling" | "dense" | "BM25 over text and given labels",
      readonly number[][]
    >
  >;
  /** Of each cube alone. */
  readonly alone: Readonly<Record<Which, readonly number[]>>;
  readonly walked: Readonly<Record<Which, readonly number[] | undefined>>;
  /** Documents that some retriever puts up, with what each says of them. */
  readonly pool: readonly number[];
  readonly putUp: Readonly<Record<Speaker, ReadonlySet<number>>>;
  /** A row of numbers for each document of the pool. */
  readonly features: Readonly<Record<Speaker, readonly Float64Array[]>>;
}

export interface CubeTimes {
  readonly name: Which;
  readonly ms: number[];
  readonly walkMs: number[];
  readonly note: string;
}

export interface SetRun {
  readonly asked: readonly Asked[];
  readonly times: readonly CubeTimes[];
  readonly dimensions: Readonly<Record<Which, readonly string[]>>;
}

interface Cube extends CubeTimes {
  readonly cube: CubeIndex;
  readonly vectors: LabelVectors;
  readonly walker: GraphWalker;
}

type Embedder = Awaited<ReturnType<typeof bundledEmbedder>>;

const order = (scores: Scores): number[] =>
  [...scores.keys()].sort((a, b) => scores[b]! - scores[a]! || a - b);

/** Aliases have no meaning to be alike in. */
const byMeaning = ({ dimensions }: CubeIndex): string[] => dimensions.filter((name) => name !== ALIAS);

async function cubeNamed(name: Which, cube: CubeIndex, documents: number, embedder: Embedder): Promise<Cube> {
  const vectors = await LabelVectors.of(cube, (texts) => embedder.embed(texts), {
    most: LABELS,
    dimensions: byMeaning(cube),
  });
  const note = cube
    .memory()
    .map(({ name: structure, bytes }) => `${structure} ${(bytes / 1e6).toFixed(1)} MB`);
  return {
    name,
    cube,
    vectors,
    walker: new GraphWalker(cube, documents),
    ms: [],
    walkMs: [],
    note: note.join(", "),
  };
}

/** Passages of a text; each begins before the one before it ends. */
export function passagesOf(text: string): string[] {
  const words = text.split(/\s+/);
  const passages: string[] = [];
  for (let from = 0; from === 0 || from + PASSAGE.words - PASSAGE.step < words.length; from += PASSAGE.step)
    passages.push(words.slice(from, from + PASSAGE.words).join(" "));
  return passages;
}

/** Vectors of documents and of their passages; a document's score by passages is that of its best one. */
async function denseOf(
  documents: readonly string[],
  embedder: Embedder,
): Promise<(question: string) => Promise<[whole: Scores, passage: Scores]>> {
  const passages: string[] = [];
  const owners: number[] = [];
  documents.forEach((text, document) => {
    for (const passage of passagesOf(text)) {
      passages.push(passage);
      owners.push(document);
    }
  });
  const [whole, parts] = [await embedder.embed(documents), await embedder.embed(passages)];
  return async (question) => {
    const { data } = await embedder.embed([question], { role: "query" });
    const dot = (row: Float32Array): number => row.reduce((sum, value, i) => sum + value * data[i]!, 0);
    const best = new Float64Array(documents.length);
    owners.forEach((document, passage) => {
      best[document] = Math.max(best[document]!, dot(rowOf(parts, passage)));
    });
    return [Float64Array.from(documents.keys(), (row) => Math.max(0, dot(rowOf(whole, row)))), best];
  };
}

function textsWithLabels({ documents, given }: CubeSet): string[] {
  const labels = documents.map((): string[] => []);
  for (const dimension of given.dimensions)
    for (const key of given.keys(dimension))
      given.each(dimension, key, (row) => labels[row]!.push(given.labelOf(dimension, key)!));
  return documents.map((text, row) => `${text}\n${labels[row]!.join(". ")}`);
}

/** Every hit names at least one label, and has it. */
function checkReasons(cube: CubeIndex, hits: readonly CubeHit[]): void {
  for (const { row, reasons } of hits) {
    const isSound =
      reasons.length > 0 && reasons.every(({ dimension, label }) => cube.rowsOf(dimension, label).has(row));
    if (!isSound) throw new Error(`bench: document ${row} is not explained`);
  }
}

interface CubeFound {
  readonly components: readonly Component[];
  readonly hits: readonly CubeHit[];
}

/** Asks a cube, with the clock and beside the walk for questions that walk; both are asked once before the clock, for what else is asked between two questions empties the processor's caches. */
async function askCube(
  { cube, vectors, walker, ms, walkMs }: Cube,
  question: string,
  documents: number,
  walks: boolean,
): Promise<CubeFound & { walked: readonly number[] | undefined }> {
  const exact = decompose(cube, question);
  await searchCube(cube, exact, { k: 10 });
  const before = performance.now();
  const quick = await searchCube(cube, exact, { k: 10 });
  ms.push(performance.now() - before);
  let walked: readonly number[] | undefined;
  if (walks) {
    walker.search(exact, 10);
    const begun = performance.now();
    walked = walker.search(exact, 10);
    walkMs.push(performance.now() - begun);
  }
  const components = decompose(cube, question, byMeaning(cube));
  const { hits } = await searchCube(cube, components, { k: documents, vectors });
  checkReasons(cube, quick.hits);
  checkReasons(cube, hits.slice(0, 10));
  return { components, hits, walked };
}

/** A feature of each document of the pool: its score as a share of the best. */
function shares(scores: Scores, pool: readonly number[]): number[] {
  const most = scores.reduce((best, score) => Math.max(best, score), 0) || 1;
  return pool.map((row) => scores[row]! / most);
}

function evidence(
  { components, hits }: CubeFound,
  { dimensions, size }: CubeIndex,
  pool: readonly number[],
): Float64Array[] {
  const byRow = new Map(hits.map((hit) => [hit.row, hit]));
  const scale = evidenceScale(hits, components, size);
  return pool.map((row) => {
    const hit = byRow.get(row);
    return hit ? evidenceOf(hit, dimensions, scale) : new Float64Array(evidenceSize(dimensions));
  });
}

/** The same of each cube. */
function ofEach<T>(make: (which: Which) => T): Record<Which, T> {
  return { given: make("given"), said: make("said"), own: make("own") };
}

export async function runSet(set: CubeSet): Promise<SetRun> {
  const { documents } = set;
  const count = documents.length;
  const embedder = await bundledEmbedder();
  const light = new ReferenceBm25(documents);
  const porter = new ReferenceBm25(documents, { termsOf: stemmed });
  const alike = new ReferenceBm25(documents, { termsOf: spelled });
  const labelled = new ReferenceBm25(textsWithLabels(set), { termsOf: stemmed });
  const dense = await denseOf(documents, embedder);
  const extractors = [names(), themes(), dates(), quantities(), aliases()];
  const cubes = {
    given: await cubeNamed("given", set.given, count, embedder),
    said: await cubeNamed("said", set.said, count, embedder),
    own: await cubeNamed("own", await ownCube(extractors, documents), count, embedder),
  };
  const all = (bm25: ReferenceBm25, question: string, settings: { k1: number; b: number }): Scores => {
    const scores = new Float64Array(count);
    for (const [row, score] of bm25.scored(question, settings)) scores[row] = score;
    return scores;
  };
  const asked: Asked[] = [];
  for (const [asking, { question, relevant }] of set.questions.entries()) {
    const [ofLight, ofPorter, ofAlike, ofLabelled] = [light, porter, alike, labelled].map((bm25) =>
      BM25.map((settings) => all(bm25, question, settings)),
    ) as [Scores[], Scores[], Scores[], Scores[]];
    const meant = await dense(question);
    const walks = asking < WALKS;
    const answers = {
      given: await askCube(cubes.given, question, count, walks),
      said: await askCube(cubes.said, question, count, false),
      own: await askCube(cubes.own, question, count, walks),
    };
    const rankings = [...ofLight, ...ofPorter].map(order);
    const denseRankings = meant.map(order);
    const found = ofEach((which) => answers[which].hits.map(({ row }) => row));
    // the words of the fusion, in the spelling of the cubes' labels
    const words = ofAlike[BM25.findIndex(({ k1, b }) => k1 === 1.2 && b === 0.4)]!;
    const best = (...lists: readonly (readonly number[])[]): ReadonlySet<number> =>
      new Set(lists.flatMap((rows) => rows.slice(0, POOL)));
    const putUp = {
      words: best(order(words)),
      meaning: best(...denseRankings),
      ...ofEach((which) => best(found[which])),
      likelihood: best(),
    };
    const pool = [...new Set(Object.values(putUp).flatMap((rows) => [...rows]))];
    const meaning = meant.map((scores) => shares(scores, pool));
    const first = (rows: readonly number[]): number[] => rows.slice(0, JUDGED);
    asked.push({
      relevant,
      baselines: {
        BM25: rankings.map(first),
        "BM25 over words in one spelling": ofAlike.map((scores) => first(order(scores))),
        dense: denseRankings.map(first),
        "BM25 over text and given labels": ofLabelled.map((scores) => first(order(scores))),
      },
      alone: ofEach((which) => first(found[which])),
      walked: ofEach((which) => answers[which].walked && first(answers[which].walked)),
      pool,
      putUp,
      features: {
        words: shares(words, pool).map((share) => Float64Array.of(share)),
        meaning: pool.map((_, i) => Float64Array.of(meaning[0]![i]!, meaning[1]![i]!)),
        ...ofEach((which) => evidence(answers[which], cubes[which].cube, pool)),
        likelihood: pool.map(() => new Float64Array(1)),
      },
    });
  }
  const dimensions = ofEach((which) => cubes[which].cube.dimensions);
  return { asked, times: Object.values(cubes), dimensions };
}
