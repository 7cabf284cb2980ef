/** Tuning: the few weights of a hybrid search, chosen on a small query log, and kept only if the choice holds on queries that it did not see. */
import { MnemeError, throwIfAborted } from "../errors.ts";
import { crossValidate } from "../eval/cross-validate.ts";
import { ndcg } from "../eval/metrics.ts";
import { pairedRandomisation } from "../eval/significance.ts";
import { type CubeLesson, learnCubeWeights } from "./cube/learn-cube-weights.ts";
import { CUBE_WEIGHT, type TunedRecall, untunedRecall } from "./recall-plan.ts";
import {
  type JudgedQuery,
  type LearningGain,
  TUNE_PARTS,
  type TuneOptions,
  type TuneResult,
} from "./tuning.ts";
import type { SearchQuery, SearchResult } from "./types.ts";

/** Fewer queries are refused. */
const LEAST_QUERIES = 10;
/** Fewer are said to be few. */
const ENOUGH_QUERIES = 50;
const FIRST = [0.1, 0.2, 0.3, 0.5];
const LAST = [0.05, 0.1, 0.15, 0.2, 0.3, 0.5];
const PASSAGES = [3, 5];
/** The default first: of equal means the first is taken. */
const CUBES = [CUBE_WEIGHT, 0, 0.25, 1, 2];

/** The library that is tuned. */
export interface Tuned {
  search(query: string, options: SearchQuery): Promise<SearchResult>;
  /** Absent where there is no cube. */
  readonly cube?: {
    readonly dimensions: readonly string[];
    /** @returns undefined where the cube says nothing */
    lesson(query: JudgedQuery, options: SearchQuery): Promise<CubeLesson | undefined>;
  };
  /** Space that the weights are for. */
  readonly space: number;
  /** What an earlier tuning found. */
  readonly tuned: TunedRecall | undefined;
}

type Weights = Omit<TunedRecall, "space" | "queries" | "cube"> & { readonly cube: number };

interface Chosen extends LearningGain {
  readonly weights: Weights;
}

/** @throws MnemeError ARGUMENT, INSUFFICIENT_DATA, CANCELLED, what `search` throws */
export async function tuneRecall(
  library: Tuned,
  log: readonly JudgedQuery[],
  options: TuneOptions,
): Promise<TuneResult> {
  const { parts = TUNE_PARTS } = options;
  if (!Array.isArray(parts) || parts.length === 0 || parts.some((part) => !TUNE_PARTS.includes(part)))
    throw new MnemeError(
      "ARGUMENT",
      `tune: parts must be some of ${TUNE_PARTS.join(", ")}, got ${JSON.stringify(parts)}`,
    );
  if (!parts.includes("fusion") && !library.cube)
    throw new MnemeError(
      "ARGUMENT",
      "tune: the library has no cube; open it with { cube: true }, or leave out parts",
    );
  if (Array.isArray(log) && log.length === 0) return backToDefaults;
  const queries = checkLog(log);
  const fusion = parts.includes("fusion") ? await tuneFusion(library, queries, options) : undefined;
  const weights = fusion?.weights ?? weightsNow(library.tuned);
  const { gain, learnt } = parts.includes("cube")
    ? await tuneCube(library, queries, weights, options)
    : { gain: undefined, learnt: undefined };
  const { cube: share, ...fused } = weights;
  const cube = learnt ?? (share === CUBE_WEIGHT ? undefined : share);
  const tuned = {
    ...fused,
    ...(cube === undefined ? {} : { cube }),
    space: library.space,
    queries: queries.length,
  };
  const isTuned = learnt !== undefined || !isDefault(weights);
  const { untuned, crossValidated, p } = fusion ?? gain ?? nothing;
  return {
    queries: queries.length,
    untuned,
    crossValidated,
    p,
    ...(gain ? { cube: gain } : {}),
    ...(isTuned ? { tuned } : {}),
    notes: notesOf(queries.length, isTuned),
  };
}

const nothing: LearningGain = { untuned: 0, crossValidated: 0, p: 1 };

const defaults: Weights = { ...untunedRecall, cube: CUBE_WEIGHT };

/** Learnt weights of labels are no weight to begin from. */
function weightsNow(tuned: TunedRecall | undefined): Weights {
  if (!tuned) return defaults;
  const { first, last, alone, passages, cube } = tuned;
  return { first, last, alone, passages, cube: typeof cube === "number" ? cube : CUBE_WEIGHT };
}

const isDefault = (weights: Weights): boolean =>
  (Object.keys(defaults) as (keyof Weights)[]).every((name) => weights[name] === defaults[name]);

function notesOf(queries: number, isTuned: boolean): string[] {
  const notes = [];
  if (queries < ENOUGH_QUERIES)
    notes.push(`${queries} queries are few: weights from ${ENOUGH_QUERIES} or more can be relied on`);
  if (!isTuned) notes.push("no weights beat the defaults on queries that they were not chosen by");
  return notes;
}

/** How a search goes by weights. */
function howBy({ first, last, alone, passages, cube }: Weights): SearchQuery {
  return passages === 0
    ? { fusion: { last: alone, cube }, feedback: false }
    : { fusion: { first, last, cube }, feedback: { passages } };
}

