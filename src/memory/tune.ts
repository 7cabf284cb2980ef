/** Tuning: the few weights of a hybrid search, chosen on a small query log, and kept only if the choice holds on queries that it did not see. */
import { MnemeError, throwIfAborted } from "../errors.ts";
import { type CrossValidation, crossValidate } from "../eval/cross-validate.ts";
import { ndcg } from "../eval/metrics.ts";
import { pairedRandomisation } from "../eval/significance.ts";
import { CUBE_WEIGHT, type TunedRecall, untunedRecall } from "./recall-plan.ts";
import type { JudgedQuery, TuneResult } from "./tuning.ts";
import type { SearchQuery, SearchResult, WorkOptions } from "./types.ts";

/** Fewer queries are refused. */
const LEAST_QUERIES = 10;
/** Fewer are said to be few. */
const ENOUGH_QUERIES = 50;
const FIRST = [0.1, 0.2, 0.3, 0.5];
const LAST = [0.05, 0.1, 0.15, 0.2, 0.3, 0.5];
const PASSAGES = [3, 5];
/** The default first: of equal means the first is taken. */
const CUBES = [CUBE_WEIGHT, 0, 0.25, 1, 2];

export type SearchFor = (query: string, options: SearchQuery) => Promise<SearchResult>;
type Weights = Omit<TunedRecall, "space" | "queries">;

/** @param hasCube whether the cube's weight is chosen too @param space of the library that the weights are for @throws MnemeError ARGUMENT, INSUFFICIENT_DATA, CANCELLED, what `search` throws */
export async function tuneRecall(
  search: SearchFor,
  log: readonly JudgedQuery[],
  space: number,
  hasCube: boolean,
  options: WorkOptions,
): Promise<TuneResult> {
  if (Array.isArray(log) && log.length === 0) return backToDefaults;
  const queries = checkLog(log);
  // of equal means the first is taken: the defaults
  const settings = [untunedRecall, ...withFeedback()];
  const plain = [untunedRecall, ...LAST.map((alone) => ({ ...untunedRecall, alone }))];
  const cubes = hasCube ? CUBES : [];
  const total = settings.length + plain.length + cubes.length;
  let done = 0;
  const judged = async (of: SearchQuery): Promise<number[]> => {
    const scores = await judge(search, queries, {
      ...of,
      ...(options.signal ? { signal: options.signal } : {}),
    });
    options.onProgress?.({ phase: "optimize", done: ++done, total, bytes: 0, totalBytes: 0 });
    return scores;
  };
  const scores: number[][] = [];
  for (const { first, last, passages } of settings)
    scores.push(await judged({ fusion: { first, last }, feedback: { passages } }));
  const plainScores: number[][] = [];
  for (const { alone } of plain) plainScores.push(await judged({ fusion: { last: alone }, feedback: false }));
  const { alone } = plain[choice(plainScores, crossValidate(plainScores))]!;
  const { first, last, passages } = settings[choice(scores, crossValidate(scores))]!;
  const cubeScores: number[][] = [];
  for (const cube of cubes)
    cubeScores.push(await judged({ fusion: { first, last, cube }, feedback: { passages } }));
  const cube = hasCube ? CUBES[choice(cubeScores, crossValidate(cubeScores))]! : CUBE_WEIGHT;
  const found = { alone, space, queries: queries.length, ...(cube === CUBE_WEIGHT ? {} : { cube }) };
  return resultOf(scores, (best) => ({ ...settings[best]!, ...found }));
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
    FIRST.flatMap((first) => LAST.map((last) => ({ ...untunedRecall, first, last, passages }))),
  );
}

/** The best setting if choosing it holds on queries that were held out; else the first, the defaults. */
function choice(scores: readonly (readonly number[])[], { scores: held, best }: CrossValidation): number {
  return mean(held) > mean(scores[0]!) ? best : 0;
}

function resultOf(
  scores: readonly (readonly number[])[],
  tunedOf: (setting: number) => TunedRecall,
): TuneResult {
  const validation = crossValidate(scores);
  const chosen = choice(scores, validation);
  const tuned = tunedOf(chosen);
  const isTuned = chosen !== 0 || tuned.alone !== untunedRecall.alone || tuned.cube !== undefined;
  const queries = scores[0]!.length;
  const notes = [];
  if (queries < ENOUGH_QUERIES)
    notes.push(`${queries} queries are few: weights from ${ENOUGH_QUERIES} or more can be relied on`);
  if (!isTuned) notes.push("no weights beat the defaults on queries that they were not chosen by");
  return {
    queries,
    untuned: mean(scores[0]!),
    crossValidated: mean(validation.scores),
    p: pairedRandomisation(validation.scores, scores[0]!),
    ...(isTuned ? { tuned } : {}),
    notes,
  };
}

/** nDCG@10 by query. */
async function judge(
  search: SearchFor,
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
  queries.forEach(({ query, relevant } = {} as JudgedQuery, i) => {
    const grades = Object.values(relevant ?? { none: Number.NaN });
    if (typeof query !== "string" || !grades.every((grade) => Number.isFinite(grade)))
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