/** By a grid: of every setting each query is asked. */
async function tuneFusion(
  { search, cube: hasCube }: Tuned,
  queries: readonly JudgedQuery[],
  options: TuneOptions,
): Promise<Chosen> {
  // of equal means the first is taken: the defaults
  const settings = [defaults, ...withFeedback()];
  const plain = [untunedRecall.alone, ...LAST].map((alone): Weights => ({ ...defaults, alone, passages: 0 }));
  const cubes = hasCube ? CUBES : [];
  const total = settings.length + plain.length + cubes.length;
  let done = 0;
  const judgedBy = async (all: readonly Weights[]): Promise<number[][]> => {
    const scores: number[][] = [];
    for (const weights of all) {
      const of = { ...howBy(weights), ...(options.signal ? { signal: options.signal } : {}) };
      scores.push(await judge(search, queries, of));
      options.onProgress?.({ phase: "optimize", done: ++done, total, bytes: 0, totalBytes: 0 });
    }
    return scores;
  };
  const [scores, plainScores] = [await judgedBy(settings), await judgedBy(plain)];
  const { first, last, passages } = settings[choice(scores)]!;
  const { alone } = plain[choice(plainScores)]!;
  const all = [...scores, ...plainScores];
  const isPlain = choice(all) >= settings.length;
  const found: Weights = { first, last, alone, passages: isPlain ? 0 : passages, cube: CUBE_WEIGHT };
  const cubeScores = await judgedBy(cubes.map((cube) => ({ ...found, cube })));
  const held = crossValidate(all).scores;
  return {
    untuned: mean(scores[0]!),
    crossValidated: mean(held),
    p: pairedRandomisation(held, scores[0]!),
    weights: hasCube ? { ...found, cube: CUBES[choice(cubeScores)]! } : found,
  };
}

/** By what the labels say of the passages that each query puts up. */
async function tuneCube(
  { cube }: Tuned,
  queries: readonly JudgedQuery[],
  weights: Weights,
  { signal, onProgress }: TuneOptions,
): Promise<{ readonly gain?: TuneResult["cube"]; readonly learnt?: TunedRecall["cube"] }> {
  if (!cube) return {};
  const how = howBy(weights);
  const lessons: CubeLesson[] = [];
  for (const [done, query] of queries.entries()) {
    throwIfAborted(signal, "tune");
    const lesson = await cube.lesson(query, how);
    if (lesson) lessons.push(lesson);
    onProgress?.({ phase: "optimize", done: done + 1, total: queries.length, bytes: 0, totalBytes: 0 });
  }
  if (lessons.length < LEAST_QUERIES) return {};
  const { plain, held, p, weights: learnt } = learnCubeWeights(lessons, cube.dimensions, weights.cube);
  const gain = { untuned: mean(plain), crossValidated: mean(held), p, queries: lessons.length };
  return { gain, ...(learnt ? { learnt } : {}) };
}

const backToDefaults: TuneResult = {
  queries: 0,
  untuned: 0,
  crossValidated: 0,
  p: 1,
  notes: ["an empty query log: the defaults are used again"],
};

function withFeedback(): Weights[] {
  return PASSAGES.flatMap((passages) =>
    FIRST.flatMap((first) => LAST.map((last) => ({ ...defaults, first, last, passages }))),
  );
}

/** The best setting if choosing it holds on queries that were held out; else the first, the defaults. */
function choice(scores: readonly (readonly number[])[]): number {
  const { scores: held, best } = crossValidate(scores);
  return mean(held) > mean(scores[0]!) ? best : 0;
}

/** nDCG@10 by query. */
async function judge(
  search: Tuned["search"],
  queries: readonly JudgedQuery[],
  options: SearchQuery,
): Promise<number[]> {
  const scores: number[] = [];
  for (const { query, relevant } of queries) {
    throwIfAborted(options.signal, "tune");
    const { hits } = await search(query, { ...options, k: 10, snippet: 0 });
    scores.push(
      ndcg(
        hits.map(({ id }) => id),
        new Map(Object.entries(relevant)),
        10,
      ),
    );
  }
  return scores;
}

/** Queries of which something is known to be good. */
function checkLog(log: readonly JudgedQuery[]): readonly JudgedQuery[] {
  if (!Array.isArray(log)) throw new MnemeError("ARGUMENT", "tune: expected a list of { query, relevant }");
  const queries: readonly JudgedQuery[] = log;
  queries.forEach((judged: JudgedQuery | null | undefined, i) => {
    const grades = Object.values(judged?.relevant ?? { none: Number.NaN });
    if (typeof judged?.query !== "string" || !grades.every((grade) => Number.isFinite(grade)))
      throw new MnemeError(
        "ARGUMENT",
        `tune: query ${i}: expected { query: text, relevant: { id: grade } } with finite grades`,
      );
  });
  const useful = queries.filter(({ relevant }) => Object.values(relevant).some((grade) => grade > 0));
  if (useful.length < LEAST_QUERIES)
    throw new MnemeError(
      "INSUFFICIENT_DATA",
      `tune: ${useful.length} queries with a relevant item, at least ${LEAST_QUERIES} are needed and ${ENOUGH_QUERIES} are better; log more`,
    );
  return useful;
}

const mean = (values: readonly number[]): number => values.reduce((sum, one) => sum + one, 0) / values.length;
